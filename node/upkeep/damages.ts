/**
 * What was found to be damaged and has not come again: named for people, with who needs it. A record
 * of the journal tells of each find and of each mending, so the list outlives the index.
 */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Store } from '../store/store.ts'
import { nameOf, type Pin, type PinKind, walkPinned } from './pins.ts'

/** Damaged things that are remembered. A disk that has more is to be replaced, not scrubbed. */
export const damagesMax = 10_000
/** Of one damaged thing, who needs it. */
export const ownersMax = 20
/** Damaged things of one record of the journal. */
const recordMax = 200

/** `damaged`: its bytes are others. `missing`: it is not there. `changed`: a file left in place is. */
export type Found = 'damaged' | 'missing' | 'changed'

/** A path in something of ours that needs it. */
export type Owner = {
  readonly kind: PinKind
  readonly id: number | string
  readonly name: string
  readonly version?: number | undefined
  readonly path: string
}

export type Bad = {
  readonly cid: FileCid | Root
  readonly found: Found
  readonly bytes: number
  /** Of a file left in place, where. */
  readonly place?: string | undefined
}

export type Damage = Bad & {
  readonly foundAt: number
  /** At most `ownersMax`. */
  readonly owners: readonly Owner[]
}

export const damageFolds: Folds = {
  'scrub.damaged': ({ data }): Change[] =>
    data.found.map((damage: Damage) => ({ put: keys.damage(damage.cid), value: damage })),
  'scrub.mended': ({ data }): Change[] =>
    data.cids.map((cid: FileCid | Root) => ({ del: keys.damage(cid) })),
}

export interface Damages {
  readonly count: number
  /** In the order of finding. */
  list(): readonly Damage[]
  has(cid: FileCid | Root): boolean
  /** Finds who needs these, and records those that anybody does. Answers them. */
  add(bad: readonly Bad[], foundAt: number, signal: AbortSignal): Promise<Damage[]>
  /** They are whole again, or nobody needs them any more. */
  mend(cids: readonly (FileCid | Root)[]): Promise<void>
  /** For the site's health. */
  fault(): Fault | undefined
}

export async function openDamages(needs: {
  commit: Commit
  db: Db
  store: Store
  pins(): AsyncIterable<Pin>
}): Promise<Damages> {
  const { commit, db } = needs
  const known = new Map<string, Damage>()
  for await (const { value } of db.list<Damage>(keys.damages())) known.set(value.cid, value)

  return {
    get count() {
      return known.size
    },
    list: () => [...known.values()],
    has: (cid) => known.has(cid),

    async add(bad, foundAt, signal) {
      const fresh = bad.filter(({ cid }) => !known.has(cid))
      if (fresh.length === 0) return []
      const owners = await findOwners(needs, fresh, signal)
      const found = fresh
        .map((one) => ({ ...one, foundAt, owners: owners.get(one.cid) ?? [] }))
        .filter((damage) => damage.owners.length > 0)
      for (let at = 0; at < found.length; at += recordMax) {
        const some = found.slice(at, at + recordMax)
        await commit('scrub.damaged', 'system', { found: some })
        for (const damage of some) known.set(damage.cid, damage)
      }
      if (known.size <= damagesMax) return found
      throw new Fault('corrupt', 'scrub.run', {
        text: `More than ${damagesMax} things are damaged: the disk or what is between is failing. Make a backup of what is whole, replace it, and start again.`,
      })
    },

    async mend(cids) {
      const some = cids.filter((cid) => known.has(cid))
      for (let at = 0; at < some.length; at += recordMax) {
        const now = some.slice(at, at + recordMax)
        await commit('scrub.mended', 'system', { cids: now })
        for (const cid of now) known.delete(cid)
      }
    },

    fault() {
      if (known.size === 0) return undefined
      const damages = [...known.values()]
      const names = [...new Set(damages.flatMap(({ owners }) => owners.map(ownerName)))]
      const shown = names.slice(0, 3).join(', ')
      const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
      const things = known.size === 1 ? 'One thing' : `${known.size} things`
      return new Fault('corrupt', 'scrub.found', {
        text: `Damaged content: ${things} of ${shown}${more}. Look at crossload scrub: it names the paths and says who can send them again.`,
      })
    },
  }
}

/** Without its version: what a person looks for first. */
const ownerName = ({ kind, id, name }: Owner) => nameOf({ kind, id, name })

/** Walks everything that is pinned, once for all of them. */
async function findOwners(
  needs: { store: Store; pins(): AsyncIterable<Pin> },
  bad: readonly Bad[],
  signal: AbortSignal,
): Promise<Map<string, Owner[]>> {
  const sought = new Map(bad.map(({ cid, found }) => [cid as string, found]))
  const owners = new Map<string, Owner[]>()
  const known = new Set<string>()
  for await (const pin of needs.pins()) {
    const walk = walkPinned(pin.tree, {
      store: needs.store,
      known,
      signal,
      isSought: (cid) => sought.has(cid),
      // A part that cannot be read is among what is sought, or will be found in its own turn.
      onLost: () => {},
    })
    const { kind, id, name, version } = pin
    for await (const { cid, path } of walk) {
      const found = sought.get(cid)
      // Of files that stay where they are, an earlier version never was more than what is there now.
      if (found === undefined || (found === 'changed' && !pin.latest)) continue
      const list = owners.get(cid) ?? []
      owners.set(cid, list)
      if (list.length < ownersMax)
        list.push({ kind, id, name, ...(version === undefined ? {} : { version }), path })
    }
  }
  return owners
}
