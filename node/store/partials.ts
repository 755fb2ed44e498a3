/**
 * Files that are arriving. The data lies sparse at its final length, each block at its own place; a map
 * of one bit a block says what is there. A checkpoint flushes the data first and the map after it, so
 * a map on the disk never claims more than the data has.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import { blockBytes, blockSize, blocksOf, digestAt } from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { createPool, createSerial } from '../base/work.ts'
import { isBlock, readAt, writeAt } from './held.ts'
import { type BlockMap, openMap } from './maps.ts'
import { sha256Aside } from './sha256.ts'
import type { Incoming } from './store.ts'

/** Blocks of one file that are written at the same time. */
const blockWritesMax = 1
const objectMode = 0o440

export type PartialPaths = { readonly data: string; readonly map: string }

export type PartialHome = {
  readonly paths: PartialPaths
  /** Takes over the whole file, open and read-only: durable and held when it resolves. */
  hold(file: FileHandle): Promise<void>
  /** Called once, when it is open no more. */
  onClose(): void
}
export type Whole = { cid: FileCid; size: number; digests: Uint8Array }

/** One bit a block. */
export interface Bits {
  has(index: number): boolean
  set(index: number): void
  clear(index: number): void
  readonly bytes: Uint8Array
}

export function createBits(count: number, from?: Uint8Array): Bits {
  const bytes = from ?? new Uint8Array(Math.ceil(count / 8))
  return {
    bytes,
    has: (i) => (bytes[i >> 3]! & (1 << (i & 7))) !== 0,
    set(i) {
      bytes[i >> 3]! |= 1 << (i & 7)
    },
    clear(i) {
      bytes[i >> 3]! &= ~(1 << (i & 7))
    },
  }
}

/** Runs of the blocks that `bits` does not have. */
export function* runsMissing(
  bits: Bits,
  count: number,
): Generator<{ first: number; count: number }> {
  for (let i = 0; i < count; i++) {
    if (bits.has(i)) continue
    const first = i
    while (i < count && !bits.has(i)) i++
    yield { first, count: i - first }
  }
}

