/**
 * People limit how fast data goes out and comes in, and change their minds while it moves. Two real
 * sites; what is measured is bytes by their own counters against the clock of this test.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { ToldTransfer } from '../../api/shapes.ts'
import type { TransferId } from '../../protocol/ids.ts'
import { mistakes } from '../faults/cabled.ts'
import { faultOf } from '../folder.ts'
import { acceptedPair, eventually, isDone, type Pair, until, within } from '../site.ts'
import { writeLarge } from '../trees.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const mega = 1_000_000
const fileBytes = 8 * mega
/** At the lowest rate there is, the file would take two minutes: whatever ends sooner was let go. */
const crawl = 64_000
/** So long it may take once it is let go, in milliseconds. */
const promptMs = 30_000
/** What passes before a limit holds anything back: the burst, and the frame that is on its way. */
const aheadBytes = 2 * mega

let pair: Pair
let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-limits-'))
  pair = await acceptedPair()
})
afterEach(async () => {
  for (const { admin } of [pair.oslo, pair.kyoto]) {
    await admin.call('limits.clear', {})
    for (const { id } of await admin.call('links.list', {})) {
      await admin.call('limits.clear-link', { id })
    }
    // Those of transfers ended with them.
    await eventually(async () => (await admin.call('limits.list', {})).length === 0, 'no limits')
  }
  expect([...mistakes(pair.oslo), ...mistakes(pair.kyoto)]).toEqual([])
})
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Oslo sends Kyoto a file like no other. */
async function send(bytes = fileBytes): Promise<TransferId> {
  const { atOslo, to } = pair
  const name = `large ${++count}`
  const path = join(folder, name)
  await mkdir(path)
  await writeLarge(join(path, 'large.bin'), bytes, count)
  const { id } = await atOslo.call('datasets.add', { name, path, inPlace: true })
  return (await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })).id
}

const moves = (view: ToldTransfer) => view.bytes.sent > 0 || view.bytes.received > 0

/** It has begun, and is far from its end. */
async function crawls(id: TransferId): Promise<void> {
  const view = await until(pair.atOslo, id, moves)
  expect(view.bytes.sent).toBeLessThan(fileBytes / 2)
}

test('a transfer that is limited to 2 MB/s is no faster than that', async () => {
  const { oslo, atOslo } = pair
  const rate = 2 * mega
  await oslo.admin.call('limits.set', { out: crawl })
  const id = await send()
  await crawls(id)
  await atOslo.call('limits.set-transfer', { id, out: rate })
  const before = (await atOslo.call('transfers.show', { id })).bytes.sent
  const startedAt = performance.now()
  await oslo.admin.call('limits.clear', {})
  const over: string[] = []
  const sent = await until(atOslo, id, (view) => {
    const seconds = (performance.now() - startedAt) / 1000
    const most = before + rate * seconds + aheadBytes
    if (view.bytes.sent > most) over.push(`${view.bytes.sent} after ${seconds} s`)
    return isDone(view)
  })
  const seconds = (performance.now() - startedAt) / 1000
  expect(over).toEqual([])
  expect(sent.bytes.sent).toBe(fileBytes)
  expect(seconds).toBeGreaterThan((fileBytes - before - aheadBytes) / rate)
})

test('a limit on the way in holds it too, and when it is raised the rest comes at once', async () => {
  const { kyoto, atOslo, atKyoto } = pair
  const [link] = await kyoto.admin.call('links.list', {})
  await kyoto.admin.call('limits.set-link', { id: link!.id, in: crawl })
  const id = await send()
  await crawls(id)
  await kyoto.admin.call('limits.set-link', { id: link!.id, in: 1000 * mega })
  await Promise.all([atOslo, atKyoto].map((client) => until(client, id, isDone, promptMs)))
})

