/** The site's SHA-256, and what content is called by it. Bytes get a name here or are refused. */
import { hash } from 'node:crypto'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import {
  blockBytes,
  blocksOf,
  digestBytes,
  fileCid,
  rootOf,
  type Sha256,
} from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { nodeBytesMax } from './store.ts'

/** Synchronous, and in Node the fastest there is for blocks of 1 MiB. */
export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer')

/** A metadata block's name. */
export function nameBlock(bytes: Uint8Array): Root {
  if (bytes.byteLength <= nodeBytesMax) return rootOf(sha256, bytes)
  throw new Fault('invalid', 'store.put', {
    text: `A metadata block of ${bytes.byteLength} bytes is over the cap of ${nodeBytesMax}.`,
  })
}

/** The name of a file of one block or none, whose digest somebody else told. */
export function nameSmall(digest: Uint8Array, bytes: Uint8Array): FileCid {
  if (bytes.byteLength > blockBytes || !sameBytes(sha256(bytes), digest)) {
    throw new Fault('corrupt', 'store.put', {
      side: 'there',
      text: `${bytes.byteLength} bytes of a file are not what they should be. Nothing of them was kept.`,
    })
  }
  return fileCid(
    sha256,
    bytes.byteLength,
    blocksOf(bytes.byteLength) === 0 ? new Uint8Array(0) : digest,
  )
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
