/**
 * Entries of a tree as ordinary files, in a folder that is ours and new. Every component is made new,
 * and every byte is verified on its way. Nothing here is flushed: whoever shows the folder does that.
 *
 * Many small files go together: read from the store in one go, hashed and written by a thread. A large
 * one shares its blocks with the store where the file system can do that, or is a second name of the
 * store's own file where that is asked for, and is read back; else it is copied.
 */
import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, rm, stat, utimes } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import type { FileEntry } from '../../protocol/manifest.ts'
import { flagPath, printable } from '../../protocol/paths.ts'
import { blockBytes, blockSize, blocksOf, digestBytes } from '../../protocol/unixfs.ts'
import { openThreads, type Threads } from '../base/threads.ts'
import { isBlock, readAt, writeAt } from '../store/held.ts'
import type { HeldFile, Store } from '../store/store.ts'
import type { Timed } from './build.ts'
import { type Smalls, type SmallsWritten, writeSmalls } from './smalls.ts'
import type { TreeReader } from './trees.ts'
import { createBuffers, inOrder } from './window.ts'

/** Large files and batches that are written at the same time. */
const jobsAtOnce = 8
/** Small files of one batch; their bytes together are at most one block. */
const smallsMax = 256
/** Of a last batch: so few that beginning a thread would take longer. */
const fewMax = 16
/** Threads that write; more do not help where all names go to one disk. */
const threadsMax = 2

export type OrdinaryOptions = {
  store: Store
  reader: TreeReader
  /** New and empty, and nobody else's. */
  top: string
  /** Some of the tree's entries, in their order. */
  entries: AsyncIterable<Timed>
  /** Large files may be second names of the store's own, which are read-only. */
  link?: boolean | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { files: number; bytes: number }) => void) | undefined
}

type Batch = { files: { entry: FileEntry; time: number | null }[]; bytes: number }
type Job = { batch: Batch; last: boolean } | { one: Timed }
type Writing = OrdinaryOptions & {
  mode: number
  threads: Threads<Smalls, SmallsWritten>
  buffers: ReturnType<typeof createBuffers>
}

/**
 * Faults `unsupported` about a path that this file system cannot hold, `full`, those of the store.
 * What was written when it throws is the caller's to remove.
 */
export async function writeOrdinary(o: OrdinaryOptions): Promise<{ files: number; bytes: number }> {
  await using threads = openThreads<Smalls, SmallsWritten>({
    folder: import.meta.dirname,
    name: 'smalls-thread',
    most: threadsMax,
  })
  // The mode that the account's umask leaves to new files, read off a folder made the same way.
  const mode = (await stat(o.top)).mode & 0o666
  const writing: Writing = { ...o, mode, threads, buffers: createBuffers(blockBytes) }
  const progress = { files: 0, bytes: 0 }
  const write = async (job: Job) => {
    o.signal?.throwIfAborted()
    const done = 'one' in job ? await writeOne(job.one, writing) : await writeBatch(job, writing)
    progress.files += done.files
    progress.bytes += done.bytes
    if (done.files > 0) o.onProgress?.({ ...progress })
  }
  for await (const _ of inOrder(jobsOf(o), jobsAtOnce, write));
  return progress
}

/** Makes the folders on the way, so that whatever is written finds its own. */
async function* jobsOf(o: OrdinaryOptions): AsyncGenerator<Job> {
  const folders = createFolders(o.top)
  let batch: Batch = { files: [], bytes: 0 }
  for await (const timed of o.entries) {
    o.signal?.throwIfAborted()
    const { entry, time } = timed
    const { path, kind } = entry
    if (sep !== '/' && flagPath(path) !== undefined) throw cannotHold(path)
    await folders.makeFor(kind === 'dir' ? `${path}/` : path)
    if (entry.kind === 'dir' || entry.size > blockBytes) {
      yield { one: timed }
      continue
    }
    if (batch.files.length === smallsMax || batch.bytes + entry.size > blockBytes) {
      yield { batch, last: false }
      batch = { files: [], bytes: 0 }
    }
    batch.files.push({ entry, time })
    batch.bytes += entry.size
  }
  if (batch.files.length > 0) yield { batch, last: true }
}

