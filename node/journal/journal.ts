/**
 * The journal: what happened at this site, in order, once and for all. It is the truth and the audit
 * log; everything else can be rebuilt from it and the store. A record is acknowledged when it is on
 * the disk, and from then on any byte of it that changes is noticed (see `segment.ts`).
 *
 * What a crash may leave is the beginning of a last line: nobody was told of that record, so its
 * bytes are moved aside before the next one is written. Anything else that does not fit is `corrupt`
 * with the number of the record, and nothing is touched.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { SiteId, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { flushFolder, hasRoom, makeFolder, sweepAside, writeDurably } from '../base/files.ts'
import { createGroup } from '../base/work.ts'
import { indexRoomBytes } from '../db/db.ts'
import { type LogFile, type OpenLogFile, openLogFile } from './log-file.ts'
import {
  damaged,
  type Found,
  type Head,
  lastSegment,
  type Mark,
  markBytes,
  readAll,
  readSegment,
  recordBytesMax,
  segmentName,
  writeLine,
} from './segment.ts'

/** Who did it; `asked` is the mark of the question that it answers, where the asker gave one. */
export type Actor = { user: UserId; asked?: string } | { site: SiteId } | 'system'

/** `data` is plain JSON and holds the whole new state of what it is about. */
export type JournalRecord<D = unknown> = {
  seq: number
  at: number
  kind: string
  by: Actor
  data: D
}

export interface Journal extends AsyncDisposable {
  /** The last record on the disk. */
  readonly head: Head
  /**
   * Resolves when the record is on the disk, with the data as it will be read again; many at once
   * share one write and one flush. `check` sees the record first, and a throw of it leaves no trace.
   *
   * Faults `invalid` when the record is over `recordBytesMax`, `busy` when too much waits, `full`
   * when the disk has no room (nothing is kept, later appends may succeed). When a flush fails it is
   * unknown what the disk holds: then this and every later append faults until the site is started
   * again, which reads what is really there.
   */
  append(kind: string, by: Actor, data: unknown, options?: AppendOptions): Promise<JournalRecord>
  /** The records behind number `after` (0: all), up to the head at the call. `corrupt` as at opening. */
  read(options?: { after?: number | undefined }): AsyncGenerator<JournalRecord>
  /** The same, each with its hash and the bytes of its json. */
  chain(options?: { after?: number | undefined }): AsyncGenerator<Link>
  /** Aborts, with the fault as its reason, when the journal takes nothing more until a new start. */
  readonly stopped: AbortSignal
}

export type Link = { readonly record: JournalRecord; readonly hash: string; readonly bytes: number }

export type AppendOptions = {
  readonly check?: ((record: JournalRecord, head: Head) => void) | undefined
}

/** A segment that is as long or longer gets no further record. */
export const segmentBytesMax = 64 * 1024 * 1024
/**
 * Bytes that must be free for a record to be taken: more than the index asks for, so that whatever
 * the journal takes the index can take too.
 */
export const journalRoomBytes = 2 * indexRoomBytes
/** Bytes that may wait for one flush. */
export const waitingBytesMax = 64 * 1024 * 1024

export type JournalOptions = {
  readonly folder: string
  readonly clock: Clock
  /** What an index already knows to be acknowledged; a torn line is then none if it is among these. */
  readonly appliedSeq?: number | undefined
  /** A new journal, where there is none (`exists`). Without it there must be one (`missing`). */
  readonly create?: boolean | undefined
  /** For tests: another disk, and shorter segments. */
  readonly openFile?: OpenLogFile | undefined
  readonly hasRoom?: typeof hasRoom | undefined
  readonly segmentBytesMax?: number | undefined
}

/** Reads and checks the whole journal before it opens it. */
export async function openJournal(o: JournalOptions): Promise<Journal> {
  const openFile = o.openFile ?? openLogFile
  if (o.create) await createFirst(o.folder, openFile)
  const found = await readAll(o.folder)
  if (found.torn > 0 && found.head.seq < (o.appliedSeq ?? 0)) {
    throw damaged(found.end, 'was acknowledged and is now cut short')
  }
  const file = await openFile(join(o.folder, segmentName(found.end.segment)))
  try {
    if (found.bare) await file.write(Buffer.from('\n'), found.end.offset - 1)
    // What a killed process left may be in memory only. It is about to be believed, so it is flushed.
    await file.flush()
  } catch (thrown) {
    await file.close()
    throw asFault(thrown, 'journal.open')
  }
  return createJournal(o, found, file)
}

/** Reads and checks a journal that nobody need have open. `torn` bytes at its end are no record. */
export async function verifyJournal(
  folder: string,
): Promise<{ records: number; head: Head; torn: number }> {
  const { head, torn } = await readAll(folder)
  return { records: head.seq, head, torn }
}

async function createFirst(folder: string, openFile: OpenLogFile): Promise<void> {
  await makeFolder(folder)
  if ((await lastSegment(folder)) > 0) {
    throw new Fault('exists', 'journal.create', { text: 'There is a journal already.' })
  }
  const file = await openFile(join(folder, segmentName(1)))
  await file.flush()
  await file.close()
  await flushFolder(folder)
}

type Waiting = { readonly line: Buffer; readonly head: Head }

