/** How large, how soon, how steady: what a browser itself measures of the console. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { ana, type Site, within } from '../site.ts'
import { chromiumPath, logIn, password, setPassword } from './console.ts'

type Fetched = { bytes: number; scripts: number; packings: string[] }

/** Counts what a page fetches from now on, as it comes over the line: bodies as packed, and headers. */
export async function watchBytes(page: Page, packing: string): Promise<() => Fetched> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  await session.send('Network.setExtraHTTPHeaders', { headers: { 'accept-encoding': packing } })
  let bytes = 0
  const scripts = new Set<string>()
  const packings = new Set<string>()
  // Counted as it comes, since a stream of events never ends.
  session.on('Network.dataReceived', (some) => {
    bytes += some.encodedDataLength
  })
  session.on('Network.responseReceived', ({ response, type }) => {
    bytes += response.encodedDataLength
    if (type !== 'Script' && type !== 'Stylesheet') return
    scripts.add(response.url)
    const headers = new Headers(response.headers)
    packings.add(headers.get('content-encoding') ?? 'none')
  })
  return () => ({ bytes, scripts: scripts.size, packings: [...packings] })
}

export type Shift = { value: number; what: string }

/** From here on what moves on a page, without anybody having touched it, is written down. */
export async function watchShifts(page: Page): Promise<void> {
  await page.evaluate(() => {
    const all: Shift[] = []
    Object.assign(globalThis, { shifts: all })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, sources } = entry as PerformanceEntry & {
          value: number
          sources: { node?: Node | null }[]
        }
        const what = sources.map(({ node }) => node?.textContent?.slice(0, 60)).join(' | ')
        all.push({ value, what })
      }
    }).observe({ type: 'layout-shift' })
  })
}

export const shiftsOf = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as { shifts: Shift[] }).shifts)

export type Kind = 'login' | 'activity'
export type Paint = { largestMs: number; what: string }

/** No page takes longer to be measured, in milliseconds. */
const paintMs = 30_000

export interface Paints extends AsyncDisposable {
  /** A window of its own with nothing in its cache: how long until the largest thing was painted. */
  measure(kind: Kind): Promise<Paint>
}

/** `slowDown`: how many times slower the browser's processor is made. */
export async function openPaints(site: Site, { slowDown }: { slowDown: number }): Promise<Paints> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  await setPassword(site, ana)
  const cookies = await cookiesOf(browser, site)
  return {
    measure: (kind) => measure(browser, { site, kind, slowDown, cookies }),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

type Measuring = {
  site: Site
  kind: Kind
  slowDown: number
  cookies: Awaited<ReturnType<typeof cookiesOf>>
}

async function measure(browser: Browser, of: Measuring): Promise<Paint> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  try {
    if (of.kind === 'activity') await context.addCookies(of.cookies)
    const page = await context.newPage()
    const session = await context.newCDPSession(page)
    await session.send('Emulation.setCPUThrottlingRate', { rate: of.slowDown })
    await page.goto(`${of.site.admin.url}/`)
    await page.getByText(of.kind === 'login' ? 'No password yet' : 'Nothing is moving.').waitFor()
    return await within(page.evaluate(largestPaint), paintMs, `${of.kind} was never painted`)
  } finally {
    await context.close()
  }
}

/** What the browser holds for the largest so far, once the page has been still for two frames. */
async function largestPaint(): Promise<Paint> {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  await frame()
  await frame()
  return await new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const last = list.getEntries().at(-1) as PerformanceEntry & { element?: Element }
      resolve({ largestMs: last.startTime, what: last.element?.textContent ?? 'something' })
    }).observe({ type: 'largest-contentful-paint', buffered: true })
  })
}

async function cookiesOf(browser: Browser, site: Site) {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${site.admin.url}/`)
  await logIn(page, ana, password)
  await page.getByRole('heading', { name: 'Activity' }).waitFor()
  const cookies = await context.cookies()
  await context.close()
  return cookies
}
