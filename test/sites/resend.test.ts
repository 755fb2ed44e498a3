/**
 * Oslo sends ten thousand files, sends them again, changes one and sends that. Only what is new
 * crosses, and the byte counters of both sides say so.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptedPair, diff, isDone, type Pair, until } from '../site.ts'
import { writeMany } from '../trees.ts'

let pair: Pair
let folder: string
let tree: string
let here: number
let there: number

beforeAll(async () => {
  pair = await acceptedPair()
  folder = await mkdtemp(join(tmpdir(), 'crossload-resend-'))
  tree = join(folder, 'tree')
  await mkdir(tree)
  await writeMany(tree, 10_000, 100)
  here = (await pair.atOslo.call('datasets.add', { name: 'Plates', path: tree })).id
  const { done } = await send(0)
  there = done.destination.dataset!
}, 240_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function send(dest: number) {
  const sent = await pair.atOslo.call('transfers.send', {
    to: pair.to,
    dataset: { id: here },
    dest,
  })
  const done = await until(pair.atOslo, sent.id, isDone, 120_000)
  const arrived = await until(pair.atKyoto, sent.id, isDone, 120_000)
  return { done, arrived }
}

test('a second send of the same dataset moves no content, into a new dataset or the same', async () => {
  for (const dest of [0, there]) {
    const { done, arrived } = await send(dest)
    expect([done.bytes.sent, arrived.bytes.received]).toEqual([0, 0])
    expect(arrived.bytes.held).toBe(done.bytes.chosen)
    expect([done.manifest.pages, arrived.manifest.pages]).toEqual([0, 0])
  }
}, 240_000)

test('a dry run says what would cross, and nothing of it is listed', async () => {
  const before = await pair.atKyoto.call('datasets.list', {})
  const dry = await pair.atOslo.call('transfers.dry-run', {
    to: pair.to,
    dataset: { id: here },
    dest: there,
  })
  expect(dry).toMatchObject({
    files: 10_000,
    bytes: 1_000_000,
    held: { files: 10_000, bytes: 1_000_000 },
  })
  expect(await pair.atKyoto.call('datasets.list', {})).toEqual(before)
}, 60_000)

test('one changed file of ten thousand moves itself and at most two pages', async () => {
  const text = 'changed in the night\n'
  await writeFile(join(tree, 'plate-0042/well-4217.dat'), text)
  await pair.atOslo.call('datasets.update', { id: here, path: tree })
  const { done, arrived } = await send(there)
  expect(done.bytes.sent).toBe(text.length)
  expect(arrived.bytes.received).toBe(text.length)
  expect(arrived.manifest.pages).toBeGreaterThanOrEqual(1)
  expect(arrived.manifest.pages).toBeLessThanOrEqual(2)
  const out = join(folder, 'out')
  await pair.atKyoto.call('datasets.export', { id: there, folder: out })
  expect(await diff(tree, out)).toBe('')
  expect(done.destination.version).toBe(2)
}, 240_000)
