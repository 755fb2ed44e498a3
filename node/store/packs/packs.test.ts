/** Packs on a disk: their form, what is left after crashes and damage, and space that comes back. */
import { appendFile, copyFile, cp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Root } from '../../../protocol/ids.ts'
import { blockBytes, rootOf } from '../../../protocol/unixfs.ts'
import { encode } from '../../../protocol/wire.ts'
import {
  expectWhole,
  fault,
  readAll,
  type TestFile,
  testFile,
  wholeOf,
} from '../../../test/contracts/store.ts'
import { createStoreHome, flip, putSmall, type StoreHome } from '../../../test/store-home.ts'
import { sha256 } from '../sha256.ts'
import type { Store } from '../store.ts'

const files = Array.from({ length: 30 }, (_, i) => testFile(i * 211, 300 + i))
const rootBytes = encode('a root')
const root = rootOf(sha256, rootBytes)

const putFiles = (store: Store, some: readonly TestFile[] = files) =>
  store.putSmalls(some.map((file) => ({ digest: sha256(wholeOf(file)), bytes: wholeOf(file) })))

const heldOf = async (store: Store, some: readonly TestFile[] = files) => {
  const have = await store.hasMany(some.map(({ cid }) => cid))
  return some.filter((_, i) => have[i])
}

const packsOf = async (home: StoreHome) =>
  (await readdir(home.path('packs'))).filter((name) => name.endsWith('.car')).sort()

/** Written without a look at the store's own code: what any reader of CARv1 does. */
function readCar(bytes: Uint8Array): { at: number; cid: CID; content: number; end: number }[] {
  let position = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[position++]!
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  const headerEnd = varint() + position
  const header = Buffer.from(bytes.subarray(position, headerEnd)).toString('hex')
  // A map of two: "roots", an empty list, and "version", 1.
  expect(header).toBe('a265726f6f7473806776657273696f6e01')
  position = headerEnd
  const sections = []
  while (position < bytes.byteLength) {
    const at = position
    const end = varint() + position
    const [cid, rest] = CID.decodeFirst(bytes.subarray(position, end))
    sections.push({ at, cid, content: end - rest.byteLength, end })
    position = end
  }
  expect(position).toBe(bytes.byteLength)
  return sections
}

async function sectionOf(path: string, cid: string) {
  const found = readCar(await readFile(path)).find((section) => section.cid.toString() === cid)
  return found!
}

/** A home with one pack of all files and a root, closed. */
async function createFilled(): Promise<{ home: StoreHome; pack: string }> {
  const home = await createStoreHome()
  await using store = await home.openKept()
  await putFiles(store)
  await store.putBlock(rootBytes)
  await store.flush()
  const [name] = await packsOf(home)
  return { home, pack: home.path('packs', name!) }
}

describe('a pack', () => {
  it('is a CAR file of version 1, with each content once under its CID', async () => {
    await using home = await createStoreHome()
    const store = await home.open()
    await putFiles(store)
    await store.putBlock(rootBytes)
    await putFiles(store)
    await store.flush()
    expect(await packsOf(home)).toEqual(['00000001.car'])
    const bytes = await readFile(home.path('packs', '00000001.car'))
    const sections = readCar(bytes)
    expect(sections.map(({ cid }) => cid.toString())).toEqual([
      ...files.map(({ cid }) => cid),
      root,
    ])
    for (const { cid, content, end } of sections) {
      expect(Buffer.compare(sha256(bytes.subarray(content, end)), cid.multihash.digest)).toBe(0)
    }
  })

  it('is followed by another when it is full', async () => {
    await using home = await createStoreHome()
    const large = Array.from({ length: 9 }, (_, i) => testFile(blockBytes - i, 400 + i))
    {
      await using store = await home.openKept({ packBytesMax: 3 * blockBytes })
      for (const file of large) await putSmall(store, file)
      await store.flush()
      for (const file of large) await expectWhole(store, file)
    }
    expect(await packsOf(home)).toHaveLength(5)
    for (const name of await packsOf(home)) {
      expect((await stat(home.path('packs', name))).size).toBeLessThanOrEqual(3 * blockBytes)
      readCar(await readFile(home.path('packs', name)))
    }
    await using again = await home.openKept()
    for (const file of large) await expectWhole(again, file)
  })

  it('is not begun by a stage before it is kept, and has its files afterwards', async () => {
    await using home = await createStoreHome()
    const large = Array.from({ length: 5 }, (_, i) => testFile(blockBytes - i, 420 + i))
    {
      await using store = await home.openKept({ packBytesMax: 3 * blockBytes })
      await using stage = await store.stage()
      await putFiles(stage as unknown as Store)
      for (const file of large) await putSmall(stage as unknown as Store, file)
      expect(await packsOf(home)).toEqual([])
      await stage.keep(await stage.putBlock(rootBytes))
      expect(await packsOf(home)).toHaveLength(1)
      for (const file of [...files, ...large]) await expectWhole(store, file)
    }
    await using again = await home.openKept()
    for (const file of [...files, ...large]) await expectWhole(again, file)
    expect(again.damages).toBe(0)
  })
})

