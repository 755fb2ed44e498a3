/**
 * How every page looks with real content on it, from a telephone to a very large screen, light and dark:
 * nothing is wider than its window, nobody is shut out, the browser has nothing to complain of. With
 * CROSSLOAD_LOOKS=DIR a picture of each is written there, for people to judge.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, noBrowser, openConsole } from '../web/console.ts'
import { openStage, type Stage } from '../web/stage.ts'
import { explore, pageFiles, visits, windowFor } from '../web/visits.ts'

const folder = process.env.CROSSLOAD_LOOKS
const sizes = [
  [360, 740],
  [1280, 800],
  [3840, 2160],
] as const

let stage: Stage
let web: Console
/** Names of all states. */
const reached: string[] = []
const windows = new Map<string, Page>()

test('every page of the console has a visit', async () => {
  const visited = new Set(visits.map(({ of }) => of))
  const without = (await pageFiles()).filter((one) => !visited.has(one))
  expect(without, 'add it to test/web/visits.ts').toEqual([])
})

describe.skipIf(noBrowser)(`every page${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    stage = await openStage()
    web = await openConsole()
    if (folder !== undefined) await mkdir(folder, { recursive: true })
  }, 240_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
  })

  test.each(visits.map((visit) => [visit.of, visit.at(names), visit] as const))(
    '%s at %s',
    async (_of, _at, visit) => {
      const page = windows.get(visit.who) ?? (await windowFor(web, stage.oslo, visit))
      windows.set(visit.who, page)
      const states: string[] = []
      await explore(page, `${web.urlOf(stage.oslo)}${visit.at(stage)}`, async (_, state) => {
        const name = nameOf(visit.of, visit.at(names), state)
        states.push(name)
        await web.lookTwice(page, name)
        expect(await widths(page, name), name).toEqual([])
      })
      reached.push(...states)
      expect(web.complaints).toEqual([])
    },
    150_000,
  )

  test('tabs, what opens and dialogs were among what was looked at', () => {
    for (const one of ['files', 'external', 'send-files', 'send-wf', 'profile-opened', 'journal'])
      expect(
        reached.some((name) => name.endsWith(`-${one}`)),
        `${one} of ${reached}`,
      ).toBe(true)
  })
})

/** In the names of tests and pictures; the numbers are known only later. */
const names = { project: 'ID', dataset: 'ID', workflow: 'ID', transfer: 'ID' } as never

const nameOf = (...parts: string[]) =>
  parts
    .join(' ')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')

/** At each width in each light: what sticks out to the right. */
async function widths(page: Page, name: string): Promise<string[]> {
  const out: string[] = []
  const before = page.viewportSize()!
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height })
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    if (over > 0) out.push(`${over} pixels too wide at ${width}`)
    if (folder === undefined) continue
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const path = join(folder, `${name}-${width}-${colorScheme}.png`)
      await page.screenshot({ path, fullPage: width === 360 })
    }
    await page.emulateMedia({ colorScheme: 'light' })
  }
  await page.setViewportSize(before)
  return out
}
