/**
 * The start of a site as a process: `init` makes a home, `serve` runs it until a signal. The only
 * file of `node/` that touches the process.
 */

import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { asFault, type Fault, faultKinds } from '../protocol/fault.ts'
import { parseEmail } from '../protocol/ids.ts'
import { systemClock } from './base/clock.ts'
import { writeDurably } from './base/files.ts'
import { nameNobody } from './base/nobody.ts'
import { type Config, createConfig, homeAt, httpAddress, readConfig } from './config.ts'
import { bracketed } from './http/hosts.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
// Logs go to stderr, so that stdout is for people.
const log = pino(
  {
    level: process.env.CROSSLOAD_LOG ?? 'info',
    base: null,
    // Logs go where no removal reaches: they name people by ID.
    hooks: { streamWrite: nameNobody },
  },
  pino.destination({ dest: 2, sync: false }),
)

async function init(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      home: { type: 'string' },
      name: { type: 'string' },
      admin: { type: 'string' },
      listen: { type: 'string', multiple: true },
      announce: { type: 'string', multiple: true },
      folder: { type: 'string', multiple: true },
      http: { type: 'string' },
      'public-url': { type: 'string' },
      lane: { type: 'string' },
      'announce-lane': { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const home = homeAt(resolve(values.home ?? '.'))
  const config = createConfig({
    ...values,
    name: values.name ?? '',
    url: values['public-url'],
    announceLane: values['announce-lane'],
    folders: values.folder?.map((folder) => resolve(folder)),
  })
  const admin = parseEmail(values.admin ?? 'admin@localhost')
  // Each command loads what it needs: a whole site is more than a thousand files.
  const { makeSite } = await import('./init.ts')
  const { welcome, ...made } = await makeSite({
    ...{ home, config, admin, clock: systemClock, pid: process.pid },
  })
  const link = linkTo(config, welcome)
  if (values.json) {
    const told = { home: home.folder, name: config.name, admin, ...made }
    say(JSON.stringify(link === undefined ? told : { ...told, link }))
    return
  }
  say(`Made the site "${config.name}" in ${home.folder}`)
  say(`  fingerprint    ${made.fingerprint}`)
  say(`  administrator  ${admin}, whose token is in ${home.token}`)
  say(`Start it with: crossload serve --home ${home.folder}`)
  if (link !== undefined) say(`Then choose a password, within 7 days and once, at ${link}`)
}

/** Undefined when the port is only known once the site runs: then crossload people link makes one. */
function linkTo(config: Config, secret: string): string | undefined {
  if (config.url !== undefined) return `${config.url}/welcome#${secret}`
  const { host, port } = httpAddress(config)
  if (port === 0) return undefined
  const name = ['0.0.0.0', '::', '[::]'].includes(host) ? 'localhost' : bracketed(host)
  return `http://${name}:${port}/welcome#${secret}`
}

/** How serving ended: told to stop, or no longer fit to run. */
type End = 'stop' | Fault

async function serve(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { home: { type: 'string' } } })
  const home = homeAt(resolve(values.home ?? '.'))
  const config = await readConfig(home)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  let end: End
  try {
    end = await run(home, config, stopping.signal)
  } catch (thrown) {
    end = safeReason(asFault(thrown, 'serve'))
  }
  if (end === 'stop') return
  log.fatal({ kind: end.kind, about: end.about }, end.message)
  const { openSafeMode } = await import('./node.ts')
  await using safe = await openSafeMode({ home, config, clock: systemClock, log, fault: end })
  // The disk may be what is wrong: whoever asks at the address of before is answered all the same.
  await announce(home, safe.url).catch((err) => log.warn({ err }, 'run.json cannot be written'))
  say(`Safe mode: ${end.message}`)
  say(`Nothing is read or changed. API at ${safe.url} says the same. Ctrl-C ends it.`)
  await aborted(stopping.signal)
  await rm(home.run, { force: true })
}

/** What damage looks like at a start; everything else (a home or a port in use) ends the process. */
function safeReason(fault: Fault): Fault {
  if (fault.kind === 'corrupt' || fault.op === 'store.marker' || fault.op === 'store.open')
    return fault
  throw fault
}

async function run(
  home: ReturnType<typeof homeAt>,
  config: Config,
  stopping: AbortSignal,
): Promise<End> {
  let failed: Fault | undefined
  try {
    const { openSite } = await import('./node.ts')
    await using site = await openSite({ home, config, clock: systemClock, pid: process.pid, log })
    if (site.rebuilt) log.info({ why: site.rebuilt }, 'the index was made again from the journal')
    await announce(home, site.url)
    say(`${config.name} is up. API at ${site.url}`)
    for (const address of site.addresses) say(`  listens at ${address}`)
    if (site.lane !== undefined) say(`  takes lanes at ${site.lane}`)
    say(`  ends with Ctrl-C, or kill ${process.pid}`)
    await aborted(AbortSignal.any([stopping, site.failed]))
    if (stopping.aborted) await rm(home.run, { force: true })
    else failed = site.failed.reason as Fault
    return failed ?? 'stop'
  } catch (thrown) {
    // What went wrong first is the reason; that such a site cannot be closed either is none.
    if (failed === undefined) throw thrown
    log.error({ err: thrown }, 'the site could not be closed as it should')
    return failed
  }
}

async function announce(home: ReturnType<typeof homeAt>, url: string): Promise<void> {
  const facts = { pid: process.pid, url, startedAt: new Date().toISOString() }
  await writeDurably(home.run, `${JSON.stringify(facts)}\n`)
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    if (signal.aborted) return done()
    // The listener alone keeps no process alive; a site that runs has sockets, safe mode has one.
    signal.addEventListener('abort', () => done(), { once: true })
  })

const [command, ...rest] = process.argv.slice(2)
try {
  if (command === 'init') await init(rest)
  else if (command === 'serve') await serve(rest)
  else throw new Error('node/main.ts is started with init or serve; use the crossload command.')
} catch (thrown) {
  const fault = asFault(thrown, command ?? 'start')
  process.stderr.write(`crossload: ${fault.message}\n`)
  for (const line of fault.list) process.stderr.write(`  ${line}\n`)
  if (fault.kind === 'internal') log.fatal({ err: thrown }, 'could not start')
  process.exitCode = faultKinds[fault.kind].exit
}