function createJournal(o: JournalOptions, found: Found, firstFile: LogFile): Journal {
  const openFile = o.openFile ?? openLogFile
  const rollAt = o.segmentBytesMax ?? segmentBytesMax
  const marks = [...found.marks]
  let file = firstFile
  let end = found.end
  /** The last record handed to the next flush; every number before it is taken. */
  let tip = found.head
  let waitingBytes = 0
  let torn = found.torn > 0
  let closing = false
  const stop = new AbortController()

  /** Only here, before the first write: until then another process might still be writing that line. */
  async function moveTornAside(): Promise<void> {
    await sweepAside(o.folder)
    await keepAside(o.folder, end)
    await file.cut(end.offset)
    torn = false
  }

  async function roll(): Promise<void> {
    const segment = end.segment + 1
    const next = await openFile(join(o.folder, segmentName(segment)))
    await flushFolder(o.folder)
    const old = file
    file = next
    end = { segment, offset: 0, head: end.head }
    marks.push(end)
    await old.close()
  }

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    const bytes = Buffer.concat(group.map((item) => item.line))
    if (!(await (o.hasRoom ?? hasRoom)(o.folder, journalRoomBytes))) {
      throw new Fault('full', 'journal.append', {
        text: 'The disk of the home is full. Free some space; the work then goes on.',
      })
    }
    try {
      if (torn) await moveTornAside()
      if (end.offset >= rollAt) await roll()
      await file.write(bytes, end.offset)
    } catch (thrown) {
      await takeBack()
      throw asFault(thrown, 'journal.append')
    }
    try {
      await file.flush()
    } catch (thrown) {
      stop.abort(asFault(thrown, 'journal.append'))
      throw stop.signal.reason
    }
    end = { ...end, offset: end.offset + bytes.length, head: group.at(-1)!.head }
    waitingBytes -= bytes.length
    if (end.offset - marks.at(-1)!.offset >= markBytes) marks.push(end)
  }

  /** A write that failed left no record, if what it did leave can be cut off again. */
  async function takeBack(): Promise<void> {
    try {
      if (!torn) await file.cut(end.offset)
    } catch (thrown) {
      stop.abort(asFault(thrown, 'journal.append'))
    }
  }

  const group = createGroup({
    round: writeGroup,
    failed: () => {
      tip = end.head
      waitingBytes = 0
    },
  })

  async function append(kind: string, by: Actor, data: unknown, options?: AppendOptions) {
    if (closing) throw new Fault('gone', 'journal.append', { text: 'The site is stopping.' })
    if (stop.signal.aborted) throw stopped(stop.signal.reason)
    const text = JSON.stringify({
      seq: tip.seq + 1,
      at: o.clock.now(),
      kind,
      by,
      data: data ?? null,
    })
    const next = writeLine(tip, text)
    if (next.line.length > recordBytesMax) {
      throw new Fault('invalid', 'journal.append', {
        about: kind,
        text: `A record of ${next.line.length} bytes is over the cap of ${recordBytesMax}. Do it in smaller parts.`,
      })
    }
    if (waitingBytes + next.line.length > waitingBytesMax) {
      throw new Fault('busy', 'journal.append', {
        text: 'Too much waits to be written. Try again.',
      })
    }
    const record = JSON.parse(text) as JournalRecord
    options?.check?.(record, next.head)
    assert(next.head.seq === tip.seq + 1, 'a check appends nothing')
    const done = group.add(next)
    tip = next.head
    waitingBytes += next.line.length
    await done
    return record
  }

  /** What lies behind `after`, up to the head at the first read. */
  async function* chain(options?: { after?: number | undefined }): AsyncGenerator<Link> {
    const after = Math.max(0, options?.after ?? 0)
    const last = end
    let mark = marks.findLast((at) => at.head.seq <= after)!
    while (mark.head.seq < last.head.seq) {
      let { head } = mark
      const endOffset = mark.segment === last.segment ? last.offset : undefined
      for await (const lines of readSegment(o.folder, mark, endOffset)) {
        head = lines.at(-1)!.head
        for (const line of lines) {
          if (line.head.seq <= after) continue
          const record = JSON.parse(line.json.toString()) as JournalRecord
          yield { record, hash: line.head.hash, bytes: line.json.length }
        }
      }
      mark = { segment: mark.segment + 1, offset: 0, head }
    }
  }

  return {
    get head() {
      return end.head
    },
    append,
    chain,
    async *read(options) {
      for await (const { record } of chain(options)) yield record
    },
    stopped: stop.signal,
    async [Symbol.asyncDispose]() {
      if (closing) return
      closing = true
      await group.drain()
      await file.close()
    },
  }
}

function stopped(why: Fault): Fault {
  return new Fault('gone', 'journal.append', {
    cause: why,
    text: 'The journal could not be written and takes nothing more. Look at the disk, then start the site again.',
  })
}

/** Keeps the torn bytes in a file named by their content, so that doing it again changes nothing. */
async function keepAside(folder: string, end: Mark): Promise<void> {
  const pieces = readSegment(folder, end)
  let piece = await pieces.next()
  while (!piece.done) piece = await pieces.next()
  const torn = piece.value
  const name = createHash('sha256').update(torn).digest('hex').slice(0, 8)
  await writeDurably(
    join(folder, `${segmentName(end.segment)}.${end.head.seq + 1}.${name}.torn`),
    torn,
  )
}
