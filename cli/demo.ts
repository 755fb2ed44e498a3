/**
 * The first command of the README. Two real sites, Oslo and Kyoto, each a process of its own with a
 * home of its own, over real TCP and Noise; everything a person does is a command, shown as it would
 * be typed. Ends with what a person would check. `--once` stops then, exit code 0 only if all held.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { styleText } from 'node:util'

const crossload = resolve(import.meta.dirname, 'crossload.js')
const samples = resolve(import.meta.dirname, '../test/data/flow-cytometry')
const ana = 'ana@lab.example'
/** How long one site may take to start, in milliseconds. */
const startMs = 20_000

type Site = {
  name: string
  alias: string
  home: string
  token: string
  process: ChildProcess
  url: string
}

const say = (text = '') => process.stdout.write(`${text}\n`)
const title = (text: string) => say(`\n${styleText('bold', text)}`)

/** An argument as it is typed; an invitation is long and secret. */
function shownAs(arg: string): string {
  if (arg.startsWith('crossload1')) return 'crossload1…'
  return /^[\w@.:/=-]+$/.test(arg) ? arg : `'${arg}'`
}

/** Runs one command at a site and gives what it printed; shows it as a person would type it. */
async function run(
  site: Pick<Site, 'alias' | 'home'> & { token?: string },
  args: string[],
): Promise<string> {
  const shown = args.map(shownAs)
  say(styleText('dim', `${site.alias}$ crossload ${shown.join(' ')}`))
  const env: NodeJS.ProcessEnv = { ...process.env, CROSSLOAD_HOME: site.home }
  if (site.token) env.CROSSLOAD_TOKEN = site.token
  else delete env.CROSSLOAD_TOKEN
  const child = spawn(process.execPath, [crossload, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const [code] = await once(child, 'close')
  if (code === 0) return out
  throw new Error(`crossload ${args.join(' ')} ended with ${code}:\n${err}${out}`)
}

const json = async (site: Parameters<typeof run>[0], args: string[]) =>
  JSON.parse(await run(site, [...args, '--json']))

/** Sends and follows: one JSON value a line, the last of them how it ended. */
async function sent(site: Site, args: string[]): Promise<Ended> {
  const lines = (await run(site, ['send', ...args, '--follow', '--json'])).trim().split('\n')
  return JSON.parse(lines.at(-1)!)
}

async function openSite(folder: string, name: string, alias: string): Promise<Site> {
  const home = join(folder, alias)
  const admin = `admin@${alias}.example`
  const at = [
    '--listen',
    '127.0.0.1:0',
    '--http',
    '127.0.0.1:0',
    '--folder',
    samples,
    '--folder',
    folder,
  ]
  await run({ alias, home }, ['init', '--home', home, '--name', name, '--admin', admin, ...at])
  say(styleText('dim', `${alias}$ crossload serve --home ${home}`))
  const child = spawn(process.execPath, [crossload, 'serve', '--home', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (data) => {
    log = (log + data).slice(-4000)
  })
  const { url } = await startedAt(home, child, () => log)
  const site: Site = { name, alias, home, token: '', process: child, url }
  await run(site, ['people', 'add', ana])
  const { token } = await json(site, ['people', 'token', ana])
  return { ...site, token }
}

/** Resolves once the site has written where it answers; throws with its last words when it ends first. */
async function startedAt(
  home: string,
  child: ChildProcess,
  log: () => string,
): Promise<{ url: string }> {
  const file = join(home, 'run.json')
  const deadline = AbortSignal.timeout(startMs)
  const ended = once(child, 'exit', { signal: deadline }).then(([code]) => {
    throw new Error(`the site ended with ${code}:\n${log()}`)
  })
  const written = new Promise<void>((found) => {
    const look = () => existsSync(file) && found()
    const watcher = watch(home, look)
    watcher.unref()
    look()
  })
  await Promise.race([written, ended])
  ended.catch(() => {})
  return JSON.parse(await readFile(file, 'utf8'))
}

/** What the file says of itself: FCS keeps its facts as text after the header, parted by its first byte. */
async function factsOf(path: string): Promise<{ events: string; channels: string }> {
  await using file = await open(path)
  const { buffer } = await file.read({ buffer: Buffer.alloc(64 * 1024), position: 0 })
  const text = buffer.toString('latin1')
  const from = Number(text.slice(10, 18))
  const parts = text.slice(from + 1, Number(text.slice(18, 26)) + 1).split(text[from]!)
  const fact = (name: string) => parts[parts.indexOf(name) + 1]?.trim() ?? ''
  return { events: fact('$TOT'), channels: fact('$PAR') }
}

/** Two analyses of the dataset, as a program that knows it by its ID would write them. */
async function writeAnalyses(
  folder: string,
  dataset: number,
): Promise<{ name: string; document: string; results: string }[]> {
  const files = (await readdir(samples)).filter((name) => name.startsWith('0877')).sort()
  const tubes = (await readdir(join(samples, 'compensation')))
    .filter((name) => name.startsWith('060909'))
    .sort()
  const analyses = [
    { name: 'Gating', of: files, into: '' },
    { name: 'Compensation', of: tubes, into: 'compensation/' },
  ]
  const written = []
  for (const { name, of, into } of analyses) {
    const results = join(folder, `${name}-results`)
    await mkdir(results, { recursive: true })
    const rows = ['file,events,channels']
    for (const file of of) {
      const { events, channels } = await factsOf(join(samples, into, file))
      rows.push(`${file},${events},${channels}`)
    }
    await writeFile(join(results, 'events.csv'), `${rows.join('\n')}\n`)
    const document = join(folder, `${name}.json`)
    const inputs = of.map((file) => `dataset:${dataset}/${into}${file}`)
    await writeFile(
      document,
      JSON.stringify(
        { analysis: name, datasetId: dataset, inputs, gates: [{ on: 'FSC-H', above: 200 }] },
        undefined,
        2,
      ),
    )
    written.push({ name, document, results })
  }
  return written
}

type Check = { what: string; held: boolean; seen: string }

async function story(folder: string, sites: Site[]): Promise<Check[]> {
  title('Two sites')
  const oslo = await openSite(folder, 'Oslo Cytometry', 'oslo')
  sites.push(oslo)
  const kyoto = await openSite(folder, 'Kyoto Imaging', 'kyoto')
  sites.push(kyoto)
  const admin = (site: Site) => ({ ...site, token: '' })

  title('The administrators link them; Ana at Kyoto asks, Ana at Oslo accepts')
  const { invitation } = await json(admin(oslo), ['invite'])
  await run(admin(kyoto), ['link', invitation, '--alias', 'oslo'])
  const [link] = await json(admin(oslo), ['links'])
  await run(kyoto, ['connect', `${ana}@oslo`])
  const [asked] = await json(oslo, ['connections'])
  await run(oslo, ['connections', 'accept', String(asked.id)])
  const to = `${ana}@${link.alias}`

  title(
    'Kyoto has data of its own, so that IDs differ; then a dataset of real FCS files crosses once',
  )
  await run(kyoto, ['dataset', 'add', "Kyoto's own", join(samples, 'compensation')])
  const dataset = await json(oslo, [
    'dataset',
    'add',
    'Blood panel',
    samples,
    '--meta',
    'instrument=FACScan',
  ])
  const first = await sent(oslo, ['dataset', String(dataset.id), '--to', to, '--dest', '0'])
  const dest = first.destination.dataset

  title('Two workflows with results follow, by its destination ID')
  const workflows: number[] = []
  for (const { name, document, results } of await writeAnalyses(folder, dataset.id)) {
    const added = await json(oslo, [
      'workflow',
      'add',
      name,
      document,
      '--dataset',
      String(dataset.id),
      '--results',
      results,
    ])
    workflows.push(added.id)
  }
  const later: Ended[] = []
  for (const id of workflows) {
    later.push(await sent(oslo, ['workflow', String(id), '--to', to, '--dest', String(dest)]))
  }
  return checks(oslo, kyoto, folder, dataset.id, first, later)
}

async function checks(
  oslo: Site,
  kyoto: Site,
  folder: string,
  dataset: number,
  first: Ended,
  later: Ended[],
): Promise<Check[]> {
  const dest = first.destination.dataset!
  const out = join(folder, 'exported')
  const there = await json(kyoto, ['dataset', 'show', String(dest)])
  const here = await json(oslo, ['dataset', 'show', String(dataset)])
  await run(kyoto, ['dataset', 'export', String(dest), out])
  const [bound] = later[0]!.destination.workflows
  await run(kyoto, ['workflow', 'export', String(bound), join(folder, 'bound')])
  const text = await documentIn(join(folder, 'bound'))
  const history = await json(kyoto, ['transfers', 'list'])
  const projects = await json(kyoto, ['project', 'list'])
  const root = (view: { versions: { root: string }[] }) => view.versions.at(-1)!.root
  const gone = ['collaborators', 'groups', 'connections']
  const sum = (of: Ended[], field: 'sent' | 'dataset') =>
    of.reduce((total, one) => total + one.bytes[field], 0)
  return [
    check(
      'all three transfers are done on both sides',
      [first, ...later].every(({ state }) => state === 'done') &&
        history.every((one: Ended) => one.state === 'done'),
      `${1 + later.length} sent, ${history.length} received`,
    ),
    check(
      'the dataset has an ID of its own at each site',
      dest > 0,
      `${dataset} at Oslo, ${dest} at Kyoto`,
    ),
    check('the roots are equal', root(here) === root(there), root(there)),
    check(
      'every file came back byte for byte',
      (await differences(samples, out)).length === 0,
      `${first.files.chosen} files compared`,
    ),
    check(
      'the dataset crossed once',
      first.bytes.dataset === first.bytes.chosen && sum(later, 'dataset') === 0,
      `${first.bytes.dataset} bytes, then ${sum(later, 'dataset')} bytes with the workflows, which took ${sum(later, 'sent')}`,
    ),
    check(
      "the workflow names Kyoto's dataset",
      text.includes(`"datasetId": ${dest}`) && text.includes(`dataset:${dest}/`),
      `"datasetId": ${dest}`,
    ),
    check(
      'collaborators, groups and connections stayed in Oslo',
      gone.every((word) => first.willNot.includes(word)) &&
        projects.every((one: { members: unknown[] }) => one.members.length === 1),
      `Ana's project at Kyoto has ${projects[0].members.length} member`,
    ),
    check(
      'every end is a receipt that Kyoto signed',
      [first, ...later].every(({ receipts }) => receipts.some(({ kind }) => kind === 'imported')),
      first.receipts.at(-1)!.signature.slice(0, 16),
    ),
  ]
}

type Ended = {
  state: string
  destination: { dataset?: number; workflows: number[] }
  bytes: { chosen: number; held: number; sent: number; received: number; dataset: number }
  files: { chosen: number }
  receipts: { kind: string; signature: string }[]
  willNot: string[]
}

const check = (what: string, held: boolean, seen: string): Check => ({ what, held, seen })

async function documentIn(folder: string): Promise<string> {
  const names = await readdir(folder)
  const name =
    names.find((one) => one.endsWith('.json')) ?? names.find((one) => one.startsWith('document'))
  return readFile(join(folder, name!), 'utf8')
}

/** Paths that are not the same file on both sides. */
async function differences(left: string, right: string): Promise<string[]> {
  const files = async (folder: string) =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
      .sort()
  const [ours, theirs] = [await files(left), await files(right)]
  const odd = ours
    .filter((path) => !theirs.includes(path))
    .concat(theirs.filter((path) => !ours.includes(path)))
  for (const path of ours.filter((one) => theirs.includes(one))) {
    const [a, b] = await Promise.all([readFile(left + path), readFile(right + path)])
    if (!a.equals(b)) odd.push(path)
  }
  return odd
}

async function stop(site: Site): Promise<void> {
  if (site.process.exitCode !== null || site.process.signalCode !== null) return
  site.process.kill('SIGTERM')
  await once(site.process, 'exit')
}

const folder = await mkdtemp(join(tmpdir(), 'crossload-demo-'))
const sites: Site[] = []
try {
  const results = await story(folder, sites)
  title('What a person would check')
  for (const { what, held, seen } of results) {
    say(
      `${held ? styleText('green', '✓') : styleText('red', '✗')} ${what}  ${styleText('dim', seen)}`,
    )
  }
  say()
  for (const site of sites) {
    // By the administrator, not by Ana.
    const { link } = await json({ ...site, token: '' }, ['people', 'link', ana])
    say(`${site.name}: home ${site.home}, console (Ana chooses a password, once) ${link}`)
  }
  const held = results.every((one) => one.held)
  if (!held) process.exitCode = 1
  if (!process.argv.includes('--once') && process.stdout.isTTY) {
    say(
      '\nBoth sites stay up until Ctrl-C. Open the consoles, or try: CROSSLOAD_HOME=… npx crossload site',
    )
    await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
  }
} catch (thrown) {
  say(styleText('red', `\nThe demo stopped: ${(thrown as Error).message}`))
  process.exitCode = 1
} finally {
  await Promise.all(sites.map(stop))
  await rm(folder, { recursive: true, force: true })
}
