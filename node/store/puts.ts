/** Small things that come in whole: named or refused here, then handed on to a pack. */
import type { FileCid } from '../../protocol/ids.ts'
import { cidOfKey, keyOfCid } from './packs/names.ts'
import type { New } from './packs/packs.ts'
import { checkBatch, keyOfSmall, nameBlock } from './sha256.ts'
import type { Puts } from './store.ts'

export function createPuts(put: (items: readonly New[]) => Promise<void>): Puts {
  function named(digest: Uint8Array, bytes: Uint8Array): New & { cid: FileCid } {
    const key = keyOfSmall(digest, bytes)
    return { cid: cidOfKey(key) as FileCid, bytes, key }
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
