/**
 * Which content each site itself sent before: loose records of the index, known from the journal and
 * the store. One that is lost costs a file that is sent again; after the index was made anew all are
 * worked out once more.
 */

import assert from 'node:assert/strict'
import { treesOf } from '../../protocol/bundle.ts'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId, TransferId } from '../../protocol/ids.ts'
import { digestBytes, readCidText } from '../../protocol/unixfs.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'
import { openTree } from '../trees/trees.ts'
import type { SealedBundle, SealedTransfer } from './sealed.ts'

/** A node, and what else was checked about its place. */
export type Whole = { cid: Root; place: Uint8Array }

export interface Seen {
  /** Whether that site sent each of these, in their order. */
  which(site: SiteId, cids: readonly (FileCid | Root)[]): Promise<boolean[]>
  /** Remembers that it did; on the disk when it resolves. */
  note(site: SiteId, cids: readonly (FileCid | Root)[]): Promise<void>
  /**
   * Whether everything below this node was seen from that site and held, and nothing that was held
   * went since: then the node stands for all of it. `place` says what else was checked about it.
   */
  isWhole(site: SiteId, cid: Root, place: Uint8Array): Promise<boolean>
  /** `damages` are the store's from before it was looked at: what went meanwhile makes it no whole. */
  noteWhole(site: SiteId, wholes: readonly Whole[], damages: number): Promise<void>
}

const complete = keys.meta('seen-digests')
/** Records written in one batch. */
const batchMax = 4096
/** Bytes of a site's name in a key: enough that no two sites share them. */
const siteBytes = 12
const keyBytes = siteBytes + digestBytes
const wholeMark = Uint8Array.of(1)

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

export function openSeen(needs: { db: Db; store: Store }): Seen {
  const { store } = needs
  const table = needs.db.loose('seen')
  const sites = new Map<SiteId, Uint8Array>()

  function siteKey(site: SiteId): Uint8Array {
    const known = sites.get(site) ?? sha256(encoder.encode(site)).subarray(0, siteBytes)
    sites.set(site, known)
    return known
  }

  function writeKey(site: Uint8Array, cid: FileCid | Root, into: Uint8Array, at: number): void {
    into.set(site, at)
    const codec = readCidText(cid, into, at + siteBytes)
    assert(codec !== undefined, `${cid} is no CID of ours`)
  }

  function keyOf(site: Uint8Array, cid: FileCid | Root): Uint8Array {
    const key = Buffer.allocUnsafe(keyBytes)
    writeKey(site, cid, key, 0)
    return key
  }

  /** A whole node has a key of its own: it is longer. */
  const keyOfWhole = (site: Uint8Array, cid: Root) => Buffer.concat([keyOf(site, cid), wholeMark])

  /** What a whole node is remembered with: nothing has been lost since, and its place is the same. */
  function stamp(place: Uint8Array, damages: number): Uint8Array {
    const value = new Uint8Array(8 + 16)
    new DataView(value.buffer).setBigUint64(0, BigInt(damages))
    value.set(sha256(place).subarray(0, 16), 8)
    return value
  }

  return {
    async which(site, cids) {
      const from = siteKey(site)
      const found = await table.find(cids.length, keyBytes, (i, into, at) =>
        writeKey(from, cids[i]!, into, at),
      )
      return found.map((value) => value !== undefined)
    },
    async note(site, cids) {
      const from = siteKey(site)
      for (let at = 0; at < cids.length || at === 0; at += batchMax) {
        const puts = cids
          .slice(at, at + batchMax)
          .map((cid) => ({ key: keyOf(from, cid), value: nothing }))
        await table.write(puts, [], { sync: at + batchMax >= cids.length })
      }
    },
    async isWhole(site, cid, place) {
      const [value] = await table.getMany([keyOfWhole(siteKey(site), cid)])
      return value !== undefined && Buffer.compare(value, stamp(place, store.damages)) === 0
    },
    async noteWhole(site, wholes, damages) {
      const from = siteKey(site)
      const puts = wholes.map(({ cid, place }) => ({
        key: keyOfWhole(from, cid),
        value: stamp(place, damages),
      }))
      await table.write(puts, [], { sync: true })
    },
  }
}

/**
 * Resolves with how many transfers were looked through: none unless the index is new. What is damaged
 * or gone in the store is logged and left out: a site can start without it, and verify names it.
 */
export async function rebuildSeen(needs: {
  db: Db
  store: Store
  seen: Seen
  log(fault: Fault): void
}): Promise<number> {
  const { db, seen } = needs
  if ((await db.get(complete)) !== undefined) return 0
  let transfers = 0
  for await (const { value: id } of db.list<TransferId>(keys.transfersAt())) {
    const transfer = await db.get<SealedTransfer>(keys.transfer(id))
    if (transfer?.direction !== 'in' || transfer.state.at !== 'done') continue
    const kept = await db.get<SealedBundle>(keys.bundle(id))
    if (kept === undefined) continue
    transfers++
    let cids: (FileCid | Root)[] = []
    for await (const cid of contentOf(needs, kept)) {
      cids.push(cid)
      if (cids.length < batchMax) continue
      await seen.note(transfer.site, cids)
      cids = []
    }
    await seen.note(transfer.site, cids)
  }
  await db.write([{ put: complete, value: true }])
  return transfers
}

async function* contentOf(
  { store, log }: { store: Store; log(fault: Fault): void },
  { bundle }: SealedBundle,
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
