/**
 * What a site is after something went wrong with its disk. The index is thrown away or spoilt: it is
 * made again and everything is as before. The journal, the key or the store cannot be believed: the
 * site says so, in words, and changes nothing.
 */
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { pathNames } from '../../api/path-names.ts'
import { problemMedia } from '../../api/problem.ts'
import { routes } from '../../api/routes.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { type Census, hashFiles, settled, takeCensus } from '../census.ts'
import { type CabledPair, openCabledPair } from '../faults/cabled.ts'
import { ana, diff, eventually, isDone, isEnded, type Site, until } from '../site.ts'
import { cytometry, galaxy, writeOdd } from '../trees.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let pair: CabledPair
let here: DatasetId
let there: DatasetId

beforeAll(async () => {
  // Its sites have the same addresses after every start, so that nothing has to change by itself.
  pair = await openCabledPair()
  await makeHistory()
})
afterAll(() => pair[Symbol.asyncDispose]())

/** People, projects, datasets, workflows; transfers that are done, refused and cancelled, both ways. */
async function makeHistory(): Promise<void> {
  const { oslo, kyoto, atOslo, atKyoto, folder, to } = pair
  const bea = await oslo.as('bea@oslo.example')
  await bea.call('projects.add', { name: "Bea's own" })
  await oslo.admin.call('people.add', { email: 'carl@oslo.example' })
  await oslo.admin.call('people.remove', { email: 'carl@oslo.example' })
  const project = await atOslo.call('projects.add', { name: 'Panels' })
  const member = { email: 'bea@oslo.example', role: 'viewer' } as const
  await atOslo.call('projects.set-member', { id: project.id, ...member })

  // So that Kyoto's IDs are not Oslo's.
  const compensation = join(cytometry, 'compensation')
  const own = await atKyoto.call('datasets.add', { name: "Kyoto's own", path: compensation })
  const panel = { name: 'Blood panel', path: cytometry, meta: { instrument: 'FACScan' } }
  here = (await atOslo.call('datasets.add', { ...panel, project: project.id })).id
  const place = join(folder, 'in place')
  await mkdir(place)
  await writeOdd(place)
  const odd = await atOslo.call('datasets.add', { name: 'Odd', path: place, inPlace: true })
  await writeFile(join(place, 'added later.txt'), 'the second version')
  await atOslo.call('datasets.update', { id: odd.id, path: place, inPlace: true })

  there = (await sendFrom('oslo', { dataset: { id: here }, dest: 0 })).destination.dataset!
  await sendFrom('oslo', { dataset: { id: odd.id }, dest: 0 })
  await sendFrom('kyoto', { dataset: { id: own.id }, dest: 0 })

  const document = join(folder, 'gating.json')
  const results = join(folder, 'results')
  await mkdir(results)
  await writeFile(join(results, 'statistics.csv'), 'population,percent\nT cells,12.5\n')
  await writeFile(document, JSON.stringify({ dataset: here, of: `dataset:${here}/0877408774.B08` }))
  const gating = { name: 'Gating', document, dataset: here, results }
  const workflow = await atOslo.call('workflows.add', gating)
  await writeFile(document, JSON.stringify({ dataset: here, gates: ['CD3+'] }))
  await atOslo.call('workflows.update', { id: workflow.id, document })
  const counting = await atOslo.call('workflows.add', {
    name: 'Counting',
    document: join(galaxy, 'segmentation-and-counting.ga'),
    dataset: here,
    inputs: [{ label: 'input_image', path: '0877408774.F06' }],
  })
  await sendFrom('oslo', { workflows: [workflow.id, counting.id], dest: there })

  const refused = { to, dataset: { id: here }, dest: 99_999 as DatasetId }
  const no = await atOslo.call('transfers.send', refused)
  await until(atOslo, no.id, isEnded)
  const [link] = await kyoto.admin.call('links.list', {})
  await kyoto.admin.call('links.pause', { id: link!.id })
  const waits = await atOslo.call('transfers.send', { to, dataset: { id: here }, dest: 0 })
  await atOslo.call('transfers.cancel', { id: waits.id })
  await kyoto.admin.call('links.resume', { id: link!.id })
  await settled(oslo, kyoto)
}

async function sendFrom(from: 'oslo' | 'kyoto', what: object) {
  const [source, destination] =
    from === 'oslo' ? [pair.atOslo, pair.atKyoto] : [pair.atKyoto, pair.atOslo]
  const to = { email: ana, alias: from === 'oslo' ? 'kyoto' : 'oslo' }
  const { id } = await source.call('transfers.send', { to, ...what })
  const done = await until(source, id, isDone)
  await until(destination, id, isDone)
  await settled(pair.oslo, pair.kyoto)
  return done
}

