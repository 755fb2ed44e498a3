import { createHash } from 'node:crypto'
import { cp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { type Db, indexRoomBytes, openDb, removeDb } from './db.ts'
import { type Key, keys, sumKey } from './keys.ts'
import { openLevel } from './level.ts'
import { type RawDb, seal } from './seal.ts'

const user = (id: number) => keys.user(id as UserId)
const put = (id: number, value: unknown = { id }) => ({ put: user(id), value })

async function all<T>(db: Db, ...list: Parameters<Db['list']>): Promise<[Key, T][]> {
  const found: [Key, T][] = []
  for await (const { key, value } of db.list<T>(...list)) found.push([key, value])
  return found
}

/** Changes the index behind its back, as a damaged disk might. */
async function behind(folder: string, change: (level: RawDb) => Promise<unknown>): Promise<void> {
  const level = await openLevel(folder, false)
  await change(level)
  await level.close()
}

/** A value as records have it, which are JSON: that has no −0. */
const asWritten = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('an open index', () => {
  test('gives what was put, until it is taken away', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: join(folder.path, 'index'), create: true })
    const value = {
      text: 'å',
      list: [1, -1.5, null, true],
      bytes: new Uint8Array([1, 2]),
      big: 2 ** 53 - 1,
    }
    await db.write([put(1, value), put(2)])
    expect(await db.get(user(1))).toEqual(value)
    expect(await db.get(user(3))).toBeUndefined()
    await db.write([{ del: user(1) }, put(2, 'again')])
    expect(await db.get(user(1))).toBeUndefined()
    expect(await db.get(user(2))).toBe('again')
    expect(await db.verify()).toEqual({ records: 1 })
  })

  test('of two changes to one key in one write the last counts', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    await db.write([put(1), { del: user(1) }, { del: user(2) }, put(2, 'kept')])
    expect(await db.get(user(1))).toBeUndefined()
    expect(await db.get(user(2))).toBe('kept')
    expect(await db.verify()).toEqual({ records: 1 })
  })

  test('takes values as they are at the call', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    const value = { n: 1 }
    const written = db.write([put(1, value)])
    value.n = 2
    await written
    expect(await db.get(user(1))).toEqual({ n: 1 })
  })

  test('refuses what it cannot hold before it writes anything', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    await expect(db.write([put(1), put(2, { gone: undefined })])).rejects.toThrow()
    expect(await db.get(user(1))).toBeUndefined()
    await db.write([put(3)])
  })

  test('is full before its disk is, does nothing then, and goes on when there is room', async () => {
    await using folder = await openFolder()
    let room = false
    const asked: number[] = []
    const hasRoom = async (_: string, bytes: number) => asked.push(bytes) > 0 && room
    await using db = await openDb({ folder: folder.path, create: true, hasRoom })
    // Those that ask and the one that does not wait in one round.
    const writes = [db.write([put(1)]), db.write([put(2)], { always: true }), db.write([put(3)])]
    const outcomes = await Promise.all(writes.map(faultOf))
    expect(outcomes).toMatchObject([{ kind: 'full' }, 'no fault', { kind: 'full' }])
    expect((await all(db, keys.users())).map(([key]) => key)).toEqual([user(2)])
    expect(asked).toEqual([indexRoomBytes])
    room = true
    await db.write([put(3)])
    expect(await db.verify()).toEqual({ records: 2 })
  })

  test('lists one sort of key in order, from behind a key, forwards and back, up to a limit', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    const ids = Array.from({ length: 250 }, (_, i) => i + 1)
    await db.write([
      ...ids.toReversed().map((id) => put(id, id)),
      { put: keys.token('x'), value: 0 },
    ])
    const list = async (options?: Parameters<Db['list']>[1]) =>
      (await all(db, keys.users(), options)).map(([, id]) => id)
    expect(await list()).toEqual(ids)
    expect(await list({ after: user(248) })).toEqual([249, 250])
    expect(await list({ limit: 2 })).toEqual([1, 2])
    expect(await list({ reverse: true, limit: 2 })).toEqual([250, 249])
    expect(await list({ reverse: true, after: user(3) })).toEqual([2, 1])
    expect(await list({ after: user(250) })).toEqual([])
    expect(await all(db, keys.links())).toEqual([])
    await expect(all(db, keys.users(), { after: keys.token('x') })).rejects.toThrow(
      'a key of its own',
    )
  })

  test('a list sees the index as it was at the first record', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    await db.write([put(1), put(2)])
    const list = db.list(keys.users())
    await list.next()
    await db.write([{ del: user(2) }, put(3)])
    expect((await list.next()).value?.key).toBe(user(2))
    expect((await list.next()).done).toBe(true)
  })

  test('is gone once it is closed', async () => {
    await using folder = await openFolder()
    const db = await openDb({ folder: folder.path, create: true })
    const last = db.write([put(1)])
    await db[Symbol.asyncDispose]()
    await last
    expect(await faultOf(db.get(user(1)))).toMatchObject({ kind: 'gone' })
    expect(await faultOf(db.write([put(1)]))).toMatchObject({ kind: 'gone' })
    expect(await faultOf(all(db, keys.users()))).toMatchObject({ kind: 'gone' })
    await db[Symbol.asyncDispose]()
  })

  test('holds what a map holds after the same changes, and its sum is right', async () => {
    await using folder = await openFolder()
    await using db = await openDb({ folder: folder.path, create: true })
    const model = new Map<Key, unknown>()
    const change = fc.oneof(
      fc.record({ put: fc.nat(20).map(user), value: fc.jsonValue().map(asWritten) }),
      fc.record({ del: fc.nat(20).map(user) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 5 }),
        async (writes) => {
          for (const changes of writes) {
            for (const one of changes) {
              if ('put' in one) model.set(one.put, one.value)
              else model.delete(one.del)
            }
          }
          await Promise.all(writes.map((changes) => db.write(changes)))
          expect(await all(db, keys.users())).toEqual(
            [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
          )
          expect(await db.verify()).toEqual({ records: model.size })
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('opening', () => {
  test('keeps what was written, after closing and after a crash alike', async () => {
    await using folder = await openFolder()
    const [index, crashed] = [join(folder.path, 'index'), join(folder.path, 'crashed')]
    {
      await using db = await openDb({ folder: index, create: true })
      await db.write([put(1), put(2)])
      await cp(index, crashed, { recursive: true })
    }
    for (const one of [index, crashed]) {
      await using db = await openDb({ folder: one, create: false })
      expect(await all(db, keys.users())).toEqual([
        [user(1), { id: 1 }],
        [user(2), { id: 2 }],
      ])
    }
  })

  test('a new one where there is one is refused, and so is none where there must be one', async () => {
    await using folder = await openFolder()
    const index = join(folder.path, 'index')
    expect(await faultOf(openDb({ folder: index, create: false }))).toMatchObject({
      kind: 'missing',
    })
    expect(await readdir(folder.path)).toEqual([])
    await (await openDb({ folder: index, create: true }))[Symbol.asyncDispose]()
    expect(await faultOf(openDb({ folder: index, create: true }))).toMatchObject({ kind: 'exists' })
    await removeDb(index)
    expect(await readdir(folder.path)).toEqual([])
  })

  test('a lost CURRENT file is not taken for an empty index, and nothing is deleted', async () => {
    await using folder = await openFolder()
    {
      await using db = await openDb({ folder: folder.path, create: true })
      await db.write([put(1)])
    }
    await rm(join(folder.path, 'CURRENT'))
    const before = await readdir(folder.path)
    expect(await faultOf(openDb({ folder: folder.path, create: false }))).toMatchObject({
      kind: 'missing',
    })
    expect(await readdir(folder.path)).toEqual(before)
  })

  test('an index in use is busy', async () => {
    await using folder = await openFolder()
    await using _db = await openDb({ folder: folder.path, create: true })
    expect(await faultOf(openDb({ folder: folder.path, create: false }))).toMatchObject({
      kind: 'busy',
    })
  })

  test.each([
    ['a value changed', (level: RawDb) => level.put(user(2), seal(user(3), new Uint8Array([1])))],
    ['a value shorter than its checksum', (level: RawDb) => level.put(user(2), new Uint8Array(3))],
    ['a record lost', (level: RawDb) => level.del(user(2))],
    ['a record too many', (level: RawDb) => level.put(user(9), seal(user(9), new Uint8Array([1])))],
    [
      'a record of an older state',
      (level: RawDb) => level.put(user(2), seal(user(2), new Uint8Array([0xf6]))),
    ],
    ['the sum lost', (level: RawDb) => level.del(sumKey)],
  ])('%s is corrupt', async (_what, damage) => {
    await using folder = await openFolder()
    {
      await using db = await openDb({ folder: folder.path, create: true })
      await db.write([put(1), put(2), put(3)])
    }
    await behind(folder.path, damage)
    expect(await faultOf(openDb({ folder: folder.path, create: false }))).toMatchObject({
      kind: 'corrupt',
      op: 'db.open',
    })
  })

  test('an index that ends the process which reads it is corrupt, and ours lives on', async () => {
    await using folder = await openFolder()
    const index = join(folder.path, 'index')
    await (await openDb({ folder: index, create: true }))[Symbol.asyncDispose]()
    const probe = join(folder.path, 'probe.mjs')
    await writeFile(probe, 'process.send({ found: "loaded" }, () => process.abort())')
    expect(await faultOf(openDb({ folder: index, create: false, probe }))).toMatchObject({
      kind: 'corrupt',
    })
  })

  test('a probe that cannot even begin says nothing of the index', async () => {
    await using folder = await openFolder()
    const index = join(folder.path, 'index')
    await (await openDb({ folder: index, create: true }))[Symbol.asyncDispose]()
    const probe = join(folder.path, 'none.mjs')
    expect(await faultOf(openDb({ folder: index, create: false, probe }))).toMatchObject({
      kind: 'internal',
    })
  })
})

test('a record damaged while the index is open is corrupt about its key, never a wrong value', async () => {
  await using folder = await openFolder()
  const text = (id: number) => createHash('sha512').update(String(id)).digest('base64')
  {
    await using db = await openDb({ folder: folder.path, create: true })
    await db.write(Array.from({ length: 200 }, (_, i) => put(i, text(i))))
  }
  await using db = await openDb({ folder: folder.path, create: false })
  // The records have moved from the log into a table, of which only the first block was read so far.
  const table = (await readdir(folder.path)).find((name) => name.endsWith('.ldb'))!
  const at = (await readFile(join(folder.path, table))).indexOf(text(150))
  expect(at).toBeGreaterThan(0)
  await flip(join(folder.path, table), at)
  expect(await faultOf(db.get(user(150)))).toMatchObject({ kind: 'corrupt', about: user(150) })
  expect(await db.get(user(199))).toBe(text(199))
  expect(await faultOf(all(db, keys.users()))).toMatchObject({ kind: 'corrupt' })
  expect(await faultOf(db.verify())).toMatchObject({ kind: 'corrupt', op: 'db.verify' })
})

test('one flipped bit anywhere in its files: all records, or a fault, never anything else', async () => {
  await using folder = await openFolder()
  const index = join(folder.path, 'index')
  const expected: [Key, unknown][] = []
  const some = (from: number) =>
    Array.from({ length: 100 }, (_, i) => put(from + i, { id: from + i, text: `person ${i}` }))
  {
    await using db = await openDb({ folder: index, create: true })
    await db.write(some(0))
  }
  {
    // Half of the records are in a table now, half in the log, in many batches.
    await using db = await openDb({ folder: index, create: false })
    for (const change of some(100)) await db.write([change])
    expected.push(...(await all(db, keys.users())))
  }
  const files = (await readdir(index)).filter((name) =>
    /^(CURRENT|MANIFEST.*|.*\.(log|ldb))$/.test(name),
  )
  expect(files.length).toBeGreaterThanOrEqual(4)
  let faults = 0
  for (let i = 0; i < 20; i++) {
    const copy = join(folder.path, `copy-${i}`)
    await cp(index, copy, { recursive: true })
    const path = join(copy, files[i % files.length]!)
    const { size } = await stat(path)
    await flip(path, Math.floor(size * ((i * 0.618) % 1)), 1 << (i % 8))
    try {
      await using db = await openDb({ folder: copy, create: false })
      expect(await all(db, keys.users())).toEqual(expected)
    } catch (thrown) {
      faults++
      expect(thrown).toMatchObject({
        name: 'Fault',
        kind: expect.stringMatching(/^(corrupt|missing)$/),
      })
    }
  }
  expect(faults).toBeGreaterThan(6)
}, 120_000)

async function flip(path: string, at: number, mask = 1): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= mask
  await file.write(byte, 0, 1, at)
  await file.close()
}
