/**
 * Everything under a folder made durable at once. One flush a file costs more than writing it, so many
 * files are flushed with one `syncfs` of their file system, by coreutils' `sync -f`, which Node has no
 * call for. Where that cannot be had or cannot be believed, each file is flushed by itself.
 */
import { spawn } from 'node:child_process'
import { open, readdir, statfs } from 'node:fs/promises'
import { platform, release } from 'node:os'
import { join } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import { flushFolder } from './files.ts'
import { createPool } from './work.ts'

/** With fewer files, flushing a whole file system would wait for what others have written there. */
const filesMin = 64
/** Files and folders flushed at the same time. */
const flushesMax = 16

/**
 * Those whose `syncfs` is known to leave everything on the disk, by the magic number of `statfs`: ext4,
 * xfs, btrfs, f2fs, zfs, overlay, and tmpfs, which has no disk. Others (FUSE among them) may pass it
 * over.
 */
const flushing: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x794c7630, 0x01021994,
])

export type FlushTreeOptions = {
  /** How many files there are under it, about. */
  readonly files: number
  readonly signal?: AbortSignal | undefined
  /** The program; another one only in tests. */
  readonly sync?: string | undefined
}

/** When it resolves, every file and every name under `folder`, and it itself, outlive a crash. */
export async function flushTree(folder: string, o: FlushTreeOptions): Promise<'one' | 'each'> {
  try {
    if (o.files >= filesMin && (await flushesWhole(folder)) && (await syncWhole(folder, o)))
      return 'one'
    await flushEach(folder, o)
    return 'each'
  } catch (thrown) {
    o.signal?.throwIfAborted()
    throw asFault(thrown, 'files.flush', folder)
  }
}

/** Older kernels than 5.8 flush, and do not say when it failed. */
async function flushesWhole(folder: string): Promise<boolean> {
  if (platform() !== 'linux') return false
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major < 5 || (major === 5 && minor < 8)) return false
  return flushing.has((await statfs(folder)).type)
}

/** False when there is no such program, or it did not do it: the files then tell why. */
function syncWhole(folder: string, { sync = 'sync', signal }: FlushTreeOptions): Promise<boolean> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(sync, ['-f', folder], { stdio: 'ignore' })
    const stop = () => {
      child.kill('SIGKILL')
      leave()
      reject(signal?.reason)
    }
    const leave = () => signal?.removeEventListener('abort', stop)
    signal?.addEventListener('abort', stop, { once: true })
    const end = (done: boolean) => {
      leave()
      resolve(done)
    }
    child.on('error', () => end(false))
    child.on('exit', (code) => end(code === 0))
  })
}

async function flushEach(folder: string, { signal }: FlushTreeOptions): Promise<void> {
  const pool = createPool({ limit: flushesMax })
  // One folder after the other, so that what waits is never more than a folder's names.
  for (const folders = [folder]; folders.length > 0; ) {
    const here = folders.pop()!
    const flushed: Promise<void>[] = []
    for (const entry of await readdir(here, { withFileTypes: true })) {
      signal?.throwIfAborted()
      const path = join(here, entry.name)
      if (entry.isDirectory()) folders.push(path)
      if (!entry.isFile()) continue
      if (flushed.length >= flushesMax) await Promise.all(flushed.splice(0))
      flushed.push(pool.run(() => flushFile(path)))
    }
    await Promise.all(flushed)
    await flushFolder(here)
  }
}

async function flushFile(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}
