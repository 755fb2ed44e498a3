/** A file that was left where it is, read from its first byte to its last: is it what it was? */
import { lstat, open } from 'node:fs/promises'
import { asFault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import { blockBytes, blockSize, blocksOf, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { readAt, readFlags } from '../store/held.ts'
import { placeOf } from '../store/places.ts'
import { sha256 } from '../store/sha256.ts'
import type { Place } from '../store/store.ts'

/** What the file system says of a file that is not there, or is a link by now. */
const gone = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'])

type Reading = {
  readonly signal: AbortSignal
  /** Called with every block, so that reading takes as long as it should. */
  pace(bytes: number): Promise<void>
}

/** One place that still has it is enough. Faults of the disk fly through. */
export async function checkInPlace(
  cid: FileCid,
  places: readonly Place[],
  o: Reading,
): Promise<'whole' | 'changed'> {
  for (const place of places) if (await isAt(cid, place, o)) return 'whole'
  return 'changed'
}

async function isAt(cid: FileCid, place: Place, o: Reading): Promise<boolean> {
  try {
    if (!isSame(place, placeOf(place.path, await lstat(place.path, { bigint: true })))) return false
    await using file = await open(place.path, readFlags)
    const { size } = place
    const digests = new Uint8Array(blocksOf(size) * digestBytes)
    const buffer = new Uint8Array(Math.min(size, blockBytes))
    for (let index = 0; index < blocksOf(size); index++) {
      o.signal.throwIfAborted()
      const wanted = buffer.subarray(0, blockSize(size, index))
      const block = await readAt(file, wanted, index * blockBytes)
      if (block.byteLength < wanted.byteLength) return false
      digests.set(sha256(block), index * digestBytes)
      await o.pace(block.byteLength)
    }
    if (!isSame(place, placeOf(place.path, await file.stat({ bigint: true })))) return false
    return fileCid(sha256, size, digests) === cid
  } catch (thrown) {
    if (gone.has(String((thrown as NodeJS.ErrnoException).code))) return false
    o.signal.throwIfAborted()
    throw asFault(thrown, 'scrub.place', place.path)
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ino === other.ino
}
