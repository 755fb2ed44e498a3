/**
 * A version laid out in its folder. A new folder is there with all of it or not at all. In one that is
 * there only what this site laid out before is replaced, and only while it is what was laid out: any
 * other file is somebody's, stays as it is, and is named. Nothing is ever taken away.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Entry, FileEntry, Tree } from '../../protocol/manifest.ts'
import { printable } from '../../protocol/paths.ts'
import { blockBytes, blockSize, blocksOf } from '../../protocol/unixfs.ts'
import { isBlock, readAt } from '../store/held.ts'
import type { Store } from '../store/store.ts'
import type { Timed } from '../trees/build.ts'
import { isSameContent, type Pair, pairs } from '../trees/compare.ts'
import { exportTree } from '../trees/export.ts'
import { createLines, type Lines } from '../trees/refusals.ts'
import { openTree, type TreeReader } from '../trees/trees.ts'
import type { Laid } from './deposit.ts'
import { layInto } from './into.ts'

export type LayOptions = {
  store: Store
  tree: Tree
  /** What this site laid out there before. */
  before?: Tree | undefined
  folder: string
  link: boolean
  signal: AbortSignal
}

/** When it resolves, what it tells is on the disk. Faults of the disk and of the store. */
export async function lay(o: LayOptions): Promise<Laid> {
  if ((await look(o.folder)) === undefined) {
    const made = await exportTree(o)
    return { ...made, conflicts: [], conflictsCount: 0 }
  }
  return update(o)
}

async function update(o: LayOptions): Promise<Laid> {
  const folder = await look(o.folder)
  if (!folder?.isDirectory()) {
    throw new Fault('conflict', 'deposit.lay', {
      about: o.folder,
      text: `${o.folder} is not a folder. Move away what is there; the deposit is then tried again.`,
    })
  }
  const now = await openTree(o.store, o.tree.root, o.tree.times)
  // Without an earlier deposit nothing there is known to be ours.
  const before = o.before && (await openTree(o.store, o.before.root, o.before.times))
  const conflicts = createLines()
  const sums = { files: 0, bytes: 0 }
  const judge = createJudge(o, before, now)

  /** What is not there yet as it should be; the others are counted, or named. */
  async function* wanting(): AsyncGenerator<Timed> {
    for await (const pair of before === undefined ? alone(now) : pairs(before, now)) {
      o.signal.throwIfAborted()
      if (pair.b === undefined) continue
      const verdict = await judge.judge(pair)
      if (verdict === 'conflict') conflicts.add(printable(pair.path))
      else if (verdict === 'write') yield pair.b
      else count(sums, pair.b.entry)
    }
  }

  await layInto({
    ...o,
    reader: now,
    files: o.tree.files,
    entries: wanting(),
    isOurs: judge.isOurs,
    laid: (entry) => count(sums, entry),
    refused: (path) => conflicts.add(printable(path)),
  })
  return told(sums, conflicts)
}

function count(sums: { files: number; bytes: number }, entry: { kind: string; size?: number }) {
  if (entry.kind !== 'file') return
  sums.files++
  sums.bytes += entry.size ?? 0
}

function told(sums: { files: number; bytes: number }, conflicts: Lines): Laid {
  return { ...sums, conflicts: conflicts.list(), conflictsCount: conflicts.count }
}

async function* alone(now: TreeReader): AsyncGenerator<Pair> {
  for await (const timed of now.walk()) yield { path: timed.entry.path, b: timed }
}

type Verdict = 'there' | 'write' | 'conflict'

function createJudge(o: LayOptions, before: TreeReader | undefined, now: TreeReader) {
  const buffer = new Uint8Array(blockBytes)
  let checked = { folder: '', free: true }

  /** Whether all above a path is folders, or not there yet. Paths of one folder come together. */
  async function isFree(path: string): Promise<boolean> {
    const above = dirname(path)
    if (above === checked.folder) return checked.free
    let free = true
    const parts = above === '.' ? [] : above.split('/')
    for (let depth = 1; depth <= parts.length && free; depth++) {
      const facts = await look(join(o.folder, ...parts.slice(0, depth)))
      if (facts === undefined) break
      free = facts.isDirectory()
    }
    checked = { folder: above, free }
    return free
  }

  /** Whether the file there has this very content. */
  async function has(path: string, entry: FileEntry, reader: TreeReader): Promise<boolean> {
    const file = await openThere(join(o.folder, path))
    if (file === undefined) return false
    try {
      if ((await file.stat()).size !== entry.size) return false
      const digests = await reader.digests(entry)
      for (let index = 0; index < blocksOf(entry.size); index++) {
        o.signal.throwIfAborted()
        const block = buffer.subarray(0, blockSize(entry.size, index))
        if (!isBlock(await readAt(file, block, index * blockBytes), digests, index)) return false
      }
      return true
    } catch (thrown) {
      o.signal.throwIfAborted()
      throw asFault(thrown, 'deposit.lay', join(o.folder, path))
    } finally {
      await file.close()
    }
  }

  async function judge({ path, a, b }: Pair): Promise<Verdict> {
    if (!(await isFree(path))) return 'conflict'
    const facts = await look(join(o.folder, path))
    if (facts === undefined) return 'write'
    const { entry, time } = b!
    if (entry.kind === 'dir') return facts.isDirectory() ? 'there' : 'conflict'
    if (!facts.isFile()) return 'conflict'
    const same = a !== undefined && isSameContent(a.entry, entry)
    // As it was left: nobody has touched it since.
    const untouched =
      facts.size === entry.size && time !== null && Math.round(facts.mtimeMs) === Math.round(time)
    if (same && untouched) return 'there'
    if (await has(path, entry, now)) return 'there'
    return !same && (await hasOurs(path, a?.entry)) ? 'write' : 'conflict'
  }

  const hasOurs = async (path: string, entry: Entry | undefined) =>
    before !== undefined && entry?.kind === 'file' && (await has(path, entry, before))

  return {
    judge,
    /** Asked again at the last moment, when a file has changed since it was judged. */
    isOurs: async (path: string) => hasOurs(path, await before?.find(path)),
  }
}

/** Never through a link. */
async function look(path: string) {
  return lstat(path).catch((thrown) => {
    if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined
    throw asFault(thrown, 'deposit.lay', path)
  })
}

async function openThere(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  return open(path, flags).catch((thrown) => {
    // Gone or become a link meanwhile, or not ours to read: then it is not what we laid there.
    if (['ENOENT', 'ELOOP', 'EACCES', 'EPERM'].includes(thrown.code)) return undefined
    throw asFault(thrown, 'deposit.lay', path)
  })
}