async function census(): Promise<{ oslo: Census; kyoto: Census }> {
  return { oslo: await takeCensus(pair.oslo), kyoto: await takeCensus(pair.kyoto) }
}

async function stop(...sites: Site[]): Promise<void> {
  await Promise.all(sites.map((site) => site.kill('SIGTERM')))
  expect(sites.map(({ process }) => process.exitCode)).toEqual(sites.map(() => 0))
}

describe('an index that is gone or spoilt is made again', () => {
  test('removed while both were stopped: everything is as before, and nothing crosses again', async () => {
    const { oslo, kyoto } = pair
    const before = await census()
    await stop(oslo, kyoto)
    for (const { home } of [oslo, kyoto]) await rm(join(home, 'index'), { recursive: true })
    await Promise.all([oslo.start(), kyoto.start()])
    expect(await census()).toEqual(before)
    for (const site of [oslo, kyoto]) {
      expect(site.log()).toContain('made again from the journal')
      expect((await site.admin.call('site.verify', {})).bad).toEqual([])
    }
    const again = await sendFrom('oslo', { dataset: { id: here }, dest: 0 })
    const arrived = await pair.atKyoto.call('transfers.show', { id: again.id })
    expect([again.bytes.sent, arrived.bytes.received]).toEqual([0, 0])
    expect(arrived.bytes.held).toBe(again.bytes.chosen)
    const out = join(pair.folder, 'after the index')
    await pair.atKyoto.call('datasets.export', { id: again.destination.dataset!, folder: out })
    expect(await diff(cytometry, out)).toBe('')
  })

  test.each([
    ['its log', /\.log$/, 0],
    // What was in a log before a start is in a table afterwards.
    ['its tables', /\.ldb$/, 1],
    ['its manifest', /^MANIFEST/, 0],
    ['everything in it', /./, 0],
  ])('bytes were written over %s', async (_, which, restarts) => {
    const { kyoto } = pair
    const before = await takeCensus(kyoto)
    await stop(kyoto)
    for (let i = 0; i < restarts; i++) {
      await kyoto.start()
      await stop(kyoto)
    }
    const index = join(kyoto.home, 'index')
    let spoilt = 0
    for (const name of await readdir(index)) {
      const { size } = await stat(join(index, name))
      if (!which.test(name) || size === 0) continue
      const bytes = await readFile(join(index, name))
      for (let at = size >> 1; at < Math.min(size, (size >> 1) + 64); at++) bytes[at]! ^= 0x5a
      await writeFile(join(index, name), bytes)
      spoilt++
    }
    expect(spoilt).toBeGreaterThan(0)
    await kyoto.start()
    expect(kyoto.log()).toContain('made again from the journal')
    expect(await takeCensus(kyoto)).toEqual(before)
  })
})

