/**
 * A tree becomes an ordinary folder. It is built aside in the parent of its place, in a folder that
 * only our account may enter, and renamed when every byte of it was verified; nothing that is there
 * already is ever written over. This is the one place where a path from afar becomes a name on the
 * disk: pages were refused if a path could climb, and every component is made new.
 */
import { constants } from 'node:fs'
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileEntry, Tree } from '../../protocol/manifest.ts'
import { flagPath, printable } from '../../protocol/paths.ts'
import { blockBytes, blockSize, blocksOf } from '../../protocol/unixfs.ts'
import { flushFolder } from '../base/files.ts'
import { isBlock, readAt, writeAt } from '../store/held.ts'
import type { HeldFile, Store } from '../store/store.ts'
import type { Timed } from './build.ts'
import { openTree, type TreeReader } from './trees.ts'
import { createBuffers, inOrder } from './window.ts'

/** Files that are written at the same time, each with one buffer of a block. */
const filesAtOnce = 16

export type ExportOptions = {
  store: Store
  tree: Pick<Tree, 'root' | 'times'>
  /** Where the new folder shall be. Its parent must be there, itself must not. */
  folder: string
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { files: number; bytes: number }) => void) | undefined
}

/**
 * Faults: `exists` when something is at `folder`; `missing` without its parent; `full`; `unsupported`
 * about a path that this file system cannot hold; those of the store. Whatever is thrown, nothing is
 * left. When it resolves, the folder is whole and on the disk.
 */
export async function exportTree(o: ExportOptions): Promise<{ files: number; bytes: number }> {
  const target = resolve(o.folder)
  await refuseExisting(target)
  const reader = await openTree(o.store, o.tree.root, o.tree.times)
  const parent = dirname(target)
  const aside = await mkdtemp(join(parent, `.${basename(target)}.crossload-`)).catch((thrown) => {
    throw asFault(thrown, 'tree.export', parent)
  })
  try {
    const top = join(aside, 'tree')
    await mkdir(top)
    const done = await writeAll(reader, top, o)
    await refuseExisting(target)
    await rename(top, target).catch((thrown) => {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(thrown.code)) throw alreadyThere(target)
      throw thrown
    })
    await flushFolder(parent)
    return done
  } catch (thrown) {
    throw asFaultUnlessAborted(thrown, o)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

function asFaultUnlessAborted(thrown: unknown, o: ExportOptions): unknown {
  return o.signal?.aborted ? thrown : asFault(thrown, 'tree.export', o.folder)
}

async function refuseExisting(target: string): Promise<void> {
  const there = await lstat(target).catch((thrown) => {
    if (thrown.code !== 'ENOENT') throw asFault(thrown, 'tree.export', target)
  })
  if (there !== undefined) throw alreadyThere(target)
}

function alreadyThere(target: string): Fault {
  return new Fault('exists', 'tree.export', {
    about: target,
    text: `${target} is already there. Name a folder that is not: nothing is ever written over.`,
  })
}

async function writeAll(reader: TreeReader, top: string, o: ExportOptions) {
  const buffers = createBuffers(blockBytes)
  const progress = { files: 0, bytes: 0 }
  const folders = createFolders(top)
  // The mode that the account's umask leaves to new files, read off a folder made the same way.
  const mode = (await stat(top)).mode & 0o666

  async function* prepared(): AsyncGenerator<Timed> {
    for await (const timed of reader.walk()) {
      o.signal?.throwIfAborted()
      const { path, kind } = timed.entry
      if (sep !== '/' && flagPath(path) !== undefined) throw cannotHold(path)
      await folders.makeFor(kind === 'dir' ? `${path}/` : path)
      yield timed
    }
  }
  const write = async ({ entry, time }: Timed) => {
    const at = join(top, entry.path)
    if (entry.kind === 'dir') {
      if (time !== null) await utimes(at, time / 1000, time / 1000)
      return
    }
    await using held = await reader.open(entry)
    await buffers.use((buffer) => writeFile(at, entry, held, { ...o, reader, buffer, mode, time }))
    progress.files++
    progress.bytes += entry.size
    o.onProgress?.({ ...progress })
  }
  for await (const _ of inOrder(prepared(), filesAtOnce, write));
  await folders.flush()
  return progress
}

/** Makes each folder once, as the paths come in order. */
function createFolders(top: string) {
  const made: string[] = []
  let open: string[] = []
  return {
    /** Everything above the last slash. */
    async makeFor(path: string): Promise<void> {
      const parents = path.split('/').slice(0, -1)
      let shared = 0
      while (shared < open.length && open[shared] === parents[shared]) shared++
      for (let depth = shared; depth < parents.length; depth++) {
        const folder = parents.slice(0, depth + 1).join('/')
        await mkdir(join(top, folder)).catch((thrown) => rethrow(thrown, folder))
        made.push(folder)
      }
      open = parents
    },
    async flush(): Promise<void> {
      for (const folder of made) await flushFolder(join(top, folder))
      await flushFolder(top)
    },
  }
}

type Writing = ExportOptions & {
  reader: TreeReader
  buffer: Uint8Array
  mode: number
  time: number | null
}

async function writeFile(at: string, entry: FileEntry, held: HeldFile, o: Writing): Promise<void> {
  // A large file is first taken over in the file system's own way, which shares its blocks where it
  // can; then it is read back like anything else that is not verified yet.
  const cloned =
    entry.size > blockBytes &&
    (await held.cloneTo(at).catch((thrown) => rethrow(thrown, entry.path)))
  const file = await openNew(at, entry.path, cloned, o.mode)
  try {
    if (cloned) await file.truncate(entry.size)
    const digests = cloned ? await o.reader.digests(entry) : undefined
    for (let index = 0; index < blocksOf(entry.size); index++) {
      o.signal?.throwIfAborted()
      const buffer = o.buffer.subarray(0, blockSize(entry.size, index))
      const at = index * blockBytes
      if (digests !== undefined && isBlock(await readAt(file, buffer, at), digests, index)) continue
      await writeAt(file, await held.read(index, buffer), at)
    }
    if (o.time !== null) await file.utimes(o.time / 1000, o.time / 1000)
    await file.sync()
  } catch (thrown) {
    throw asFaultUnlessAborted(thrown, o)
  } finally {
    await file.close()
  }
}

async function openNew(
  at: string,
  path: string,
  cloned: boolean,
  mode: number,
): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW
  const anew = constants.O_CREAT | constants.O_EXCL
  if (!cloned) return open(at, flags | anew, mode).catch((thrown) => rethrow(thrown, path))
  await chmod(at, mode | 0o600)
  return open(at, flags)
}

/** Names are new in a new folder: one that is there already is another name to our eyes alone. */
function rethrow(thrown: NodeJS.ErrnoException, path: string): never {
  const cannot = ['EEXIST', 'EINVAL', 'EILSEQ', 'ENAMETOOLONG', 'ENOTDIR', 'EISDIR']
  if (!(thrown instanceof Fault) && cannot.includes(thrown.code ?? ''))
    throw cannotHold(path, thrown)
  throw asFault(thrown, 'tree.export', printable(path))
}

function cannotHold(path: string, cause?: unknown): Fault {
  return new Fault('unsupported', 'tree.export', {
    about: printable(path),
    cause,
    text: `The file system there cannot hold ${printable(path)}, or takes it for another name of this dataset. Export to another one.`,
  })
}
