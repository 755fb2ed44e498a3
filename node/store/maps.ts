/**
 * What is there of a file that arrives: one bit a block, in a file with two places that are written in
 * turn, each with a number and a checksum. A crash in the middle of one leaves the other, so a
 * checkpoint costs one flush of a file that is already there, and no rename and no folder.
 *
 *     "crossload map 2\n" · number (8) · bits · SHA-256 over the CID and all of this; then the other
 */
import { constants } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { FileCid } from '../../protocol/ids.ts'
import { digestBytes } from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { flushFolder } from '../base/files.ts'
import { readAt, writeAt } from './held.ts'
import { sha256 } from './sha256.ts'

const magic = new TextEncoder().encode('crossload map 2\n')
const numberBytes = 8
/** What one write of a disk may tear: no place shares it with the other. */
const placeUnit = 4096

export interface BlockMap {
  /** The bits of the last checkpoint, if there is one that can be believed. */
  readonly resumed: Uint8Array | undefined
  /** On the disk when it resolves; until then the ones before are. */
  save(bits: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Opens the map that is there, or makes an empty one. */
export async function openMap(path: string, cid: FileCid, blocks: number): Promise<BlockMap> {
  const bitBytes = Math.ceil(blocks / 8)
  const recordBytes = magic.byteLength + numberBytes + bitBytes + digestBytes
  const placeBytes = Math.ceil(recordBytes / placeUnit) * placeUnit
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    const [first, second] = await Promise.all([readPlace(0), readPlace(1)])
    const last = newer(first, second)
    let number = last?.number ?? 0
    // A new map has its blocks of the disk before it is needed: a full disk shows here.
    if (last === undefined) {
      await file.truncate(0)
      await writeAt(file, new Uint8Array(2 * placeBytes), 0)
    }
    let named = false
    return {
      resumed: last?.bits,
      async save(bits) {
        await writeAt(file, encodePlace(number + 1, bits), ((number + 1) % 2) * placeBytes)
        await file.datasync()
        if (!named) await flushFolder(dirname(path))
        named = true
        number++
      },
      close: () => file.close(),
    }
  } catch (thrown) {
    await file.close()
    await rm(path, { force: true })
    throw thrown
  }

  async function readPlace(place: number) {
    const record = await readAt(file, new Uint8Array(recordBytes), place * placeBytes)
    if (record.byteLength !== recordBytes) return undefined
    if (!sameBytes(sumOf(cid, record), record.subarray(-digestBytes))) return undefined
    return {
      number: Number(Buffer.from(record.buffer).readBigUInt64BE(magic.byteLength)),
      bits: record.slice(magic.byteLength + numberBytes, -digestBytes),
    }
  }

  function encodePlace(number: number, bits: Uint8Array): Uint8Array {
    const record = Buffer.alloc(recordBytes)
    record.set(magic)
    record.writeBigUInt64BE(BigInt(number), magic.byteLength)
    record.set(bits, magic.byteLength + numberBytes)
    record.set(sumOf(cid, record), recordBytes - digestBytes)
    return record
  }
}

type Place = { number: number; bits: Uint8Array }

function newer(a: Place | undefined, b: Place | undefined): Place | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.number > b.number ? a : b
}

/** Holds for this file alone. */
function sumOf(cid: FileCid, record: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([Buffer.from(cid), record.subarray(0, -digestBytes)]))
}
