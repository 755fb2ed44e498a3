/**
 * The form of a pack: a CARv1 file, so that any tool of that kind reads it. A header that names no
 * roots, then sections: a varint of what follows, the CID, the bytes. Nothing is ever changed in a
 * pack but its end.
 */
import { blockBytes } from '../../../protocol/unixfs.ts'
import { encode } from '../../../protocol/wire.ts'
import { cidStart, keyBytes, type Location } from './names.ts'

/** A pack is closed when the next section would make it larger, in bytes. */
export const packBytesMax = 256 * 1_048_576
/** The CID as a section has it: its start, the codec among it, and the digest. */
const cidBytes = keyBytes + 3
/** Three bytes of varint are enough for a section; the CID follows. */
export const headBytesMax = 3 + cidBytes
export const sectionBytesMax = headBytesMax + blockBytes

export const packHeader: Uint8Array = (() => {
  const value = encode({ version: 1, roots: [] })
  return Uint8Array.of(value.byteLength, ...value)
})()

/** Bytes before the content of a section. */
export function headBytes(bytes: number): number {
  const rest = bytes + cidBytes
  return cidBytes + (rest < 0x80 ? 1 : rest < 0x4000 ? 2 : 3)
}

export function endOf({ offset, bytes }: Location): number {
  return offset + headBytes(bytes) + bytes
}

/** Writes the head of a section at `at`; answers where its content begins. */
export function writeHead(into: Uint8Array, at: number, key: Uint8Array, bytes: number): number {
  let rest = bytes + cidBytes
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  into[at++] = cidStart[0]
  into[at++] = key[0]!
  into[at++] = cidStart[1]
  into[at++] = cidStart[2]
  into.set(key.subarray(1), at)
  return at + keyBytes - 1
}

/** Whether a section with this key and length begins at `at`. */
export function isHead(from: Uint8Array, at: number, key: Uint8Array, bytes: number): boolean {
  let rest = bytes + cidBytes
  while (rest >= 0x80) {
    if (from[at++] !== ((rest & 0x7f) | 0x80)) return false
    rest >>>= 7
  }
  if (from[at++] !== rest) return false
  if (from[at++] !== cidStart[0] || from[at++] !== key[0]) return false
  if (from[at++] !== cidStart[1] || from[at++] !== cidStart[2]) return false
  for (let i = 1; i < keyBytes; i++) if (from[at++] !== key[i]) return false
  return true
}

/** What `at` begins, as far as its head says: `short` when `end` comes first, `bad` when it is none of ours. */
export function readHead(
  from: Uint8Array,
  at: number,
  end: number,
): { key: Uint8Array; bytes: number; content: number } | 'short' | 'bad' {
  let rest = 0
  let position = at
  for (let shift = 0; ; shift += 7) {
    if (shift > 14) return 'bad'
    if (position >= end) return 'short'
    const byte = from[position++]!
    rest |= (byte & 0x7f) << shift
    if (byte >= 0x80) continue
    if (byte === 0 && shift > 0) return 'bad'
    break
  }
  const bytes = rest - cidBytes
  if (bytes < 0 || bytes > blockBytes) return 'bad'
  if (position + cidBytes > end) return 'short'
  const codec = from[position + 1]!
  if (
    from[position] !== cidStart[0] ||
    (codec !== 0x55 && codec !== 0x71) ||
    from[position + 2] !== cidStart[1] ||
    from[position + 3] !== cidStart[2]
  )
    return 'bad'
  const key = new Uint8Array(keyBytes)
  key[0] = codec
  key.set(from.subarray(position + 4, position + cidBytes), 1)
  return { key, bytes, content: position + cidBytes }
}