async function writeBatch(
  { batch: { files, bytes }, last }: { batch: Batch; last: boolean },
  o: Writing,
): Promise<{ files: number; bytes: number }> {
  const digests = new Uint8Array(files.length * digestBytes)
  const wanted: { cid: FileCid; size: number }[] = []
  for (const [index, { entry }] of files.entries()) {
    digests.set(await o.reader.digests(entry), index * digestBytes)
    wanted.push({ cid: await o.reader.cid(entry), size: entry.size })
  }
  const written = await o.buffers.use(async (buffer) => {
    await o.store.readSmalls(wanted, buffer)
    const smalls: Smalls = {
      top: o.top,
      mode: o.mode,
      paths: files.map(({ entry }) => entry.path),
      sizes: files.map(({ entry }) => entry.size),
      times: files.map(({ time }) => time),
      digests,
      bytes: buffer.subarray(0, bytes),
    }
    return last && files.length <= fewMax ? writeSmalls(smalls) : o.threads.ask(smalls)
  })
  // The store says best what is wrong with what it holds.
  for (const index of written.wrong) await writeLarge(files[index]!, o)
  if (written.failed !== undefined) {
    const { index, code, message } = written.failed
    rethrow(
      Object.assign(new Error(message), code === undefined ? {} : { code }),
      files[index]!.entry.path,
    )
  }
  return { files: files.length, bytes }
}

async function writeOne(timed: Timed, o: Writing): Promise<{ files: number; bytes: number }> {
  const { entry, time } = timed
  if (entry.kind === 'file') {
    await writeLarge({ entry, time }, o)
    return { files: 1, bytes: entry.size }
  }
  const at = join(o.top, entry.path)
  if (time !== null) await utimes(at, time / 1000, time / 1000)
  return { files: 0, bytes: 0 }
}

type TimedFile = { entry: FileEntry; time: number | null }

async function writeLarge({ entry, time }: TimedFile, o: Writing): Promise<void> {
  await using held = await o.reader.open(entry)
  const at = join(o.top, entry.path)
  const digests = entry.size > blockBytes ? await o.reader.digests(entry) : undefined
  const clone = async (link: boolean) =>
    digests !== undefined &&
    (await held.cloneTo(at, { link }).catch((thrown) => rethrow(thrown, entry.path)))
  try {
    const cloned = await clone(false)
    if (!cloned && o.link === true && (await clone(true))) {
      if (await isWhole(at, entry, digests!, o)) {
        if (time !== null) await utimes(at, time / 1000, time / 1000)
        return
      }
      await rm(at)
    }
    await using file = await openNew(at, entry.path, cloned, o.mode)
    if (cloned) await file.truncate(entry.size)
    await fill(file, entry, held, cloned ? digests : undefined, o)
    if (time !== null) await file.utimes(time / 1000, time / 1000)
  } catch (thrown) {
    o.signal?.throwIfAborted()
    throw asFault(thrown, 'tree.export', printable(entry.path))
  }
}

/** Reads a file of ours back. */
async function isWhole(at: string, entry: FileEntry, digests: Uint8Array, o: Writing) {
  await using file = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW)
  if ((await file.stat()).size !== entry.size) return false
  return await o.buffers.use(async (buffer) => {
    for (let index = 0; index < blocksOf(entry.size); index++) {
      o.signal?.throwIfAborted()
      const block = buffer.subarray(0, blockSize(entry.size, index))
      if (!isBlock(await readAt(file, block, index * blockBytes), digests, index)) return false
    }
    return true
  })
}

/** While one block is written the next is read and hashed. With `there`, only what is not right yet. */
async function fill(
  file: FileHandle,
  entry: FileEntry,
  held: HeldFile,
  there: Uint8Array | undefined,
  o: Writing,
): Promise<void> {
  const write = async (index: number): Promise<void> => {
    o.signal?.throwIfAborted()
    await o.buffers.use(async (buffer) => {
      const block = buffer.subarray(0, blockSize(entry.size, index))
      const at = index * blockBytes
      if (there !== undefined && isBlock(await readAt(file, block, at), there, index)) return
      await writeAt(file, await held.read(index, block), at)
    })
  }
  async function* indexes() {
    for (let index = 0; index < blocksOf(entry.size); index++) yield index
  }
  // The disk is kept busy from the start: the flush at the end then has little left to wait for.
  let behind = Promise.resolve()
  let written = 0
  try {
    for await (const _ of inOrder(indexes(), blocksAtOnce, write)) {
      if (++written % writeBackBlocks > 0) continue
      await behind
      behind = file.datasync()
      behind.catch(() => {})
    }
  } finally {
    await behind
  }
}

/** Blocks of one large file that are under way. */
const blocksAtOnce = 3
/** Blocks after which what was written is sent to the disk. */
const writeBackBlocks = 64

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

/** Makes each folder once, as the paths come in order. */
function createFolders(top: string) {
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
      }
      open = parents
    },
  }
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
