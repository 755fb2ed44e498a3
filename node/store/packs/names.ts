/** CIDs as the packs' index has them: 33 bytes, the codec and the digest. */
import assert from 'node:assert/strict'
import type { FileCid, Root } from '../../../protocol/ids.ts'
import { type Codec, cidText, codecCodes, readCidText } from '../../../protocol/unixfs.ts'

export const keyBytes = 33
/** CIDv1, and what says SHA-256 of 32 bytes; the codec stands between the first and the second. */
export const cidStart = [0x01, 0x12, 0x20] as const
export const rawCode = codecCodes.raw
export const cborCode = codecCodes['dag-cbor']

const codecOf = new Map(Object.entries(codecCodes).map(([codec, code]) => [code, codec as Codec]))

/** The name whose key this is. */
export function cidOfKey(key: Uint8Array): FileCid | Root {
  const codec = codecOf.get(key[0] as 0x55)
  assert(codec !== undefined, 'a key has a codec of ours')
  return cidText(key, codec, 1) as FileCid | Root
}

export function keyOfCid(cid: FileCid | Root): Uint8Array {
  const key = new Uint8Array(keyBytes)
  writeKey(cid, key, 0)
  return key
}

/** Writes the key at `at`. The check is for our own mistakes: no text from afar gets this far. */
export function writeKey(cid: FileCid | Root, into: Uint8Array, at: number): void {
  const codec = readCidText(cid, into, at + 1)
  assert(codec !== undefined, `${cid} is no CID of ours`)
  into[at] = codecCodes[codec]
}

/** The key of bytes with this digest. */
export function keyOf(code: typeof rawCode | typeof cborCode, digest: Uint8Array): Uint8Array {
  const key = new Uint8Array(keyBytes)
  key[0] = code
  key.set(digest, 1)
  return key
}

/** Whether it is a metadata block or a file of one block or none: what packs hold. */
export function isSmall(cid: FileCid | Root): boolean {
  return !cid.startsWith('bafybei')
}

/** Where a section begins, and the bytes of its content. */
export type Location = { readonly pack: number; readonly offset: number; readonly bytes: number }

export function encodeLocation({ pack, offset, bytes }: Location): Uint8Array {
  const value = Buffer.allocUnsafe(12)
  value.writeUInt32BE(pack, 0)
  value.writeUInt32BE(offset, 4)
  value.writeUInt32BE(bytes, 8)
  return value
}

/** Undefined for bytes that are no location: the index has damage, and what it says is not believed. */
export function decodeLocation(value: Uint8Array | undefined): Location | undefined {
  if (value?.byteLength !== 12) return undefined
  const view = new DataView(value.buffer, value.byteOffset, 12)
  return { pack: view.getUint32(0), offset: view.getUint32(4), bytes: view.getUint32(8) }
}
