/** Files of one block or none, and metadata blocks, as the packs have them. */
import type { FileCid, Root } from '../../protocol/ids.ts'
import { corrupt, missing } from './faults.ts'
import { isBlock } from './held.ts'
import type { Contents } from './packs/contents.ts'
import { isSmall } from './packs/names.ts'
import type { Packs } from './packs/packs.ts'
import { digestsOfSmall, isContent } from './sha256.ts'
import type { HeldFile, Store } from './store.ts'

type Open = (cid: FileCid, size: number, digests: Uint8Array) => Promise<HeldFile>

export interface Smalls {
  /** Undefined when no pack holds it. */
  file(cid: FileCid, size: number, digests: Uint8Array): Promise<HeldFile | undefined>
  /** As the store promises it; `open` is for what lies elsewhere. */
  readAll(files: Parameters<Store['readSmalls']>[0], into: Uint8Array, open: Open): Promise<void>
  /** Hashed from the disk. Undefined when no pack holds it. */
  check(cid: FileCid | Root): Promise<'whole' | 'damaged' | undefined>
  /** What lies where it should, whatever it is; undefined when no pack holds it. */
  rawBytes(cid: FileCid | Root): Promise<Uint8Array | undefined>
}

export function createSmalls({ packs, contents }: { packs: Packs; contents: Contents }): Smalls {
  function createSmallFile(cid: FileCid, size: number, digests: Uint8Array): HeldFile {
    return {
      size,
      async read(index, into, options) {
        const bytes = await contents.read(cid, into)
        // Removed since it was opened.
        if (bytes === undefined) throw missing(cid)
        if (bytes.byteLength !== size) throw corrupt(cid)
        if (options?.trust !== true && !isBlock(bytes, digests, index)) throw corrupt(cid)
        return bytes
      },
      cloneTo: async () => false,
      [Symbol.asyncDispose]: async () => {},
    }
  }

  return {
    async file(cid, size, digests) {
      if (!isSmall(cid)) return undefined
      const [location] = await packs.locate([cid])
      if (location === undefined) return undefined
      if (location.bytes !== size) throw corrupt(cid)
      return createSmallFile(cid, size, digests)
    },

    async readAll(files, into, open) {
      const locations = await packs.locate(files.map(({ cid }) => cid))
      const wanted = []
      const others = []
      let at = 0
      for (const [i, { cid, size }] of files.entries()) {
        const location = locations[i]
        if (location === undefined) others.push({ cid, size, at })
        else if (location.bytes !== size) throw corrupt(cid)
        else wanted.push({ cid, size, at, location })
        at += size
      }
      for (const { cid, at: place, location } of await contents.readAll(wanted, into)) {
        const bytes = await contents.read(
          cid as FileCid,
          into.subarray(place, place + location.bytes),
        )
        if (bytes === undefined) throw missing(cid)
      }
      for (const { cid, size, at: place } of others) {
        await using held = await open(cid, size, digestsOfSmall(cid, size))
        if (size > 0) await held.read(0, into.subarray(place, place + size), { trust: true })
      }
    },

    async check(cid) {
      try {
        const bytes = await contents.read(cid)
        return bytes && (isContent(cid, bytes) ? 'whole' : 'damaged')
      } catch (thrown) {
        if ((thrown as { kind?: unknown }).kind === 'corrupt') return 'damaged'
        throw thrown
      }
    },

    rawBytes: (cid) => contents.readRaw(cid),
  }
}
