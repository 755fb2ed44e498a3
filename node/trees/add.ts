/**
 * A folder or a file of this machine becomes a tree of the store: copied, or with `inPlace` only
 * hashed where it lies. All of it or nothing: whatever cannot be taken is refused in one fault.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Tree } from '../../protocol/manifest.ts'
import { printable } from '../../protocol/paths.ts'
import {
  blockBytes,
  blockSize,
  blocksOf,
  digestAt,
  digestBytes,
  fileCid,
} from '../../protocol/unixfs.ts'
import { readAt, readFlags } from '../store/held.ts'
import { sha256 } from '../store/sha256.ts'
import type { Place, Small, Stage, Store } from '../store/store.ts'
import { buildTree, fileEntry, type Timed } from './build.ts'
import { type Batch, type Identity, openReading } from './reading.ts'
import { createRefusals, type Refusal, type Refusals, refusalOf } from './refusals.ts'
import type { Links } from './scan.ts'
import { inOrder } from './window.ts'

/** Batches that are read and kept at the same time, each with one buffer of a block. */
const batchesAtOnce = 3

export type Progress = { files: number; bytes: number; filesTotal: number; bytesTotal: number }

export type AddOptions = {
  store: Store
  /** Absolute. */
  path: string
  /** A folder in the tree that everything is put into; by default its top. */
  under?: string | undefined
  /** Remember the files where they are, and copy nothing. */
  inPlace?: boolean | undefined
  /** What to do about links inside: refuse them, or take the content of those that stay inside. */
  links?: Links | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
}

export type Added = {
  tree: Tree
  /** Names that may be trouble elsewhere, with the reason; at most a hundred lines. */
  flagged: string[]
}

/**
 * Faults: `invalid`, `denied`, `conflict` or `corrupt` with a list of every path that cannot be taken;
 * `missing` when there is no such path; `full`. Whatever is thrown, nothing was kept.
 */
export async function addTree(o: AddOptions): Promise<Added> {
  const { path, links = 'refuse', inPlace = false, signal } = o
  await using reading = openReading({ path, links, inPlace, signal })
  const { flagged, ...total } = await reading.survey()
  const refusals = createRefusals('tree.add')
  const progress: Progress = { files: 0, bytes: 0, ...total }
  await using stage = await o.store.stage()
  const taking: Taking = { ...o, stage, refusals, progress }
  let ended = false

  async function* turns(): AsyncGenerator<void> {
    while (!ended) yield
  }
  const turn = () =>
    reading.next(refusals.count > 0, async (batch, content) => {
      ended ||= batch.ended
      for (const one of batch.refused) refusals.add(one.path, one.reason, one.kind)
      return refusals.count > 0 ? [] : takeBatch(batch, { ...taking, buffer: content })
    })
  async function* entries(): AsyncGenerator<Timed> {
    for await (const taken of inOrder(turns(), batchesAtOnce, turn)) {
      signal?.throwIfAborted()
      if (refusals.count === 0) yield* taken
    }
  }
  const tree = await buildTree(stage, entries())
  refusals.throwAny()
  signal?.throwIfAborted()
  await stage.keep(tree.root)
  return { tree, flagged }
}

type Taking = AddOptions & { stage: Stage; refusals: Refusals; progress: Progress }
/** With one block of memory: the contents of the batch, then one block of its large file after the other. */
type TakingBatch = Taking & { buffer: Uint8Array }

/** Small files all at once, in one write of the store. */
async function takeBatch(batch: Batch, o: TakingBatch): Promise<Timed[]> {
  o.signal?.throwIfAborted()
  const { sizes, times } = batch.facts
  const count = sizes.length
  const { paths, ats } = batch
  const taken: Timed[] = []
  const smalls: Small[] = []
  let at = 0
  let files = 0
  for (let i = 0; i < count; i++) {
    const [size, time] = [sizes[i]!, times[i]!]
    const path = o.under === undefined ? paths[i]! : `${o.under}/${paths[i]!}`
    if (size < 0) {
      taken.push({ entry: { kind: 'dir', path }, time })
      continue
    }
    if (batch.large !== undefined && i === count - 1) break
    const digest = digestAt(batch.digests, i)
    const blocks = size === 0 ? digest.subarray(0, 0) : digest
    if (o.inPlace) {
      const place = placeAt(ats[i]!, size, batch.facts.mtimes[i]!, batch.facts.inos[i]!)
      await o.stage.refer(fileCid(sha256, size, blocks), place)
    } else smalls.push({ digest, bytes: o.buffer.subarray(at, at + size) })
    taken.push({ entry: { kind: 'file', path, size, blocks }, time })
    at += size
    files++
  }
  if (smalls.length > 0) await o.stage.putSmalls(smalls)
  o.progress.files += files
  o.progress.bytes += at
  if (files > 0) o.onProgress?.({ ...o.progress })
  const { large } = batch
  if (large === undefined || o.refusals.count > 0) return taken
  const found: Large = { path: paths[count - 1]!, at: ats[count - 1]!, stat: large }
  const last = await takeLarge(found, times[count - 1]!, o)
  return last === undefined ? taken : [...taken, last]
}