test('a window that begins now applies to what is on its way', async () => {
  const { oslo, atOslo } = pair
  await oslo.admin.call('limits.set', { out: crawl })
  const id = await send()
  await crawls(id)
  const time = (ms: number) => new Date(Date.now() + ms).toISOString().slice(11, 16)
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
  const window = { days: [...days], from: time(0), to: time(600_000), out: null }
  const { now } = await oslo.admin.call('limits.set', { zone: 'UTC', windows: [window] })
  expect(now.out).toMatchObject({ rate: null, window: 0 })
  await until(atOslo, id, isDone, promptMs)
})

test('a site in the local network may be exempt', async () => {
  const { oslo, atOslo } = pair
  await oslo.admin.call('limits.set', { out: crawl })
  const id = await send()
  await crawls(id)
  await oslo.admin.call('limits.set', { localExempt: true })
  await until(atOslo, id, isDone, promptMs)
})

test('a rate so low that a block takes longer than the silence that is allowed is no cut', async () => {
  const { oslo, kyoto, atOslo, atKyoto } = pair
  const config = join(kyoto.home, 'config.json')
  const before = await readFile(config, 'utf8')
  const restart = async (text: string) => {
    await kyoto.kill('SIGTERM')
    await writeFile(config, text)
    await kyoto.start()
  }
  await restart(JSON.stringify({ ...JSON.parse(before), silenceMs: 2000 }))
  // Eight seconds for a block.
  await oslo.admin.call('limits.set', { out: 128_000 })
  const id = await send(mega * 1.2)
  const troubles = new Set<string>()
  const note = (view: ToldTransfer) => {
    if (view.fault !== undefined) troubles.add(view.fault.text)
    return isDone(view)
  }
  const [sent] = await Promise.all([until(atOslo, id, note), until(atKyoto, id, note)])
  expect([...troubles]).toEqual([])
  expect(sent.bytes.sent).toBe(mega * 1.2)
  await restart(before)
})

test('a rate of 0 is refused in words, and nothing is different', async () => {
  const { oslo, atOslo } = pair
  const id = await (async () => {
    await oslo.admin.call('limits.set', { out: crawl })
    return send()
  })()
  const before = await atOslo.call('limits.list', {})
  for (const asked of [
    oslo.admin.call('limits.set', { out: 0 }),
    atOslo.call('limits.set-transfer', { id, in: 0 }),
  ]) {
    expect(await faultOf(asked)).toMatchObject({
      kind: 'invalid',
      message:
        'A rate of 0 would stop everything; pause the transfer or the link instead, or write none for no limit.',
    })
  }
  const strip = ({ now: _, ...rest }: (typeof before)[number]) => rest
  expect((await atOslo.call('limits.list', {})).map(strip)).toEqual(before.map(strip))
  await oslo.admin.call('limits.clear', {})
  await until(atOslo, id, isDone, promptMs)
})

/** At the crawl the block that is on its way takes sixteen seconds, and what was wanted with it a minute. */
const soonMs = 10_000

test('a transfer that crawls stops soon when it is paused at its destination, and goes on', async () => {
  const { oslo, atOslo, atKyoto } = pair
  await oslo.admin.call('limits.set', { out: crawl })
  const id = await send()
  await crawls(id)
  await within(atKyoto.call('transfers.pause', { id }), soonMs, 'it was not paused')
  await oslo.admin.call('limits.clear', {})
  expect((await atKyoto.call('transfers.show', { id })).state).toBe('paused')
  await atKyoto.call('transfers.resume', { id })
  await until(atOslo, id, isDone, promptMs)
})

test('a transfer that crawls stops soon when it is paused at its source, and goes on', async () => {
  const { oslo, atOslo, atKyoto } = pair
  await oslo.admin.call('limits.set', { out: crawl })
  const id = await send()
  await crawls(id)
  await atOslo.call('transfers.pause', { id })
  // Kyoto is told why at its next try.
  const isTold = ({ fault }: ToldTransfer) => fault?.kind === 'busy'
  await until(atKyoto, id, isTold, soonMs)
  await oslo.admin.call('limits.clear', {})
  await atOslo.call('transfers.resume', { id })
  await until(atOslo, id, isDone, promptMs)
})
