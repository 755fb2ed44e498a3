/**
 * The only way state changes: a record is flushed to the journal, then folded into the index. A fold
 * is a pure function from a record to changes, so the index can be thrown away at any time and made
 * again by folding everything. What is acknowledged is in both.
 */
import assert from 'node:assert/strict'
import { Fault } from '../../protocol/fault.ts'
import { encode } from '../../protocol/wire.ts'
import { takeMark } from '../base/asking.ts'
import { createEvents } from '../base/events.ts'
import { createGroup, createSerial, type Serial } from '../base/work.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { askedChanges } from './asked.ts'
import type { Actor, Journal, JournalRecord } from './journal.ts'
import { genesis, type Head } from './segment.ts'

/**
 * Pure: the same record gives the same changes, today and in ten years, and nothing else is read. The
 * record carries the whole new state, so a later one replaces an earlier one.
 */
// biome-ignore lint/suspicious/noExplicitAny: each fold knows the data of its own kind; the table cannot.
export type Fold = (record: JournalRecord<any>) => readonly Change[]
/** By kind, `noun.verb`. A kind is never taken out of the table again. */
export type Folds = Readonly<Record<string, Fold>>

export interface Commit {
  /**
   * Resolves when the record is on the disk and what it changes can be read. Records are folded in
   * the order of their numbers, those that wait together in one batch. Data that its fold cannot
   * take throws before anything is written. Other faults are those of `Journal.append`.
   */
  (kind: string, by: Actor, data: unknown): Promise<JournalRecord>
  /** Called after each fold, in order, before the commit resolves. It must not throw. */
  on(listen: (record: JournalRecord) => void): Disposable
  /** Held around reading, deciding and committing, by the outermost function of a room only. */
  readonly serial: Serial
  /**
   * Aborts, with the fault as its reason, when nothing can be committed any more: a flush failed, or
   * the index did not take a record that was written. The next start sees what is there and folds it.
   */
  readonly stopped: AbortSignal
}

/** Commits that may be under way at once. */
export const commitsMax = 5000

type Waiting = {
  readonly record: JournalRecord
  readonly head: Head
  readonly changes: readonly Change[]
}

/**
 * Folds what the index has not folded yet, then opens. Faults `unsupported` at a record of an unknown
 * kind, which a newer version wrote; `corrupt` when the index knows records that the journal has not,
 * because then acknowledged ones were lost.
 */
export async function openCommit(o: {
  journal: Journal
  db: Db
  folds: Folds
}): Promise<Commit & { readonly replayed: number }> {
  const replayed = await replay(o)
  const broken = new AbortController()
  const stopped = AbortSignal.any([broken.signal, o.journal.stopped])
  const events = createEvents<{ type: 'folded'; record: JournalRecord }>()
  let folded = o.journal.head.seq
  let underWay = 0

  const group = createGroup({
    async round(waiting: readonly Waiting[]) {
      broken.signal.throwIfAborted()
      const { head } = waiting.at(-1)!
      assert(
        head.seq - folded === waiting.length,
        'records are folded in order and none is left out',
      )
      const changes = [...waiting.flatMap((one) => one.changes), applied(head)]
      // The journal has asked for room, and what it took the index must take.
      await o.db.write(changes, { always: true })
      folded = head.seq
      for (const { record } of waiting) events.emit({ type: 'folded', record })
    },
    failed: (thrown) => broken.abort(thrown),
  })

  async function commit(kind: string, by: Actor, data: unknown): Promise<JournalRecord> {
    if (broken.signal.aborted) throw notIndexed(broken.signal.reason)
    if (underWay >= commitsMax) {
      throw new Fault('busy', 'journal.commit', {
        text: 'Too many changes are under way. Try again.',
      })
    }
    underWay++
    try {
      let waiting: Waiting | undefined
      await o.journal.append(kind, marked(by), data, {
        check(record, head) {
          waiting = { record, head, changes: foldOf(o.folds, record) }
          // A value that the index could not hold would stop every later start at this record.
          for (const change of waiting.changes) if ('put' in change) encode(change.value)
        },
      })
      assert(waiting !== undefined)
      await group.add(waiting)
      return waiting.record
    } finally {
      underWay--
    }
  }

  return Object.assign(commit, {
    on: (listen: (record: JournalRecord) => void) => events.on(({ record }) => listen(record)),
    serial: createSerial(),
    stopped,
    replayed,
  })
}

/** With the mark of the question that this answers, if the asker is the one who acts. */
function marked(by: Actor): Actor {
  if (typeof by !== 'object' || !('user' in by)) return by
  const asked = takeMark()
  return asked === undefined ? by : { ...by, asked }
}

/** The last record that the index has folded; the beginning when it has folded none. */
export async function readApplied(db: Db): Promise<Head> {
  return (await db.get<Head>(keys.meta('applied'))) ?? genesis
}

const applied = (head: Head): Change => ({ put: keys.meta('applied'), value: head })

/** Records, and bytes of their json, that a replay folds in one batch. */
const replayRecordsMax = 1000
const replayBytesMax = 8 * 1024 * 1024

/** Returns how many records were folded. */
async function replay(o: { journal: Journal; db: Db; folds: Folds }): Promise<number> {
  const from = await readApplied(o.db)
  if (from.seq > o.journal.head.seq) {
    throw lost(
      from,
      `The journal ends at record ${o.journal.head.seq}, but record ${from.seq} was acknowledged.`,
    )
  }
  let changes: Change[] = []
  let records = 0
  let bytes = 0
  let last = from
  // Begins one record early, because that one must be the very record that the index last folded.
  for await (const link of o.journal.chain({ after: from.seq - 1 })) {
    const { seq } = link.record
    if (seq === from.seq) {
      if (link.hash === from.hash) continue
      throw lost(from, `Record ${seq} of the journal is not the one that was acknowledged.`)
    }
    changes.push(...foldOf(o.folds, link.record))
    last = { seq, hash: link.hash }
    records++
    bytes += link.bytes
    if (records < replayRecordsMax && bytes < replayBytesMax) continue
    await o.db.write([...changes, applied(last)])
    changes = []
    records = 0
    bytes = 0
  }
  if (records > 0) await o.db.write([...changes, applied(last)])
  return last.seq - from.seq
}

function foldOf(folds: Folds, record: JournalRecord): readonly Change[] {
  if (Object.hasOwn(folds, record.kind))
    return [...folds[record.kind]!(record), ...askedChanges(record)]
  throw new Fault('unsupported', 'journal.fold', {
    about: record.kind,
    text:
      `Record ${record.seq} of the journal is of the kind ${record.kind}, which this version does not know. ` +
      'A newer version wrote it; start the site with that one.',
  })
}

function lost(from: Head, what: string): Fault {
  return new Fault('corrupt', 'journal.replay', {
    about: from.seq,
    text:
      `${what} Bring the journal back from a backup that has it. ` +
      'If the journal was put back to an earlier state on purpose, remove the index; it is then rebuilt.',
  })
}

function notIndexed(why: unknown): Fault {
  return new Fault('gone', 'journal.commit', {
    cause: why,
    text: 'A change was recorded, but the index did not take it. Start the site again; it then does.',
  })
}