function placeAt(path: string, size: number, mtimeNs: bigint, ino: bigint): Place {
  return { path, size, mtimeNs: String(mtimeNs), ino: String(ino) }
}

/** A file of more than one block. */
type Large = { path: string; at: string; stat: Identity }

async function takeLarge(found: Large, time: number, o: TakingBatch): Promise<Timed | undefined> {
  const path = o.under === undefined ? found.path : `${o.under}/${found.path}`
  try {
    const file = await reading(open(found.at, readFlags))
    try {
      const content = o.inPlace
        ? await hashInPlace(file, found, o)
        : await copyLarge(file, found, o)
      const entry = await fileEntry(o.stage, path, content)
      o.progress.files++
      o.onProgress?.({ ...o.progress })
      return { entry, time }
    } finally {
      await file.close()
    }
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown
    o.refusals.add(printable(found.path), thrown.refusal.reason, thrown.refusal.kind)
    return undefined
  }
}

/** The file's own failure, as opposed to one of the store. */
class Unreadable extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

async function reading<T>(run: Promise<T>): Promise<T> {
  try {
    return await run
  } catch (thrown) {
    const refusal = refusalOf(thrown)
    throw refusal === undefined ? thrown : new Unreadable(refusal)
  }
}

type Content = { size: number; digests: Uint8Array }

async function hashInPlace(
  file: FileHandle,
  { at, stat }: Large,
  o: TakingBatch,
): Promise<Content> {
  const size = Number(stat.size)
  const digests = new Uint8Array(blocksOf(size) * digestBytes)
  for await (const { block, index } of blocks(file, size, o))
    digests.set(sha256(block), index * digestBytes)
  await checkSame(file, stat)
  const place = placeAt(at, size, stat.mtimeNs, stat.ino)
  await o.stage.refer(fileCid(sha256, size, digests), place)
  return { size, digests }
}

async function copyLarge(file: FileHandle, { stat }: Large, o: TakingBatch): Promise<Content> {
  const writer = await o.stage.writer()
  try {
    for await (const { block } of blocks(file, Number(stat.size), o)) await writer.append(block)
    await checkSame(file, stat)
  } catch (thrown) {
    await writer.discard()
    throw thrown
  }
  return writer.end()
}

/** One block after the other, each in the same buffer. */
async function* blocks(file: FileHandle, size: number, o: TakingBatch) {
  for (let index = 0; index < blocksOf(size); index++) {
    o.signal?.throwIfAborted()
    const wanted = o.buffer.subarray(0, blockSize(size, index))
    const block = await reading(readAt(file, wanted, index * blockBytes))
    if (block.byteLength < wanted.byteLength) throw changed()
    yield { block, index }
    o.progress.bytes += block.byteLength
    if (index > 0) o.onProgress?.({ ...o.progress })
  }
}

/**
 * After the last byte, against what was seen before the first: a file that somebody writes to
 * meanwhile would be a mixture of two, and what was opened may not be what was seen.
 */
async function checkSame(file: FileHandle, then: Identity): Promise<void> {
  const now = await reading(file.stat({ bigint: true }))
  const same =
    now.isFile() &&
    now.ino === then.ino &&
    now.dev === then.dev &&
    now.size === then.size &&
    now.mtimeNs === then.mtimeNs &&
    now.ctimeNs === then.ctimeNs
  if (!same) throw changed()
}

function changed(): Unreadable {
  return new Unreadable({ reason: 'it changed while it was read', kind: 'conflict' })
}
