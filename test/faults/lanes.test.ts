/**
 * Oslo takes lanes, so what Kyoto pulls comes over one: past the connection over which they talk. When
 * the lane is cut it comes back, when it stalls it is left, and where its port is blocked nobody
 * notices but by the time it takes.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Detour, openDetour } from '../lane-pair.ts'
import {
  acceptedPair,
  diff,
  eventually,
  isDone,
  openSite,
  type Pair,
  until,
  within,
} from '../site.ts'
import { writeLarge, writeMany } from '../trees.ts'

const mib = 2 ** 20
/** How long Kyoto waits for a byte of a lane that stalls. */
const silenceMs = 2000

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-lanes-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type LanePair = Pair & { readonly detour: Detour }

async function openPair(bytesPerSecond?: number): Promise<LanePair> {
  await using stack = new AsyncDisposableStack()
  const detour = stack.use(await openDetour(bytesPerSecond === undefined ? {} : { bytesPerSecond }))
  const { listen, announce } = detour.lane
  const pair = stack.use(await acceptedPair({ oslo: { lane: listen, announceLane: announce } }))
  const rest = stack.move()
  return { ...pair, detour, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

async function makeTree(name: string, bytes: number): Promise<string> {
  const tree = join(folder, name)
  await mkdir(tree)
  await writeLarge(join(tree, 'large.bin'), bytes, 3)
  await writeMany(join(tree, 'many'), 500, 400)
  return tree
}

async function send({ atOslo, to }: Pair, name: string, path: string): Promise<string> {
  const { id } = await atOslo.call('datasets.add', { name, path })
  return (await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })).id
}

async function arrives(pair: Pair, id: string, tree: string): Promise<void> {
  const done = await until(pair.atOslo, id, isDone)
  const out = `${tree}-out`
  await pair.atKyoto.call('datasets.export', { id: done.destination.dataset!, folder: out })
  expect(await diff(tree, out)).toBe('')
}

test('content crosses over the lane, and the site shows where it takes them', async () => {
  await using pair = await openPair()
  const shown = await pair.oslo.admin.call('site.show', {})
  expect(shown.lane).toBe(pair.detour.lane.listen)
  expect((await pair.oslo.cli(['site'])).stdout).toContain(pair.detour.lane.listen)
  expect((await pair.kyoto.admin.call('site.show', {})).lane).toBeUndefined()
  const tree = await makeTree('plain', 60 * mib)
  await arrives(pair, await send(pair, 'plain', tree), tree)
  expect(pair.detour.proxy.passedBytes).toBeGreaterThan(60 * mib)
}, 180_000)

test('a source that takes no lanes dials one to a destination that does', async () => {
  await using detour = await openDetour()
  const { listen, announce } = detour.lane
  await using pair = await acceptedPair({ kyoto: { lane: listen, announceLane: announce } })
  const tree = await makeTree('back', 40 * mib)
  await arrives(pair, await send(pair, 'back', tree), tree)
  expect(detour.proxy.passedBytes).toBeGreaterThan(40 * mib)
}, 180_000)

test('a lane that is cut comes back, and goes on where it was', async () => {
  await using pair = await openPair(20 * mib)
  const tree = await makeTree('cut', 60 * mib)
  const id = await send(pair, 'cut', tree)
  await eventually(async () => pair.detour.proxy.passedBytes > 25 * mib, 'half of it crossed')
  pair.detour.proxy.cut()
  await arrives(pair, id, tree)
  expect(pair.detour.proxy.passedBytes).toBeGreaterThan(60 * mib)
  // What crossed and was durable before the cut is not sent again.
  expect(pair.detour.proxy.passedBytes).toBeLessThan(85 * mib)
}, 180_000)

test('a lane that stalls while the sites go on talking is left, and the content comes all the same', async () => {
  await using pair = await openPair(20 * mib)
  const { kyoto, detour } = pair
  await kyoto.kill('SIGTERM')
  const config = join(kyoto.home, 'config.json')
  const written = { ...JSON.parse(await readFile(config, 'utf8')), silenceMs }
  await writeFile(config, JSON.stringify(written))
  await kyoto.start()
  const tree = await makeTree('stalled', 60 * mib)
  const id = await send(pair, 'stalled', tree)
  await eventually(async () => detour.proxy.passedBytes > 25 * mib, 'half of it crossed')
  detour.proxy.freeze()
  // Meanwhile the two sites talk: that nobody has this address is what Oslo answers.
  const talk = pair.atKyoto.call('connections.ask', { email: 'ken@lab.example', alias: 'oslo' })
  const answered = within(talk, 10_000, 'the control stream stalled too')
  await expect(answered).rejects.toMatchObject({ kind: 'missing' })
  await arrives(pair, id, tree)
}, 180_000)

test('where the port of the lane is blocked, content crosses without it', async () => {
  await using stack = new AsyncDisposableStack()
  const detour = stack.use(await openDetour())
  // Told to others, but nothing answers there.
  await detour.proxy[Symbol.asyncDispose]()
  const { listen, announce } = detour.lane
  await using pair = await acceptedPair({ oslo: { lane: listen, announceLane: announce } })
  const tree = await makeTree('blocked', 20 * mib)
  await arrives(pair, await send(pair, 'blocked', tree), tree)
  expect(pair.oslo.log() + pair.kyoto.log()).not.toMatch(/"level":[456]0.*lane/)
}, 180_000)

test('a port in use is said at the start', async () => {
  await using oslo = await openSite('oslo', { lane: true })
  const { lane } = await oslo.admin.call('site.show', {})
  await expect(openSite('kyoto', { lane: lane! })).rejects.toThrow(/in use/)
}, 180_000)
