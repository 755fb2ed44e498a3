/**
 * Every page of the console, by the file that makes it, and a way through all that is on it: each tab,
 * each thing that opens, the other side of the Collaborators box, each dialog. A page that is new in
 * `web/pages` or `web/administration` and has no visit here fails the tests that go round.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { ana, type Site, top } from '../site.ts'
import type { Console } from './console.ts'

/** Things of a site that have pages. */
export type Things = { dataset: number; workflow: number; transfer: string }

export type Visit = {
  /** The file in `web`, without its ending. */
  of: string
  /** As whom: she has data, the administrator has none, and nobody is not logged in. */
  who: 'ana' | 'administrator' | 'nobody'
  at(things: Things): string
  /** Only this one of the page's tabs; all of them unless given. */
  tab?: string
}

const ofAna = (of: string, at: Visit['at']): Visit => ({ of, who: 'ana', at })
const ofNobody = (of: string, at: string): Visit => ({ of, who: 'nobody', at: () => at })
const tabOf = (file: string, tab: string): Visit => ({
  of: `administration/${file}`,
  who: 'administrator',
  at: () => '/administration',
  tab,
})

export const visits: readonly Visit[] = [
  ofNobody('pages/login', '/'),
  ofNobody('pages/welcome', '/welcome#a-secret-that-nobody-made'),
  ofAna('pages/activity', () => '/'),
  ofAna('pages/datasets', () => '/datasets'),
  ofAna('pages/dataset', ({ dataset }) => `/datasets/${dataset}`),
  ofAna('pages/new-dataset', () => '/datasets/new'),
  ofAna('pages/new-dataset', ({ dataset }) => `/datasets/${dataset}/new`),
  ofAna('pages/workflows', () => '/workflows'),
  ofAna('pages/workflow', ({ workflow }) => `/workflows/${workflow}`),
  ofAna('pages/transfers', () => '/transfers'),
  ofAna('pages/transfer', ({ transfer }) => `/transfers/${transfer}`),
  ofAna('pages/profile', () => '/profile'),
  tabOf('links', 'Links'),
  tabOf('people', 'People'),
  tabOf('storage', 'Storage'),
  tabOf('hooks', 'Webhooks'),
  tabOf('journal', 'Journal'),
  { of: 'pages/administration', who: 'administrator', at: () => '/administration', tab: 'Links' },
]

/** The files that make pages, as `of` names them. */
export async function pageFiles(): Promise<string[]> {
  const files: string[] = []
  for (const room of ['pages', 'administration']) {
    for (const file of await readdir(join(top, 'web', room)))
      if (file.endsWith('.tsx')) files.push(`${room}/${file.slice(0, -'.tsx'.length)}`)
  }
  return files.sort()
}

/** Opens the window that a visit needs. */
export async function windowFor(web: Console, site: Site, { who }: Visit): Promise<Page> {
  if (who === 'nobody') return await web.stranger(site)
  const page = await web.open(site, who === 'ana' ? ana : `admin@${site.alias}.example`)
  await page.getByRole('heading', { name: 'Activity' }).waitFor()
  return page
}

/** What is told of each state of a page that was reached: by the way there. */
export type See = (page: Page, state: string) => Promise<void>

/** Goes to a page and through everything on it. */
export async function explore(page: Page, url: string, visit: Visit, see: See): Promise<void> {
  await page.goto(url)
  await settled(page)
  const tabs = page.getByRole('main').getByRole('tab')
  const names = visit.tab === undefined ? await tabs.allInnerTexts() : [visit.tab]
  if (names.length === 0) return await inside(page, '', see)
  for (const name of names) {
    await tabs.getByText(name, { exact: true }).click()
    await settled(page)
    await inside(page, name, see)
  }
}

async function inside(page: Page, state: string, see: See): Promise<void> {
  await see(page, state)
  const main = page.getByRole('main')
  if (await openAll(page, main)) await see(page, `${state} opened`)
  const external = main.getByText('External', { exact: true })
  if ((await external.count()) === 0) return
  await external.click()
  await settled(page)
  const people = main.getByRole('radiogroup', { name: 'Recipient' }).getByRole('radio')
  if ((await people.count()) === 0) return await see(page, `${state} external`)
  await people.first().check()
  await see(page, `${state} external`)
  const sends = main.getByRole('button', { name: /^Send / })
  for (const verb of await sends.allInnerTexts()) {
    await sends.getByText(verb, { exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Close', exact: true }).waitFor()
    await settled(page)
    await openAll(page, dialog)
    await see(page, verb)
    await dialog.getByRole('button', { name: 'Close', exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }
}

/** Things that open on one page and are opened, one after the other. */
const openedMax = 20

/** Whether there was something. */
async function openAll(page: Page, where: ReturnType<Page['getByRole']>): Promise<boolean> {
  const shut = where.locator('button[aria-expanded=false]')
  let opened = 0
  while (opened < openedMax && (await shut.count()) > 0) {
    await shut.first().click()
    await settled(page)
    opened++
  }
  return opened > 0
}

/** Nothing on the page waits for an answer any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(
    () =>
      document.querySelector('.mantine-Loader-root') === null &&
      !/Asking the (site|destination)/.test(document.body.innerText),
  )
}