describe('safe mode', () => {
  let before: Census
  let disk: Record<string, string>
  let pristine: string

  beforeAll(async () => {
    const { kyoto, folder } = pair
    before = await takeCensus(kyoto)
    await stop(kyoto)
    disk = await hashFiles(kyoto.home)
    pristine = join(folder, 'pristine')
    await cp(kyoto.home, pristine, { recursive: true, preserveTimestamps: true })
  })
  afterEach(async () => {
    const { kyoto } = pair
    await kyoto.kill()
    await rm(kyoto.home, { recursive: true })
    await cp(pristine, kyoto.home, { recursive: true, preserveTimestamps: true })
  })
  afterAll(() => pair.kyoto.start())

  /**
   * The site is up and says the same to everybody; stopped, it has changed nothing. `touched` is what
   * opening alone may rearrange.
   */
  async function isSafe(
    words: RegExp,
    { kind, about, exit }: { kind: string; about: unknown; exit: number },
    touched = /^$/,
  ): Promise<void> {
    const { kyoto } = pair
    const skip = (path: string) => touched.test(path)
    const found = await hashFiles(kyoto.home, skip)
    await kyoto.start()
    const { url } = kyoto.admin
    const health = await (await fetch(`${url}/api/health`)).json()
    expect(health).toMatchObject({ state: 'safe', fault: { kind, about } })
    expect(health.fault.text).toMatch(words)
    for (const [name, route] of Object.entries(routes)) {
      if (name === 'site.health') continue
      const problem = await ask(url, route)
      expect(problem, name).toMatchObject({ kind, about })
      expect(problem.detail, name).toMatch(words)
    }
    const ran = await kyoto.cli(['dataset', 'list'])
    expect(ran.code, ran.stderr).toBe(exit)
    expect(ran.stderr).toMatch(words)
    await stop(kyoto)
    expect(await hashFiles(kyoto.home, skip)).toEqual(found)
  }

  test('a byte of a record was turned: it says which record', async () => {
    const { kyoto } = pair
    const path = join(kyoto.home, 'journal/00000001.log')
    const journal = await readFile(path)
    const starts = [0, ...[...journal.keys()].filter((i) => journal[i] === 10).map((i) => i + 1)]
    const records = starts.length - 1
    // In the first one's hash, in one in the middle, and the end of the last one.
    const places: [number, number][] = [
      [1, 3],
      [records >> 1, starts[(records >> 1) - 1]! + 80],
      [records, journal.length - 1],
    ]
    for (const [record, at] of places) {
      const turned = Buffer.from(journal)
      turned[at]! ^= 1
      await writeFile(path, turned)
      const said = { kind: 'corrupt', about: record, exit: 10 }
      await isSafe(new RegExp(`Record ${record} of the journal`), said)
    }
    await writeFile(path, journal)
    await kyoto.start()
    expect(await takeCensus(kyoto)).toEqual(before)
    await stop(kyoto)
  })

  test('an acknowledged record was cut short: it is not taken for one that a crash left', async () => {
    const { kyoto } = pair
    const path = join(kyoto.home, 'journal/00000001.log')
    const journal = await readFile(path)
    await writeFile(path, journal.subarray(0, -20))
    const said = { kind: 'corrupt', about: before.journal.records, exit: 10 }
    // Only the index knows of it, so that has been opened.
    await isSafe(/was acknowledged/, said, /^index\//)
  })

  test('the line that a crash cut short is put aside, and nothing acknowledged is lost', async () => {
    const { kyoto } = pair
    const path = join(kyoto.home, 'journal/00000001.log')
    const torn = `${'a1'.repeat(32)} {"seq":${before.journal.records + 1},"at":1,"ki`
    await writeFile(path, torn, { flag: 'a' })
    await kyoto.start()
    expect(await takeCensus(kyoto)).toEqual(before)
    const added = await (await kyoto.as(ana)).call('projects.add', { name: 'After the crash' })
    await stop(kyoto)
    await kyoto.start()
    expect(await kyoto.admin.call('journal.verify', {})).toMatchObject({
      records: before.journal.records + 1,
    })
    const projects = await (await kyoto.as(ana)).call('projects.list', {})
    expect(projects.map(({ id }) => id)).toContain(added.id)
    const aside = (await readdir(join(kyoto.home, 'journal'))).filter((n) => n.endsWith('.torn'))
    expect(aside).toHaveLength(1)
    expect(await readFile(join(kyoto.home, 'journal', aside[0]!), 'utf8')).toBe(torn)
  })

  test.each([
    ['is not there', async () => {}],
    ['is an empty folder', async (store: string) => mkdir(store)],
    [
      'is the store of another site',
      async (store: string) => cp(join(pair.oslo.home, 'store'), store, { recursive: true }),
    ],
  ])(
    'the store %s: nothing is removed, and with the right one all is there',
    async (_, replace) => {
      const { kyoto } = pair
      const store = join(kyoto.home, 'store')
      const away = join(pair.folder, 'unmounted')
      await rename(store, away)
      await replace(store)
      const said = { kind: 'gone', about: store, exit: 7 }
      await isSafe(/store at .* (volume may not be mounted|belongs to another site)/, said)
      await rm(store, { recursive: true, force: true })
      await rename(away, store)
      expect(await hashFiles(kyoto.home)).toEqual(disk)
      await kyoto.start()
      expect(await takeCensus(kyoto)).toEqual(before)
      expect((await kyoto.admin.call('site.verify', {})).bad).toEqual([])
    },
  )

  test('a key that other accounts may read is refused, in words', async () => {
    const { kyoto } = pair
    await chmod(join(kyoto.home, 'site.key'), 0o640)
    await expect(kyoto.start()).rejects.toThrow(/site\.key is not kept safely.* mode 600/)
    const code = async () => kyoto.process.exitCode ?? undefined
    expect(await eventually(code, 'it has ended')).toBe(3)
    expect(await hashFiles(kyoto.home)).toEqual(disk)
    await chmod(join(kyoto.home, 'site.key'), 0o600)
    await kyoto.start()
    expect(await takeCensus(kyoto)).toEqual(before)
  })
})

type Problem = { kind: string; about: unknown; detail: string }

/** A question of this route with something in every place of its path. */
async function ask(
  url: string,
  { method, path }: { method: string; path: string },
): Promise<Problem> {
  const full = pathNames(path).reduce((text, name) => text.replace(`:${name}`, '1'), path)
  const response = await fetch(`${url}${full}`, {
    method,
    headers: { authorization: 'Bearer whoever' },
    ...(method === 'POST' || method === 'PUT' ? { body: '{}' } : {}),
  })
  expect(response.headers.get('content-type')).toContain(problemMedia)
  return (await response.json()) as Problem
}
