/**
 * A large file is on its way over a slow line, and somebody steps in: stops a site, copies it, pauses
 * the transfer or the link, resumes, cancels. From either side, and what both sides then say.
 */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Client } from '../../api/client.ts'
import type { ToldTransfer } from '../../api/shapes.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { End } from '../chaos-proxy.ts'
import { type CabledPair, mistakes, openCabledPair, temporaryFiles } from '../faults/cabled.ts'
import { faultOf } from '../folder.ts'
import { diff, eventually, isDone, openSite, until, within } from '../site.ts'
import { writeLarge } from '../trees.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const fileBytes = 30_000_000
/** Slow enough to step in, fast enough to wait for. */
const bytesPerSecond = 15_000_000
/** So much has come through before anybody does anything. */
const midwayBytes = 10_000_000
/** The promise: what was wanted and not yet answered, and what no checkpoint had yet. */
const resentBytesMax = 16 * 1024 * 1024

let pair: CabledPair
let count = 0

beforeAll(async () => {
  pair = await openCabledPair({ bytesPerSecond })
})
afterEach(() => expect([...mistakes(pair.oslo), ...mistakes(pair.kyoto)]).toEqual([]))
afterAll(() => pair[Symbol.asyncDispose]())

type Begun = { id: TransferId; tree: string; name: string }

/** Oslo sends Kyoto a file like no other; resolves in the middle of it. */
async function begin(bytes = fileBytes): Promise<Begun> {
  const { atOslo, cable, folder, to } = pair
  const name = `large ${++count}`
  const tree = join(folder, name)
  await mkdir(tree)
  await writeLarge(join(tree, 'large.bin'), bytes, count)
  const { id: dataset } = await atOslo.call('datasets.add', { name, path: tree, inPlace: true })
  const midway = cable.passes('kyoto', midwayBytes)
  const { id } = await atOslo.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
  await within(midway, 30_000, 'nothing came through')
  return { id, tree, name }
}

/** It ends by itself, little was sent twice, and what Kyoto has is what Oslo sent. */
async function goesThrough({ id, tree, name }: Begun): Promise<void> {
  const { atOslo, atKyoto, folder, kyoto } = pair
  const [sent, arrived] = await Promise.all([until(atOslo, id, isDone), until(atKyoto, id, isDone)])
  expect(sent.bytes.sent).toBeLessThanOrEqual(fileBytes + resentBytesMax)
  expect(arrived.bytes.received).toBeLessThanOrEqual(fileBytes + resentBytesMax)
  const out = join(folder, `out of ${name}`)
  await atKyoto.call('datasets.export', { id: arrived.destination.dataset!, folder: out })
  expect(await diff(tree, out)).toBe('')
  expect(await temporaryFiles(kyoto)).toEqual([])
}

const show = (client: Client, id: TransferId) => client.call('transfers.show', { id })
const other = (end: End): End => (end === 'oslo' ? 'kyoto' : 'oslo')
const at = (end: End) => (end === 'oslo' ? pair.atOslo : pair.atKyoto)

/** Of silence on the line, in milliseconds: content would be megabytes by then, talk is little. */
const silenceMs = 300
const talkBytesMax = 50_000

/** Nothing more comes through to Kyoto once this resolves, and something is still to come. */
async function stands(id: TransferId): Promise<void> {
  const { atKyoto, cable } = pair
  const silent = async () => {
    const before = cable.passedBytes('kyoto')
    await pause(silenceMs)
    return cable.passedBytes('kyoto') - before < talkBytesMax
  }
  await eventually(silent, 'nothing comes through any more')
  const { received } = (await show(atKyoto, id)).bytes
  expect(received).toBeGreaterThan(0)
  expect(received).toBeLessThan(fileBytes)
  await silent()
  expect((await show(atKyoto, id)).bytes.received).toBe(received)
}

const partials = async () => (await readdir(join(pair.kyoto.home, 'store/partial'))).length
const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

describe.each<End>(['oslo', 'kyoto'])('at %s', (end) => {
  test('a stop ends within five seconds, and the transfer goes on at the next start', async () => {
    const begun = await begin()
    const site = pair[end]
    await within(site.kill('SIGTERM'), 5000, 'it took longer than five seconds to stop')
    expect([site.process.exitCode, site.process.signalCode]).toEqual([0, null])
    expect(await isThere(join(site.home, 'run.json'))).toBe(false)
    expect(await readdir(join(site.home, 'lock'))).toEqual([])
    await site.start()
    await goesThrough(begun)
  })

  test('a pause stops it, both say why, and resumed it goes on', async () => {
    const begun = await begin()
    const { id } = begun
    expect((await at(end).call('transfers.pause', { id })).state).toBe('paused')
    await stands(id)
    expect(await partials()).toBeGreaterThan(0)
    expect((await show(at(end), id)).state).toBe('paused')
    const theirs = await show(at(other(end)), id)
    expect(theirs.state).toBe('moving')
    expect(await faultOf(at(end).call('transfers.pause', { id }))).toMatchObject({
      kind: 'conflict',
      message: 'The transfer is paused; it cannot be paused now.',
    })
    expect(['waiting', 'moving']).toContain((await at(end).call('transfers.resume', { id })).state)
    await goesThrough(begun)
    expect(await faultOf(at(end).call('transfers.resume', { id }))).toMatchObject({
      kind: 'conflict',
    })
  })

  test('a cancel ends it at both, and nothing of it is left', async () => {
    const { id, name } = await begin()
    const { atOslo, atKyoto, kyoto } = pair
    expect((await at(end).call('transfers.cancel', { id })).state).toBe('cancelled')
    const views = await Promise.all(
      [atOslo, atKyoto].map((client) => until(client, id, ({ state }) => state === 'cancelled')),
    )
    for (const { endedAt, receipts } of views)
      expect([typeof endedAt, receipts]).toEqual(['string', []])
    for (const client of [atOslo, atKyoto]) {
      const listed = await client.call('transfers.list', {})
      expect(listed.find((one) => one.id === id)?.state).toBe('cancelled')
    }
    expect(await temporaryFiles(kyoto)).toEqual([])
    const datasets = await atKyoto.call('datasets.list', {})
    expect(datasets.map((one) => one.name)).not.toContain(name)
    expect(await faultOf(at(other(end)).call('transfers.resume', { id }))).toMatchObject({
      kind: 'conflict',
    })
  })

  test('a pause of the link holds it up, and resumed it goes on', async () => {
    const begun = await begin()
    const { admin } = pair[end]
    const [link] = await admin.call('links.list', {})
    await admin.call('links.pause', { id: link!.id })
    await stands(begun.id)
    const waits = (view: ToldTransfer) => view.fault?.kind === 'busy'
    const view = await until(pair.atKyoto, begun.id, waits)
    expect(view.fault?.text).toMatch(/paused/)
    expect(view.state).toBe('moving')
    await admin.call('links.resume', { id: link!.id })
    await goesThrough(begun)
  })
})