describe('after a crash', () => {
  it('what was flushed is held, with its index and without', async () => {
    await using home = await createStoreHome()
    await using store = await home.openKept()
    await putFiles(store)
    await store.flush()
    await putSmall(store, testFile(999, 500))
    await using after = await home.crash()
    {
      await using again = await after.openKept()
      expect(await heldOf(again)).toEqual(files)
      for (const file of files) await expectWhole(again, file)
    }
    const rebuilt = await after.open(false)
    for (const file of files) await expectWhole(rebuilt, file)
    expect(rebuilt.damages).toBe(0)
  })

  it('between a pack and the index only what the index does not know is read again', async () => {
    await using home = await createStoreHome()
    await using store = await home.openKept()
    const [first, second] = [files.slice(0, 15), files.slice(15)]
    await putFiles(store, first)
    await store.flush()
    // The index is of now, the pack is of later.
    await using after = await home.crash()
    await putFiles(store, second)
    await store.flush()
    const name = '00000001.car'
    const pack = after.path('packs', name)
    await copyFile(home.path('packs', name), pack)
    const known = await sectionOf(pack, first[5]!.cid)
    const unknown = await sectionOf(pack, second[5]!.cid)
    await flip(pack, known.content + 3)
    await flip(pack, unknown.content + 3)
    await using again = await after.openKept()
    // Not read, so not found out; what is read has to be whole.
    expect(await heldOf(again)).toEqual([...first, ...second.filter((_, i) => i !== 5)])
    expect(await again.check(first[5]!.cid)).toBe('damaged')
    expect(await again.check(second[6]!.cid)).toBe('whole')
  })

  it('a hole in what the index knows is found and filled', async () => {
    await using home = await createStoreHome()
    {
      await using store = await home.openKept()
      const parts = [files.slice(0, 10), files.slice(10, 20), files.slice(20)]
      for (const part of parts) {
        await putFiles(store, part)
        await store.flush()
      }
      // As when the log of the index lost a batch and kept the one after it.
      const records = store.db.loose('packs')
      const links = (await Array.fromAsync(records.list())).filter(({ key }) => key[0] === 0)
      expect(links).toHaveLength(3)
      const lost = await Array.fromAsync(records.list())
      const middle = parts[1]!.map(({ cid }) => CID.parse(cid).multihash.digest)
      const keys = lost
        .map(({ key }) => key)
        .filter((key) => middle.some((digest) => Buffer.compare(key.subarray(1), digest) === 0))
      expect(keys).toHaveLength(10)
      await records.write([], [...keys, links[1]!.key])
      expect(await heldOf(store, parts[1])).toEqual([])
    }
    await using again = await home.openKept()
    expect(await heldOf(again)).toEqual(files)
    for (const file of files) await expectWhole(again, file)
  })

  const tails: [string, (pack: string, last: { at: number; end: number }) => Promise<unknown>][] = [
    ['the last section is cut in its content', (pack, { end }) => truncate(pack, end - 1)],
    ['the last section is cut in its head', (pack, { at }) => truncate(pack, at + 20)],
    ['zeros follow', (pack) => appendFile(pack, new Uint8Array(70_000))],
    ['noise follows', (pack) => appendFile(pack, wholeOf(testFile(5000, 501)))],
    [
      'the start of a section follows',
      (pack) => appendFile(pack, Buffer.from('a40201551220', 'hex')),
    ],
  ]
  it.each(tails)('the torn end of a pack is cut off: %s', async (_, tear) => {
    const { home, pack } = await createFilled()
    await using _home = home
    const sections = readCar(await readFile(pack))
    await tear(pack, sections.at(-1)!)
    const isCut = (await stat(pack)).size < sections.at(-1)!.end
    const store = await home.open(false)
    expect(await heldOf(store)).toEqual(files)
    expect(await store.has(root)).toBe(!isCut)
    expect(readCar(await readFile(pack))).toHaveLength(isCut ? files.length : files.length + 1)
  })

  it('a pack in which nothing was written yet is cleared away', async () => {
    await using home = await createStoreHome()
    await home.open()
    await appendFile(home.path('packs', '00000003.car'), new Uint8Array(0))
    await appendFile(home.path('packs', '00000004.car'), Buffer.from('11a265', 'hex'))
    const store = await home.open(false)
    expect(await packsOf(home)).toEqual([])
    await putSmall(store, files[3]!)
    await store.flush()
    // No number is used twice.
    expect(await packsOf(home)).toEqual(['00000005.car'])
  })
})

