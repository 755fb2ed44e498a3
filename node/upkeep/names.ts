/** What a scrub reads, part by part, and never more names at once than fit in memory. */
import type { FileCid, Root } from '../../protocol/ids.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Place, Store } from '../store/store.ts'
import { sliceOf, slicesCount } from './filter.ts'

/** Names in memory at one time, unless a single part has more. */
const namesMax = 100_000

export type Amount = { things: number; bytes: number }
export type Name = { cid: FileCid | Root; bytes: number; isLeft: boolean }

/**
 * The names of as many parts from `first` on as may be in memory at once, each part apart, and how
 * much all parts are together.
 */
export async function namesFrom(
  { store, db }: { store: Store; db: Db },
  first: number,
  signal: AbortSignal,
) {
  let names: Name[] = []
  let end = slicesCount
  const total = { things: 0, bytes: 0 }
  const isWithin = ({ cid }: Name) => {
    const slice = sliceOf(cid)
    return slice >= first && slice < end
  }
  for await (const name of everything(store, db)) {
    signal.throwIfAborted()
    total.things++
    total.bytes += name.bytes
    if (!isWithin(name)) continue
    names.push(name)
    while (names.length > namesMax && end > first + 1) {
      end = first + Math.ceil((end - first) / 2)
      names = names.filter(isWithin)
    }
  }
  const slices: Name[][] = Array.from({ length: end - first }, () => [])
  for (const name of names) slices[sliceOf(name.cid) - first]!.push(name)
  return { slices, total }
}

async function* everything(store: Store, db: Db): AsyncGenerator<Name> {
  for await (const { cid, bytes } of store.list()) yield { cid, bytes, isLeft: false }
  const prefix = keys.places()
  for await (const { key, value } of db.list<Place[]>(prefix)) {
    const bytes = value[0]?.size ?? 0
    yield { cid: key.slice(prefix.length) as FileCid, bytes, isLeft: true }
  }
}
