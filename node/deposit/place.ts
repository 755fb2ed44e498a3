/** The folder that a project's people named: asked when it is named, and before each deposit. */
import { access, constants, lstat, readdir, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import { asideOf } from '../trees/export.ts'

/** Faults `missing`, `conflict` when it is no folder or lies behind a link, `denied` without the right to write. */
export async function checkPlace(folder: string): Promise<void> {
  try {
    const facts = await lstat(folder).catch((thrown) => {
      if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') throw missing(folder, thrown)
      throw thrown
    })
    // What was named was resolved then; a link that came since may lead anywhere.
    if (!facts.isDirectory() || (await realpath(folder)) !== folder) throw noFolder(folder)
    await access(folder, constants.W_OK | constants.X_OK).catch((cause) => {
      throw denied(folder, cause)
    })
  } catch (thrown) {
    throw asFault(thrown, 'deposit.place', folder)
  }
}

/** What a deposit into `target` left beside it when a crash cut it short. Only while none is made there. */
export async function sweepAsides(target: string): Promise<void> {
  const parent = dirname(target)
  const begins = asideOf(basename(target))
  try {
    for (const name of await readdir(parent))
      if (name.startsWith(begins)) await rm(join(parent, name), { recursive: true, force: true })
  } catch (thrown) {
    throw asFault(thrown, 'deposit.sweep', parent)
  }
}

function missing(folder: string, cause: unknown): Fault {
  return new Fault('missing', 'deposit.place', {
    about: folder,
    cause,
    text: `The folder ${folder} is not there. Make it, mount it, or name another one.`,
  })
}

function noFolder(folder: string): Fault {
  return new Fault('conflict', 'deposit.place', {
    about: folder,
    text: `${folder} is not a folder of its own: a file or a link is there. Put the folder back, or name another one.`,
  })
}

function denied(folder: string, cause: unknown): Fault {
  return new Fault('denied', 'deposit.place', {
    about: folder,
    cause,
    text: `The site may not write to ${folder}. Give its account that right, or name another folder.`,
  })
}
