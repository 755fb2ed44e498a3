/**
 * The journal as a stream that goes on: every record behind a number, in order, none left out and none
 * twice, first those that are there and then each one as it comes. Whoever keeps the number of the last
 * record they are done with goes on from it after any stop, so whatever they do for a record is done
 * at least once. A reader that is slow costs nothing: what it has not read yet lies on the disk.
 */
import type { Commit } from './commit.ts'
import type { Journal, JournalRecord } from './journal.ts'

/** Records that wait in memory for one reader; what is more is read from the disk when it asks. */
export const tailRecordsMax = 64

/**
 * Ends only by the signal, whose reason it throws; faults are those of `Journal.read`. A record is
 * given when the index has it, so what it says can be looked up. It must not be changed.
 */
export async function* tail(o: {
  journal: Pick<Journal, 'read'>
  commit: Pick<Commit, 'on' | 'folded'>
  /** The number of the last record that is done with; 0 begins with the first one. */
  after: number
  signal: AbortSignal
}): AsyncGenerator<JournalRecord, never> {
  const { signal } = o
  let after = o.after
  let fresh: JournalRecord[] = []
  let wake = () => {}
  using _listening = o.commit.on((record) => {
    // Beyond this the reader is behind, and the disk has what it lacks.
    if (fresh.length < tailRecordsMax) fresh.push(record)
    wake()
  })
  const stop = () => wake()
  signal.addEventListener('abort', stop)
  try {
    for (;;) {
      signal.throwIfAborted()
      const last = o.commit.folded()
      const next = fresh.shift()
      if (next !== undefined && next.seq <= after) continue
      if (next?.seq === after + 1) {
        after = next.seq
        yield next
      } else if (after < last) {
        fresh = []
        for await (const record of o.journal.read({ after })) {
          // The journal may be ahead of the index by what is being folded just now.
          if (record.seq > last) break
          after = record.seq
          yield record
          signal.throwIfAborted()
        }
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
