/**
 * Holds: somebody wants a dataset's content to stay, whatever becomes of its record. A hold names the
 * trees that the dataset had when it was made, and pins them until it is released.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId, Root } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'

/** Holds that there may be at one time. */
export const holdsMax = 10_000

export type Hold = {
  readonly id: number
  readonly dataset: DatasetId
  readonly name: string
  readonly reason: string
  readonly trees: readonly { readonly root: Root; readonly times: Root | null }[]
  readonly by: Actor
  readonly madeAt: number
}

export const holdFolds: Folds = {
  'hold.put': ({ data }): Change[] => [
    { put: keys.hold(data.id), value: data },
    { put: keys.counter('hold'), value: data.id },
  ],
  'hold.released': ({ data }): Change[] => [{ del: keys.hold(data.id) }],
}

export interface Holds {
  /** Faults `busy` when there are `holdsMax`. */
  add(hold: Pick<Hold, 'dataset' | 'name' | 'reason' | 'trees'>, by: Actor): Promise<Hold>
  list(): Promise<Hold[]>
  /** Its content may be reclaimed from now on. Faults `missing`. */
  release(id: number, by: Actor): Promise<Hold>
}

export function openHolds({ commit, db, clock }: { commit: Commit; db: Db; clock: Clock }): Holds {
  const list = async () =>
    (await Array.fromAsync(db.list<Hold>(keys.holds()))).map(({ value }) => value)
  return {
    list,
    add: (hold, by) =>
      commit.serial(async () => {
        if ((await list()).length >= holdsMax) {
          throw new Fault('busy', 'hold.add', {
            text: `There are ${holdsMax} holds. Release some of them first.`,
          })
        }
        const id = ((await db.get<number>(keys.counter('hold'))) ?? 0) + 1
        const made: Hold = { id, ...hold, by, madeAt: clock.now() }
        await commit('hold.put', by, made)
        return made
      }),
    release: (id, by) =>
      commit.serial(async () => {
        const hold = await db.get<Hold>(keys.hold(id))
        if (hold === undefined)
          throw new Fault('missing', 'hold.release', {
            about: id,
            text: `There is no hold ${id}. crossload hold list shows them.`,
          })
        await commit('hold.released', by, { id })
        return hold
      }),
  }
}
