/**
 * Which questions have changed something, by the mark that their asker gave them (`base/asking.ts`).
 * The mark stands in the change's own record, so the two cannot come apart; in the index it is kept
 * for a day, within which the same question may come again.
 */
import type { Clock } from '../base/clock.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { JournalRecord } from './journal.ts'

/** How long a question is known, in milliseconds. */
export const askedMs = 24 * 3_600_000
/** Between two looks for those that are older, in milliseconds. */
const pruneEveryMs = 3_600_000

/** The number and time of the record of what was done. */
export type Done = { readonly seq: number; readonly at: number }

export interface Asked extends Disposable {
  find(mark: string): Promise<Done | undefined>
}

export function askedChanges({ by, seq, at }: JournalRecord): Change[] {
  if (typeof by !== 'object' || !('user' in by) || by.asked === undefined) return []
  return [{ put: keys.asked(by.asked), value: { seq, at } satisfies Done }]
}

export async function openAsked({ db, clock }: { db: Db; clock: Clock }): Promise<Asked> {
  async function prune(): Promise<void> {
    const old: Change[] = []
    for await (const { key, value } of db.list<Done>(keys.askedAll())) {
      if (value.at + askedMs <= clock.now()) old.push({ del: key })
    }
    if (old.length > 0) await db.write(old, { always: true })
  }
  await prune()
  // What is not pruned now is pruned an hour later, or at the next start.
  const pruning = clock.every(pruneEveryMs, () => void prune().catch(() => {}))
  return {
    async find(mark) {
      const done = await db.get<Done>(keys.asked(mark))
      return done !== undefined && done.at + askedMs > clock.now() ? done : undefined
    },
    [Symbol.dispose]: () => pruning[Symbol.dispose](),
  }
}
