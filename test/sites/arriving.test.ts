/**
 * Oslo is impatient: while a dataset is still on its way, it sends a workflow to it. Kyoto has no such
 * dataset yet, under any ID, and says so; once the dataset has arrived, the same send goes through.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptedPair, isDone, isEnded, type Pair, until } from '../site.ts'
import { writeLarge } from '../trees.ts'

let pair: Pair
let folder: string

beforeAll(async () => {
  pair = await acceptedPair()
  folder = await mkdtemp(join(tmpdir(), 'crossload-arriving-'))
}, 60_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a workflow sent to a dataset that is still arriving is refused in words, and goes when it is there', async () => {
  const { atOslo, atKyoto, to } = pair
  const large = join(folder, 'large.bin')
  await writeLarge(large, 200_000_000, 3)
  const dataset = (await atOslo.call('datasets.add', { name: 'Large', path: large })).id
  const document = join(folder, 'analysis.json')
  await writeFile(
    document,
    JSON.stringify({ datasetId: dataset, input: `dataset:${dataset}/large.bin` }),
  )
  const workflow = (await atOslo.call('workflows.add', { name: 'Early', document, dataset })).id

  const sending = await atOslo.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
  await until(atOslo, sending.id, ({ bytes }) => bytes.sent > 0)
  // The ID that the dataset is going to get, by its number and by what it is.
  for (const dest of [1, 0]) {
    const early = await atOslo.call('transfers.send', { to, workflows: [workflow], dest })
    const refused = isEnded(early) ? early : await until(atOslo, early.id, isEnded)
    expect(refused.state).toBe('refused')
    expect(refused.fault).toMatchObject({ kind: 'missing' })
  }
  const still = await atOslo.call('transfers.show', { id: sending.id })
  expect(still.state, 'the dataset was still arriving').toBe('moving')
  expect(await atKyoto.call('workflows.list', {})).toEqual([])
  expect(await atKyoto.call('datasets.list', {})).toEqual([])

  const done = await until(atOslo, sending.id, isDone)
  expect(done.destination.dataset).toBe(1)
  const again = await atOslo.call('transfers.send', { to, workflows: [workflow], dest: 1 })
  await until(atOslo, again.id, isDone)
  expect(await atKyoto.call('workflows.list', {})).toHaveLength(1)
}, 90_000)
