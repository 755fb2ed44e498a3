/**
 * The web console before real sites, in a real browser. Until the site serves the console and keeps
 * sessions itself, a small server does both here, by the same contract: it stands before one site and
 * asks it with the token of whoever logged in.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { problemMedia, toProblem } from '../../api/problem.ts'
import { Fault } from '../../protocol/fault.ts'
import { type Site, top } from '../site.ts'

const chromiumPath = '/usr/bin/chromium'

/** Why nothing can be tried here, or undefined. */
export const noBrowser = existsSync(chromiumPath)
  ? undefined
  : `there is no browser at ${chromiumPath}: install Debian's chromium`

export const password = 'a horse, a battery and a staple'
export const welcomeSecret = 'c2VjcmV0'

export interface Console extends AsyncDisposable {
  /** Where a site's console is. */
  urlOf(site: Site): string
  /** A person's own browser window at a site, logged in. */
  open(site: Site, email: string, address?: string): Promise<Page>
  /** A window in which nobody has logged in. */
  stranger(site: Site, address?: string): Promise<Page>
  /** Looks at a page as it is now: what shuts people out becomes a complaint. */
  look(page: Page, name: string): Promise<void>
  /** Requests that left the site, whatever the browser complained of, and what shuts people out. */
  readonly complaints: string[]
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const media: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
}

export async function openConsole(sites: readonly Site[]): Promise<Console> {
  const stack = new AsyncDisposableStack()
  const dist = await mkdtemp(join(tmpdir(), 'crossload-web-'))
  stack.defer(() => rm(dist, { recursive: true, force: true }))
  await build({
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist },
  })
  const urls = new Map<Site, string>()
  for (const site of sites) {
    const server = createServer(standIn(site, dist))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    urls.set(site, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    stack.defer(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] })
  stack.defer(() => browser.close())
  const complaints: string[] = []
  const urlOf = (site: Site) => urls.get(site)!
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
    async open(site, email, address = '/') {
      const page = await stranger(site, address)
      await logIn(page, email)
      return page
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export async function logIn(page: Page, email: string, typed = password): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel(/^Password/).fill(typed)
  await page.getByRole('button', { name: 'Log in' }).click()
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

/**
 * What a page lacks for a keyboard, a screen reader or weak eyes, as far as a program can tell. What is
 * behind an open dialog is not meant to be read.
 */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(
      document.querySelector('[role=dialog]') ?? document,
      {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
        // The heading row of a dialog is a header too, but of its dialog only.
        rules: { 'landmark-no-duplicate-banner': { enabled: false } },
      },
    ),
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

function standIn(site: Site, dist: string) {
  /** Cookie → the token of whoever logged in. */
  const sessions = new Map<string, { token: string; email: string }>()
  let isWelcomeLeft = true

  async function begin(response: ServerResponse, email: string): Promise<void> {
    const token = await tokenOf(site, email)
    const cookie = randomBytes(16).toString('hex')
    sessions.set(cookie, { token, email })
    response.setHeader('set-cookie', `session=${cookie}; HttpOnly; SameSite=Strict; Path=/`)
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    answer(response, 200, { user: { email }, expiresAt })
  }

  async function api(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${asked.method} ${asked.url}`
    const cookie = /session=([0-9a-f]+)/.exec(asked.headers.cookie ?? '')?.[1] ?? ''
    const session = sessions.get(cookie)
    if (line === 'POST /api/session') {
      const { email, password: typed } = await bodyOf(asked)
      const text = 'E-mail and password do not belong together. Check both and try again.'
      if (typed !== password)
        return problem(response, 401, new Fault('denied', 'session', { text }))
      return begin(response, email!)
    }
    if (line === 'POST /api/welcome') {
      const { secret } = await bodyOf(asked)
      const text = 'This link was used or has expired. Ask an administrator for a new one.'
      if (secret !== welcomeSecret || !isWelcomeLeft)
        return problem(response, 410, new Fault('gone', 'welcome', { text }))
      isWelcomeLeft = false
      return begin(response, `admin@${site.alias}.example`)
    }
    if (session === undefined) {
      const text = 'The site does not know who asks. Log in.'
      return problem(response, 401, new Fault('denied', 'http', { text }))
    }
    if (line === 'DELETE /api/session') {
      sessions.delete(cookie)
      return answer(response, 200, {})
    }
    const forWhom = /^POST \/api\/people\/([^/]+)\/links$/.exec(line)?.[1]
    if (forWhom !== undefined) {
      const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
      const link = `http://${asked.headers.host}/welcome#${welcomeSecret}`
      return answer(response, 200, { email: decodeURIComponent(forWhom), link, expiresAt })
    }
    const { cookie: _, host: __, origin: ___, ...headers } = asked.headers
    const passed = request(`${site.admin.url}${asked.url}`, {
      method: asked.method,
      headers: { ...headers, authorization: `Bearer ${session.token}` },
    })
    passed.on('response', (told) => {
      response.writeHead(told.statusCode!, told.headers)
      told.pipe(response)
      // A cut goes on as a cut; `pipe` alone would leave the other end waiting.
      told.on('close', () => {
        if (!told.complete) response.destroy()
      })
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    asked.pipe(passed)
  }

  return (asked: IncomingMessage, response: ServerResponse) => {
    if (asked.url!.startsWith('/api/')) {
      void api(asked, response).catch(() => response.destroy())
      return
    }
    void page(asked.url!, dist, response)
  }
}

async function page(path: string, dist: string, response: ServerResponse): Promise<void> {
  const isFile = /^\/assets\/[\w.-]+$/.test(path)
  const file = join(dist, isFile ? path : 'index.html')
  response.setHeader('content-security-policy', policy)
  response.setHeader('content-type', media[extname(file)] ?? 'application/octet-stream')
  response.end(await readFile(file))
}

async function tokenOf(site: Site, email: string): Promise<string> {
  if (email.startsWith('admin@')) return (await readFile(join(site.home, 'token'), 'utf8')).trim()
  await site.as(email)
  return site.tokens.get(email)!
}

async function bodyOf(asked: IncomingMessage): Promise<Record<string, string | undefined>> {
  const chunks: Buffer[] = []
  for await (const chunk of asked) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString())
}

function answer(
  response: ServerResponse,
  status: number,
  value: unknown,
  type = 'application/json',
) {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value))
}

function problem(response: ServerResponse, status: number, fault: Fault): void {
  answer(response, status, toProblem(fault, { status }), problemMedia)
}
