/**
 * What every store promises, whatever keeps it. An implementation's test calls `storeContract` with a
 * way to open an empty one.
 */
import { lstat, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { placeOf } from '../../node/store/places.ts'
import { sha256 } from '../../node/store/sha256.ts'
import { nodeBytesMax, type Store } from '../../node/store/store.ts'
import type { FaultKind } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import {
  blockBytes,
  blockCid,
  blockSize,
  blocksOf,
  digestBytes,
  fileCid,
} from '../../protocol/unixfs.ts'
import { encode } from '../../protocol/wire.ts'
import { openFolder } from '../folder.ts'

export const fault = (kind: FaultKind, about?: string) =>
  expect.objectContaining({ name: 'Fault', kind, ...(about === undefined ? {} : { about }) })

export type TestFile = {
  cid: FileCid
  size: number
  digests: Uint8Array
  block(index: number): Uint8Array
}

/** A file whose bytes follow from its seed and are different in every block. */
export function testFile(size: number, seed = 1): TestFile {
  const block = (index: number) => {
    const bytes = new Uint8Array(blockSize(size, index))
    let state = (seed * 2654435761 + index * 40503 + 1) >>> 0
    for (let i = 0; i < bytes.byteLength; i += 97) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      bytes[i] = state >>> 24
    }
    return bytes
  }
  const digests = new Uint8Array(blocksOf(size) * digestBytes)
  for (let i = 0; i < blocksOf(size); i++) digests.set(sha256(block(i)), i * digestBytes)
  return { cid: fileCid(sha256, size, digests), size, digests, block }
}

export async function readAll(store: Store, file: TestFile): Promise<Uint8Array> {
  await using held = await store.file(file.cid, file.size, file.digests)
  const blocks: Uint8Array[] = []
  for (let i = 0; i < blocksOf(file.size); i++) blocks.push(await held.read(i))
  return new Uint8Array(Buffer.concat(blocks))
}

export const wholeOf = (file: TestFile) =>
  new Uint8Array(
    Buffer.concat(Array.from({ length: blocksOf(file.size) }, (_, i) => file.block(i))),
  )

/** That the store gives back exactly this file. Told by one comparison: element by element takes seconds. */
export async function expectWhole(store: Store, file: TestFile): Promise<void> {
  expect(Buffer.compare(await readAll(store, file), wholeOf(file))).toBe(0)
}

/** Arrives block by block. */
export async function putWhole(store: Store, file: TestFile): Promise<void> {
  const incoming = await store.put(file.cid, file.size, file.digests)
  for (let i = 0; i < blocksOf(file.size); i++) await incoming.write(i, file.block(i))
  await incoming.finish()
}

const small = testFile(1000)
const big = testFile(3 * blockBytes + 17, 7)
const smallDigest = small.digests

