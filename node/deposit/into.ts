/**
 * New files into a folder that people use: written and flushed aside, then given their names one by
 * one. Whoever looks sees the old file or the new one, never a part.
 */
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  opendir,
  rename,
  rm,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import { flushTree } from '../base/flush-tree.ts'
import type { Store } from '../store/store.ts'
import type { Timed } from '../trees/build.ts'
import { asideOf } from '../trees/export.ts'
import { writeOrdinary } from '../trees/ordinary.ts'
import type { TreeReader } from '../trees/trees.ts'

export type Into = {
  store: Store
  reader: TreeReader
  /** In the order of the tree; judged to be free to write while they are asked for. */
  entries: AsyncIterable<Timed>
  folder: string
  /** Of the whole folder, about. */
  files: number
  link: boolean
  signal: AbortSignal
  /** Whether what is at the path is what we laid there. */
  isOurs(path: string): Promise<boolean>
  laid(entry: { kind: 'file' | 'dir'; size: number }): void
  /** Somebody was quicker. */
  refused(path: string): void
}

export async function layInto(o: Into): Promise<void> {
  const aside = await mkdtemp(join(dirname(o.folder), asideOf(basename(o.folder)))).catch(
    (thrown) => {
      throw asFault(thrown, 'deposit.lay', dirname(o.folder))
    },
  )
  try {
    // By the clock of that file system: what has changed since then was judged before it changed.
    const since = (await stat(aside)).ctimeMs
    const top = join(aside, 'tree')
    await mkdir(top)
    const { files } = await writeOrdinary({ ...o, top })
    await flushTree(top, { files, signal: o.signal })
    await moveAll(o, top, '', since)
    // Also names that were there before us: a crash may have left them without a flush.
    await flushTree(o.folder, { files: o.files, signal: o.signal })
  } catch (thrown) {
    if (o.signal.aborted) throw thrown
    throw asFault(thrown, 'deposit.lay', o.folder)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function moveAll(o: Into, top: string, under: string, since: number): Promise<void> {
  for await (const entry of await opendir(join(top, under))) {
    o.signal.throwIfAborted()
    const path = join(under, entry.name)
    if (entry.isDirectory()) await moveFolder(o, top, path, since)
    else await moveFile(o, top, path, since)
  }
}

async function moveFolder(o: Into, top: string, path: string, since: number): Promise<void> {
  const at = join(o.folder, path)
  const made = await mkdir(at).then(
    () => true,
    (thrown) => {
      if (thrown.code === 'EEXIST') return false
      throw thrown
    },
  )
  if (!made && !(await lstat(at)).isDirectory()) return o.refused(path)
  await moveAll(o, top, path, since)
  if (!made) return
  const { mtime } = await stat(join(top, path))
  await utimes(at, mtime, mtime)
}

async function moveFile(o: Into, top: string, path: string, since: number): Promise<void> {
  const [from, to] = [join(top, path), join(o.folder, path)]
  const { size } = await stat(from)
  const there = await lstat(to).catch((thrown) => {
    if (thrown.code !== 'ENOENT') throw thrown
  })
  if (there === undefined) {
    if (!(await moveNew(from, to))) return o.refused(path)
  } else {
    const isJudged = there.isFile() && (there.ctimeMs < since || (await o.isOurs(path)))
    if (!isJudged) return o.refused(path)
    await rename(from, to)
  }
  o.laid({ kind: 'file', size })
}

/** A second name first, because a rename would write over what came there meanwhile. */
async function moveNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    await unlink(from)
    return true
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // Some file systems have no second names.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw thrown
    await rename(from, to)
    return true
  }
}