describe('damage', () => {
  it.each([
    ['its content', (section: { content: number }) => section.content + 100],
    ['its CID', (section: { content: number }) => section.content - 5],
    ['its length', (section: { at: number }) => section.at],
  ])('of a section in %s shows when it is read, and costs only that section', async (_, where) => {
    const { home, pack } = await createFilled()
    await using _home = home
    const [bad] = files.slice(7)
    await flip(pack, where(await sectionOf(pack, bad!.cid)))
    {
      await using store = await home.openKept()
      await expect(readAll(store, bad!)).rejects.toEqual(fault('corrupt', bad!.cid))
      expect(await store.check(bad!.cid)).toBe('damaged')
      for (const file of files) if (file !== bad) await expectWhole(store, file)
    }
    // And when the index is made from the packs.
    const rebuilt = await home.open(false)
    expect(await heldOf(rebuilt)).toEqual(files.filter((file) => file !== bad))
    expect(await rebuilt.block(root)).toEqual(rootBytes)
    await putSmall(rebuilt, bad!)
    await rebuilt.flush()
    await expectWhole(rebuilt, bad!)
  })

  it('of a head is found also by who trusts, and of a metadata block always', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    const [bad] = files.slice(7)
    await flip(pack, (await sectionOf(pack, bad!.cid)).content - 5)
    await flip(pack, (await sectionOf(pack, root)).content)
    await using store = await home.openKept()
    const into = new Uint8Array(100_000)
    await expect(store.readSmalls(files, into)).rejects.toEqual(fault('corrupt', bad!.cid))
    await expect(store.readSmalls([bad!], into)).rejects.toEqual(fault('corrupt', bad!.cid))
    await expect(store.block(root)).rejects.toEqual(fault('corrupt', root))
  })

  it('is put aside as it is, and the same content can arrive again', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    const [bad] = files.slice(7)
    await flip(pack, (await sectionOf(pack, bad!.cid)).content + 100)
    {
      await using store = await home.openKept()
      await store.quarantine(bad!.cid)
      expect(store.damages).toBe(1)
      const aside = await readFile(home.path('quarantine', bad!.cid))
      const expected = wholeOf(bad!)
      expected[100]! ^= 0x10
      expect(Buffer.compare(aside, expected)).toBe(0)
      await putSmall(store, bad!)
      await store.flush()
      await expectWhole(store, bad!)
    }
    await using again = await home.openKept()
    await expectWhole(again, bad!)
    expect(again.damages).toBe(1)
  })

  it('of a pack that is cut in the middle costs what lay behind the cut', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    await truncate(pack, (await sectionOf(pack, files[20]!.cid)).content + 1)
    await using store = await home.openKept()
    expect(await heldOf(store)).toEqual(files.slice(0, 20))
    for (const file of files.slice(0, 20)) await expectWhole(store, file)
    await expect(store.block(root)).rejects.toEqual(fault('missing', root))
    expect(store.damages).toBe(1)
    await putFiles(store)
    await store.flush()
    for (const file of files) await expectWhole(store, file)
  })

  it('of a pack that is cut while the store is open is a fault, and nothing else is read', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    await using store = await home.openKept()
    await expectWhole(store, files[20]!)
    await truncate(pack, (await sectionOf(pack, files[20]!.cid)).content + 1)
    await expect(readAll(store, files[20]!)).rejects.toEqual(fault('corrupt', files[20]!.cid))
    await expect(store.readSmalls([files[25]!], new Uint8Array(9999))).rejects.toEqual(
      fault('corrupt', files[25]!.cid),
    )
    await expectWhole(store, files[19]!)
  })

  it('of a pack that is gone costs what lay in it', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    await rm(pack)
    await using store = await home.openKept()
    expect(await heldOf(store)).toEqual([])
    expect(store.damages).toBe(1)
    await putFiles(store)
    await store.flush()
    for (const file of files) await expectWhole(store, file)
  })

  it('of a pack that goes while the store is open is a fault', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    await using store = await home.openKept()
    await rm(pack)
    await expect(store.block(root)).rejects.toEqual(fault('corrupt', root))
    expect(await store.check(root)).toBe('damaged')
    await store.quarantine(root)
    expect(await store.has(root)).toBe(false)
  })
})

