/**
 * The index opened at a start, whatever state it is in. The journal decides: an index that is not
 * there or damaged is made again from it, one that is behind catches up, and one that is ahead shows
 * that the journal itself has lost something, which no rebuilding may cover up.
 */
import { Fault } from '../../protocol/fault.ts'
import { type Db, openDb, removeDb } from '../db/db.ts'
import { type Commit, type Folds, openCommit, readApplied } from './commit.ts'
import type { Journal } from './journal.ts'

export type Index = {
  readonly db: Db
  readonly commit: Commit
  /**
   * Whether the index was made again at this start, and why. Records are folded; what a room derives
   * from elsewhere, such as from the store, it derives again. A crash may fall between the two, so a
   * room notes its own completion in the index and does not go by this.
   */
  readonly rebuilt: false | 'missing' | 'broken'
  /** Records folded at this start. */
  readonly replayed: number
}

/**
 * Opens the index of `journal`. With `create` it must be new. Faults `corrupt` when the journal lacks
 * what the index knows, `busy` when another process has the index open, `unsupported` for a kind of
 * record without a fold, and those of the disk. Nothing is thrown away for any of these.
 */
export async function openIndex(o: {
  folder: string
  journal: Journal
  folds: Folds
  create: boolean
}): Promise<Index> {
  if (o.create) return fold(await openDb(o), o, false)
  let db: Db
  try {
    db = await openReadable(o.folder)
  } catch (thrown) {
    const why = thrown instanceof Fault ? reasons[thrown.kind] : undefined
    if (why === undefined) throw thrown
    await removeDb(o.folder)
    return fold(await openDb({ folder: o.folder, create: true }), o, why)
  }
  return fold(db, o, false)
}

const reasons: { readonly [kind in Fault['kind']]?: 'missing' | 'broken' } = {
  missing: 'missing',
  corrupt: 'broken',
}

/** An index that can say how far it has come. */
async function openReadable(folder: string): Promise<Db> {
  const db = await openDb({ folder, create: false })
  try {
    await readApplied(db)
    return db
  } catch (thrown) {
    await db[Symbol.asyncDispose]()
    throw thrown
  }
}

async function fold(
  db: Db,
  o: { journal: Journal; folds: Folds },
  rebuilt: Index['rebuilt'],
): Promise<Index> {
  try {
    const commit = await openCommit({ journal: o.journal, db, folds: o.folds })
    return { db, commit, rebuilt, replayed: commit.replayed }
  } catch (thrown) {
    await db[Symbol.asyncDispose]()
    throw thrown
  }
}
