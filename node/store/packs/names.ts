/**
 * CIDs as the packs' index has them: 33 bytes, the codec and the digest. Text is made and read here
 * by hand, because a million files cannot each wait for a general decoder.
 */
import assert from 'node:assert/strict'
import type { FileCid, Root } from '../../../protocol/ids.ts'

export const keyBytes = 33
/** CIDv1, and what says SHA-256 of 32 bytes; the codec stands between the first and the second. */
export const cidStart = [0x01, 0x12, 0x20] as const
export const rawCode = 0x55
export const cborCode = 0x71

const letters = 'abcdefghijklmnopqrstuvwxyz234567'
const letterCodes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
const letterValues = new Uint8Array(128).fill(255)
for (let i = 0; i < 32; i++) letterValues[letterCodes[i]!] = i

/** `b`, then five bits a letter of 36 bytes. */
const textLength = 59
const text = Buffer.alloc(textLength)
text[0] = 'b'.charCodeAt(0)

/** The name whose key begins at `at`. */
export function cidOfKey(key: Uint8Array): FileCid | Root {
  let bits = 0
  let held = 0
  let to = 1
  const add = (byte: number) => {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text[to++] = letterCodes[(held >>> bits) & 31]!
    }
  }
  add(cidStart[0])
  add(key[0]!)
  add(cidStart[1])
  add(cidStart[2])
  for (let i = 1; i < keyBytes; i++) add(key[i]!)
  text[to] = letterCodes[(held << (5 - bits)) & 31]!
  return text.toString('latin1') as FileCid | Root
}

/** The check is for our own mistakes: no text from afar gets this far. */
export function keyOfCid(cid: FileCid | Root): Uint8Array {
  assert(cid.length === textLength && cid[0] === 'b', `${cid} is no CID of ours`)
  const key = new Uint8Array(keyBytes)
  let held = 0
  let bits = 0
  let byte = 0
  for (let i = 1; i < textLength; i++) {
    const value = letterValues[cid.charCodeAt(i)] ?? 255
    assert(value < 32, `${cid} is no CID of ours`)
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    const next = (held >>> bits) & 0xff
    if (byte === 1) key[0] = next
    else if (byte >= 4) key[byte - 3] = next
    else assert(next === cidStart[byte === 0 ? 0 : byte - 1], `${cid} is no CID of ours`)
    byte++
  }
  return key
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
