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
    await page.goto(`${of.site.admin.url}/`, { waitUntil: 'commit' })
    // Asked for without what Playwright brings along for its questions: that would be loaded first, slowly.
    const painted = session.send('Runtime.evaluate', {
      expression: `(${largestPaint})(${JSON.stringify(whole[of.kind])})`,
      awaitPromise: true,
      returnByValue: true,
    })
    const { result } = await within(painted, paintMs, `${of.kind} was never painted`)
    return result.value
  } finally {
    await context.close()
  }
}

/** What stands on a page when all of it is there and can be used, in the words of a style sheet. */
const whole: Record<Kind, string> = {
  login: 'button[type=submit]:enabled',
  activity: 'main a[href="/transfers"]',
}

/** Runs in the browser: the largest that was painted with `whole` there. */
function largestPaint(whole: string): Promise<Paint> {
  return new Promise((resolve) => {
    let last: (PerformanceEntry & { element?: Element }) | undefined
    const heard = (entries: PerformanceEntryList) => {
      last = entries.at(-1) ?? last
    }
    const paints = new PerformanceObserver((list) => heard(list.getEntries()))
    paints.observe({ type: 'largest-contentful-paint', buffered: true })
    // Of a paint the browser tells later, and of one in which nothing was larger never.
    const laterMs = 500
    const look = () => {
      if (document.querySelector(whole) === null) return
      changes.disconnect()
      const told = () => {
        heard(paints.takeRecords())
        resolve({ largestMs: last!.startTime, what: last!.element?.textContent ?? '' })
      }
      setTimeout(told, laterMs)
    }
    const changes = new MutationObserver(look)
    changes.observe(document, { subtree: true, childList: true, attributes: true })
    look()
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

export type Scrolled = {
  /** From the click on its room until a row stands there, in milliseconds. */
  firstRowMs: number
  /** The most that a scroll of a screen took until it was drawn, and the middle one. */
  worstMs: number
  medianMs: number
  /** The most that were on the page at one time. */
  rowsMost: number
  /** How many of the list were reached. */
  reached: number
}

/** Opens a long list from the menu or a tab, and goes down it to the end or to `until` rows. */
export async function scrollDown(
  page: Page,
  o: { open(): Promise<void>; label: string; until: number },
): Promise<Scrolled> {
  const from = performance.now()
  await o.open()
  const list = page.getByRole('list', { name: o.label })
  await list.getByRole('listitem').first().waitFor()
  const firstRowMs = performance.now() - from
  const steps = await list.evaluate(goDown, o.until)
  const all = steps.ms.toSorted((a, b) => a - b)
  return {
    firstRowMs,
    worstMs: all.at(-1) ?? 0,
    medianMs: all[all.length >> 1] ?? 0,
    rowsMost: steps.rowsMost,
    reached: steps.reached,
  }
}

/** Runs in the browser: to the end of what is there, and on when more has come, frame by frame. */
async function goDown(list: Element, until: number) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const last = () => Number(list.lastElementChild?.getAttribute('aria-posinset') ?? 0)
  const stalledMs = 20_000
  const ms: number[] = []
  let rowsMost = 0
  let reached = last()
  let movedAt = performance.now()
  while (reached < until) {
    const from = performance.now()
    window.scrollTo(0, document.documentElement.scrollHeight)
    await frame()
    await frame()
    ms.push(performance.now() - from)
    rowsMost = Math.max(rowsMost, list.childElementCount)
    if (last() > reached) movedAt = performance.now()
    else if (performance.now() - movedAt > stalledMs) throw new Error(`no row after ${reached}`)
    reached = Math.max(reached, last())
  }
  return { ms, rowsMost, reached }
}