test('somebody else sees none of it and steers nothing; paused here and cancelled there, it is over', async () => {
  const { id } = await begin()
  const { atOslo, atKyoto, kyoto } = pair
  await atOslo.call('transfers.pause', { id })
  for (const end of ['oslo', 'kyoto'] as const) {
    const bea = await pair[end].as(`bea@${end}.example`)
    for (const verb of ['show', 'pause', 'resume', 'cancel'] as const)
      expect(await faultOf(bea.call(`transfers.${verb}`, { id }))).toMatchObject({
        kind: 'missing',
      })
    expect(await bea.call('transfers.list', {})).toEqual([])
  }
  await atKyoto.call('transfers.cancel', { id })
  await until(atOslo, id, ({ state }) => state === 'cancelled')
  expect(await temporaryFiles(kyoto)).toEqual([])
})

test('backups of both, made meanwhile: sites started from them have everything and go on', async () => {
  const { oslo, kyoto, atOslo, folder } = pair
  const small = join(folder, 'small')
  await mkdir(small)
  await writeLarge(join(small, 'small.bin'), 100_000, 999)
  const { id: extra } = await atOslo.call('datasets.add', { name: 'Small', path: small })
  const { begun, copies } = await copiedMeanwhile()
  const before = {
    oslo: await listed(oslo.admin, atOslo),
    kyoto: await listed(kyoto.admin, pair.atKyoto),
  }
  await Promise.all([oslo.kill(), kyoto.kill()])

  await using stack = new AsyncDisposableStack()
  const open = async (end: End) => {
    const site = stack.use(await openSite(end, { home: copies[end], made: true }))
    for (const [email, token] of pair[end].tokens) site.tokens.set(email, token)
    return site
  }
  const [osloAgain, kyotoAgain] = await Promise.all([open('oslo'), open('kyoto')])
  expect(osloAgain.log()).toContain('made again from the journal')
  const [ana, anaThere] = [
    await osloAgain.as('ana@lab.example'),
    await kyotoAgain.as('ana@lab.example'),
  ]
  await until(ana, begun.id, isDone)
  const done = await until(anaThere, begun.id, isDone)
  const out = join(folder, 'out of the backup')
  await anaThere.call('datasets.export', { id: done.destination.dataset!, folder: out })
  expect(await diff(begun.tree, out)).toBe('')
  for (const site of [osloAgain, kyotoAgain])
    expect((await site.admin.call('site.verify', {})).bad).toEqual([])
  const now = {
    oslo: await listed(osloAgain.admin, ana),
    kyoto: await listed(kyotoAgain.admin, anaThere),
  }
  expect(now.oslo).toEqual(before.oslo)
  expect(now.oslo.datasets).toContainEqual(expect.objectContaining({ id: extra }))
  expect(now.kyoto.links).toEqual(before.kyoto.links)
  expect(now.kyoto.datasets).toEqual(expect.arrayContaining(before.kyoto.datasets))
})

/** Copies of both, made from beginning to end while a file was on its way: a larger one on a slow machine. */
async function copiedMeanwhile() {
  const { oslo, kyoto, atOslo, folder } = pair
  for (const times of [1, 5, 25]) {
    const begun = await begin(times * fileBytes)
    const at = (site: string) => join(folder, `copy ${times} of ${site}`)
    const copies = { oslo: at('oslo'), kyoto: at('kyoto') }
    const made = await Promise.all([
      oslo.admin.call('site.backup', { folder: copies.oslo }),
      kyoto.admin.call('site.backup', { folder: copies.kyoto }),
    ])
    for (const { files, bytes } of made) expect([files > 0, bytes > 0]).toEqual([true, true])
    if ((await show(atOslo, begun.id)).state === 'moving') return { begun, copies }
  }
  throw new Error('every copy came too late to say anything')
}

/** What a person would look for first after a site came back. */
async function listed(admin: Client, client: Client) {
  const [people, links] = [await admin.call('people.list', {}), await admin.call('links.list', {})]
  const connections = await client.call('connections.list', {})
  const projects = await client.call('projects.list', {})
  const datasets = await client.call('datasets.list', {})
  return { people, links, connections, projects, datasets }
}
