/** Small things that come in whole: named or refused here, then handed on to a pack. */
import type { FileCid } from '../../protocol/ids.ts'
import { cidOfKey, keyOfCid } from './packs/names.ts'
import type { New } from './packs/packs.ts'
import { checkBatch, keyOfSmall, nameBlock } from './sha256.ts'
import type { Puts, Small } from './store.ts'

export function createPuts(put: (items: readonly New[], isNew?: boolean) => Promise<void>): Puts {
  function named({ digest, bytes, cid }: Small): New & { cid: FileCid } {
    const key = keyOfSmall(digest, bytes)
    return { cid: cid ?? (cidOfKey(key) as FileCid), bytes, key }
  }
  return {
    async putBlock(bytes) {
      const cid = nameBlock(bytes)
      await put([{ cid, bytes, key: keyOfCid(cid) }])
      return cid
    },
    async putSmall(digest, bytes) {
      const one = named({ digest, bytes })
      await put([one])
      return one.cid
    },
    async putSmalls(files, options) {
      checkBatch(files)
      const all = files.map(named)
      if (all.length > 0) await put(all, options?.isNew)
      return all.map(({ cid }) => cid)
    },
  }
}
