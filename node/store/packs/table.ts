/**
 * Where everything in the packs lies: loose records of the index, which may be thrown away, because
 * the packs say the same. Beside them stand links, `(pack, from) → to`: what lies between is in the
 * index. A link is written in one batch with the locations it speaks of, and batches are not flushed;
 * so after a crash a chain of links that breaks off, or has a hole, shows exactly which part of which
 * pack must be read again (`recover.ts`).
 */

import type { FileCid, Root } from '../../../protocol/ids.ts'
import type { Db } from '../../db/db.ts'
import type { LooseRecord } from '../../db/loose.ts'
import { decodeLocation, encodeLocation, keyBytes, type Location, writeKey } from './names.ts'
import { endOf, packHeader } from './section.ts'

/** Records of one batch. */
export const batchMax = 4096

export type Entry = { readonly key: Uint8Array; readonly location: Location }
/** Everything of a pack from `from` to `to` is in the index, or damaged, or forgotten. */
export type Link = { readonly pack: number; readonly from: number; readonly to: number }

export interface Table {
  getMany(keys: readonly Uint8Array[]): Promise<(Location | undefined)[]>
  /** The same by names, without a key for each. */
  find(cids: readonly (FileCid | Root)[]): Promise<(Location | undefined)[]>
  /** One batch, with the links that hold once it is there. */
  add(
    entries: readonly Entry[],
    links: readonly Link[],
    options?: { sync?: boolean },
  ): Promise<void>
  /** Durably. */
  remove(keys: readonly Uint8Array[]): Promise<void>
  list(): AsyncGenerator<Entry>
  /** In order of pack and position. */
  links(): AsyncGenerator<Link>
  /** Replaces links of a pack by others, durably. Only at open is it known that what all of them say is on the disk. */
  relink(old: readonly Link[], links: readonly Link[]): Promise<void>
}

/** From where `linked` says each pack is in the index to where the batch ends. */
export function linksOf(batch: readonly Entry[], linked: ReadonlyMap<number, number>): Link[] {
  const ends = new Map<number, number>()
  for (const { location } of batch)
    ends.set(location.pack, Math.max(ends.get(location.pack) ?? 0, endOf(location)))
  return [...ends].map(([pack, to]) => {
    return { pack, from: linked.get(pack) ?? packHeader.byteLength, to }
  })
}

/** Links lie in the same table, before a byte that no codec has, because only one batch is all or nothing. */
const linkMark = 0x00
const linkPrefix = Uint8Array.of(linkMark)
const behindLinks = Uint8Array.of(linkMark + 1)

function linkRecord({ pack, from, to }: Link): LooseRecord {
  const key = Buffer.alloc(9)
  key[0] = linkMark
  key.writeUInt32BE(pack, 1)
  key.writeUInt32BE(from, 5)
  const value = Buffer.alloc(4)
  value.writeUInt32BE(to)
  return { key, value }
}

function linkOf({ key, value }: LooseRecord): Link | undefined {
  if (key.byteLength !== 9 || value.byteLength !== 4) return undefined
  const [k, v] = [key, value].map((bytes) => Buffer.from(bytes)) as [Buffer, Buffer]
  return { pack: k.readUInt32BE(1), from: k.readUInt32BE(5), to: v.readUInt32BE(0) }
}

export function openTable(db: Db): Table {
  const records = db.loose('packs')

  async function find(
    count: number,
    write: (index: number, into: Uint8Array, at: number) => void,
  ): Promise<(Location | undefined)[]> {
    const found: (Location | undefined)[] = []
    for (let from = 0; from < count; from += batchMax) {
      const some = Math.min(batchMax, count - from)
      const values = await records.find(some, keyBytes, (i, into, at) => write(from + i, into, at))
      for (const value of values) found.push(decodeLocation(value))
    }
    return found
  }

  return {
    getMany: (keys) => find(keys.length, (i, into, at) => into.set(keys[i]!, at)),
    find: (cids) => find(cids.length, (i, into, at) => writeKey(cids[i]!, into, at)),
    async add(entries, links, options) {
      const puts: LooseRecord[] = []
      for (const { key, location } of entries) puts.push({ key, value: encodeLocation(location) })
      for (const link of links) puts.push(linkRecord(link))
      await records.write(puts, [], options)
    },
    remove: (keys) => records.write([], keys, { sync: true, always: true }),
    async *list() {
      for await (const { key, value } of records.list({ after: behindLinks })) {
        const location = decodeLocation(value)
        if (location !== undefined) yield { key, location }
      }
    },
    async *links() {
      for await (const record of records.list({ prefix: linkPrefix })) {
        const link = linkOf(record)
        if (link !== undefined) yield link
      }
    },
    async relink(old, links) {
      const kept = new Set(links.map(({ pack, from }) => `${pack} ${from}`))
      const dels = old.filter(({ pack, from }) => !kept.has(`${pack} ${from}`))
      for (let i = 0; i < dels.length || i === 0; i += batchMax) {
        const keys = dels.slice(i, i + batchMax).map((link) => linkRecord(link).key)
        await records.write(i === 0 ? links.map(linkRecord) : [], keys, {
          sync: true,
          always: true,
        })
      }
    },
  }
}
