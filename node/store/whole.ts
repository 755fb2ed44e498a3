/**
 * Objects: files of their own, each named by its whole CID. Files of more than a block lie so, and what
 * the store took before it had packs.
 */
import { type FileHandle, lstat, open, opendir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asFault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes, blockSize, blocksOf, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { corrupt } from './faults.ts'
import { createHeldFile, readAt, readFlags } from './held.ts'
import { nameBlock, sha256 } from './sha256.ts'
import { type HeldFile, nodeBytesMax, type Reading } from './store.ts'

type Name = FileCid | Root

/** Objects that are looked for at the same time. */
const looksAtOnce = 64

export interface Objects {
  pathOf(cid: Name): string
  /** Undefined when it is not held. */
  sizeOf(cid: Name): Promise<number | undefined>
  haveMany(cids: readonly Name[]): Promise<boolean[]>
  file(cid: FileCid, size: number, digests: Uint8Array): Promise<HeldFile | undefined>
  block(cid: Root): Promise<Uint8Array | undefined>
  /** Hashed from the disk. Undefined when it is not held. */
  isWhole(cid: Name, o?: Reading): Promise<boolean | undefined>
  /** False when it was not there. */
  remove(cid: Name): Promise<boolean>
  moveAside(cid: Name, to: string): Promise<void>
  list(): AsyncGenerator<{ cid: Name; bytes: number }>
}

/** `touch` is told of each folder whose names are to be flushed. */
export function createObjects(folder: string, touch: (folder: string) => void): Objects {
  const pathOf = (cid: Name) => join(folder, cid.slice(-2), cid)

  async function sizeOf(cid: Name): Promise<number | undefined> {
    const stat = await lstat(pathOf(cid)).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw asFault(thrown, 'store.has', cid)
    })
    return stat?.isFile() ? stat.size : undefined
  }

  async function openObject(cid: Name): Promise<FileHandle | undefined> {
    return open(pathOf(cid), readFlags).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw asFault(thrown, 'store.open', cid)
      return undefined
    })
  }

  async function use<T>(cid: Name, run: (file: FileHandle, size: number) => Promise<T>) {
    const file = await openObject(cid)
    if (file === undefined) return undefined
    try {
      return await run(file, (await file.stat()).size)
    } catch (thrown) {
      throw asFault(thrown, 'store.read', cid)
    } finally {
      await file.close()
    }
  }

  return {
    pathOf,
    sizeOf,
    async haveMany(cids) {
      const have: boolean[] = []
      for (let i = 0; i < cids.length; i += looksAtOnce) {
        const some = cids.slice(i, i + looksAtOnce)
        const sizes = await Promise.all(some.map(sizeOf))
        for (const size of sizes) have.push(size !== undefined)
      }
      return have
    },

    async file(cid, size, digests) {
      const file = await openObject(cid)
      if (file === undefined) return undefined
      const wrong = () => corrupt(cid)
      const held = createHeldFile({ file, path: pathOf(cid), size, digests, wrong })
      try {
        if ((await file.stat()).size !== size) throw wrong()
        return held
      } catch (thrown) {
        await file.close()
        throw asFault(thrown, 'store.file', cid)
      }
    },

    block: (cid) =>
      use(cid, async (file, size) => {
        if (size > nodeBytesMax) throw corrupt(cid)
        const bytes = await readAt(file, new Uint8Array(size), 0)
        if (nameBlock(bytes) !== cid) throw corrupt(cid)
        return bytes
      }),

    isWhole: (cid, o) =>
      use(cid, (file, size) =>
        cid.startsWith('bafyrei') ? isNode(file, size, cid) : isFile(file, size, cid, o),
      ),

    async remove(cid) {
      const path = pathOf(cid)
      try {
        await rm(path)
        touch(dirname(path))
        return true
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false
        throw asFault(thrown, 'store.remove', cid)
      }
    },

    async moveAside(cid, to) {
      const path = pathOf(cid)
      await rename(path, to).catch((thrown) => {
        throw asFault(thrown, 'store.quarantine', cid)
      })
      touch(dirname(path))
    },

    async *list() {
      for (const shard of await readdir(folder)) {
        for await (const { name } of await opendir(join(folder, shard))) {
          const cid = name as Name
          const bytes = await sizeOf(cid)
          if (bytes !== undefined) yield { cid, bytes }
        }
      }
    },
  }
}

async function isNode(file: FileHandle, size: number, cid: Name): Promise<boolean> {
  if (size > nodeBytesMax) return false
  return nameBlock(await readAt(file, new Uint8Array(size), 0)) === cid
}

/** A file's CID follows from its size and its blocks' digests, so no manifest is needed. */
async function isFile(file: FileHandle, size: number, cid: Name, o?: Reading): Promise<boolean> {
  const digests = new Uint8Array(blocksOf(size) * digestBytes)
  const buffer = new Uint8Array(Math.min(size, blockBytes))
  for (let i = 0; i < blocksOf(size); i++) {
    const bytes = await readAt(file, buffer.subarray(0, blockSize(size, i)), i * blockBytes)
    if (bytes.byteLength !== blockSize(size, i)) return false
    digests.set(sha256(bytes), i * digestBytes)
    o?.signal?.throwIfAborted()
    await o?.pace?.(bytes.byteLength)
  }
  return fileCid(sha256, size, digests) === cid
}
