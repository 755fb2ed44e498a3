/**
 * Files that lie somewhere under other names become a tree of the store, each at the path it is given: all
 * of them or none. The paths come from people, and nothing is ever made under one.
 */
import { open } from 'node:fs/promises'
import {
  comparePaths,
  flagPath,
  foldPath,
  isInside,
  printable,
  whyRefused,
} from '../../protocol/paths.ts'
import { blockBytes, blockSize, blocksOf } from '../../protocol/unixfs.ts'
import { createBreath } from '../base/breath.ts'
import { readAt, readFlags } from '../store/held.ts'
import { sha256 } from '../store/sha256.ts'
import type { Stage, Store } from '../store/store.ts'
import type { Added, Progress } from './add.ts'
import { buildTree, fileEntry, type Timed } from './build.ts'
import { createLines, createRefusals, type Refusals } from './refusals.ts'

export type Gathered = {
  /** In the tree. */
  readonly path: string
  /** On the disk. */
  readonly at: string
  readonly size: number
  readonly time: number | null
}

export type GatherOptions = {
  readonly store: Store
  readonly files: readonly Gathered[]
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Faults `invalid` with a list of every path that no tree may hold; `conflict`, `full`. */
export async function gatherTree(o: GatherOptions): Promise<Added> {
  const { store, signal } = o
  const files = [...o.files].sort((a, b) => comparePaths(a.path, b.path))
  const refusals = createRefusals('tree.gather')
  checkPaths(files, refusals)
  refusals.throwAny()
  const bytesTotal = files.reduce((sum, { size }) => sum + size, 0)
  const progress: Progress = { files: 0, bytes: 0, filesTotal: files.length, bytesTotal }
  await using stage = await store.stage()
  const buffer = new Uint8Array(blockBytes)
  const breath = createBreath()

  async function* entries(): AsyncGenerator<Timed> {
    for (const { path, at, size, time } of files) {
      signal?.throwIfAborted()
      await breath()
      const content = await take(stage, { at, size, path, buffer, signal, refusals })
      if (content === undefined) continue
      yield { entry: await fileEntry(stage, path, content), time }
      progress.files++
      progress.bytes += size
      o.onProgress?.({ ...progress })
    }
  }
  const tree = await buildTree(stage, entries())
  refusals.throwAny()
  signal?.throwIfAborted()
  await stage.keep(tree.root)
  return { tree, flagged: flagsOf(files) }
}

/** `files` are in order, so whatever clashes is beside what it clashes with. */
function checkPaths(files: readonly Gathered[], refusals: Refusals): void {
  for (const [i, { path }] of files.entries()) {
    const reason = whyRefused(path)
    const before = files[i - 1]?.path
    if (reason !== undefined) refusals.add(printable(path), reason, 'invalid')
    else if (path === before) refusals.add(printable(path), 'it is named twice', 'invalid')
    else if (before !== undefined && isInside(path, before))
      refusals.add(printable(path), 'it lies in what is a file itself', 'invalid')
  }
}

type Taking = {
  readonly at: string
  readonly path: string
  readonly size: number
  readonly buffer: Uint8Array
  readonly signal?: AbortSignal | undefined
  readonly refusals: Refusals
}

async function take(stage: Stage, o: Taking) {
  const { size, buffer } = o
  await using file = await open(o.at, readFlags)
  const block = async (index: number) => {
    o.signal?.throwIfAborted()
    const wanted = buffer.subarray(0, blockSize(size, index))
    const bytes = await readAt(file, wanted, index * blockBytes)
    return bytes.byteLength === wanted.byteLength ? bytes : undefined
  }
  const short = () => {
    o.refusals.add(printable(o.path), 'it became shorter while it was read', 'conflict')
    return undefined
  }
  if (blocksOf(size) <= 1) {
    const bytes = size === 0 ? buffer.subarray(0, 0) : await block(0)
    if (bytes === undefined) return short()
    const digest = sha256(bytes)
    await stage.putSmall(digest, bytes)
    return { size, digests: size === 0 ? digest.subarray(0, 0) : digest }
  }
  const writer = await stage.writer()
  try {
    for (let index = 0; index < blocksOf(size); index++) {
      const bytes = await block(index)
      if (bytes === undefined) {
        await writer.discard()
        return short()
      }
      await writer.append(bytes)
    }
  } catch (thrown) {
    await writer.discard()
    throw thrown
  }
  return writer.end()
}

/** Names that may be trouble elsewhere, and folders and files that some systems take for the same. */
function flagsOf(files: readonly Gathered[]): string[] {
  const lines = createLines()
  const folds = new Map<string, string>()
  const known = new Set<string>()
  for (const { path } of files) {
    const why = flagPath(path)
    if (why !== undefined) lines.add(`${printable(path)}: ${why}`)
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      const part = end < 0 ? path : path.slice(0, end)
      if (!known.has(part)) {
        known.add(part)
        const fold = foldPath(part)
        const other = folds.get(fold)
        if (other === undefined) folds.set(fold, part)
        else
          lines.add(
            `${printable(part)}: some systems take it for the same name as ${printable(other)}`,
          )
      }
      if (end < 0) break
    }
  }
  return lines.list()
}
