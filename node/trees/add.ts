/**
 * A folder or a file of this machine becomes a tree of the store: copied, or with `inPlace` only
 * hashed where it lies. All of it or nothing: whatever cannot be taken is refused in one fault.
 */
import type { BigIntStats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Fault } from '../../protocol/fault.ts'
import { type Entry, entriesMax, fileBytesMax, type Tree } from '../../protocol/manifest.ts'
import { printable } from '../../protocol/paths.ts'
import { blockBytes, blockSize, blocksOf, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { readAt, readFlags } from '../store/held.ts'
import { placeOf } from '../store/places.ts'
import { sha256 } from '../store/sha256.ts'
import type { Stage, Store } from '../store/store.ts'
import { buildTree, fileEntry, type Timed } from './build.ts'
import { createLines, createRefusals, type Refusal, type Refusals, refusalOf } from './refusals.ts'
import { type Found, type Links, scan } from './scan.ts'
import { createBuffers, inOrder } from './window.ts'

/** Files that are read and kept at the same time, each with one buffer of a block. */
const filesAtOnce = 16

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
  const links = o.links ?? 'refuse'
  const { flagged, ...total } = await survey(o, links)
  const refusals = createRefusals('tree.add')
  const buffers = createBuffers(blockBytes)
  const progress: Progress = { files: 0, bytes: 0, ...total }
  await using stage = await o.store.stage()

  const take = (found: Found) => {
    const path = o.under === undefined ? found.path : `${o.under}/${found.path}`
    return buffers.use((buffer) =>
      takeFound(found, path, { ...o, stage, refusals, buffer, progress }),
    )
  }
  async function* entries(): AsyncGenerator<Timed> {
    const found = scan(o.path, { links, signal: o.signal, refusals })
    for await (const taken of inOrder(found, filesAtOnce, take)) {
      if (taken !== undefined && refusals.count === 0) yield taken
    }
  }
  const tree = await buildTree(stage, entries())
  refusals.throwAny()
  o.signal?.throwIfAborted()
  await stage.keep(tree.root)
  return { tree, flagged }
}

/** Looks at everything before the first byte is read: what is refused, flagged, and how much it is. */
async function survey(o: AddOptions, links: Links) {
  const refusals = createRefusals('tree.add')
  const flagged = createLines()
  const flag = (path: string, reason: string) => flagged.add(`${printable(path)}: ${reason}`)
  let filesTotal = 0
  let bytesTotal = 0
  let entries = 0
  const found = scan(o.path, { links, signal: o.signal, refusals, flag, readable: true })
  for await (const { path, kind, stat } of found) {
    if (++entries > entriesMax) {
      throw new Fault('unsupported', 'tree.add', {
        about: entriesMax,
        text: `More than ${entriesMax} files and empty folders are too many for one dataset. Split it.`,
      })
    }
    if (kind === 'dir') continue
    if (stat.size > fileBytesMax) refusals.add(printable(path), 'it is over 16 TiB', 'unsupported')
    filesTotal++
    bytesTotal += Number(stat.size)
  }
  refusals.throwAny()
  return { filesTotal, bytesTotal, flagged: flagged.list() }
}

type Taking = AddOptions & {
  stage: Stage
  refusals: Refusals
  buffer: Uint8Array
  progress: Progress
}

async function takeFound(found: Found, path: string, o: Taking): Promise<Timed | undefined> {
  o.signal?.throwIfAborted()
  const time = Number((found.stat.mtimeNs + 500_000n) / 1_000_000n)
  if (found.kind === 'dir') return { entry: { kind: 'dir', path }, time }
  // Once something is refused nothing will be kept; the walk only goes on to name the rest.
  if (o.refusals.count > 0) return undefined
  try {
    const entry = await takeFile(found, path, o)
    o.progress.files++
    o.onProgress?.({ ...o.progress })
    return { entry, time }
  } catch (thrown) {
    const refusal = thrown instanceof Unreadable ? thrown.refusal : undefined
    if (refusal === undefined) throw thrown
    o.refusals.add(printable(found.path), refusal.reason, refusal.kind)
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

async function takeFile(found: Found, path: string, o: Taking): Promise<Entry> {
  const file = await reading(open(found.at, readFlags))
  try {
    const size = Number(found.stat.size)
    const content = o.inPlace
      ? await hashInPlace(file, found, o)
      : blocksOf(size) <= 1
        ? await copySmall(file, size, found, o)
        : await copyLarge(file, size, found, o)
    return await fileEntry(o.stage, path, content)
  } finally {
    await file.close()
  }
}

type Content = { size: number; digests: Uint8Array }

async function hashInPlace(file: FileHandle, { at, stat }: Found, o: Taking): Promise<Content> {
  const size = Number(stat.size)
  const digests = new Uint8Array(blocksOf(size) * digestBytes)
  for await (const { block, index } of blocks(file, size, o))
    digests.set(sha256(block), index * digestBytes)
  await checkSame(file, stat)
  await o.stage.refer(fileCid(sha256, size, digests), placeOf(at, stat))
  return { size, digests }
}

async function copySmall(
  file: FileHandle,
  size: number,
  { stat }: Found,
  o: Taking,
): Promise<Content> {
  let bytes = o.buffer.subarray(0, 0)
  for await (const { block } of blocks(file, size, o)) bytes = block
  await checkSame(file, stat)
  const digest = new Uint8Array(sha256(bytes))
  await o.stage.putSmall(digest, bytes)
  return { size, digests: size === 0 ? new Uint8Array(0) : digest }
}

async function copyLarge(
  file: FileHandle,
  size: number,
  { stat }: Found,
  o: Taking,
): Promise<Content> {
  const writer = await o.stage.writer()
  try {
    for await (const { block } of blocks(file, size, o)) await writer.append(block)
    await checkSame(file, stat)
  } catch (thrown) {
    await writer.discard()
    throw thrown
  }
  return writer.end()
}

/** One block after the other, each in the same buffer. */
async function* blocks(file: FileHandle, size: number, o: Taking) {
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
 * After the last byte, against what the walk saw before the first: a file that somebody writes to
 * meanwhile would be a mixture of two, and what was opened may not be what was seen.
 */
async function checkSame(file: FileHandle, then: BigIntStats): Promise<void> {
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
