/**
 * A file's CID from its size and the SHA-256 digests of its blocks, as any IPFS tool computes it under
 * the profile unixfs-v1-2025. The nodes between the blocks and the CID are derived here; they are
 * never stored and never read from afar.
 */
import { encode as encodeDagPb, type PBLink } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { FileCid, Root } from './ids.ts'

/**
 * SHA-256 as an argument: this room must also run in a browser, whose own hash only answers later,
 * and a manifest of a million entries cannot wait a million times. A site passes Node's.
 */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/** Every block of a file but the last has this size; the last is shorter or equal, never empty. */
export const blockBytes = 1_048_576
/** One SHA-256. */
export const digestBytes = 32
/** Links of one node of the profile's balanced tree. */
const linksMax = 1024

export const codecCodes = { raw: 0x55, 'dag-pb': 0x70, 'dag-cbor': 0x71 } as const
export const sha256Code = 0x12
export type Codec = keyof typeof codecCodes
const codecs = Object.keys(codecCodes) as Codec[]

/** How many blocks a file of this size has; an empty file has none. */
export function blocksOf(size: number): number {
  return Math.ceil(size / blockBytes)
}

/** The size of one block of a file. */
export function blockSize(size: number, index: number): number {
  return Math.min(blockBytes, size - index * blockBytes)
}

/** The digest of one block, as a view into the digests of all. */
export function digestAt(digests: Uint8Array, index: number): Uint8Array {
  return digests.subarray(index * digestBytes, (index + 1) * digestBytes)
}

export function blockCid(digest: Uint8Array, codec: Codec): CID {
  return CID.createV1(codecCodes[codec], createDigest(sha256Code, digest))
}

/** The text name of a metadata block: a page, a list, a root. */
export function rootOf(sha256: Sha256, bytes: Uint8Array): Root {
  return cidText(sha256(bytes), 'dag-cbor') as Root
}

const letters = Array.from('abcdefghijklmnopqrstuvwxyz234567', (letter) => letter.charCodeAt(0))
const valuesOf = new Uint8Array(128).fill(255)
for (const [value, letter] of letters.entries()) valuesOf[letter] = value
/** How the text of a CID begins: base32's own letter, then version, codec, hash and length. */
const beginnings = { raw: 'bafkrei', 'dag-pb': 'bafybei', 'dag-cbor': 'bafyrei' } as const
const beginningLength = 7

/** The text being made, as the codes of its letters. */
const text: number[] = Array.from({ length: 59 }, () => 0)

/**
 * `blockCid(…).toString()` of the digest at `from`, several times as fast: a tree of a million files has a million names. The
 * letters of a beginning are 30 of its 32 bits; the other two are zeros and go before the digest. Made
 * of one piece, because a text that was put together letter by letter is a chain of texts in memory.
 */
export function cidText(digest: Uint8Array, codec: Codec, from = 0): string {
  const beginning = beginnings[codec]
  let at = 0
  for (; at < beginning.length; at++) text[at] = beginning.charCodeAt(at)
  let held = 0
  let bits = 2
  for (let i = from; i < from + digestBytes; i++) {
    held = ((held << 8) | digest[i]!) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text[at++] = letters[(held >>> bits) & 31]!
    }
  }
  text[at] = letters[(held << (5 - bits)) & 31]!
  return String.fromCharCode(...text)
}

/** Writes the digest that this text was made from; its codec, or undefined for a text that is none of these. */
export function readCidText(cid: string, into: Uint8Array, at = 0): Codec | undefined {
  if (cid.length !== text.length) return undefined
  let held = 0
  let bits = 0
  let to = at
  for (let i = beginningLength; i < text.length; i++) {
    const value = valuesOf[cid.charCodeAt(i)] ?? 255
    // Bits that stand for nothing are zeros: before the digest two, behind it two.
    const isEnd = i === text.length - 1
    if (value > 31 || (i === beginningLength && value > 7) || (isEnd && (value & 3) !== 0))
      return undefined
    held = ((held << 5) | value) & 0xfff
    // The first letter begins with two bits of the beginning.
    bits += i === beginningLength ? 3 : 5
    if (bits < 8) continue
    bits -= 8
    into[to++] = (held >>> bits) & 0xff
  }
  return codecs.find((codec) => cid.startsWith(beginnings[codec]))
}

type Node = { cid: CID; size: number; total: number }

/**
 * The file's CID. `digests` are those of its blocks, one after another: exactly `blocksOf(size)` of
 * them, which is the caller's to ensure.
 */
export function fileCid(sha256: Sha256, size: number, digests: Uint8Array): FileCid {
  const count = blocksOf(size)
  if (digests.byteLength !== count * digestBytes)
    throw new RangeError(`${size} bytes have ${count} digests`)
  if (count === 0) return cidText(sha256(new Uint8Array(0)), 'raw') as FileCid
  if (count === 1) return cidText(digests, 'raw') as FileCid
  let level: Node[] = []
  // The first level is built group by group, so that a file of a million blocks never has a million
  // nodes in memory. A lone last block still gets its own parent: all leaves are equally deep.
  for (let first = 0; first < count; first += linksMax) {
    const leaves: Node[] = []
    for (let i = first; i < Math.min(count, first + linksMax); i++) {
      const bytes = blockSize(size, i)
      leaves.push({ cid: blockCid(digestAt(digests, i), 'raw'), size: bytes, total: bytes })
    }
    level.push(parentOf(sha256, leaves))
  }
  while (level.length > 1) {
    const above: Node[] = []
    for (let first = 0; first < level.length; first += linksMax) {
      above.push(parentOf(sha256, level.slice(first, first + linksMax)))
    }
    level = above
  }
  return level[0]!.cid.toString() as FileCid
}

function parentOf(sha256: Sha256, children: Node[]): Node {
  const links: PBLink[] = children.map((child) => ({
    Name: '',
    Tsize: child.total,
    Hash: child.cid,
  }))
  const bytes = encodeDagPb({ Data: fileData(children.map((child) => child.size)), Links: links })
  return {
    cid: blockCid(sha256(bytes), 'dag-pb'),
    size: children.reduce((sum, child) => sum + child.size, 0),
    total: children.reduce((sum, child) => sum + child.total, bytes.byteLength),
  }
}

/**
 * What a node of a file says of itself, a UnixFS message: its type, its size, the sizes of its children.
 * Written here, because the library that people use writes other bytes each time where the size is
 * from 2 GiB to 4 GiB (protons-runtime 7.1.2 loses the highest of 32 bits): such files had no one name.
 */
export function fileData(sizes: readonly number[]): Uint8Array {
  const bytes = [0x08, 0x02]
  const put = (field: number, value: number) => {
    bytes.push(field)
    // No bit operations: they end at 32 bits.
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
    bytes.push(value)
  }
  put(
    0x18,
    sizes.reduce((sum, size) => sum + size, 0),
  )
  for (const size of sizes) put(0x20, size)
  return Uint8Array.from(bytes)
}
