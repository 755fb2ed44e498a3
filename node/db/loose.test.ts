import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { type Db, openDb } from './db.ts'
import { keys } from './keys.ts'
import {
  type Loose,
  type LooseRecord,
  looseBatchMax,
  looseKeyBytesMax,
  looseValueBytesMax,
} from './loose.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)
const record = (key: number[], value: number[] = key): LooseRecord => ({
  key: bytes(...key),
  value: bytes(...value),
})
const all = async (loose: Loose, ...options: Parameters<Loose['list']>) =>
  (await Array.fromAsync(loose.list(...options))).map(({ key, value }) => [[...key], [...value]])

async function openNew(hasRoom?: () => Promise<boolean>) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const path = join(folder.path, 'index')
  const db: Db = stack.use(await openDb({ folder: path, create: true, hasRoom }))
  return { db, path, folder, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('loose records', () => {
  test('are what was put, in the order of asking, until they are taken away', async () => {
    await using index = await openNew()
    const loose = index.db.loose('test')
    await loose.write([record([1]), record([0xff, 0xff]), record([])], [])
    expect(await loose.getMany([bytes(0xff, 0xff), bytes(2), bytes(), bytes(1)])).toEqual(
      [[0xff, 0xff], undefined, [], [1]].map((value) => value && Buffer.from(value)),
    )
    await loose.write([record([1], [9]), record([3])], [bytes(0xff, 0xff), bytes(3)], {
      sync: true,
    })
    expect(await all(loose)).toEqual([
      [[], []],
      [[1], [9]],
    ])
    expect(await loose.getMany([])).toEqual([])
    await loose.write([], [])
  })

  test('are found by keys that share their memory as by others, each table its own', async () => {
    await using index = await openNew()
    const loose = index.db.loose('test')
    await loose.write([record([1, 1]), record([2, 2], [9])], [])
    await index.db.loose('seen').write([record([3, 3])], [])
    const found = await loose.find(4, 2, (i, into, at) => into.set([i, i], at))
    expect(found.map((value) => value && [...value])).toEqual([undefined, [1, 1], [9], undefined])
    expect(await loose.find(0, 2, () => {})).toEqual([])
  })

  test('are listed in the order of keys, by prefix, and behind a key', async () => {
    await using index = await openNew()
    const loose = index.db.loose('test')
    await loose.write(
      [record([2]), record([1, 0xff, 5]), record([1, 0xff]), record([1]), record([0xff, 0xff])],
      [],
    )
    const listed = async (...options: Parameters<Loose['list']>) =>
      (await all(loose, ...options)).map(([key]) => key)
    expect(await listed()).toEqual([[1], [1, 0xff], [1, 0xff, 5], [2], [0xff, 0xff]])
    expect(await listed({ prefix: bytes(1, 0xff) })).toEqual([
      [1, 0xff],
      [1, 0xff, 5],
    ])
    expect(await listed({ prefix: bytes(0xff) })).toEqual([[0xff, 0xff]])
    expect(await listed({ after: bytes(1, 0xff) })).toEqual([[1, 0xff, 5], [2], [0xff, 0xff]])
    expect(await listed({ prefix: bytes(1), after: bytes(1) })).toEqual([
      [1, 0xff],
      [1, 0xff, 5],
    ])
  })

  test('of one name are apart from those of another, and from the index', async () => {
    await using index = await openNew()
    const { db } = index
    const user = keys.user(1 as UserId)
    await db.write([{ put: user, value: 'a person' }])
    await db.loose('test').write([record([1])], [])
    await db.loose('seen').write([record([1], [7])], [])
    expect(await all(db.loose('test'))).toEqual([[[1], [1]]])
    expect(await all(db.loose('seen'))).toEqual([[[1], [7]]])
    expect(await db.get(user)).toBe('a person')
    // They are in no sum.
    expect(await db.verify()).toEqual({ records: 1 })
  })

  test('do not keep an index from opening, closed in order or not', async () => {
    await using index = await openNew()
    const { db, path, folder } = index
    await db.write([{ put: keys.user(1 as UserId), value: 1 }])
    await db.loose('test').write([record([1]), record([0xff])], [], { sync: true })
    const crashed = join(folder.path, 'crashed')
    await cp(path, crashed, { recursive: true })
    await db[Symbol.asyncDispose]()
    for (const at of [path, crashed]) {
      await using again = await openDb({ folder: at, create: false })
      expect(await all(again.loose('test'))).toHaveLength(2)
      expect(await again.verify()).toEqual({ records: 1 })
    }
  })

  test('are refused while there is no room, unless they make some', async () => {
    let room = false
    await using index = await openNew(async () => room)
    const loose = index.db.loose('test')
    expect(await faultOf(loose.write([record([1])], []))).toMatchObject({ kind: 'full' })
    expect(await all(loose)).toEqual([])
    await loose.write([record([2])], [], { always: true })
    room = true
    await loose.write([record([3])], [])
    expect(await all(loose)).toHaveLength(2)
  })

  test('are gone with the index', async () => {
    await using index = await openNew()
    const loose = index.db.loose('test')
    await loose.write([record([1])], [])
    await index.db[Symbol.asyncDispose]()
    expect(await faultOf(loose.write([record([1])], []))).toMatchObject({ kind: 'gone' })
    expect(await faultOf(loose.getMany([bytes(1)]))).toMatchObject({ kind: 'gone' })
    expect(await faultOf(all(loose))).toMatchObject({ kind: 'gone' })
  })

  test('over a cap are our own mistake, and the index goes on', async () => {
    await using index = await openNew()
    const loose = index.db.loose('test')
    const long = (length: number) => new Uint8Array(length)
    const wrong: LooseRecord[][] = [
      [{ key: long(looseKeyBytesMax + 1), value: long(0) }],
      [{ key: long(1), value: long(looseValueBytesMax + 1) }],
      new Array<LooseRecord>(looseBatchMax + 1).fill(record([1])),
    ]
    for (const puts of wrong) await expect(loose.write(puts, [])).rejects.toThrow(/at most|short/)
    await expect(loose.getMany([long(looseKeyBytesMax + 1)])).rejects.toThrow(/at most/)
    await loose.write([{ key: long(looseKeyBytesMax), value: long(looseValueBytesMax) }], [])
    expect(await all(loose)).toHaveLength(1)
  })
})
