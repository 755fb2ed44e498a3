/**
 * Which content each site itself sent before: kept in the index, known from the journal and the
 * store. After the index was made again it is worked out once more.
 */

import { treesOf } from '../../protocol/bundle.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Root, TransferId } from '../../protocol/ids.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Store } from '../store/store.ts'
import { openTree } from '../trees/trees.ts'
import type { KeptBundle } from './book.ts'
import type { Transfer } from './transfer.ts'

const complete = keys.meta('seen')
/** Keys written in one batch. */
const batchMax = 1000

/**
 * Resolves with how many transfers were looked through: none unless the index is new. What is damaged
 * or gone in the store is logged and left out: a site can start without it, and verify names it.
 */
export async function rebuildSeen(needs: {
  db: Db
  store: Store
  log(fault: Fault): void
}): Promise<number> {
  const { db } = needs
  if ((await db.get(complete)) !== undefined) return 0
  let transfers = 0
  for await (const { value: id } of db.list<TransferId>(keys.transfersAt())) {
    const transfer = await db.get<Transfer>(keys.transfer(id))
    if (transfer?.direction !== 'in' || transfer.state.at !== 'done') continue
    const kept = await db.get<KeptBundle>(keys.bundle(id))
    if (kept === undefined) continue
    transfers++
    let changes: Change[] = []
    for await (const cid of contentOf(needs, kept)) {
      changes.push({ put: keys.seen(transfer.site, cid), value: true })
      if (changes.length < batchMax) continue
      await db.write(changes)
      changes = []
    }
    await db.write(changes)
  }
  await db.write([{ put: complete, value: true }])
  return transfers
}

async function* contentOf(
  { store, log }: { store: Store; log(fault: Fault): void },
  { bundle }: KeptBundle,
) {
  for (const tree of treesOf(bundle)) {
    const root = tree.root as Root
    if (!(await store.has(root))) continue
    try {
      const reader = await openTree(store, root)
      yield root
      for (const page of reader.node.pages) yield page.cid.toString() as Root
      for await (const { cid } of reader.entries()) if (cid !== undefined) yield cid
    } catch (thrown) {
      if (!(thrown instanceof Fault) || !['corrupt', 'missing'].includes(thrown.kind)) throw thrown
      log(thrown)
    }
    if (tree.times !== null) yield tree.times as Root
  }
}
