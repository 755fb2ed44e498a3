/**
 * Everything at two sites is named by scripts, and every page of both is visited: none of them runs, none
 * becomes an element of a page, and the browser has refused nothing, because there was nothing to refuse.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { acceptedPair, ana, type Pair, type Site } from '../site.ts'
import { type Console, noBrowser, openConsole } from '../web/console.ts'
import { freeTexts, mark, scripts } from '../web/free-text.ts'
import { nameEverything, neverStored } from '../web/scripted.ts'
import { explore, settled, type Things, visits, windowFor } from '../web/visits.ts'

/** Pages on which a name must be seen, or a visit has shown nothing. */
const showing = [
  ...['activity', 'datasets', 'dataset', 'workflows', 'workflow', 'transfers', 'transfer'],
].map((page) => `pages/${page}`)

let pair: Pair
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>
const carried = new Set<string>()
const things = new Map<Site, Things>()
const shown = new Set<string>()

describe.skipIf(noBrowser)(`scripts${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    folder = await openFolder()
    // The names of sites too: each is shown at the other.
    const [ours, theirs] = scripts
    pair = await acceptedPair({ oslo: { name: ours! }, kyoto: { name: theirs! } })
    web = await openConsole()
    for (const site of [pair.oslo, pair.kyoto]) {
      const [link] = await site.admin.call('links.list', {})
      const to = { email: ana, alias: link!.alias }
      for (const [number, script] of scripts.entries()) {
        const naming = { site, script, number, folder: folder.path, to, carried }
        things.set(site, await nameEverything(naming))
      }
    }
  }, 240_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  test('every free text of the table has carried one, or cannot be kept', () => {
    const without = freeTexts().filter((one) => !carried.has(one) && !(one in neverStored))
    expect(without, 'have it carry a script in test/web/scripted.ts').toEqual([])
    // Nothing is excused that was stored after all.
    expect(Object.keys(neverStored).filter((one) => carried.has(one))).toEqual([])
  })

  test('what cannot be kept is refused', async () => {
    const { admin } = pair.oslo
    const [script] = scripts
    const refused = [
      () => admin.call('links.add', { to: script! }),
      () => admin.call('limits.set', { zone: script! }),
      () => admin.call('hooks.add', { url: script! }),
    ]
    for (const ask of refused) await expect(ask()).rejects.toMatchObject({ kind: 'invalid' })
  })

  const sites = [
    ['oslo', () => pair.oslo],
    ['kyoto', () => pair.kyoto],
  ] as const

  test.each(sites)(
    'no script runs on any page at %s',
    async (_name, siteOf) => {
      const site = siteOf()
      const windows = new Map<string, Page>()
      for (const visit of visits) {
        const page = windows.get(visit.who) ?? (await guarded(await windowFor(web, site, visit)))
        windows.set(visit.who, page)
        const url = `${web.urlOf(site)}${visit.at(things.get(site)!)}`
        await explore(page, url, async (_, state) => {
          expect([visit.of, state, await harmOn(page)]).toEqual([visit.of, state, []])
          if ((await page.locator('body').innerText()).includes(mark)) shown.add(visit.of)
        })
      }
      for (const page of windows.values()) await page.context().close()
      expect(web.complaints).toEqual([])
    },
    240_000,
  )

  test('what was named stood on the pages', () => {
    expect(showing.filter((page) => !shown.has(page))).toEqual([])
  })

  test('a script that does come onto a page is noticed', async () => {
    const page = await guarded(await web.open(pair.oslo, ana))
    await settled(page)
    await page.evaluate((script) => {
      document.body.insertAdjacentHTML('beforeend', script)
    }, scripts[0]!)
    await page.waitForFunction(() => 'refused' in globalThis)
    expect((await harmOn(page)).join()).toMatch(/script-src.*onerror/s)
    await page.context().close()
  })
})

/** Its window writes down what the browser refuses to run, from before the first byte of a page. */
async function guarded(page: Page): Promise<Page> {
  page.on('dialog', (dialog) => void dialog.dismiss())
  await page.addInitScript(listen)
  await page.evaluate(listen)
  return page
}

function listen(): void {
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, sample }) => {
    const at = globalThis as unknown as { refused?: string[] }
    at.refused = [...(at.refused ?? []), `${effectiveDirective} ${sample}`]
  })
}

/** What of a page is a script that somebody wrote into a name. */
function harmOn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { hit, refused = [] } = globalThis as unknown as { hit?: 1; refused?: string[] }
    const strange = document.querySelectorAll(
      '[onerror], [onload], script:not([src]), a[href^="javascript:" i]',
    )
    return [
      ...(hit === undefined ? [] : ['a script ran']),
      ...refused,
      ...[...strange].map((element) => element.outerHTML),
    ]
  })
}