describe('a pack of another store', () => {
  it('in the place of ours is never taken for it', async () => {
    const { home, pack } = await createFilled()
    await using _home = home
    await using other = await createStoreHome()
    {
      await using store = await other.openKept()
      const others = Array.from({ length: 60 }, (_, i) => testFile(i * 211, 900 + i))
      await putFiles(store, others)
      await store.flush()
    }
    await copyFile(other.path('packs', '00000001.car'), pack)
    await using store = await home.openKept()
    // The empty file is the same everywhere, and the first in both.
    for (const file of files.slice(1))
      await expect(readAll(store, file)).rejects.toEqual(fault('corrupt', file.cid))
    await expect(store.readSmalls(files.slice(1), new Uint8Array(100_000))).rejects.toEqual(
      fault('corrupt', files[1]!.cid),
    )
  })

  it('beside ours counts, because it is true', async () => {
    const { home } = await createFilled()
    await using _home = home
    await using other = await createStoreHome()
    const others = files.map((_, i) => testFile(i * 31 + 1, 700 + i))
    {
      await using store = await other.openKept()
      await putFiles(store, [...others, ...files.slice(0, 5)])
      await store.flush()
    }
    await copyFile(other.path('packs', '00000001.car'), home.path('packs', '00000007.car'))
    await using store = await home.openKept()
    for (const file of [...others, ...files]) await expectWhole(store, file)
  })
})

