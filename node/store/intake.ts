/**
 * The one door for files on a disk. Whatever is kept was written aside under a name that nobody reads,
 * flushed, and renamed to its own; then its folder is flushed, once for many. After a crash a name in
 * `objects/` therefore stands for whole content, and whatever lies aside is worth nothing.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import { flushFolder } from '../base/files.ts'
import { createPool, createSerial } from '../base/work.ts'
import { writeAt } from './held.ts'

/** Objects are read-only from their first moment. */
const objectMode = 0o440
/** Folders flushed at the same time. */
const flushesMax = 16

export interface Intake {
  /** A new file aside, open for writing. */
  create(): Promise<Aside>
  /** Flushes the open file, closes it and moves it from `from` to `to`. Durable after the next flush. */
  settle(file: FileHandle, from: string, to: string): Promise<void>
  /** Moves what is flushed already. Durable after the next flush. */
  move(from: string, to: string): Promise<void>
  /** The folder's names are to be flushed with the rest. */
  touch(folder: string): void
  /** All moves that had resolved are durable. */
  flush(): Promise<void>
  /** Discards whatever is still being written. */
  abandon(): Promise<void>
  /** Abandons and flushes; a flush that failed before was reported then. */
  close(): Promise<void>
}

export interface Aside {
  write(bytes: Uint8Array, at: number): Promise<void>
  settle(to: string): Promise<void>
  discard(): Promise<void>
}

/** `folder` is for files that are being written; its names are this intake's alone. */
export function createIntake(folder: string): Intake {
  const inTurn = createSerial()
  const made = new Set<string>()
  let unflushed = new Set<string>()
  const writing = new Set<Aside>()
  let names = 0
  let lost: Fault | undefined

  function check(): void {
    if (lost !== undefined) throw lost
  }

  /** A flush that failed may have dropped what it was to write, and the next one would not say so. */
  function lose(thrown: unknown): never {
    lost ??= new Fault('corrupt', 'store.flush', {
      about: 'the store',
      cause: thrown,
      text: 'The disk failed to keep what was written. Check the disk, then start the site again.',
    })
    throw lost
  }

  /** A disk that turns out to be full only when it is flushed (a quota, a network) is no broken one. */
  function loseUnlessFull(thrown: unknown): never {
    const fault = asFault(thrown, 'store.flush', 'the store')
    return fault.kind === 'full' ? rethrow(fault) : lose(thrown)
  }

  async function move(from: string, to: string): Promise<void> {
    check()
    const into = dirname(to)
    if (!made.has(into)) {
      await mkdir(into, { recursive: true, mode: 0o700 })
      // Also when somebody else has just made it: whoever is first to be acknowledged needs it flushed.
      unflushed.add(dirname(into))
      made.add(into)
    }
    await rename(from, to)
    unflushed.add(into)
  }

  async function settle(file: FileHandle, from: string, to: string): Promise<void> {
    try {
      await file.sync().catch(loseUnlessFull)
    } finally {
      await file.close()
    }
    await move(from, to)
  }

  async function create(): Promise<Aside> {
    check()
    const path = join(folder, String(names++))
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
    const file = await open(path, flags, objectMode).catch(rethrow)
    async function discard(): Promise<void> {
      writing.delete(aside)
      await file.close().catch(() => {})
      await rm(path, { force: true })
    }
    /** What could not be written whole is not left behind: it may be what fills the disk. */
    async function orDiscard(run: () => Promise<void>): Promise<void> {
      try {
        await run()
      } catch (thrown) {
        await discard()
        rethrow(thrown)
      }
    }
    const aside: Aside = {
      write: (bytes, at) => orDiscard(() => writeAt(file, bytes, at)),
      settle: (to) =>
        orDiscard(async () => {
          await settle(file, path, to)
          writing.delete(aside)
        }),
      discard,
    }
    writing.add(aside)
    return aside
  }

  async function abandon(): Promise<void> {
    await Promise.all([...writing].map((aside) => aside.discard()))
  }

  const flush = () =>
    inTurn(async () => {
      check()
      const folders = [...unflushed]
      unflushed = new Set()
      const flushing = createPool({ limit: flushesMax })
      const all = folders.map((path) => flushing.run(() => flushFolder(path)))
      await Promise.all(all).catch(lose)
    })

  return {
    create,
    settle: (file, from, to) => settle(file, from, to).catch(rethrow),
    move: (from, to) => move(from, to).catch(rethrow),
    touch: (path) => void unflushed.add(path),
    flush,
    abandon,
    async close() {
      await abandon()
      if (lost === undefined) await flush()
    },
  }
}

function rethrow(thrown: unknown): never {
  throw asFault(thrown, 'store.write', 'the store')
}
