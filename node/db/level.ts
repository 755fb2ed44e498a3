/** LevelDB opened and closed, and what it complains of as faults. */
import { Level } from 'level'
import { Fault, type FaultAbout, type FaultKind } from '../../protocol/fault.ts'
import type { RawDb, Sealed } from './seal.ts'

/** Of decompressed blocks: the system caches the files anyhow, and names of content come at random. */
const cacheBytes = 2 * 1024 * 1024
/** Gathered in memory before it is sorted into a table: the more, the less often tables are merged. */
const writeBufferBytes = 8 * 1024 * 1024

/**
 * Opens the folder as LevelDB. With `create` it must be new; without, it must be there, because
 * LevelDB takes a folder that lost its smallest file for an empty one and deletes the rest.
 */
export async function openLevel(folder: string, create: boolean): Promise<RawDb> {
  const level = new Level<string, Sealed>(folder, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    createIfMissing: create,
    errorIfExists: create,
    cacheSize: cacheBytes,
    writeBufferSize: writeBufferBytes,
    // Most of it are digests, which nothing makes shorter: packing and unpacking them is work for nothing.
    compression: false,
  })
  try {
    await level.open()
    return level
  } catch (thrown) {
    throw levelFault(thrown, 'db.open')
  }
}

type LevelError = { code?: string; message?: string; cause?: LevelError }

/** What LevelDB says, by what it means for us: its words come from C++ and have few codes. */
const complaints: readonly (readonly [RegExp, FaultKind, string])[] = [
  [
    /LEVEL_LOCKED/,
    'busy',
    'Another process uses the index of this home. Stop that process, then start again.',
  ],
  [/create_if_missing/, 'missing', 'The index is not there.'],
  [/error_if_exists/, 'exists', 'There is an index already.'],
  [
    /no space left|quota exceeded/i,
    'full',
    'The disk is full at the index. Free some space, then start again.',
  ],
  [
    /permission denied|not permitted|read-only/i,
    'denied',
    'The index may not be written by this account. Change its permissions.',
  ],
  [
    /too many open files|cannot allocate/i,
    'busy',
    'The machine has no room for another open file. Raise the limit, then start again.',
  ],
]

export function levelFault(thrown: unknown, op: string, about?: FaultAbout): Fault {
  if (thrown instanceof Fault) return thrown
  const error = thrown as LevelError
  const words = [error.code, error.message, error.cause?.code, error.cause?.message].join(' ')
  for (const [pattern, kind, text] of complaints) {
    if (pattern.test(words)) return new Fault(kind, op, { about, text, cause: thrown })
  }
  if (/LEVEL_(DATABASE|ITERATOR)_NOT_OPEN/.test(error.code ?? '') && error.cause === undefined) {
    return new Fault('gone', op, { about, text: 'The site is stopping.', cause: thrown })
  }
  return new Fault('corrupt', op, {
    about,
    text: 'The index is damaged. It is rebuilt at the next start.',
    cause: thrown,
  })
}
