/**
 * Oslo sends Kyoto what people really have: cytometry, a DICOM set, and a tree of everything that is
 * hard to carry. What Kyoto exports is what Oslo had.
 */
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acceptedPair, diff, isDone, type Pair, run, until } from '../site.ts'
import { cytometry, dicom, writeLarge, writeMany, writeOdd } from '../trees.ts'

let pair: Pair
let folder: string

beforeAll(async () => {
  pair = await acceptedPair()
  folder = await mkdtemp(join(tmpdir(), 'crossload-first-'))
}, 60_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function crosses(name: string, path: string, ms: number) {
  const { atOslo, atKyoto, to } = pair
  const added = await atOslo.call('datasets.add', { name, path })
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id }, dest: 0 })
  const done = await until(atOslo, sent.id, isDone, ms)
  const there = await until(atKyoto, sent.id, isDone, ms)
  const out = join(folder, `out-${name}`)
  const id = done.destination.dataset!
  await atKyoto.call('datasets.export', { id, folder: out })
  return { added, done, there, out, id }
}

describe('byte for byte', () => {
  test.each([
    ['flow-cytometry', cytometry],
    ['dicom', dicom],
  ])('%s crosses and exports as it was', async (name, path) => {
    const { added, done, there, out } = await crosses(name, path, 30_000)
    expect(await diff(path, out)).toBe('')
    expect(done.source.dataset).toBe(added.id)
    expect(there.destination.dataset).toBe(done.destination.dataset)
    expect(done.bytes.sent).toBe(done.bytes.chosen)
    expect(there.bytes.received).toBe(done.bytes.chosen)
    expect(done.receipts.map(({ kind }) => kind)).toContain('imported')
  })

  test('ten thousand small files, odd names, an empty file, an empty folder, 300 MB, and the edges of a block', async () => {
    const tree = join(folder, 'generated')
    await mkdir(tree)
    await writeOdd(tree)
    await writeMany(join(tree, 'many'), 10_000, 400)
    await writeLarge(join(tree, 'large.bin'), 300_000_000, 5)
    const then = new Date('2019-05-04T03:02:01Z')
    await utimes(join(tree, 'a.txt'), then, then)
    const { out, done, there } = await crosses('generated', tree, 240_000)
    expect(await diff(tree, out)).toBe('')
    expect(done.bytes.chosen).toBeGreaterThan(300_000_000)
    expect(there.files.done).toBe(done.files.chosen)
    const { stdout } = await run('stat', ['-c', '%Y', join(out, 'a.txt')])
    expect(Number(stdout)).toBe(then.getTime() / 1000)
  }, 300_000)
})
