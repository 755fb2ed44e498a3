/**
 * Real sites for tests: each a process of its own with a home in a temporary folder, real libp2p on
 * loopback, ports given by the system. Everything closes itself: `await using`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, createClient } from '../api/client.ts'
import type { ToldTransfer } from '../api/shapes.ts'
import { siteProcess } from '../cli/site-process.ts'

export const top = resolve(import.meta.dirname, '..')
const main = join(top, 'node/main.ts')
const crossload = join(top, 'cli/crossload.js')

/** How long a site may take to say that it is up, in milliseconds. */
const upMs = 90_000

export type Ran = { code: number; stdout: string; stderr: string }

export interface Site extends AsyncDisposable {
  readonly alias: string
  readonly home: string
  readonly admin: Client
  /** A person's client; adds the person the first time. */
  as(email: string): Promise<Client>
  /** The command line, as the administrator or with somebody's token. */
  cli(args: string[], options?: { token?: string; input?: string }): Promise<Ran>
  /** Tokens by e-mail, once `as` has made them. */
  readonly tokens: Map<string, string>
  readonly process: ChildProcess
  /** Everything it has written to stderr since the start. */
  log(): string
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again after a kill or a stop. */
  start(): Promise<void>
}

export type SiteOptions = {
  /** As others read it; made of its alias unless given. */
  name?: string
  listen?: string[]
  announce?: string[]
  /** Takes direct lanes, at a free port of loopback or where it is said. */
  lane?: boolean | string
  announceLane?: string
  /** HOST:PORT of its API and console; a free port, another one at each start, unless given. */
  http?: string
  /** Where its home is made; a new temporary folder unless given. */
  home?: string
  /** There is a site in `home` already: it is started, not made. */
  made?: boolean
  env?: NodeJS.ProcessEnv
  /** More of its `config.json`, which no option of init says. */
  config?: object
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Ran> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const [code] = await once(child, 'close')
  return { code: code ?? -1, stdout, stderr }
}

