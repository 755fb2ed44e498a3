/**
 * Many small files written at once, the plain way and without waiting: a thread does this, since a
 * file costs four calls of the system and each of them would cost the loop a turn. It takes nothing
 * from the other rooms, so that a thread begins at once.
 */
import { hash } from 'node:crypto'
import { closeSync, constants, futimesSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Files of one block or none, and their contents one after another in shared memory. */
export type Smalls = {
  readonly top: string
  /** Of every file, before the process's own mask. */
  readonly mode: number
  readonly paths: readonly string[]
  readonly sizes: readonly number[]
  readonly times: readonly (number | null)[]
  /** One for each file; an empty file's means nothing. */
  readonly digests: Uint8Array
  readonly bytes: Uint8Array
}

export type SmallsWritten = {
  /** Those whose bytes are not what they should be; nothing of them was written. */
  wrong: number[]
  /** What ended it: the rest was not written. */
  failed?: { index: number; code?: string | undefined; message: string }
}

const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Every byte is hashed before it is written. Never throws. Not flushed. */
export function writeSmalls(smalls: Smalls): SmallsWritten {
  const wrong: number[] = []
  let at = 0
  for (const [index, path] of smalls.paths.entries()) {
    const bytes = smalls.bytes.subarray(at, at + smalls.sizes[index]!)
    at += bytes.byteLength
    if (bytes.byteLength > 0 && !isRight(bytes, smalls.digests, index)) {
      wrong.push(index)
      continue
    }
    try {
      writeOne(join(smalls.top, path), bytes, smalls.mode, smalls.times[index]!)
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException
      return { wrong, failed: { index, code, message } }
    }
  }
  return { wrong }
}

function isRight(bytes: Uint8Array, digests: Uint8Array, index: number): boolean {
  const digest = hash('sha256', bytes, 'buffer')
  const size = digest.byteLength
  return digest.equals(digests.subarray(index * size, (index + 1) * size))
}

function writeOne(path: string, bytes: Uint8Array, mode: number, time: number | null): void {
  const file = openSync(path, flags, mode)
  try {
    for (let done = 0; done < bytes.byteLength; )
      done += writeSync(file, bytes, done, bytes.byteLength - done)
    if (time !== null) futimesSync(file, time / 1000, time / 1000)
  } finally {
    closeSync(file)
  }
}
