/**
 * One file of a tree, for whoever wants its bytes: by its path, with its CID, and with the SHA-256 of
 * the whole, which of a file of many blocks is not in its CID. That one is computed here and never
 * believed from afar, and kept so that it is computed once.
 */
import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { printable } from '../../protocol/paths.ts'
import { blockBytes, blocksOf, digestBytes, readCidText } from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { createBreath } from '../base/breath.ts'
import type { Db } from '../db/db.ts'
import { sha256 } from '../store/sha256.ts'
import type { HeldFile, Store } from '../store/store.ts'
import { openTree } from '../trees/trees.ts'

/** Whole files hashed at one time; more wait. */
const hashingMax = 2
/** Bytes of the check that is kept beside a digest: a loose record has none of its own. */
const checkBytes = 4

export interface OpenFile extends AsyncDisposable {
  readonly path: string
  readonly cid: FileCid | Root
  readonly size: number
  /** One block, verified; see `HeldFile`. */
  read: HeldFile['read']
  /** The SHA-256 of all bytes, when it is known already. */
  known(): Promise<Uint8Array | undefined>
  /** The same, read and hashed now unless it is known. Faults as `read` does. */
  digest(options: { signal?: AbortSignal | undefined }): Promise<Uint8Array>
  /** Whoever has read every byte in order has hashed it on the way. */
  learned(digest: Uint8Array): Promise<void>
}

export interface Files {
  /** Faults `missing` when the tree has no such file, and as `Store.file` does. */
  open(tree: Tree, path: string): Promise<OpenFile>
  /** The root of a tree, as the bytes that its CID is of. */
  root(root: Root): Promise<OpenFile>
}

export function openFiles({ db, store }: { db: Db; store: Store }): Files {
  const digests = db.loose('digests')
  const computing = new Map<FileCid, Promise<Uint8Array>>()
  const waiting: (() => void)[] = []
  let running = 0

  /** The digest's record by the file's CID; only files of more than one block have one. */
  function keyOf(cid: FileCid): Uint8Array {
    const key = new Uint8Array(digestBytes)
    readCidText(cid, key)
    return key
  }

  const checkOf = (key: Uint8Array, digest: Uint8Array) =>
    sha256(Buffer.concat([key, digest])).subarray(0, checkBytes)

  async function kept(cid: FileCid): Promise<Uint8Array | undefined> {
    const key = keyOf(cid)
    const [value] = await digests.getMany([key])
    const digest = value?.slice(0, digestBytes)
    if (value === undefined || digest === undefined) return undefined
    return sameBytes(value.subarray(digestBytes), checkOf(key, digest)) ? digest : undefined
  }

  async function keep(cid: FileCid, digest: Uint8Array): Promise<void> {
    const key = keyOf(cid)
    await digests.write([{ key, value: Buffer.concat([digest, checkOf(key, digest)]) }], [])
  }

  async function compute(cid: FileCid, held: HeldFile, signal?: AbortSignal): Promise<Uint8Array> {
    while (running >= hashingMax) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      const hash = createHash('sha256')
      const buffer = new Uint8Array(blockBytes)
      const breath = createBreath()
      for (let index = 0; index < blocksOf(held.size); index++) {
        signal?.throwIfAborted()
        await breath()
        hash.update(await held.read(index, buffer))
      }
      const digest = new Uint8Array(hash.digest())
      await keep(cid, digest)
      return digest
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  return {
    async root(root) {
      const bytes = await store.block(root)
      const digest = sha256(bytes)
      return {
        path: `${root}.cbor`,
        cid: root,
        size: bytes.byteLength,
        read: async () => bytes,
        known: async () => digest,
        digest: async () => digest,
        learned: async () => {},
        async [Symbol.asyncDispose]() {},
      }
    },

    async open(tree, path) {
      const reader = await openTree(store, tree.root)
      const entry = await reader.find(path)
      if (entry?.kind !== 'file') {
        throw new Fault('missing', 'catalog.file', {
          about: printable(path),
          text: `There is no file ${printable(path)} in it. Look at its list of files.`,
        })
      }
      const all = await reader.digests(entry)
      const { size } = entry
      const cid = await reader.cid(entry)
      const held = await store.file(cid, size, all)
      const isOneBlock = blocksOf(size) <= 1
      const own = blocksOf(size) === 0 ? sha256(new Uint8Array(0)) : all.slice(0, digestBytes)
      const known = async () => (isOneBlock ? own : kept(cid))
      return {
        path,
        cid,
        size,
        read: held.read,
        known,
        async digest({ signal }) {
          for (;;) {
            const digest = await known()
            if (digest !== undefined) return digest
            const other = computing.get(cid)
            if (other === undefined) break
            // Who computes it may go away; then it is for us to do.
            await other.catch(() => {})
            signal?.throwIfAborted()
          }
          const mine = compute(cid, held, signal)
          computing.set(cid, mine)
          try {
            return await mine
          } finally {
            computing.delete(cid)
          }
        },
        async learned(digest) {
          if (!isOneBlock) await keep(cid, digest)
        },
        [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
      }
    },
  }
}
