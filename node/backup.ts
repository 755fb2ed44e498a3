/**
 * A copy of a running site in a new folder: journal, key, token, configuration and content. The store
 * is held still by whoever calls, so that its content only grows meanwhile, and the journal is copied
 * first: so whatever a record names is in the copy. Of files that were left in place the copy knows
 * where they are, and does not hold them. The index is left out: it is made again at the first start.
 */
import { cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asFault, Fault } from '../protocol/fault.ts'
import { flushFolder } from './base/files.ts'
import { flushTree } from './base/flush-tree.ts'
import type { Home } from './config.ts'
import type { Doing } from './http/doors.ts'
import { verifyJournal } from './journal/journal.ts'

export type Backup = { folder: string; files: number; bytes: number }

/**
 * Faults `exists` when the folder is there, `corrupt` when the copied journal does not verify. One at a
 * time for a home: a second one to the same folder would clear away what the first has copied.
 */
export async function backupSite(home: Home, folder: string, doing: Doing): Promise<Backup> {
  if ((await lstat(folder).catch(() => undefined)) !== undefined) {
    throw new Fault('exists', 'backup', {
      about: folder,
      text: `${folder} is already there. Name a new folder.`,
    })
  }
  if ((await lstat(dirname(folder)).catch(() => undefined)) === undefined) {
    throw new Fault('missing', 'backup', {
      about: dirname(folder),
      text: `${dirname(folder)} is not there. Make it, or name a folder in one that is.`,
    })
  }
  const aside = join(dirname(folder), `.${basename(folder)}.crossload-backup`)
  try {
    await rm(aside, { recursive: true, force: true })
    await mkdir(aside, { mode: 0o700 })
    for (const path of [
      home.journal,
      home.key,
      home.people,
      home.hooks,
      home.token,
      home.config,
      home.store,
    ])
      await copy(home, path, aside, doing)
    await verifyJournal(join(aside, basename(home.journal)))
    const { files, bytes } = await count(aside, doing)
    await flushTree(aside, { files, signal: doing.signal })
    await rename(aside, folder)
    await flushFolder(dirname(folder))
    return { folder, files, bytes }
  } catch (thrown) {
    await rm(aside, { recursive: true, force: true })
    throw asFault(thrown, 'backup', folder)
  }
}

/** What is on its way in is not content yet, so it stays behind; the folders for it come along. */
async function copy(home: Home, path: string, into: string, { signal }: Doing): Promise<void> {
  const passing = [join(home.store, 'tmp'), join(home.store, 'partial')].map(
    (folder) => `${folder}/`,
  )
  await cp(path, join(into, basename(path)), {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => {
      signal.throwIfAborted()
      return !passing.some((folder) => source.startsWith(folder))
    },
  })
}

async function count(
  folder: string,
  { signal, onProgress }: Doing,
): Promise<{ files: number; bytes: number }> {
  const done = { files: 0, bytes: 0 }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    signal.throwIfAborted()
    if (!entry.isFile()) continue
    done.files++
    done.bytes += (await lstat(join(entry.parentPath, entry.name))).size
    onProgress({ ...done })
  }
  return done
}
