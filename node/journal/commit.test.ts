import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { type Db, openDb } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { type Folds, openCommit, readApplied } from './commit.ts'
import { openJournal } from './journal.ts'
import { openLogFile } from './log-file.ts'

const user = (id: number) => keys.user(id as UserId)

const folds: Folds = {
  'user.put': ({ data }) => [
    { put: user(data.id), value: data },
    { put: keys.counter('user'), value: data.id },
  ],
  'user.remove': ({ data }) => [{ del: user(data.id) }],
  'note.put': () => [],
  'bad.fold': () => {
    throw new Error('a fold that fails')
  },
  'bad.value': () => [{ put: user(1), value: { gone: undefined } }],
}

/** A site of journal, index and commit, whose disks can be made to fail. */
async function openSite(folder: string, create = true) {
  const disk = { full: false, indexFails: false, indexRoom: true, batches: 0, writes: 0 }
  const journal = await openJournal({
    folder: join(folder, 'journal'),
    clock: createManualClock(1000),
    create,
    async openFile(path) {
      const file = await openLogFile(path)
      return {
        ...file,
        async write(bytes, at) {
          disk.writes++
          if (disk.full) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
          await file.write(bytes, at)
        },
      }
    },
  })
  const index = await openDb({
    folder: join(folder, 'index'),
    create,
    hasRoom: async () => disk.indexRoom,
  })
  const db: Db = {
    ...index,
    async write(changes, options) {
      disk.batches++
      if (disk.indexFails) throw new Fault('full', 'db.write')
      await index.write(changes, options)
    },
  }
  const commit = await openCommit({ journal, db, folds })
  return {
    disk,
    journal,
    db,
    commit,
    async [Symbol.asyncDispose]() {
      await journal[Symbol.asyncDispose]()
      await index[Symbol.asyncDispose]()
    },
  }
}

describe('a commit', () => {
  test('resolves when the record is in the journal and its changes can be read', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const record = await site.commit('user.put', { user: 1 as UserId }, { id: 1, name: 'Ana' })
    expect(record).toEqual({
      seq: 1,
      at: 1000,
      kind: 'user.put',
      by: { user: 1 },
      data: { id: 1, name: 'Ana' },
    })
    expect(await site.db.get(user(1))).toEqual({ id: 1, name: 'Ana' })
    expect(await readApplied(site.db)).toEqual(site.journal.head)
    await site.commit('user.remove', 'system', { id: 1 })
    expect(await site.db.get(user(1))).toBeUndefined()
    expect(await Array.fromAsync(site.journal.read())).toHaveLength(2)
  })

  test('folds in the order of the numbers; many at once share a flush and a batch', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const heard: number[] = []
    using _ = site.commit.on(({ seq }) => heard.push(seq))
    const ids = Array.from({ length: 300 }, (_, i) => i + 1)
    await Promise.all(ids.map((id) => site.commit('user.put', 'system', { id })))
    expect(heard).toEqual(ids)
    expect(site.disk).toMatchObject({ writes: 1, batches: 1 })
    expect(await site.db.get(keys.counter('user'))).toBe(300)
  })

  test('keeps order while flushes and batches overlap', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const heard: number[] = []
    using _ = site.commit.on(({ seq }) => heard.push(seq))
    let id = 0
    const person = async () => {
      for (let i = 0; i < 25; i++) await site.commit('user.put', 'system', { id: ++id })
    }
    await Promise.all(Array.from({ length: 8 }, person))
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    expect(await readApplied(site.db)).toEqual(site.journal.head)
  })

  test('tells after the fold, and before it resolves, until the listener leaves', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const heard: unknown[] = []
    const listening = site.commit.on(({ kind }) => heard.push(kind, site.db.get(user(1))))
    await site.commit('user.put', 'system', { id: 1 })
    expect(heard[0]).toBe('user.put')
    expect(await heard[1]).toEqual({ id: 1 })
    listening[Symbol.dispose]()
    await site.commit('note.put', 'system', {})
    expect(heard).toHaveLength(2)
  })

  test.each([
    ['of a kind without a fold', 'user.rename', { kind: 'unsupported', about: 'user.rename' }],
    ['that its fold cannot take', 'bad.fold', { message: 'a fold that fails' }],
    ['whose value the index cannot hold', 'bad.value', {}],
  ])('%s throws before anything is written', async (_what, kind, facts) => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const fault = await faultOf(site.commit(kind, 'system', { id: 1 }))
    expect(fault).toBeInstanceOf(Error)
    expect(fault).toMatchObject(facts)
    expect(site.journal.head.seq).toBe(0)
    expect((await site.commit('user.put', 'system', { id: 1 })).seq).toBe(1)
    expect(site.commit.stopped.aborted).toBe(false)
  })

  test('a full disk at the journal refuses, and the next goes on', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    site.disk.full = true
    expect(await faultOf(site.commit('user.put', 'system', { id: 1 }))).toMatchObject({
      kind: 'full',
    })
    site.disk.full = false
    expect((await site.commit('user.put', 'system', { id: 2 })).seq).toBe(1)
    expect(await site.db.get(user(1))).toBeUndefined()
  })

  test('what the journal took the index takes, even when room has become scarce since', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    site.disk.indexRoom = false
    await site.commit('user.put', 'system', { id: 1 })
    expect(await site.db.get(user(1))).toEqual({ id: 1 })
    const aside = site.db.write([{ put: keys.counter('user'), value: 7 }])
    expect(await faultOf(aside)).toMatchObject({ kind: 'full' })
    site.disk.indexRoom = true
    await site.db.write([{ put: keys.counter('user'), value: 8 }])
    expect((await site.commit('user.put', 'system', { id: 2 })).seq).toBe(2)
  })

  test('an index that does not take a record stops all committing; the next start folds it', async () => {
    await using folder = await openFolder()
    {
      await using site = await openSite(folder.path)
      await site.commit('user.put', 'system', { id: 1 })
      site.disk.indexFails = true
      expect(await faultOf(site.commit('user.put', 'system', { id: 2 }))).toMatchObject({
        kind: 'full',
      })
      site.disk.indexFails = false
      expect(site.commit.stopped.reason).toMatchObject({ kind: 'full', op: 'db.write' })
      expect(await faultOf(site.commit('user.put', 'system', { id: 3 }))).toMatchObject({
        kind: 'gone',
      })
      expect(site.journal.head.seq).toBe(2)
    }
    await using site = await openSite(folder.path, false)
    expect(site.commit.replayed).toBe(1)
    expect(await site.db.get(user(2))).toEqual({ id: 2 })
  })

  test('says busy when too many are under way, and keeps all that it took', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const commits = Array.from({ length: 5100 }, (_, i) =>
      site.commit('user.put', 'system', { id: i + 1 }),
    )
    const outcomes = await Promise.allSettled(commits)
    const refused = outcomes.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(100)
    for (const one of refused) expect(one.reason).toMatchObject({ kind: 'busy' })
    expect(site.journal.head.seq).toBe(5000)
    expect((await site.commit('user.put', 'system', { id: 1 })).seq).toBe(5001)
  })

  test('its serial makes reading, deciding and committing one step', async () => {
    await using folder = await openFolder()
    await using site = await openSite(folder.path)
    const add = () =>
      site.commit.serial(async () => {
        const id = ((await site.db.get<number>(keys.counter('user'))) ?? 0) + 1
        await site.commit('user.put', 'system', { id })
        return id
      })
    const ids = await Promise.all(Array.from({ length: 20 }, add))
    expect(ids).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })
})
