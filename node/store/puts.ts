/** Small things that come in whole: named or refused here, then handed on to a pack. */
import type { FileCid } from '../../protocol/ids.ts'
import { keyOfCid } from './packs/names.ts'
import type { New } from './packs/packs.ts'
import { checkBatch, nameBlock, nameSmall } from './sha256.ts'
import type { Puts } from './store.ts'

export function createPuts(put: (items: readonly New[]) => Promise<void>): Puts {
  function named(digest: Uint8Array, bytes: Uint8Array): New & { cid: FileCid } {
    const cid = nameSmall(digest, bytes)
    return { cid, bytes, key: keyOfCid(cid) }
  }
  return {
    async putBlock(bytes) {
      const cid = nameBlock(bytes)
      await put([{ cid, bytes, key: keyOfCid(cid) }])
      return cid
    },
    async putSmall(digest, bytes) {
      const one = named(digest, bytes)
      await put([one])
      return one.cid
    },
    async putSmalls(files) {
      checkBatch(files)
      const all = files.map(({ digest, bytes }) => named(digest, bytes))
      if (all.length > 0) await put(all)
      return all.map(({ cid }) => cid)
    },
  }
}
