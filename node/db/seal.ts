/**
 * The seal on every record of the index. LevelDB hands out damaged values, forgets keys and drops
 * parts of its log without a word, so each value carries a checksum of its own, keyed by its key, and
 * one record holds the sum of all checksums: a changed value shows when it is read, a lost, an old or
 * an extra one when everything is added up.
 */
import { createHash } from 'node:crypto'
import type { Level } from 'level'
import { looseStart, sumKey } from './keys.ts'

/** A record as it lies in LevelDB: checksum, then payload. */
export type Sealed = Uint8Array
export type RawDb = Level<string, Sealed>

const checksumBytes = 8

export function seal(key: string, payload: Uint8Array): Sealed {
  const sealed = new Uint8Array(checksumBytes + payload.byteLength)
  sealed.set(checksum(key, payload))
  sealed.set(payload, checksumBytes)
  return sealed
}

/** The payload, or undefined when it is not what was sealed under this key. */
export function unseal(key: string, sealed: Sealed): Uint8Array | undefined {
  const payload = new Uint8Array(sealed.buffer, sealed.byteOffset, sealed.byteLength).subarray(
    checksumBytes,
  )
  const found = checksum(key, payload)
  for (let i = 0; i < checksumBytes; i++) if (sealed[i] !== found[i]) return undefined
  return payload
}

function checksum(key: string, payload: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(key).update('\0').update(payload).digest()
  return hash.subarray(0, checksumBytes)
}

/** What one record adds to the sum; no record adds nothing. Adding it again takes it away. */
export function shareOf(sealed: Sealed | undefined): bigint {
  if (sealed === undefined || sealed.byteLength < checksumBytes) return 0n
  return new DataView(sealed.buffer, sealed.byteOffset).getBigUint64(0)
}

/** The sum of all records but its own, as a record. */
export function sealSum(total: bigint): Sealed {
  const payload = new Uint8Array(checksumBytes)
  new DataView(payload.buffer).setBigUint64(0, total)
  return seal(sumKey, payload)
}

/** Undefined when that record is missing or damaged: then nothing can be said of the index. */
export async function readSum(level: RawDb): Promise<bigint | undefined> {
  const sealed = await level.get(sumKey)
  const payload = sealed && unseal(sumKey, sealed)
  return payload && shareOf(payload)
}

/**
 * The file that an index closed in order leaves in its folder, with the sum as text: it shows when
 * the newest records are lost, which leave nothing inside that does not add up.
 */
export const closedName = 'closed'

export function closedText(total: bigint): string {
  return total.toString(16).padStart(2 * checksumBytes, '0')
}

/** Records read at a time while adding up. */
const stepRecords = 1000

/** What was found: everything, everything up to where `enough` stopped it, or a damaged record. */
export type Found =
  | { at: 'whole'; total: bigint; records: number }
  | { at: 'part'; records: number }
  | { at: 'damaged'; key: string }

/** Reads and checks all records, in key order, until `enough` says so. */
export async function addUp(
  level: RawDb,
  o: { snapshot?: ReturnType<RawDb['snapshot']> | undefined; enough?: () => boolean },
): Promise<Found> {
  let total = 0n
  let records = 0
  // Loose records lie behind all others and are not part of the sum.
  const iterator = level.iterator({
    lt: looseStart,
    ...(o.snapshot === undefined ? {} : { snapshot: o.snapshot }),
  })
  try {
    for (;;) {
      const step = await iterator.nextv(stepRecords)
      if (step.length === 0) return { at: 'whole', total, records }
      for (const [key, sealed] of step) {
        if (unseal(key, sealed) === undefined) return { at: 'damaged', key }
        if (key === sumKey) continue
        total ^= shareOf(sealed)
        records++
      }
      if (o.enough?.()) return { at: 'part', records }
    }
  } finally {
    await iterator.close()
  }
}
