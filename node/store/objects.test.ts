import {
  chmod,
  mkdir,
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
import type { Root } from '../../protocol/ids.ts'
import { blockBytes, blocksOf, rootOf } from '../../protocol/unixfs.ts'
import { encode } from '../../protocol/wire.ts'
import {
  expectWhole,
  fault,
  putWhole,
  readAll,
  storeContract,
  type TestFile,
  testFile,
  wholeOf,
} from '../../test/contracts/store.ts'
import { openFolder } from '../../test/folder.ts'
import { openSmallDisk } from '../../test/small-disk.ts'
import {
  alike,
  createStoreHome,
  filesUnder,
  flip,
  putSmall,
  type StoreHome,
} from '../../test/store-home.ts'
import { freeBytes } from '../base/files.ts'
import { openDb } from '../db/db.ts'
import { createIntake } from './intake.ts'
import { openStore } from './objects.ts'
import { placeOf } from './places.ts'
import { sha256 } from './sha256.ts'

storeContract('a store on a disk', async () => {
  const home = await createStoreHome()
  return alike(await home.open(), { [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() })
})

const big = testFile(4 * blockBytes + 99, 3)
const small = testFile(2000, 4)

describe('an object on the disk', () => {
  it('is one read-only file in a folder of two letters', async () => {
    await using home = await createStoreHome()
    await putWhole(await home.open(), big)
    const path = home.path('objects', big.cid.slice(-2), big.cid)
    expect(await filesUnder(home.path())).toEqual([path])
    expect((await stat(path)).mode & 0o777).toBe(0o440)
    expect(Buffer.compare(await readFile(path), wholeOf(big))).toBe(0)
  })

  it('is held when the store is opened again', async () => {
    await using home = await createStoreHome()
    await putWhole(await home.open(), big)
    await expectWhole(await home.open(false), big)
  })

  it('is refused when one bit of it changed', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    await putWhole(store, big)
    await flip(home.path('objects', big.cid.slice(-2), big.cid), 1500)
    await expect(readAll(store, big)).rejects.toEqual(fault('corrupt', big.cid))
    expect(await store.check(big.cid)).toBe('damaged')
  })

  it('is refused when it was cut, and mended by having it sent again', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    await putWhole(store, big)
    const path = home.path('objects', big.cid.slice(-2), big.cid)
    await chmod(path, 0o600)
    await truncate(path, big.size - 1)
    await expect(readAll(store, big)).rejects.toEqual(fault('corrupt', big.cid))
    expect(await store.check(big.cid)).toBe('damaged')
    await putWhole(store, big)
    await expectWhole(store, big)
  })

  it('is missing when its file is gone', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    await putWhole(store, big)
    await rm(home.path('objects', big.cid.slice(-2), big.cid))
    await expect(readAll(store, big)).rejects.toEqual(fault('missing', big.cid))
    expect(await store.has(big.cid)).toBe(false)
    expect(await store.check(big.cid)).toBe('missing')
  })
})

describe('a store from before there were packs', () => {
  /** As that version left it: small content in files of its own. */
  async function older(home: StoreHome): Promise<Root> {
    const bytes = encode('old')
    const root = rootOf(sha256, bytes)
    for (const [cid, content] of [
      [small.cid, wholeOf(small)],
      [root, bytes],
    ] as const) {
      await mkdir(home.path('objects', cid.slice(-2)), { recursive: true })
      await writeFile(home.path('objects', cid.slice(-2), cid), content, { mode: 0o440 })
    }
    return root
  }

  it('goes on with what it has, and takes it no second time', async () => {
    await using home = await createStoreHome()
    const root = await older(home)
    for (let i = 0; i < 2; i++) {
      const store = await home.open(false)
      expect(await store.hasMany([small.cid, root, big.cid])).toEqual([true, true, false])
      expect(await store.block(root)).toEqual(encode('old'))
      await expectWhole(store, small)
      const into = new Uint8Array(small.size)
      await store.readSmalls([small], into)
      expect(into).toEqual(wholeOf(small))
      await putSmall(store, small)
      await store.flush()
      expect(await readdir(home.path('packs'))).toEqual(['older'])
      expect((await Array.fromAsync(store.list())).map(({ cid }) => cid).sort()).toEqual(
        [small.cid, root].sort(),
      )
    }
  })

  it('finds damage in it, and gives it up', async () => {
    await using home = await createStoreHome()
    const root = await older(home)
    const store = await home.open(false)
    await flip(home.path('objects', small.cid.slice(-2), small.cid), 7)
    expect(await store.check(small.cid)).toBe('damaged')
    expect(await store.check(root)).toBe('whole')
    await store.quarantine(small.cid)
    expect(await readdir(home.path('quarantine'))).toEqual([small.cid])
    await putSmall(store, small)
    await expectWhole(store, small)
    await store.remove([root])
    expect(await store.has(root)).toBe(false)
    // Nothing old is left, so nobody looks for it any more; what came since is held.
    await store.flush()
    await putWhole(store, big)
    const again = await home.open(false)
    expect(await readdir(home.path('packs'))).toEqual(['00000001.car'])
    await expectWhole(again, small)
    await expectWhole(again, big)
  })
})

