/**
 * An independent judge of file CIDs: the importer of the IPFS project, with the same profile, is given
 * the same bytes.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importer } from 'ipfs-unixfs-importer'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMemoryStore } from '../node/store/memory.ts'
import { sha256 } from '../node/store/sha256.ts'
import { addTree } from '../node/trees/add.ts'
import { openTree } from '../node/trees/trees.ts'
import { blockBytes, blocksOf, digestBytes, fileCid } from '../protocol/unixfs.ts'

/** Keeps nothing: only the CIDs matter. */
const nowhere = { put: async (cid: CID) => cid } as unknown as Parameters<typeof importer>[1]

async function judge(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  for await (const { cid } of importer([{ path: 'file', content }], nowhere, {
    profile: 'unixfs-v1-2025',
  })) {
    return cid.toString()
  }
  throw new Error('The importer gave nothing.')
}

/** Bytes that do not repeat from block to block: the block's number, hashed, over and over. */
function blockOf(index: number, size: number): Uint8Array {
  const seed = createHash('sha256').update(String(index)).digest()
  return new Uint8Array(Buffer.alloc(size, seed))
}

function* content(size: number): Generator<Uint8Array> {
  for (let i = 0; i < blocksOf(size); i++)
    yield blockOf(i, Math.min(blockBytes, size - i * blockBytes))
}

function derive(size: number): string {
  const digests = new Uint8Array(blocksOf(size) * digestBytes)
  let i = 0
  for (const block of content(size)) digests.set(sha256(block), i++ * digestBytes)
  return fileCid(sha256, size, digests)
}

const mib = blockBytes
const sizes = [
  0,
  1,
  31,
  1000,
  65_536,
  262_144,
  262_145,
  1_000_000,
  mib - 1,
  mib,
  mib + 1,
  2 * mib - 1,
  2 * mib,
  3 * mib + 17,
  5 * mib + 17,
  10 * mib,
  33 * mib + 12_345,
  174 * mib + 1,
]
/** Around one full node of 1,024 links: made of one block over and over, so that it stays quick. */
const levels = [1023 * mib + 1, 1024 * mib, 1024 * mib + 1, 1025 * mib + 7]

describe('the CID of a file is the importer’s', () => {
  it.each(sizes)('for %i bytes', async (size) =>
    expect(derive(size)).toBe(await judge(content(size))),
  )

  it.each(levels)(
    'for %i bytes, around a level of the tree',
    async (size) => {
      const block = blockOf(0, mib)
      function* same(): Generator<Uint8Array> {
        for (let i = 0; i < blocksOf(size); i++)
          yield block.subarray(0, Math.min(mib, size - i * mib))
      }
      const digests = Buffer.alloc(blocksOf(size) * digestBytes, sha256(block))
      const rest = size % mib
      if (rest > 0) digests.set(sha256(block.subarray(0, rest)), digests.byteLength - digestBytes)
      expect(fileCid(sha256, size, digests)).toBe(await judge(same()))
    },
    60_000,
  )

  it('for the words of the specification', async () => {
    const bytes = new TextEncoder().encode('hello world')
    expect(fileCid(sha256, bytes.byteLength, sha256(bytes))).toBe(await judge([bytes]))
  })
})

describe('the CID that adding derives is the importer’s', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'crossload-oracle-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('for a sparse file of more than 1,024 blocks, whose digests stand in lists', async () => {
    const size = 1025 * mib + 1
    const path = join(folder, 'sparse.bin')
    const file = await open(path, 'wx')
    await file.truncate(size)
    await file.write('the end', size - 7)
    await file.close()
    const store = createMemoryStore()
    const { tree } = await addTree({ store, path, inPlace: true })
    const reader = await openTree(store, tree.root)
    const entry = await reader.find('sparse.bin')
    if (entry?.kind !== 'file') throw new Error('The file is not there.')
    expect(entry).toHaveProperty('lists.length', 1)
    // The same bytes without the disk: zeros, and six of the last letters before the last byte.
    function* same(): Generator<Uint8Array> {
      const zeros = new Uint8Array(mib)
      for (let i = 0; i < 1024; i++) yield zeros
      yield new Uint8Array(Buffer.concat([zeros.subarray(6), Buffer.from('the end')]))
    }
    expect(await reader.cid(entry)).toBe(await judge(same()))
  }, 60_000)
})