describe('compact', () => {
  const large = Array.from({ length: 12 }, (_, i) => testFile(blockBytes - i, 600 + i))
  /** Packs of two or three MiB. */
  async function createLarge(): Promise<StoreHome> {
    const home = await createStoreHome()
    await using store = await home.openKept({ packBytesMax: 4 * blockBytes })
    for (const file of large) await putSmall(store, file)
    await store.flush()
    return home
  }
  const sizes = async (home: StoreHome) => {
    let sum = 0
    for (const name of await packsOf(home)) sum += (await stat(home.path('packs', name))).size
    return sum
  }

  it('gives the space of what was removed back, and says how much', async () => {
    await using home = await createLarge()
    await using store = await home.openKept()
    const before = await sizes(home)
    const kept = large.filter((_, i) => i % 4 === 0)
    await store.remove(large.filter((_, i) => i % 4 !== 0).map(({ cid }) => cid))
    const { bytes } = await store.compact({})
    expect(before - (await sizes(home))).toBe(bytes)
    expect(bytes).toBeGreaterThan(8.9 * blockBytes)
    for (const file of kept) await expectWhole(store, file)
    expect(await heldOf(store, large)).toEqual(kept)
    expect(await store.compact({})).toEqual({ bytes: 0 })
  })

  it('gives the space of what is there twice back', async () => {
    await using home = await createLarge()
    await using store = await home.openKept({ packBytesMax: 4 * blockBytes })
    const again = large.map((file) => ({ digest: sha256(wholeOf(file)), bytes: wholeOf(file) }))
    await store.putSmalls(again, { isNew: true })
    await store.flush()
    const before = await sizes(home)
    expect(before).toBeGreaterThan(23 * blockBytes)
    const { bytes } = await store.compact({})
    expect(bytes).toBe(before - (await sizes(home)))
    expect(bytes).toBeGreaterThan(8 * blockBytes)
    for (const file of large) await expectWhole(store, file)
  })

  it('leaves packs that mostly count alone, and the one that is written', async () => {
    await using home = await createLarge()
    await using store = await home.openKept()
    await putFiles(store)
    await store.flush()
    await store.remove([large[0]!.cid, ...files.slice(1).map(({ cid }) => cid)])
    const before = await packsOf(home)
    expect(await store.compact({})).toEqual({ bytes: 0 })
    expect(await packsOf(home)).toEqual(before)
  })

  it('loses nothing to a crash, whichever of its steps reached the disk', async () => {
    await using home = await createLarge()
    const kept = large.filter((_, i) => i % 4 === 0)
    {
      await using store = await home.openKept()
      await store.remove(large.filter((_, i) => i % 4 !== 0).map(({ cid }) => cid))
    }
    // The old packs as they were, the index as it was before and after.
    await using before = await home.crash()
    {
      await using store = await home.openKept()
      await store.compact({})
    }
    await using after = await home.crash()
    const packs = (of: StoreHome) => of.path('packs')
    for (const [index, left] of [
      // The new pack is there; the index knows nothing of it.
      [before, [before, after]],
      // The index has moved; nothing was deleted.
      [after, [before, after]],
      // The old packs are deleted.
      [after, [after]],
      // There is no index at all.
      [undefined, [before, after]],
    ] as const) {
      await using crashed = await createStoreHome(join(home.folder, 'mixed'))
      await cp(after.path(), crashed.path(), { recursive: true })
      await rm(packs(crashed), { recursive: true })
      for (const one of left) await cp(packs(one), packs(crashed), { recursive: true })
      if (index !== undefined)
        await cp(join(index.folder, 'db'), join(crashed.folder, 'db'), { recursive: true })
      {
        await using store =
          index === undefined ? await crashed.open(false) : await crashed.openKept()
        for (const file of kept) await expectWhole(store, file)
        await store.compact({})
        for (const file of kept) await expectWhole(store, file)
        expect(store.damages).toBe(1)
      }
      await rm(crashed.folder, { recursive: true })
    }
  })

  it('keeps what is damaged where it is, for whoever checks it', async () => {
    await using home = await createLarge()
    const [name] = await packsOf(home)
    const pack = home.path('packs', name!)
    await flip(pack, (await sectionOf(pack, large[0]!.cid)).content + 9)
    await using store = await home.openKept()
    await store.remove(large.slice(1).map(({ cid }) => cid))
    await store.compact({})
    expect(await packsOf(home)).toContain(name)
    expect(await store.check(large[0]!.cid)).toBe('damaged')
    await store.quarantine(large[0]!.cid)
    await store.compact({})
    expect(await packsOf(home)).toEqual([])
  })

  it('puts many small packs together', async () => {
    await using home = await createStoreHome()
    const many = files.slice(0, 12)
    for (const file of many) {
      await using store = await home.openKept()
      await putSmall(store, file)
      await store.flush()
    }
    expect(await packsOf(home)).toHaveLength(many.length)
    await using store = await home.openKept()
    await store.compact({})
    expect(await packsOf(home)).toHaveLength(1)
    for (const file of many) await expectWhole(store, file)
    await store.compact({})
    expect(await packsOf(home)).toHaveLength(1)
  })

  it('is in nobody’s way: reads, puts and removals go on', async () => {
    await using home = await createLarge()
    await using store = await home.openKept()
    await store.remove(large.slice(4).map(({ cid }) => cid))
    await store.remove([large[1]!.cid])
    let done = false
    const compacting = store.compact({}).finally(() => {
      done = true
    })
    const into = new Uint8Array(blockBytes)
    let rounds = 0
    do {
      await expectWhole(store, large[0]!)
      await store.readSmalls([large[2]!], into)
      expect(Buffer.compare(into.subarray(0, large[2]!.size), wholeOf(large[2]!))).toBe(0)
      await putSmall(store, files[rounds++ % files.length]!)
      if (rounds === 1) await store.remove([large[3]!.cid])
      await store.flush()
    } while (!done)
    await compacting
    expect(await heldOf(store, large)).toEqual([large[0], large[2]])
    await expectWhole(store, large[2]!)
    await expectWhole(store, files[0]!)
  })
})

it('what was removed stays removed as long as there is an index', async () => {
  const { home } = await createFilled()
  await using _home = home
  {
    await using store = await home.openKept()
    await store.remove([root as Root, files[3]!.cid])
  }
  await using store = await home.openKept()
  expect(await store.has(root)).toBe(false)
  expect(await heldOf(store)).toEqual(files.filter((_, i) => i !== 3))
  expect(store.damages).toBe(1)
})