describe('a flush that failed', () => {
  it('is the last: nothing more is taken until the store is opened anew', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    // The folder of a pack is flushed with its first content; without it the system cannot say yes.
    await putSmall(store, small)
    await rm(home.path('packs'), { recursive: true })
    await expect(store.flush()).rejects.toEqual(fault('corrupt'))
    await expect(store.flush()).rejects.toEqual(fault('corrupt'))
    await expect(putSmall(store, testFile(2000, 5))).rejects.toEqual(fault('corrupt'))
    const again = await home.open()
    await putSmall(again, small)
    await again.flush()
    await expectWhole(again, small)
  })

  it('is the last also when it was of names', async () => {
    await using home = await openFolder()
    const intake = createIntake(home.path)
    const aside = await intake.create()
    await aside.settle(join(home.path, 'new', 'name'))
    await rm(join(home.path, 'new'), { recursive: true })
    for (let i = 0; i < 2; i++) await expect(intake.flush()).rejects.toEqual(fault('corrupt'))
    await expect(intake.create()).rejects.toEqual(fault('corrupt'))
  })
})

describe('opening', () => {
  it('does not make a store that should be there', async () => {
    await using home = await createStoreHome()
    await expect(home.open(false)).rejects.toEqual(fault('missing', home.path()))
  })

  it('empties what lay aside', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    const stage = await store.stage()
    await stage.putSmall(sha256(wholeOf(small)), wholeOf(small))
    const writer = await stage.writer()
    await writer.append(big.block(0))
    await writer.append(big.block(1))
    expect((await filesUnder(home.path('tmp'))).length).toBe(2)
    const again = await home.open(false)
    expect(await readdir(home.path('tmp'))).toEqual([])
    expect(await again.has(small.cid)).toBe(false)
  })
})

