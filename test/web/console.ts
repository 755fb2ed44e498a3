/**
 * The web console as a site serves it, in a real browser, used by people with passwords. What is served
 * is the bundle in `web/dist`: `npm test` makes it first.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Email } from '../../protocol/ids.ts'
import type { Site } from '../site.ts'

export const chromiumPath = '/usr/bin/chromium'

/** Why nothing can be tried here, or undefined. */
export const noBrowser = existsSync(chromiumPath)
  ? undefined
  : `there is no browser at ${chromiumPath}: install Debian's chromium`

export const password = 'a horse, a battery and a staple'

export interface Console extends AsyncDisposable {
  /** Where a site's console is. */
  urlOf(site: Site): string
  /** A person's own browser window at a site, logged in. */
  open(site: Site, email: string, address?: string): Promise<Page>
  /** A window in which nobody has logged in. */
  stranger(site: Site, address?: string): Promise<Page>
  /** Looks at a page as it is now: what shuts people out becomes a complaint. */
  look(page: Page, name: string): Promise<void>
  /** The same, and whether it can be read in the dark. */
  lookTwice(page: Page, name: string): Promise<void>
  /** Requests that left the site, whatever the browser complained of, and what shuts people out. */
  readonly complaints: string[]
}

export async function openConsole(): Promise<Console> {
  const stack = new AsyncDisposableStack()
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  stack.defer(() => browser.close())
  const complaints: string[] = []
  const urlOf = (site: Site) => site.admin.url
  /** Whose password has been set, by site. */
  const known = new WeakMap<Site, Set<string>>()
  const stranger = async (site: Site, address = '/') => {
    const page = await newPage(browser, urlOf(site), complaints)
    await page.goto(`${urlOf(site)}${address}`)
    return page
  }
  return {
    urlOf,
    complaints,
    stranger,
    async look(page, name) {
      for (const one of await barriers(page)) complaints.push(`${name}: ${one}`)
      await shoot(page, name)
    },
    async lookTwice(page, name) {
      for (const one of await barriers(page)) complaints.push(`${name}: ${one}`)
      await page.emulateMedia({ colorScheme: 'dark' })
      for (const one of await barriers(page, ['color-contrast']))
        complaints.push(`${name}, dark: ${one}`)
      await page.emulateMedia({ colorScheme: 'light' })
    },
    async open(site, email, address = '/') {
      const emails = known.get(site) ?? new Set()
      known.set(site, emails)
      if (!emails.has(email)) await setPassword(site, email)
      emails.add(email)
      const page = await stranger(site, address)
      await logIn(page, email)
      return page
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** What its person is given, without a browser; it is for once. */
export async function oneTimeLink(site: Site, email: string): Promise<string> {
  if (!email.startsWith('admin@')) await site.as(email)
  return (await site.admin.call('people.link', { email: email as Email })).link
}

export async function setPassword(site: Site, email: string): Promise<void> {
  const link = await oneTimeLink(site, email)
  const secret = link.slice(link.indexOf('#') + 1)
  const response = await fetch(`${site.admin.url}/api/welcome`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret, password }),
  })
  if (!response.ok) throw new Error(`no password for ${email}: ${await response.text()}`)
}

export async function logIn(page: Page, email: string, typed = password): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel(/^Password/).fill(typed)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
}

async function newPage(browser: Browser, url: string, complaints: string[]): Promise<Page> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Asia/Tokyo',
    // Nothing is looked at while it is on its way.
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  page.on('request', (asked) => {
    const to = asked.url()
    if (!to.startsWith(`${url}/`) && !to.startsWith('data:')) complaints.push(`asked for ${to}`)
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (said) => {
    // An answer that is no success is written there too, and is part of these stories.
    if (said.type() === 'error' && !said.text().startsWith('Failed to load resource'))
      complaints.push(said.text())
  })
  return page
}

const everyRule = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']

/**
 * What a page lacks for a keyboard, a screen reader or weak eyes, as far as a program can tell. What is
 * behind an open dialog is not meant to be read.
 */
async function barriers(page: Page, only: readonly string[] = everyRule): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    (runOnly) =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(
        document.querySelector('[role=dialog]') ?? document,
        {
          runOnly,
          // The heading row of a dialog is a header too, but of its dialog only.
          rules: { 'landmark-no-duplicate-banner': { enabled: false } },
        },
      ),
    [...only],
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
  )
}

/** Looks of every page for people to judge, when CROSSLOAD_SHOTS names a folder; else nothing. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.CROSSLOAD_SHOTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  for (const [width, height] of [
    [1280, 800],
    [360, 740],
  ] as const) {
    await page.setViewportSize({ width, height })
    await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: width === 360 })
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

/** Nothing on the page is wider than a small telephone. */
export async function overflow(page: Page): Promise<number> {
  const size = page.viewportSize()!
  await page.setViewportSize({ width: 320, height: 640 })
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  await page.setViewportSize(size)
  return over
}
