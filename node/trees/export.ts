/**
 * A tree becomes an ordinary folder. It is built aside in the parent of its place, in a folder that
 * only our account may enter, and renamed when every byte of it was verified; nothing that is there
 * already is ever written over. Here and in `ordinary.ts`, and nowhere else, a path from afar becomes a
 * name on the disk: pages were refused if a path could climb, and every component is made new.
 */
import { lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { flushFolder } from '../base/files.ts'
import { flushTree } from '../base/flush-tree.ts'
import type { Store } from '../store/store.ts'
import { writeOrdinary } from './ordinary.ts'
import { openTree } from './trees.ts'

export type ExportOptions = {
  store: Store
  tree: Pick<Tree, 'root' | 'times'>
  /** Where the new folder shall be. Its parent must be there, itself must not. */
  folder: string
  /** Large files may be second names of the store's own, which are read-only. */
  link?: boolean | undefined
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
  const aside = await mkdtemp(join(parent, asideOf(basename(target)))).catch((thrown) => {
    throw asFault(thrown, 'tree.export', parent)
  })
  try {
    const top = join(aside, 'tree')
    await mkdir(top)
    const done = await writeOrdinary({ ...o, reader, top, entries: reader.walk() })
    await flushTree(top, { files: done.files, signal: o.signal })
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

/** How the name of the folder begins in which `name` is written; worth nothing after a crash. */
export function asideOf(name: string): string {
  return `.${name}.crossload-`
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