export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    describe('putBlock and block', () => {
      it('give back a metadata block under its CID', async () => {
        await using store = await open()
        const bytes = encode({ a: 1 })
        const root = await store.putBlock(bytes)
        await store.flush()
        expect(root).toBe(blockCid(sha256(bytes), 'dag-cbor').toString())
        expect(await store.has(root)).toBe(true)
        expect(await store.block(root)).toEqual(bytes)
      })

      it('know what is missing', async () => {
        await using store = await open()
        const root = blockCid(sha256(encode('no')), 'dag-cbor').toString() as Root
        expect(await store.has(root)).toBe(false)
        await expect(store.block(root)).rejects.toEqual(fault('missing', root))
      })

      it('refuse one over the cap', async () => {
        await using store = await open()
        await expect(store.putBlock(new Uint8Array(nodeBytesMax + 1))).rejects.toEqual(
          fault('invalid'),
        )
      })
    })

    describe('putSmall and file', () => {
      it.each([0, 1, 1000, blockBytes])('keep a file of %i bytes', async (size) => {
        await using store = await open()
        const file = testFile(size)
        const bytes = wholeOf(file)
        expect(await store.putSmall(sha256(bytes), bytes)).toBe(file.cid)
        await store.flush()
        expect(await store.has(file.cid)).toBe(true)
        await expectWhole(store, file)
      })

      it('refuse bytes that do not have the digest, and write nothing', async () => {
        await using store = await open()
        const wrong = small.block(0)
        wrong[3]! ^= 1
        await expect(store.putSmall(smallDigest, wrong)).rejects.toEqual(fault('corrupt'))
        expect(await store.has(small.cid)).toBe(false)
        await expect(store.file(small.cid, small.size, small.digests)).rejects.toEqual(
          fault('missing', small.cid),
        )
      })

      it('refuse more than a block', async () => {
        await using store = await open()
        const bytes = new Uint8Array(blockBytes + 1)
        await expect(store.putSmall(sha256(bytes), bytes)).rejects.toEqual(fault('corrupt'))
      })

      it('take the same thing twice, also at once', async () => {
        await using store = await open()
        await Promise.all(
          Array.from({ length: 5 }, () => store.putSmall(smallDigest, small.block(0))),
        )
        await store.putSmall(smallDigest, small.block(0))
        await store.flush()
        await expectWhole(store, small)
      })

      it('keep a file and a metadata block of the same bytes apart', async () => {
        await using store = await open()
        const bytes = encode({ both: true })
        const root = await store.putBlock(bytes)
        expect(await store.has(blockCid(sha256(bytes), 'raw').toString() as FileCid)).toBe(false)
        const cid = await store.putSmall(sha256(bytes), bytes)
        await store.remove([cid])
        expect(await store.has(cid)).toBe(false)
        expect(await store.block(root)).toEqual(bytes)
      })

      it('read into a buffer of the caller', async () => {
        await using store = await open()
        await store.putSmall(smallDigest, small.block(0))
        await using held = await store.file(small.cid, small.size, small.digests)
        const buffer = new Uint8Array(blockBytes)
        const bytes = await held.read(0, buffer)
        expect(bytes.buffer).toBe(buffer.buffer)
        expect(bytes).toEqual(small.block(0))
      })
    })

    describe('putSmalls', () => {
      const files = Array.from({ length: 50 }, (_, i) => testFile(i * 37, 100 + i))
      const batch = () =>
        files.map((file) => ({ digest: sha256(wholeOf(file)), bytes: wholeOf(file) }))

      it('keep many, and their bytes may be used again', async () => {
        await using store = await open()
        const given = batch()
        expect(await store.putSmalls(given)).toEqual(files.map(({ cid }) => cid))
        for (const { bytes } of given) bytes.fill(0)
        expect(await store.hasMany(files.map(({ cid }) => cid))).toEqual(files.map(() => true))
        for (const file of files) await expectWhole(store, file)
        await store.flush()
        for (const file of files) await expectWhole(store, file)
      })

      it('write nothing when one of them is not its digest', async () => {
        await using store = await open()
        const given = batch()
        given[49]!.bytes[3]! ^= 1
        await expect(store.putSmalls(given)).rejects.toEqual(fault('corrupt'))
        expect((await store.hasMany(files.map(({ cid }) => cid))).includes(true)).toBe(false)
      })

      it('take the same thing twice, in one batch and in several at once', async () => {
        await using store = await open()
        await Promise.all([
          store.putSmalls([...batch(), ...batch()]),
          store.putSmalls(batch()),
          ...batch().map(({ digest, bytes }) => store.putSmall(digest, bytes)),
        ])
        await store.putSmalls([])
        await store.flush()
        for (const file of files) await expectWhole(store, file)
        expect((await Array.fromAsync(store.list())).length).toBe(files.length)
      })
    })

    describe('putSmalls of what is said to be new', () => {
      const files = Array.from({ length: 20 }, (_, i) => testFile(i * 41, 300 + i))
      const batch = () =>
        files.map((file) => ({
          digest: sha256(wholeOf(file)),
          bytes: wholeOf(file),
          cid: file.cid,
        }))

      it('keeps it as any other, also when it was there all the same', async () => {
        await using store = await open()
        for (let i = 0; i < 2; i++) {
          expect(await store.putSmalls(batch(), { isNew: true })).toEqual(
            files.map(({ cid }) => cid),
          )
          for (const file of files) await expectWhole(store, file)
          await store.flush()
        }
        for (const file of files) await expectWhole(store, file)
        expect((await Array.fromAsync(store.list())).length).toBe(files.length)
      })

      it('is still refused when it is not its digest', async () => {
        await using store = await open()
        const given = batch()
        given[7]!.bytes[0]! ^= 1
        await expect(store.putSmalls(given, { isNew: true })).rejects.toEqual(fault('corrupt'))
        expect((await store.hasMany(files.map(({ cid }) => cid))).includes(true)).toBe(false)
      })
    })

    describe('hasMany', () => {
      it('answers in the order of asking, for small, large and unknown', async () => {
        await using store = await open()
        const root = await store.putBlock(encode('block'))
        await store.putSmall(smallDigest, small.block(0))
        await putWhole(store, big)
        const [no, never] = [testFile(5, 50), testFile(2 * blockBytes, 51)] as const
        const asked = [no.cid, root, big.cid, never.cid, small.cid, root]
        expect(await store.hasMany(asked)).toEqual([false, true, true, false, true, true])
        expect(await store.hasMany([])).toEqual([])
      })
    })

    describe('readSmalls', () => {
      const files = [0, 1, 5000, blockBytes, 0, 70_000, 33].map((size, i) => testFile(size, 60 + i))
      const bytesOf = (some: readonly TestFile[]) => Buffer.concat(some.map(wholeOf))

      it.each(['not flushed', 'flushed'])(
        'puts contents one after another into a buffer, %s',
        async (state) => {
          await using store = await open()
          // An order of their own, and others between.
          for (const [i, file] of [...files].reverse().entries()) {
            await store.putSmall(sha256(wholeOf(file)), wholeOf(file))
            await store.putBlock(encode({ between: i }))
          }
          if (state === 'flushed') await store.flush()
          for (const some of [files, [...files].reverse(), [files[2]!, files[2]!, files[0]!]]) {
            const into = new Uint8Array(bytesOf(some).byteLength + 3).fill(7)
            await store.readSmalls(some, into)
            expect(Buffer.compare(into.subarray(0, -3), bytesOf(some))).toBe(0)
            expect(into.subarray(-3)).toEqual(Uint8Array.of(7, 7, 7))
          }
        },
      )

      it('know what is missing, and what has another size', async () => {
        await using store = await open()
        await store.putSmall(smallDigest, small.block(0))
        const other = testFile(10, 70)
        await expect(store.readSmalls([small, other], new Uint8Array(2000))).rejects.toEqual(
          fault('missing', other.cid),
        )
        await expect(
          store.readSmalls([{ cid: small.cid, size: 999 }], new Uint8Array(2000)),
        ).rejects.toEqual(fault('corrupt', small.cid))
      })

      it('hash what was left in place', async () => {
        await using folder = await openFolder()
        await using store = await open()
        const path = join(folder.path, 'small')
        await writeFile(path, wholeOf(small))
        await using stage = await store.stage()
        const place = placeOf(path, await lstat(path, { bigint: true }))
        await stage.refer(small.cid, place)
        await stage.keep(await stage.putBlock(encode('root')))
        const into = new Uint8Array(small.size)
        await store.readSmalls([small], into)
        expect(into).toEqual(wholeOf(small))
        const { mtimeNs } = await lstat(path, { bigint: true })
        await writeFile(path, 'x', { flag: 'r+' })
        await utimes(path, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9)
        await expect(store.readSmalls([small], into)).rejects.toEqual(fault('conflict', path))
      })
    })

    describe('read with trust', () => {
      it('gives the same bytes', async () => {
        await using store = await open()
        await store.putSmall(smallDigest, small.block(0))
        await putWhole(store, big)
        for (const file of [small, big]) {
          await using held = await store.file(file.cid, file.size, file.digests)
          const buffer = new Uint8Array(blockBytes)
          for (let i = 0; i < blocksOf(file.size); i++) {
            const bytes = await held.read(i, buffer, { trust: true })
            expect(Buffer.compare(bytes, file.block(i))).toBe(0)
          }
        }
      })
    })

    describe('remove, list, check and quarantine', () => {
      async function openFilled() {
        const store = await open()
        const root = await store.putBlock(encode('root'))
        await store.putSmall(smallDigest, small.block(0))
        await putWhole(store, big)
        await store.flush()
        return Object.assign(new AsyncDisposableStack(), { store, root })
      }
      const names = async (store: Store) =>
        (await Array.fromAsync(store.list())).map(({ cid, bytes }) => `${cid} ${bytes}`).sort()

      it('list everything that is held, each once', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        const staged = testFile(77, 80)
        await using stage = await store.stage()
        await stage.putSmall(sha256(wholeOf(staged)), wholeOf(staged))
        await store.putSmall(smallDigest, small.block(0))
        const unflushed = testFile(78, 81)
        await store.putSmall(sha256(wholeOf(unflushed)), wholeOf(unflushed))
        expect(await names(store)).toEqual(
          [
            `${root} ${encode('root').byteLength}`,
            `${small.cid} ${small.size}`,
            `${big.cid} ${big.size}`,
            `${unflushed.cid} 78`,
          ].sort(),
        )
      })

      it('forget many, and what is forgotten can arrive again', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        const before = store.damages
        await store.remove([small.cid, big.cid, testFile(3, 82).cid])
        expect(store.damages).toBeGreaterThan(before)
        expect(await store.hasMany([small.cid, big.cid, root])).toEqual([false, false, true])
        await expect(store.file(small.cid, small.size, small.digests)).rejects.toEqual(
          fault('missing', small.cid),
        )
        await store.putSmall(smallDigest, small.block(0))
        await putWhole(store, big)
        await store.flush()
        await expectWhole(store, small)
        await expectWhole(store, big)
      })

      it('remove what is not there, and count nothing', async () => {
        await using store = await open()
        const before = store.damages
        await store.remove([small.cid, big.cid])
        await store.remove([])
        await store.quarantine(small.cid)
        expect(store.damages).toBe(before)
      })

      it('forget what was not flushed yet', async () => {
        await using store = await open()
        await store.putSmall(smallDigest, small.block(0))
        await store.remove([small.cid])
        expect(await store.has(small.cid)).toBe(false)
        await store.flush()
        expect(await store.has(small.cid)).toBe(false)
        expect(await names(store)).toEqual([])
      })

      it('compact, and everything is there as before', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        await store.remove([small.cid])
        await store.compact({})
        expect(await store.block(root)).toEqual(encode('root'))
        await expectWhole(store, big)
        await store.putSmall(smallDigest, small.block(0))
        await store.compact({})
        await expectWhole(store, small)
        await expect(store.compact({ signal: AbortSignal.abort() })).rejects.toThrow()
      })

      it('check one thing by its name', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        for (const cid of [root, small.cid, big.cid]) expect(await store.check(cid)).toBe('whole')
        expect(await store.check(testFile(3, 83).cid)).toBe('missing')
        expect(await store.check(testFile(2 * blockBytes, 84).cid)).toBe('missing')
      })

      it('are busy while the store is held still, and wait for no one then', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        await store.still(async () => {
          for (const change of [
            () => store.remove([small.cid]),
            () => store.quarantine(small.cid),
            () => store.compact({}),
          ])
            await expect(change()).rejects.toEqual(fault('busy'))
          await store.putSmall(testFile(9, 85).digests, wholeOf(testFile(9, 85)))
          await store.flush()
          for (const cid of [root, small.cid, big.cid]) expect(await store.check(cid)).toBe('whole')
        })
        const failing = store.still(() => Promise.reject(new Error('of the copy')))
        await expect(failing).rejects.toThrow('of the copy')
        await store.remove([small.cid])
        expect(await store.has(small.cid)).toBe(false)
      })

      it('put one thing in quarantine, and it can arrive again', async () => {
        await using filled = await openFilled()
        const { store, root } = filled
        filled.use(store)
        for (const cid of [root, small.cid, big.cid]) {
          const before = store.damages
          await store.quarantine(cid)
          expect(store.damages).toBeGreaterThan(before)
          expect(await store.has(cid)).toBe(false)
          expect(await store.check(cid)).toBe('missing')
        }
        expect(await names(store)).toEqual([])
        await store.putBlock(encode('root'))
        await store.putSmall(smallDigest, small.block(0))
        await putWhole(store, big)
        await store.flush()
        expect(await store.block(root)).toEqual(encode('root'))
        await expectWhole(store, small)
        await expectWhole(store, big)
      })
    })

    describe('put', () => {
      it('takes blocks in any order and holds the file when it is whole', async () => {
        await using store = await open()
        const incoming = await store.put(big.cid, big.size, big.digests)
        expect([...incoming.missing()]).toEqual([{ first: 0, count: 4 }])
        await incoming.write(3, big.block(3))
        await incoming.write(1, big.block(1))
        expect([...incoming.missing()]).toEqual([
          { first: 0, count: 1 },
          { first: 2, count: 1 },
        ])
        expect(incoming.heldBytes).toBe(blockBytes + 17)
        expect(await store.has(big.cid)).toBe(false)
        await Promise.all([
          incoming.write(0, big.block(0)),
          incoming.write(2, big.block(2)),
          incoming.write(1, big.block(1)),
        ])
        expect(incoming.heldBytes).toBe(big.size)
        await incoming.checkpoint()
        await incoming.finish()
        expect(await store.has(big.cid)).toBe(true)
        await expectWhole(store, big)
      })

      it('takes an empty file', async () => {
        await using store = await open()
        const empty = testFile(0)
        const incoming = await store.put(empty.cid, 0, empty.digests)
        expect([...incoming.missing()]).toEqual([])
        await incoming.finish()
        expect(await readAll(store, empty)).toEqual(new Uint8Array(0))
      })

      it('refuses a block that is not what it should be, and writes nothing of it', async () => {
        await using store = await open()
        const incoming = await store.put(big.cid, big.size, big.digests)
        await incoming.write(0, big.block(0))
        const wrong: [number, Uint8Array][] = [
          [1, big.block(0)],
          [0, big.block(0).subarray(1)],
          [3, big.block(3).subarray(0, 16)],
          [3, new Uint8Array(blockBytes)],
          [4, big.block(3)],
          [-1, big.block(0)],
          [0.5, big.block(0)],
        ]
        for (const [index, bytes] of wrong)
          await expect(incoming.write(index, bytes)).rejects.toEqual(fault('corrupt'))
        expect(incoming.heldBytes).toBe(blockBytes)
        for (const i of [1, 2, 3]) await incoming.write(i, big.block(i))
        await incoming.finish()
        await expectWhole(store, big)
      })

      it('does not finish while blocks are missing, and can go on', async () => {
        await using store = await open()
        const incoming = await store.put(big.cid, big.size, big.digests)
        for (const i of [0, 1, 3]) await incoming.write(i, big.block(i))
        await expect(incoming.finish()).rejects.toEqual(fault('conflict', big.cid))
        await incoming.write(2, big.block(2))
        await incoming.finish()
        expect(await store.has(big.cid)).toBe(true)
      })

      it('goes on where it was closed', async () => {
        await using store = await open()
        const first = await store.put(big.cid, big.size, big.digests)
        await first.write(2, big.block(2))
        await first.close()
        const second = await store.put(big.cid, big.size, big.digests)
        expect([...second.missing()]).toEqual([
          { first: 0, count: 2 },
          { first: 3, count: 1 },
        ])
        expect(second.heldBytes).toBe(blockBytes)
        for (const i of [0, 1, 3]) await second.write(i, big.block(i))
        await second.finish()
        await expectWhole(store, big)
      })

      it('leaves nothing of what was discarded', async () => {
        await using store = await open()
        const first = await store.put(big.cid, big.size, big.digests)
        await first.write(0, big.block(0))
        await first.discard()
        const second = await store.put(big.cid, big.size, big.digests)
        expect(second.heldBytes).toBe(0)
        await second.discard()
        expect(await store.sweepPartials(() => false)).toBe(0)
      })

      it('is for one at a time', async () => {
        await using store = await open()
        const first = await store.put(big.cid, big.size, big.digests)
        await expect(store.put(big.cid, big.size, big.digests)).rejects.toEqual(
          fault('busy', big.cid),
        )
        await first.close()
        await (await store.put(big.cid, big.size, big.digests)).close()
      })

      it('begins also when the file is held already', async () => {
        await using store = await open()
        await store.putSmall(smallDigest, small.block(0))
        const incoming = await store.put(small.cid, small.size, small.digests)
        expect([...incoming.missing()]).toEqual([{ first: 0, count: 1 }])
        await incoming.write(0, small.block(0))
        await incoming.finish()
        await expectWhole(store, small)
      })

      it('refuses a size or digests that are not those of the CID', async () => {
        await using store = await open()
        await expect(store.put(big.cid, big.size + 1, big.digests)).rejects.toEqual(
          fault('invalid', big.cid),
        )
        await expect(store.put(big.cid, big.size, big.digests.subarray(32))).rejects.toEqual(
          fault('invalid', big.cid),
        )
        await expect(store.put(small.cid, big.size, big.digests)).rejects.toEqual(
          fault('invalid', small.cid),
        )
      })
    })

    describe('sweepPartials', () => {
      it('removes what nobody wants and is not open', async () => {
        await using store = await open()
        const files = [testFile(5000, 1), testFile(5000, 2), testFile(5000, 3)] as const
        for (const file of files) {
          const incoming = await store.put(file.cid, file.size, file.digests)
          await incoming.write(0, file.block(0))
          await incoming.close()
        }
        const [wanted, unwanted, used] = files
        const incoming = await store.put(used.cid, used.size, used.digests)
        expect(await store.sweepPartials((cid) => cid === wanted.cid)).toBe(1)
        await incoming.finish()
        const again = async (file: TestFile) => {
          const partial = await store.put(file.cid, file.size, file.digests)
          const { heldBytes } = partial
          await partial.close()
          return heldBytes
        }
        expect(await again(wanted)).toBe(5000)
        expect(await again(unwanted)).toBe(0)
      })
    })

    describe('stage', () => {
      it('holds nothing before it is kept, and everything after', async () => {
        await using store = await open()
        await using stage = await store.stage()
        const root = await stage.putBlock(encode('page'))
        await stage.putSmall(smallDigest, small.block(0))
        const writer = await stage.writer()
        for (let i = 0; i < blocksOf(big.size); i++) await writer.append(big.block(i))
        expect(await writer.end()).toEqual({ cid: big.cid, size: big.size, digests: big.digests })
        for (const cid of [root, small.cid, big.cid]) expect(await store.has(cid)).toBe(false)
        await stage.keep(root)
        expect(await store.block(root)).toEqual(encode('page'))
        await expectWhole(store, small)
        await expectWhole(store, big)
      })

      it('takes batches, and the same thing often, and holds it once', async () => {
        await using store = await open()
        const files = Array.from({ length: 20 }, (_, i) => testFile(i + 1, 200 + i))
        const batch = [...files, ...files].map((file) => ({
          digest: file.digests,
          bytes: wholeOf(file),
        }))
        await store.putSmalls(batch.slice(0, 3))
        await using stage = await store.stage()
        await stage.putSmalls(batch)
        await Promise.all(batch.map(({ digest, bytes }) => stage.putSmall(digest, bytes)))
        const root = await stage.putBlock(encode('root'))
        expect(await store.has(root)).toBe(false)
        await stage.keep(root)
        for (const file of files) await expectWhole(store, file)
        expect((await Array.fromAsync(store.list())).length).toBe(files.length + 1)
      })

      it('leaves nothing when it is given up', async () => {
        await using store = await open()
        {
          await using stage = await store.stage()
          await stage.putSmall(smallDigest, small.block(0))
          const writer = await stage.writer()
          await writer.append(big.block(0))
        }
        expect(await store.has(small.cid)).toBe(false)
      })

      it('takes an empty file, and a file again that is held', async () => {
        await using store = await open()
        const empty = testFile(0)
        for (let i = 0; i < 2; i++) {
          await using stage = await store.stage()
          expect((await (await stage.writer()).end()).cid).toBe(empty.cid)
          const writer = await stage.writer()
          await writer.append(small.block(0))
          expect((await writer.end()).cid).toBe(small.cid)
          await stage.keep(await stage.putBlock(encode('root')))
        }
        await expectWhole(store, small)
      })
    })

    describe('a file left in place', () => {
      async function withPlace(run: (store: Store, path: string) => Promise<void>): Promise<void> {
        await using folder = await openFolder()
        await using store = await open()
        const path = join(folder.path, 'in place: ✓.bin')
        await writeFile(path, wholeOf(big))
        await using stage = await store.stage()
        await stage.refer(big.cid, placeOf(path, await lstat(path, { bigint: true })))
        await expect(store.file(big.cid, big.size, big.digests)).rejects.toEqual(
          fault('missing', big.cid),
        )
        await stage.keep(await stage.putBlock(encode('root')))
        await run(store, path)
      }

      it('is read where it lies, and is not held', () =>
        withPlace(async (store) => {
          await expectWhole(store, big)
          expect(await store.has(big.cid)).toBe(false)
        }))

      const changes: [string, (path: string) => Promise<unknown>][] = [
        ['was written to', async (path) => writeFile(path, 'x', { flag: 'r+' })],
        ['was cut', async (path) => writeFile(path, wholeOf(big).subarray(1))],
        ['was touched', async (path) => utimes(path, 1, 1)],
        ['was removed', async (path) => rm(path)],
        [
          'is another file of the same bytes and time',
          async (path) => {
            const { mtimeMs } = await lstat(path)
            await writeFile(`${path}.new`, wholeOf(big))
            await utimes(`${path}.new`, mtimeMs / 1000, mtimeMs / 1000)
            await rename(`${path}.new`, path)
          },
        ],
      ]
      it.each(changes)('is refused with its path when it %s', (_, change) =>
        withPlace(async (store, path) => {
          await change(path)
          await expect(readAll(store, big)).rejects.toEqual(fault('conflict', path))
        }),
      )

      it('is refused with its path when it changes while it is open', () =>
        withPlace(async (store, path) => {
          await using held = await store.file(big.cid, big.size, big.digests)
          await held.read(0)
          await writeFile(path, new Uint8Array(10))
          await expect(held.read(1)).rejects.toEqual(fault('conflict', path))
        }))

      it('is refused when its bytes changed behind its time and size', () =>
        withPlace(async (store, path) => {
          const { mtimeNs } = await lstat(path, { bigint: true })
          await writeFile(path, 'x', { flag: 'r+' })
          await utimes(path, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9)
          await expect(readAll(store, big)).rejects.toEqual(fault('conflict', path))
        }))

      it('gives way to the same content elsewhere', () =>
        withPlace(async (store, path) => {
          await using folder = await openFolder()
          const other = join(folder.path, 'other')
          await writeFile(other, wholeOf(big))
          await using stage = await store.stage()
          await stage.refer(big.cid, placeOf(other, await lstat(other, { bigint: true })))
          await stage.keep(await stage.putBlock(encode('other root')))
          await rm(path)
          await expectWhole(store, big)
        }))

      it('gives way to an object', () =>
        withPlace(async (store, path) => {
          await using stage = await store.stage()
          const writer = await stage.writer()
          for (let i = 0; i < blocksOf(big.size); i++) await writer.append(big.block(i))
          await writer.end()
          await stage.keep(await stage.putBlock(encode('copied')))
          await rm(path)
          await expectWhole(store, big)
        }))
    })
  })
}
