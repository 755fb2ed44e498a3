/**
 * Lists as a person turns their pages: newest first, each thing once however small the pages, found
 * by a part of its name, and the words by which two administrators know each other's key.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'

let pair: Pair
let folder: string
const names = ['First scan', 'Second scan', 'Étude', 'Fourth']
const transfers: string[] = []
const datasets: number[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-lists-'))
  pair = await acceptedPair()
  const { atOslo, to } = pair
  for (const name of names) {
    const path = join(folder, `${names.indexOf(name)}.txt`)
    await writeFile(path, name)
    const { id } = await atOslo.call('datasets.add', { name, path })
    datasets.push(id)
    const document = join(folder, 'doc.json')
    await writeFile(document, '{"gates":[]}')
    await atOslo.call('workflows.add', { name: `Gates of ${name}`, document, dataset: id })
    const sent = await atOslo.call('transfers.send', { to, dataset: { id: id as never } })
    await until(atOslo, sent.id, isDone)
    transfers.push(sent.id)
  }
}, 120_000)

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

test.each([1, 2, 3, 100])('pages of %i give everything once, newest first', async (limit) => {
  const { atOslo } = pair
  const turn = async (ask: (after: never) => Promise<{ id: unknown }[]>) => {
    const seen: unknown[] = []
    for (;;) {
      const page = await ask(seen.at(-1) as never)
      seen.push(...page.map(({ id }) => id))
      if (page.length < limit) return seen
    }
  }
  const newest = { newest: true, limit }
  expect(await turn((after) => atOslo.call('datasets.list', { ...newest, after }))).toEqual(
    datasets.toReversed(),
  )
  expect(await turn((after) => atOslo.call('workflows.list', { ...newest, after }))).toHaveLength(4)
  expect(await turn((after) => atOslo.call('transfers.list', { limit, after }))).toEqual(
    transfers.toReversed(),
  )
})

test('a part of a name finds it, in capitals or not, and so does its number', async () => {
  const { atOslo } = pair
  const found = async (search: string) =>
    (await atOslo.call('datasets.list', { search })).map(({ name }) => name)
  expect(await found('SCAN')).toEqual(['First scan', 'Second scan'])
  expect(await found('e\u0301tude')).toEqual(['Étude'])
  expect(await found(String(datasets[3]))).toEqual(['Fourth'])
  expect(await found('nothing of the kind')).toEqual([])
  expect(await atOslo.call('workflows.list', { search: 'of fourth' })).toHaveLength(1)
  const sent = async (search: string) =>
    (await atOslo.call('transfers.list', { search })).map(({ dataset }) => dataset)
  expect(await sent('scan')).toEqual(['Second scan', 'First scan'])
  expect(await sent(ana)).toHaveLength(4)
  expect(await sent(transfers[2]!)).toEqual(['Étude'])
})

test('only what goes on is running', async () => {
  const { oslo, kyoto, atOslo, to } = pair
  expect(await atOslo.call('transfers.list', { running: true })).toEqual([])
  await kyoto.kill()
  const id = datasets[0] as never
  const begun = [
    await atOslo.call('transfers.send', { to, dataset: { id } }),
    await atOslo.call('transfers.send', { to, dataset: { id } }),
  ]
  const running = await atOslo.call('transfers.list', { running: true })
  expect(running.map((one) => one.id)).toEqual(begun.map((one) => one.id).toReversed())
  const older = await atOslo.call('transfers.list', { running: true, after: begun[1]!.id })
  expect(older.map((one) => one.id)).toEqual([begun[0]!.id])
  for (const one of begun) await atOslo.call('transfers.cancel', { id: one.id })
  expect(await atOslo.call('transfers.list', { running: true })).toEqual([])
  expect((await oslo.admin.call('transfers.list', {})).length).toBe(0)
  await kyoto.start()
})

test('somebody else’s transfer is no place to go on from', async () => {
  const other = await pair.oslo.as('other@oslo.example')
  const asked = other.call('transfers.list', { after: transfers[0] as never })
  await expect(asked).rejects.toMatchObject({ kind: 'missing' })
})

test('the journal is read from its newest record back, each record once', async () => {
  const { admin } = pair.oslo
  const seen: number[] = []
  let after: number | undefined
  do {
    const page = await admin.call('journal.read', { newest: true, limit: 7, after })
    seen.push(...page.records.map(({ seq }) => seq))
    after = page.next
  } while (after !== undefined)
  // What is written meanwhile is newer than all of these.
  const { records } = await admin.call('journal.read', {})
  const all = records.map(({ seq }) => seq).filter((seq) => seq <= seen[0]!)
  expect(seen.length).toBeGreaterThan(7)
  expect(seen).toEqual(all.toReversed())
})

test('each site shows the fingerprint that the other has of itself', async () => {
  const [atOslo] = await pair.oslo.admin.call('links.list', {})
  const [atKyoto] = await pair.kyoto.admin.call('links.list', {})
  const [oslo, kyoto] = [
    await pair.oslo.admin.call('site.show', {}),
    await pair.kyoto.admin.call('site.show', {}),
  ]
  expect([atOslo!.fingerprint, atKyoto!.fingerprint]).toEqual([kyoto.fingerprint, oslo.fingerprint])
  expect(oslo.fingerprint).not.toBe(kyoto.fingerprint)
})
