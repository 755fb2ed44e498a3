/**
 * Files that are arriving. The data lies sparse at its final length, each block at its own place; a map
 * of one bit a block says what is there. A checkpoint flushes the data first and the map after it, so
 * a map on the disk never claims more than the data has.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import { blockBytes, blockSize, blocksOf, digestBytes } from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { readIfThere, writeDurably } from '../base/files.ts'
import { createPool, createSerial } from '../base/work.ts'
import { isBlock, readAt, writeAt } from './held.ts'
import type { Intake } from './intake.ts'
import { sha256 } from './sha256.ts'
import type { Incoming } from './store.ts'

/** Blocks of one file that are written at the same time. */
const blockWritesMax = 8
const objectMode = 0o440

export type PartialPaths = { readonly data: string; readonly map: string; readonly object: string }
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

const mapMagic = new TextEncoder().encode('crossload map 1\n')

/** The map's file: what it is, its bits, and a checksum that holds for this file alone. */
function encodeMap(cid: FileCid, bits: Uint8Array): Uint8Array {
  const node = new Uint8Array(mapMagic.byteLength + bits.byteLength + digestBytes)
  node.set(mapMagic)
  node.set(bits, mapMagic.byteLength)
  node.set(mapSum(cid, node), node.byteLength - digestBytes)
  return node
}

/** The bits, or undefined for a map that is damaged, of another file, or of another length. */
function decodeMap(cid: FileCid, blocks: number, node: Uint8Array): Uint8Array | undefined {
  if (node.byteLength !== mapMagic.byteLength + Math.ceil(blocks / 8) + digestBytes)
    return undefined
  if (!sameBytes(mapSum(cid, node), node.subarray(-digestBytes))) return undefined
  return node.slice(mapMagic.byteLength, -digestBytes)
}

function mapSum(cid: FileCid, node: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(cid)
  const all = new Uint8Array(name.byteLength + node.byteLength - digestBytes)
  all.set(name)
  all.set(node.subarray(0, -digestBytes), name.byteLength)
  return sha256(all)
}

/** Opens what is there of the file, or begins it. `onClose` is called once, when it is open no more. */
export async function openIncoming(
  whole: Whole,
  paths: PartialPaths,
  intake: Intake,
  onClose: () => void,
): Promise<Incoming> {
  const { cid, size, digests } = whole
  const count = blocksOf(size)
  const pool = createPool({ limit: blockWritesMax })
  const inTurn = createSerial()
  const { file, resumed } = await openData(whole, paths)
  const held = createBits(count, resumed)
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
        onClose()
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
    await writeDurably(paths.map, encodeMap(cid, bits)).catch((thrown) => {
      waiting = true
      throw thrown
    })
  }
  const checkpoint = () => inTurn(flush)

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
      if (
        !(index < count) ||
        bytes.byteLength !== blockSize(size, index) ||
        !isBlock(bytes, digests, index)
      ) {
        throw new Fault('corrupt', 'store.write', {
          about: cid,
          side: 'there',
          text: `Block ${index} of ${cid} is not what it should be.`,
        })
      }
      if (proven.has(index)) return
      await pool.run(() => writeAt(file, bytes, index * blockBytes)).catch(rethrow)
      if (!held.has(index)) heldBytes += bytes.byteLength
      held.set(index)
      proven.set(index)
      waiting = true
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
        await intake.settle(file, paths.data, paths.object)
        await intake.flush()
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

/** The data file at its full length, and the bits of the last checkpoint if both are there. */
async function openData(
  whole: Whole,
  paths: PartialPaths,
): Promise<{ file: FileHandle; resumed?: Uint8Array | undefined }> {
  const map = await readIfThere(paths.map)
  const resumed = map && decodeMap(whole.cid, blocksOf(whole.size), map)
  const flags = constants.O_RDWR | constants.O_NOFOLLOW
  if (resumed !== undefined) {
    const file = await open(paths.data, flags).catch((thrown) => {
      if (thrown.code !== 'ENOENT') rethrow(thrown)
    })
    if (file !== undefined && (await file.stat()).size === whole.size) return { file, resumed }
    await file?.close()
  }
  await rm(paths.map, { force: true })
  await rm(paths.data, { force: true })
  const file = await open(paths.data, flags | constants.O_CREAT | constants.O_EXCL, 0o640).catch(
    rethrow,
  )
  try {
    await file.truncate(whole.size)
  } catch (thrown) {
    await file.close()
    await rm(paths.data, { force: true })
    rethrow(thrown)
  }
  return { file }
}

function rethrow(thrown: unknown): never {
  throw asFault(thrown, 'store.write', 'the store')
}