export async function openSite(alias: string, options: SiteOptions = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), `crossload-${alias}-`))
  const home = options.home ?? join(folder, 'home')
  const listen = (options.listen ?? ['127.0.0.1:0']).flatMap((at) => ['--listen', at])
  const announce = (options.announce ?? []).flatMap((at) => ['--announce', at])
  const laneAt = options.lane === true ? '127.0.0.1:0' : options.lane || undefined
  const lane = laneAt === undefined ? [] : ['--lane', laneAt]
  if (options.announceLane !== undefined) lane.push('--announce-lane', options.announceLane)
  const name = options.name ?? `${alias[0]!.toUpperCase()}${alias.slice(1)}`
  const init = [
    'init',
    '--home',
    home,
    '--name',
    name,
    '--admin',
    `admin@${alias}.example`,
    '--http',
    options.http ?? '127.0.0.1:0',
    '--folder',
    '/',
    ...listen,
    ...announce,
    ...lane,
  ]
  const making = siteProcess(main, init, { ...process.env, ...options.env })
  const made = options.made
    ? undefined
    : await run(process.execPath, making.args, { env: making.env as NodeJS.ProcessEnv })
  if (made !== undefined && made.code !== 0)
    throw new Error(`init of ${alias} ended with ${made.code}: ${made.stderr}`)
  if (options.config !== undefined) {
    const path = join(home, 'config.json')
    const said = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...said, ...options.config }))
  }
  const token = (await readFile(join(home, 'token'), 'utf8')).trim()
  const tokens = new Map<string, string>()
  let child: ChildProcess
  let url = ''
  let written = ''

  async function start(): Promise<void> {
    const env = { ...process.env, ...options.env }
    const started = siteProcess(main, ['serve', '--home', home], env)
    child = spawn(process.execPath, started.args, {
      env: started.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    written = ''
    child.stderr!.on('data', (data) => {
      written += data
    })
    const lines = createInterface(child.stdout!)
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${alias} ended with ${code} before it was up:\n${written}`)
    })
    ended.catch(() => {})
    const up = (async () => {
      for await (const line of lines) {
        const found = /API at (http:\S+)/.exec(line)
        if (found !== null) return found[1]!
      }
      throw new Error(`${alias} said nothing:\n${written}`)
    })()
    up.catch(() => {})
    url = await within(Promise.race([up, ended]), upMs, `${alias} did not come up:\n${written}`)
    child.stdout!.resume()
  }

  /** A client that finds the site again after a restart, whose port may be another. */
  const clientWith = (bearer: string): Client =>
    ({
      get url() {
        return url
      },
      call: (...args: Parameters<Client['call']>) =>
        createClient({ url, token: bearer }).call(...args),
      bytes: (...args: Parameters<Client['bytes']>) =>
        createClient({ url, token: bearer }).bytes(...args),
      follow: (...args: Parameters<Client['follow']>) =>
        createClient({ url, token: bearer }).follow(...args),
    }) as Client

  const admin = clientWith(token)
  await start()
  const site: Site = {
    alias,
    home,
    admin,
    tokens,
    get process() {
      return child
    },
    log: () => written,
    async as(email) {
      if (!tokens.has(email)) {
        await admin.call('people.add', { email })
        tokens.set(email, (await admin.call('people.token', { email })).token)
      }
      return clientWith(tokens.get(email)!)
    },
    cli: (args, { token: bearer } = {}) =>
      run(process.execPath, [crossload, ...args], {
        env: { CROSSLOAD_HOME: home, CROSSLOAD_TOKEN: bearer ?? '' },
      }),
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
    start,
    async [Symbol.asyncDispose]() {
      await site.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
  return site
}

export const ana = 'ana@lab.example'

export interface Pair extends AsyncDisposable {
  readonly oslo: Site
  readonly kyoto: Site
  /** Ana at both sites: the same person, the same e-mail. */
  readonly atOslo: Client
  readonly atKyoto: Client
  /** How Ana at Oslo addresses Ana at Kyoto. */
  readonly to: { email: string; alias: string }
}

/** Two sites, linked; Ana at Kyoto asked, Ana at Oslo accepted. */
export async function acceptedPair(
  options: { oslo?: SiteOptions; kyoto?: SiteOptions } = {},
): Promise<Pair> {
  const stack = new AsyncDisposableStack()
  try {
    const [oslo, kyoto] = await Promise.all([
      openSite('oslo', options.oslo),
      openSite('kyoto', options.kyoto),
    ])
    stack.use(oslo)
    stack.use(kyoto)
    const [atOslo, atKyoto] = await join2(oslo, kyoto)
    const closing = stack.move()
    return {
      oslo,
      kyoto,
      atOslo,
      atKyoto,
      to: { email: ana, alias: 'kyoto' },
      [Symbol.asyncDispose]: () => closing.disposeAsync(),
    }
  } catch (thrown) {
    await stack.disposeAsync()
    throw thrown
  }
}

/** Links two sites and connects Ana with Ana. */
export async function join2(oslo: Site, kyoto: Site): Promise<[Client, Client]> {
  const { invitation } = await oslo.admin.call('links.invite', {})
  await kyoto.admin.call('links.add', { to: invitation, alias: 'oslo' })
  const [atOslo, atKyoto] = await Promise.all([oslo.as(ana), kyoto.as(ana)])
  await atKyoto.call('connections.ask', { email: ana, alias: 'oslo' })
  const [asked] = await atOslo.call('connections.list', {})
  await atOslo.call('connections.accept', { id: asked!.id })
  return [atOslo, atKyoto]
}

/** Follows a transfer until `is` holds; fails with its last view when it ends otherwise, or too late. */
export async function until(
  client: Client,
  id: string,
  is: (view: ToldTransfer) => boolean,
  ms = 60_000,
): Promise<ToldTransfer> {
  let last: ToldTransfer | undefined
  const signal = AbortSignal.timeout(ms)
  for (;;) {
    try {
      for await (const view of client.follow('transfers.follow', { id }, { signal })) {
        last = view
        if (is(view)) return view
      }
      last = await client.call('transfers.show', { id })
      if (is(last)) return last
    } catch (thrown) {
      throw new Error(`while waiting for transfer ${id}: ${JSON.stringify(last)}`, {
        cause: thrown,
      })
    }
    throw new Error(`transfer ${id} ended otherwise: ${JSON.stringify(last)}`)
  }
}

export const isDone = (view: ToldTransfer) => view.state === 'done'
export const isEnded = (view: ToldTransfer) =>
  ['done', 'refused', 'failed', 'cancelled'].includes(view.state)

/** Asks again and again until the answer is one; fails with the last refusal when that takes too long. */
export async function eventually<T>(
  ask: () => Promise<T | false | undefined>,
  what: string,
  ms = 30_000,
): Promise<T> {
  const late = AbortSignal.timeout(ms)
  for (;;) {
    const answer = await ask()
    if (answer !== false && answer !== undefined) return answer
    if (late.aborted) throw new Error(`this did not come true within ${ms} ms: ${what}`)
    await pause(pollMs)
  }
}

/** Between two looks, in milliseconds. */
const pollMs = 20

/** Rejects when it takes longer. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(what)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** `diff -r` of two folders; empty when nothing differs. */
export async function diff(left: string, right: string): Promise<string> {
  const { code, stdout, stderr } = await run('diff', ['-r', left, right])
  return code === 0 ? '' : `${stdout}${stderr}` || `diff ended with ${code}`
}
