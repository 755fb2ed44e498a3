/** The site's SHA-256, and what content is called by it. Bytes get a name here or are refused. */
import assert from 'node:assert/strict'
import { hash, subtle } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import {
  blockBytes,
  blockSize,
  blocksOf,
  digestBytes,
  fileCid,
  rootOf,
  type Sha256,
} from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { cidOfKey, keyOf, keyOfCid, rawCode } from './packs/names.ts'
import { nodeBytesMax, type Small, smallsBytesMax, smallsMax } from './store.ts'

/** Synchronous, and in Node the fastest there is for blocks of 1 MiB. */
export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer')

/** From this many bytes on the hash is worth a trip to another thread, if there is one to spare. */
const asideBytesMin = 131_072
/** With two cores the second has the disk, the line and mostly the other end to serve. */
const hasSpareCore = availableParallelism() > 2

/**
 * Large blocks are hashed by the thread pool while this thread goes on. That copies them, which costs
 * a sixth more in all, so it is done only where a core is to spare.
 */
export async function sha256Aside(bytes: Uint8Array, spare = hasSpareCore): Promise<Uint8Array> {
  if (!spare || bytes.byteLength < asideBytesMin) return sha256(bytes)
  return new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}

/** A metadata block's name. */
export function nameBlock(bytes: Uint8Array): Root {
  if (bytes.byteLength <= nodeBytesMax) return rootOf(sha256, bytes)
  throw new Fault('invalid', 'store.put', {
    text: `A metadata block of ${bytes.byteLength} bytes is over the cap of ${nodeBytesMax}.`,
  })
}

/** The key of a file of one block or none, whose digest somebody else told. */
export function keyOfSmall(digest: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength > blockBytes || !sameBytes(sha256(bytes), digest)) {
    throw new Fault('corrupt', 'store.put', {
      side: 'there',
      text: `${bytes.byteLength} bytes of a file are not what they should be. Nothing of them was kept.`,
    })
  }
  return keyOf(rawCode, digest)
}

/** Its name. */
export function nameSmall(digest: Uint8Array, bytes: Uint8Array): FileCid {
  return cidOfKey(keyOfSmall(digest, bytes)) as FileCid
}

/** Faults \`invalid\` when size and digests are not those of this CID. */
export function checkContent(cid: FileCid, size: number, digests: Uint8Array): void {
  const fits =
    digests.byteLength === blocksOf(size) * digestBytes && fileCid(sha256, size, digests) === cid
  if (!fits)
    throw new Fault('invalid', 'store.put', {
      about: cid,
      text: 'Size and digests are not those of this file.',
    })
}

/** The digests of a file of one block or none, which its CID says. */
export function digestsOfSmall(cid: FileCid, size: number): Uint8Array {
  return size === 0 ? new Uint8Array(0) : keyOfCid(cid).subarray(1)
}

/** Whether these bytes are all of what the CID names. */
export function isContent(cid: FileCid | Root, bytes: Uint8Array): boolean {
  if (cid.startsWith('bafyrei')) return rootOf(sha256, bytes) === cid
  const digests = new Uint8Array(blocksOf(bytes.byteLength) * digestBytes)
  for (let i = 0; i < blocksOf(bytes.byteLength); i++) {
    const at = i * blockBytes
    digests.set(sha256(bytes.subarray(at, at + blockSize(bytes.byteLength, i))), i * digestBytes)
  }
  return fileCid(sha256, bytes.byteLength, digests) === cid
}

/** That a batch is within its caps: whoever makes one is ours. */
export function checkBatch(files: readonly Small[]): void {
  assert(files.length <= smallsMax, `a batch has at most ${smallsMax} files`)
  let bytes = 0
  for (const file of files) bytes += file.bytes.byteLength
  assert(bytes <= smallsBytesMax, `a batch has at most ${smallsBytesMax} bytes`)
}
