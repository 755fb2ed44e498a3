/**
 * The disk. Whatever must outlive a crash is written by `writeDurably`: aside, flushed, renamed, and
 * the folder flushed, because without the last step the newest name is lost with the power.
 */
import { mkdir, open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import { systemClock } from './clock.ts'

/** The part of a small file system that counts as room: one in so many. */
const smallestParts = 32

/** How the name of a file ends while it is written. Such a file is worth nothing after a crash. */
const asideEnd = '.aside'

/**
 * Writes the whole file, or leaves what was there. When it resolves, name and content are on the
 * disk; after a crash before that there is the old file or the new one, never a part.
 * Faults are those of the disk: `full`, `denied`, `missing` (no such folder), `corrupt`.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array | string,
  options?: { mode?: number | undefined },
): Promise<void> {
  // The random bytes only keep two writers of one path apart; no simulation can notice them.
  const name = `.${basename(path)}.${Buffer.from(systemClock.random(6)).toString('hex')}${asideEnd}`
  const aside = join(dirname(path), name)
  try {
    const file = await open(aside, 'wx', options?.mode ?? 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
    await flushFolder(dirname(path))
  } catch (thrown) {
    await rm(aside, { force: true }).catch(() => {})
    throw asFault(thrown, 'files.write', path)
  }
}

/** Removes what `writeDurably` left in `folder` when a crash cut it short. Only while nobody writes there. */
export async function sweepAside(folder: string): Promise<number> {
  try {
    const left = (await readdir(folder)).filter(
      (name) => name.startsWith('.') && name.endsWith(asideEnd),
    )
    for (const name of left) await rm(join(folder, name), { force: true })
    return left.length
  } catch (thrown) {
    throw asFault(thrown, 'files.sweep', folder)
  }
}

/** Makes names in `folder` durable: new ones, renamed ones, removed ones. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    throw asFault(thrown, 'files.flush', folder)
  }
}

/** The file's bytes, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asFault(thrown, 'files.read', path)
  }
}

/** Makes the folder and those above it, durably and for our account alone. One that is there is fine. */
export async function makeFolder(path: string): Promise<void> {
  try {
    const topmost = await mkdir(path, { recursive: true, mode: 0o700 })
    if (topmost === undefined) return
    const above = dirname(resolve(topmost))
    let folder = resolve(path)
    do {
      folder = dirname(folder)
      await flushFolder(folder)
    } while (folder !== above)
  } catch (thrown) {
    throw asFault(thrown, 'files.make', path)
  }
}

/**
 * Whether `bytes` more could be written beside `path`, or a part of a small file system: what must go
 * on when everything else has filled the disk asks this first, and so stops while it still can.
 */
export async function hasRoom(path: string, bytes: number): Promise<boolean> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    return bavail * bsize >= Math.min(bytes, (blocks * bsize) / smallestParts)
  } catch (thrown) {
    throw asFault(thrown, 'files.room', path)
  }
}

/** Bytes that this account may still write on the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (thrown) {
    throw asFault(thrown, 'files.free', path)
  }
}