describe('a file that is arriving, after a crash', () => {
  it('has the blocks of the last checkpoint and no others', async () => {
    await using home = await createStoreHome()
    const incoming = await (await home.open()).put(big.cid, big.size, big.digests)
    for (const i of [0, 3]) await incoming.write(i, big.block(i))
    await incoming.checkpoint()
    await incoming.write(1, big.block(1))
    await using after = await home.crash()
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
    await using home = await createStoreHome()
    const incoming = await (await home.open()).put(big.cid, big.size, big.digests)
    await incoming.write(0, big.block(0))
    await using after = await home.crash()
    const resumed = await (await after.open(false)).put(big.cid, big.size, big.digests)
    expect(resumed.heldBytes).toBe(0)
    await resumed.discard()
    await incoming.discard()
  })

  const damages: [string, (map: string, data: string) => Promise<unknown>][] = [
    ['a bit of the map flipped', async (map) => flip(map, 4096 + 24)],
    ['the sum of the map flipped', async (map) => flip(map, 4096 + 16 + 8 + 1 + 31)],
    ['the number of the map flipped', async (map) => flip(map, 4096 + 23)],
    ['the map cut', async (map) => truncate(map, 20)],
    ['the map empty', async (map) => writeFile(map, '')],
    ['the data gone', async (_, data) => rm(data)],
    ['the data of another length', async (_, data) => truncate(data, 5)],
  ]
  it.each(damages)('begins again with %s', async (_, damage) => {
    await using home = await createStoreHome()
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

  it('has the checkpoint before, when a crash tore the last', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    const incoming = await store.put(big.cid, big.size, big.digests)
    for (const i of [0, 1, 2]) {
      await incoming.write(i, big.block(i))
      await incoming.checkpoint()
    }
    await incoming.close()
    // The third lies where the first did: behind the start of the second place.
    await flip(home.path('partial', `${big.cid}.map`), 4096 + 24)
    const resumed = await store.put(big.cid, big.size, big.digests)
    expect([...resumed.missing()]).toEqual([{ first: 2, count: 3 }])
    for (let i = 2; i < blocksOf(big.size); i++) await resumed.write(i, big.block(i))
    await resumed.finish()
    await expectWhole(store, big)
  })

  it('takes blocks while a checkpoint runs, and counts them with the next', async () => {
    await using home = await createStoreHome()
    const incoming = await (await home.open()).put(big.cid, big.size, big.digests)
    await incoming.write(0, big.block(0))
    const first = incoming.checkpoint()
    await Promise.all([incoming.write(1, big.block(1)), first])
    await using between = await home.crash()
    const resumed = await (await between.open(false)).put(big.cid, big.size, big.digests)
    expect([...resumed.missing()][0]).toEqual({ first: 1, count: 4 })
    await resumed.discard()
    await incoming.checkpoint()
    await using after = await home.crash()
    const again = await (await after.open(false)).put(big.cid, big.size, big.digests)
    expect([...again.missing()]).toEqual([{ first: 2, count: 3 }])
    await again.discard()
    await incoming.discard()
  })

  it('does not believe the map of another file', async () => {
    await using home = await createStoreHome()
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
    await using home = await createStoreHome()
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
    await using home = await createStoreHome()
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
  async function openOn(path: string, home: StoreHome, create: boolean) {
    const stack = new AsyncDisposableStack()
    const index = join(home.folder, 'db')
    const db = stack.use(await openDb({ folder: index, create }))
    const store = stack.use(await openStore({ folder: path, db, create }))
    return alike(store, { [Symbol.asyncDispose]: () => stack.disposeAsync() })
  }

  it('is a fault that says so, and leaves nothing of files behind', async (context) => {
    await using disk = await openSmallDisk(4)
    if (disk === null) return context.skip()
    await using home = await createStoreHome()
    await using store = await openOn(disk.path, home, true)
    const before = await freeBytes(disk.path)
    {
      await using stage = await store.stage()
      const writer = await stage.writer()
      const fill = async () => {
        for (let i = 0; i < 6; i++) await writer.append(testFile(6 * blockBytes).block(i))
      }
      await expect(fill()).rejects.toEqual(fault('full'))
    }
    expect(await freeBytes(disk.path)).toBe(before)
    const incoming = await store.put(big.cid, big.size, big.digests)
    const arrive = async () => {
      for (let i = 0; i < blocksOf(big.size); i++) await incoming.write(i, big.block(i))
    }
    await expect(arrive()).rejects.toEqual(fault('full'))
    await incoming.discard()
    expect(await freeBytes(disk.path)).toBe(before)
  })

  it('in the middle of a group of small files loses nothing that was flushed, and with room again nothing at all', async (context) => {
    await using disk = await openSmallDisk(8)
    if (disk === null) return context.skip()
    await using home = await createStoreHome()
    const taken: TestFile[] = []
    {
      await using store = await openOn(disk.path, home, true)
      const ballast = join(disk.path, 'ballast')
      await writeFile(ballast, new Uint8Array(4 * blockBytes))
      const put = async (seed: number) => {
        const file = testFile(blockBytes / 4, seed)
        await putSmall(store, file)
        taken.push(file)
      }
      for (let i = 0; i < 4; i++) await put(i)
      await store.flush()
      const [flushed] = taken
      const rest = async () => {
        for (let i = 4; i < 40; i++) await put(i)
        await store.flush()
      }
      await expect(rest()).rejects.toEqual(fault('full'))
      await expect(store.flush()).rejects.toEqual(fault('full'))
      await expectWhole(store, flushed!)
      expect(taken.length).toBeGreaterThan(12)
      // Room again: the same store goes on, and has what it took before it was full.
      await rm(ballast)
      await store.flush()
      await put(99)
      await store.flush()
      for (const file of taken) await expectWhole(store, file)
    }
    await using again = await openOn(disk.path, home, false)
    for (const file of taken) await expectWhole(again, file)
  })
})