/** Opens what is there of the file, or begins it. */
export async function openIncoming(whole: Whole, home: PartialHome): Promise<Incoming> {
  const { paths } = home
  const { cid, size, digests } = whole
  const count = blocksOf(size)
  const pool = createPool({ limit: blockWritesMax })
  const inTurn = createSerial()
  const { file, map } = await openFiles(whole, paths)
  const held = createBits(count, map.resumed)
  // What this process wrote itself was verified; what a map claims is hashed again before it counts.
  const proven = createBits(count)
  let heldBytes = 0
  for (let i = 0; i < count; i++) if (held.has(i)) heldBytes += blockSize(size, i)
  let open = true
  let closed = false
  let waiting = false
  let lost: Fault | undefined

  async function end(run: () => Promise<void>): Promise<void> {
    open = false
    await pool.drain()
    // A checkpoint that somebody else began ends first; one that comes later finds nothing to do.
    await inTurn(async () => {
      try {
        await run()
      } finally {
        closed = true
        await file.close().catch(() => {})
        await map.close().catch(() => {})
        home.onClose()
      }
    })
  }

  function checkUsable(): void {
    if (lost !== undefined) throw lost
    if (!open) throw new Fault('internal', 'store.write', { text: 'The incoming file is closed.' })
  }

  async function flush(): Promise<void> {
    if (lost !== undefined) throw lost
    if (!waiting || closed) return
    // The bits of now: a block that arrives during the flush belongs to the next checkpoint.
    const bits = held.bytes.slice()
    waiting = false
    await file.datasync().catch((thrown) => {
      // What was not flushed may be gone, and a second flush would not say so: only the last map counts.
      lost = asFault(thrown, 'store.checkpoint', 'the store')
      throw lost
    })
    await map.save(bits).catch((thrown) => {
      waiting = true
      throw asFault(thrown, 'store.checkpoint', 'the store')
    })
  }
  const checkpoint = () => inTurn(flush)

  function wrongBlock(index: number): Fault {
    return new Fault('corrupt', 'store.write', {
      about: cid,
      side: 'there',
      text: `Block ${index} of ${cid} is not what it should be.`,
    })
  }

  async function writeBlock(index: number, bytes: Uint8Array): Promise<void> {
    const digest = digestAt(digests, index)
    if (!sameBytes(await sha256Aside(bytes), digest)) throw wrongBlock(index)
    if (proven.has(index)) return
    await writeAt(file, bytes, index * blockBytes)
    if (!held.has(index)) heldBytes += bytes.byteLength
    held.set(index)
    proven.set(index)
    waiting = true
  }

  async function proveRest(): Promise<void> {
    const buffer = new Uint8Array(blockBytes)
    let wrong = 0
    for (let i = 0; i < count; i++) {
      if (proven.has(i)) continue
      const bytes = await readAt(file, buffer.subarray(0, blockSize(size, i)), i * blockBytes)
      if (bytes.byteLength === blockSize(size, i) && isBlock(bytes, digests, i)) {
        proven.set(i)
        continue
      }
      held.clear(i)
      heldBytes -= blockSize(size, i)
      wrong++
      waiting = true
    }
    if (wrong === 0) return
    await checkpoint()
    throw new Fault('corrupt', 'store.finish', {
      about: cid,
      text: `The disk has lost ${wrong} blocks of a file that was arriving. They are fetched again.`,
    })
  }

  return {
    missing: () => runsMissing(held, count),
    get heldBytes() {
      return heldBytes
    },
    async write(index, bytes) {
      checkUsable()
      if (!(index < count) || bytes.byteLength !== blockSize(size, index)) throw wrongBlock(index)
      await pool.run(() => writeBlock(index, bytes)).catch(rethrow)
    },
    checkpoint,
    async finish() {
      checkUsable()
      for (const run of runsMissing(held, count)) {
        throw new Fault('conflict', 'store.finish', {
          about: cid,
          text: `Block ${run.first} has not arrived yet.`,
        })
      }
      await proveRest().catch(rethrow)
      await end(async () => {
        await file.chmod(objectMode)
        await home.hold(file)
        await rm(paths.map, { force: true })
      }).catch(rethrow)
    },
    close: () => (open ? end(lost === undefined ? flush : async () => {}) : Promise.resolve()),
    discard: () =>
      end(async () => {
        await rm(paths.map, { force: true })
        await rm(paths.data, { force: true })
      }).catch(rethrow),
  }
}

/** The data at its full length, and the map of what is there of it; both new unless both fit. */
async function openFiles(
  whole: Whole,
  paths: PartialPaths,
): Promise<{ file: FileHandle; map: BlockMap }> {
  const openItsMap = () => openMap(paths.map, whole.cid, blocksOf(whole.size))
  let map = await openItsMap().catch(rethrow)
  try {
    const there = map.resumed && (await openData(whole, paths))
    if (there !== undefined) return { file: there, map }
    await map.close()
    await rm(paths.map, { force: true })
    const file = await createData(whole, paths)
    map = await openItsMap()
    return { file, map }
  } catch (thrown) {
    await map.close().catch(() => {})
    rethrow(thrown)
  }
}

const dataFlags = constants.O_RDWR | constants.O_NOFOLLOW

/** The data that the map speaks of; undefined when it is not there or has another length. */
async function openData({ size }: Whole, { data }: PartialPaths): Promise<FileHandle | undefined> {
  const file = await open(data, dataFlags).catch((thrown) => {
    if (thrown.code !== 'ENOENT') rethrow(thrown)
    return undefined
  })
  if (file === undefined || (await file.stat()).size === size) return file
  await file.close()
  return undefined
}

async function createData({ size }: Whole, { data }: PartialPaths): Promise<FileHandle> {
  await rm(data, { force: true })
  const file = await open(data, dataFlags | constants.O_CREAT | constants.O_EXCL, 0o640)
  try {
    await file.truncate(size)
    return file
  } catch (thrown) {
    await file.close()
    await rm(data, { force: true })
    throw thrown
  }
}

function rethrow(thrown: unknown): never {
  throw asFault(thrown, 'store.write', 'the store')
}
