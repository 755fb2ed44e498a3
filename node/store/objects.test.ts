import {
  chmod,
  cp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blockBytes, blocksOf } from '../../protocol/unixfs.ts'
import { encode } from '../../protocol/wire.ts'
import {
  expectWhole,
  fault,
  readAll,
  storeContract,
  type TestFile,
  testFile,
  wholeOf,
} from '../../test/contracts/store.ts'
import { openFolder } from '../../test/folder.ts'
import { openSmallDisk } from '../../test/small-disk.ts'
import { freeBytes } from '../base/files.ts'
import { openDb } from '../db/db.ts'
import { openStore } from './objects.ts'
import { placeOf } from './places.ts'
import { sha256 } from './sha256.ts'
import type { Store } from './store.ts'

/** A home with a store and its index, both opened anew as often as wanted. */
async function createHome(at?: string) {
  const stack = new AsyncDisposableStack()
  const folder = at ?? stack.use(await openFolder()).path
  let indexes = 0
  return {
    folder,
    path: (...parts: string[]) => join(folder, 'store', ...parts),
    /** With an empty index each time, as after one was thrown away. */
    async open(create = true): Promise<Store> {
      const db = stack.use(await openDb({ folder: join(folder, `db${indexes++}`), create: true }))
      return stack.use(await openStore({ folder: join(folder, 'store'), db, create }))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

storeContract('a store on a disk', async () => {
  const home = await createHome()
  const store = await home.open()
  return { ...store, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() }
})

const big = testFile(4 * blockBytes + 99, 3)
const small = testFile(2000, 4)
const putSmall = (store: Store, file: TestFile) =>
  store.putSmall(sha256(wholeOf(file)), wholeOf(file))

async function filesUnder(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
}

async function flip(path: string, at: number): Promise<void> {
  await chmod(path, 0o600)
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 0x10
  await file.write(byte, 0, 1, at)
  await file.close()
}

describe('an object on the disk', () => {
  it('is one read-only file in a folder of two letters', async () => {
    await using home = await createHome()
    const store = await home.open()
    await putSmall(store, small)
    await store.flush()
    const path = home.path('objects', small.cid.slice(-2), small.cid)
    expect(await filesUnder(home.path())).toEqual([path])
    expect((await stat(path)).mode & 0o777).toBe(0o440)
    expect(new Uint8Array(await readFile(path))).toEqual(wholeOf(small))
  })

  it('is held when the store is opened again', async () => {
    await using home = await createHome()
    const store = await home.open()
    await putSmall(store, small)
    const root = await store.putBlock(encode('x'))
    await store.flush()
    const again = await home.open(false)
    await expectWhole(again, small)
    expect(await again.block(root)).toEqual(encode('x'))
  })

  it('is refused when one bit of it changed', async () => {
    await using home = await createHome()
    const store = await home.open()
    await putSmall(store, small)
    const root = await store.putBlock(encode('x'))
    await flip(home.path('objects', small.cid.slice(-2), small.cid), 1500)
    await flip(home.path('objects', root.slice(-2), root), 1)
    await expect(readAll(store, small)).rejects.toEqual(fault('corrupt', small.cid))
    await expect(store.block(root)).rejects.toEqual(fault('corrupt', root))
  })

  it('is refused when it was cut, and mended by putting it again', async () => {
    await using home = await createHome()
    const store = await home.open()
    await putSmall(store, small)
    const path = home.path('objects', small.cid.slice(-2), small.cid)
    await chmod(path, 0o600)
    await truncate(path, 1999)
    await expect(readAll(store, small)).rejects.toEqual(fault('corrupt', small.cid))
    await putSmall(store, small)
    await expectWhole(store, small)
  })
})

describe('a flush that failed', () => {
  it('is the last: nothing more is taken until the store is opened anew', async () => {
    await using home = await createHome()
    const store = await home.open()
    await putSmall(store, small)
    await rm(home.path('objects'), { recursive: true })
    await expect(store.flush()).rejects.toEqual(fault('corrupt'))
    await expect(store.flush()).rejects.toEqual(fault('corrupt'))
    await expect(putSmall(store, small)).rejects.toEqual(fault('corrupt'))
    await expect(store.stage().then((stage) => stage.keep('' as never))).rejects.toEqual(
      fault('corrupt'),
    )
    const again = await home.open()
    await putSmall(again, small)
    await again.flush()
    await expectWhole(again, small)
  })
})

describe('opening', () => {
  it('does not make a store that should be there', async () => {
    await using home = await createHome()
    await expect(home.open(false)).rejects.toEqual(fault('missing', home.path()))
  })

  it('empties what lay aside', async () => {
    await using home = await createHome()
    const store = await home.open()
    const stage = await store.stage()
    await stage.putSmall(sha256(wholeOf(small)), wholeOf(small))
    const writer = await stage.writer()
    await writer.append(big.block(0))
    expect((await filesUnder(home.path('tmp'))).length).toBe(2)
    const again = await home.open(false)
    expect(await readdir(home.path('tmp'))).toEqual([])
    expect(await again.has(small.cid)).toBe(false)
  })
})

/** The store as a crash would leave it: what is on the disk now, opened by another process. */
async function crash(
  home: Awaited<ReturnType<typeof createHome>>,
): Promise<Awaited<ReturnType<typeof createHome>>> {
  const after = `${home.folder}/after`
  await cp(home.path(), join(after, 'store'), { recursive: true })
  return createHome(after)
}

describe('a file that is arriving, after a crash', () => {
  it('has the blocks of the last checkpoint and no others', async () => {
    await using home = await createHome()
    const incoming = await (await home.open()).put(big.cid, big.size, big.digests)
    for (const i of [0, 3]) await incoming.write(i, big.block(i))
    await incoming.checkpoint()
    await incoming.write(1, big.block(1))
    await using after = await crash(home)
    const store = await after.open(false)
    const resumed = await store.put(big.cid, big.size, big.digests)
    expect([...resumed.missing()]).toEqual([
      { first: 1, count: 2 },
      { first: 4, count: 1 },
    ])
    for (const i of [1, 2, 4]) await resumed.write(i, big.block(i))
    await resumed.finish()
    await expectWhole(store, big)
    expect(await readdir(after.path('partial'))).toEqual([])
    await incoming.discard()
  })

  it('begins again without a checkpoint', async () => {
    await using home = await createHome()
    const incoming = await (await home.open()).put(big.cid, big.size, big.digests)
    await incoming.write(0, big.block(0))
    await using after = await crash(home)
    const resumed = await (await after.open(false)).put(big.cid, big.size, big.digests)
    expect(resumed.heldBytes).toBe(0)
    await resumed.discard()
    await incoming.discard()
  })

  const damages: [string, (map: string, data: string) => Promise<unknown>][] = [
    ['a bit of the map flipped', async (map) => flip(map, 16)],
    ['the sum of the map flipped', async (map) => flip(map, (await stat(map)).size - 1)],
    ['the map cut', async (map) => truncate(map, 20)],
    ['the map empty', async (map) => writeFile(map, '')],
    ['the data gone', async (_, data) => rm(data)],
    ['the data of another length', async (_, data) => truncate(data, 5)],
  ]
  it.each(damages)('begins again with %s', async (_, damage) => {
    await using home = await createHome()
    const store = await home.open()
    const incoming = await store.put(big.cid, big.size, big.digests)
    await incoming.write(0, big.block(0))
    await incoming.close()
    await damage(home.path('partial', `${big.cid}.map`), home.path('partial', `${big.cid}.data`))
    const resumed = await store.put(big.cid, big.size, big.digests)
    expect(resumed.heldBytes).toBe(0)
    for (let i = 0; i < blocksOf(big.size); i++) await resumed.write(i, big.block(i))
    await resumed.finish()
    await expectWhole(store, big)
  })

  it('does not believe the map of another file', async () => {
    await using home = await createHome()
    const store = await home.open()
    const other = testFile(big.size, 99)
    for (const file of [big, other]) {
      const incoming = await store.put(file.cid, file.size, file.digests)
      if (file === other) for (const i of [0, 1, 2]) await incoming.write(i, other.block(i))
      else await incoming.write(4, big.block(4))
      await incoming.close()
    }
    await rename(home.path('partial', `${other.cid}.map`), home.path('partial', `${big.cid}.map`))
    const resumed = await store.put(big.cid, big.size, big.digests)
    expect(resumed.heldBytes).toBe(0)
    await resumed.discard()
  })

  it('finds a map that lies before it is whole, and fetches those blocks again', async () => {
    await using home = await createHome()
    const store = await home.open()
    const first = await store.put(big.cid, big.size, big.digests)
    for (let i = 0; i < blocksOf(big.size); i++) await first.write(i, big.block(i))
    await first.close()
    await flip(home.path('partial', `${big.cid}.data`), 2 * blockBytes + 5)
    const resumed = await store.put(big.cid, big.size, big.digests)
    expect([...resumed.missing()]).toEqual([])
    await expect(resumed.finish()).rejects.toEqual(fault('corrupt', big.cid))
    expect(await store.has(big.cid)).toBe(false)
    expect([...resumed.missing()]).toEqual([{ first: 2, count: 1 }])
    await resumed.write(2, big.block(2))
    await resumed.finish()
    await expectWhole(store, big)
  })
})

describe('the list of files in place', () => {
  it('survives the index, and is refused with its name when it is damaged', async () => {
    await using home = await createHome()
    const store = await home.open()
    const path = join(home.folder, 'kept here.bin')
    await writeFile(path, wholeOf(big))
    await using stage = await store.stage()
    await stage.refer(big.cid, placeOf(path, await stat(path, { bigint: true })))
    await stage.keep(await stage.putBlock(encode('root')))
    await expectWhole(await home.open(false), big)
    const [name] = await readdir(home.path('places'))
    const list = await readFile(home.path('places', name!), 'utf8')
    const lines = list.split('\n')
    for (const damaged of [
      list.slice(0, -20),
      list.replace('.bin', '.bim'),
      lines.slice(1).join('\n'),
      `${lines[0]}\n`,
    ]) {
      await writeFile(home.path('places', name!), damaged)
      await expect(home.open(false)).rejects.toEqual(fault('corrupt', name))
    }
  })
})

describe('a full disk', () => {
  it('is a fault that says so, and leaves nothing behind', async (context) => {
    await using disk = await openSmallDisk(4)
    if (disk === null) return context.skip()
    await using home = await createHome()
    const db = await openDb({ folder: join(home.folder, 'db'), create: true })
    await using _db = db
    await using store = await openStore({ folder: disk.path, db, create: true })
    const free = () => freeBytes(disk.path)
    const before = await free()
    {
      await using stage = await store.stage()
      const writer = await stage.writer()
      const fill = async () => {
        for (let i = 0; i < 6; i++) await writer.append(testFile(6 * blockBytes).block(i))
      }
      await expect(fill()).rejects.toEqual(fault('full'))
    }
    expect(await free()).toBe(before)
    const files = Array.from({ length: 6 }, (_, i) => testFile(blockBytes, i))
    const puts = await Promise.allSettled(files.map((file) => putSmall(store, file)))
    const refused = puts.filter((put) => put.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toEqual(fault('full'))
    expect(await readdir(join(disk.path, 'tmp'))).toEqual([])
    const incoming = await store.put(big.cid, big.size, big.digests)
    const arrive = async () => {
      for (let i = 0; i < blocksOf(big.size); i++) await incoming.write(i, big.block(i))
    }
    await expect(arrive()).rejects.toEqual(fault('full'))
    await incoming.discard()
    // Room again: the same store goes on.
    await store.remove(files.map(({ cid }) => cid))
    await putSmall(store, files[0]!)
    await store.flush()
    await expectWhole(store, files[0]!)
  })
})
