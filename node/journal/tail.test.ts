import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { openDb } from '../db/db.ts'
import { type Folds, openCommit } from './commit.ts'
import { openJournal } from './journal.ts'
import { tail, tailRecordsMax } from './tail.ts'

const folds: Folds = { 'note.put': () => [] }

async function openSite(folder: string, create = true) {
  const stack = new AsyncDisposableStack()
  const clock = createManualClock(1000)
  const at = join(folder, 'journal')
  const journal = stack.use(await openJournal({ folder: at, clock, create }))
  const db = stack.use(await openDb({ folder: join(folder, 'index'), create }))
  const commit = await openCommit({ journal, db, folds })
  const reads = { count: 0 }
  const counted: typeof journal.read = (options) => {
    reads.count++
    return journal.read(options)
  }
  const follow = (after: number, signal: AbortSignal) =>
    tail({ journal: { read: counted }, commit, after, signal })
  const note = (n: number) => commit('note.put', 'system', n)
  return { follow, note, reads, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const up = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** The next `count` records, as [number, data]. */
async function take(records: AsyncGenerator<{ seq: number; data: unknown }>, count: number) {
  const found: [number, unknown][] = []
  while (found.length < count) {
    const { value } = await records.next()
    found.push([value.seq, value.data])
  }
  return found
}

test('gives what is there and then what comes, in order, each once', async () => {
  await using folder = await openFolder()
  await using site = await openSite(folder.path)
  for (const n of up(1, 5)) await site.note(n)
  const stop = new AbortController()
  const records = site.follow(2, stop.signal)
  expect(await take(records, 1)).toEqual([[3, 3]])
  const coming = Promise.all(up(6, 20).map((n) => site.note(n)))
  expect(await take(records, 17)).toEqual(up(4, 20).map((n) => [n, n]))
  await coming
  const waiting = take(records, 1)
  await site.note(21)
  expect(await waiting).toEqual([[21, 21]])
  stop.abort(new Error('enough'))
  await expect(records.next()).rejects.toThrow('enough')
})

test('a reader that waits is ended by its signal', async () => {
  await using folder = await openFolder()
  await using site = await openSite(folder.path)
  const stop = new AbortController()
  const waiting = site.follow(0, stop.signal).next()
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})

test('one that keeps up reads no disk, and one that is far behind misses nothing', async () => {
  await using folder = await openFolder()
  await using site = await openSite(folder.path)
  const stop = new AbortController()
  const records = site.follow(0, stop.signal)
  const first = take(records, 1)
  await site.note(1)
  expect(await first).toEqual([[1, 1]])
  const second = take(records, 1)
  await site.note(2)
  expect(await second).toEqual([[2, 2]])
  expect(site.reads.count).toBe(0)
  const last = 3 + 3 * tailRecordsMax
  for (const n of up(3, last)) await site.note(n)
  expect(await take(records, last - 2)).toEqual(up(3, last).map((n) => [n, n]))
  expect(site.reads.count).toBeGreaterThan(0)
  stop.abort()
})

test('goes on after a restart from the number that was kept', async () => {
  await using folder = await openFolder()
  {
    await using site = await openSite(folder.path)
    for (const n of up(1, 4)) await site.note(n)
  }
  await using site = await openSite(folder.path, false)
  const stop = new AbortController()
  const records = site.follow(3, stop.signal)
  expect(await take(records, 1)).toEqual([[4, 4]])
  const waiting = take(records, 1)
  await site.note(5)
  expect(await waiting).toEqual([[5, 5]])
  stop.abort()
})
