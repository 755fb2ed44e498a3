/**
 * The files of the journal and their lines. A line is
 *
 *     <hash> <json>\n        hash = hex of SHA-256 over the hash before it, as text, and the json
 *
 * and the first line's "hash before it" is 64 zeros. The chain runs on through the segments
 * `00000001.log`, `00000002.log`, … so that nothing in the middle can be changed, lost, added or
 * moved without a line that does not fit. Anybody can check a journal with a SHA-256 and this page.
 */
import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'

/** The last record up to some point: its number and its hash. */
export type Head = { readonly seq: number; readonly hash: string }

/** Before the first record. */
export const genesis: Head = { seq: 0, hash: '0'.repeat(64) }

/** Where a line begins, and what came before it. */
export type Mark = { readonly segment: number; readonly offset: number; readonly head: Head }

export const startMark: Mark = { segment: 1, offset: 0, head: genesis }

export type Line = {
  readonly head: Head
  readonly json: Buffer
  /** The place behind its newline. */
  readonly end: number
}

/** Bytes of one record's json. */
export const recordBytesMax = 4 * 1024 * 1024
const hashChars = 64
/** Hash, space, json. */
const lineBytesMax = hashChars + 1 + recordBytesMax
const newline = 0x0a
const readBytes = 1024 * 1024
/** Bytes between two places where reading can begin. */
export const markBytes = 4 * 1024 * 1024

export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.log`
}

/** The number of the last segment, 0 when there is none. */
export async function lastSegment(folder: string): Promise<number> {
  try {
    const names = (await readdir(folder)).filter((name) => /^\d{8}\.log$/.test(name))
    return Math.max(0, ...names.map((name) => Number.parseInt(name, 10)))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw asFault(thrown, 'journal.open', folder)
  }
}

/** A record's json as the line that follows `before`, and the head it makes. */
export function writeLine(before: Head, json: string): { line: Buffer; head: Head } {
  const hash = hashAfter(before, Buffer.from(json))
  return { line: Buffer.from(`${hash} ${json}\n`), head: { seq: before.seq + 1, hash } }
}

/** Whether these bytes, without a newline, are the line that follows `before`. */
export function fitsAfter(before: Head, line: Buffer): Head | undefined {
  if (line.length <= hashChars || line[hashChars] !== 0x20) return undefined
  const json = line.subarray(hashChars + 1)
  const hash = hashAfter(before, json)
  if (line.toString('latin1', 0, hashChars) !== hash) return undefined
  // The number is part of what was hashed; it differs only if somebody wrote a chain of their own.
  const start = `{"seq":${before.seq + 1},`
  return json.toString('latin1', 0, start.length) === start
    ? { seq: before.seq + 1, hash }
    : undefined
}

function hashAfter(before: Head, json: Buffer): string {
  return createHash('sha256').update(before.hash).update(json).digest('hex')
}

/** The fault for the record that should begin at `mark`. */
export function damaged(mark: Mark, what: string, cause?: unknown): Fault {
  const seq = mark.head.seq + 1
  return new Fault('corrupt', 'journal.read', {
    about: seq,
    text:
      `Record ${seq} of the journal (${segmentName(mark.segment)}, byte ${mark.offset}) ${what}. ` +
      'Nothing was changed. Bring the journal back from a backup.',
    cause,
  })
}

/**
 * The lines of one segment from `mark` on, many at a time, each checked against the one before.
 * Returns what lies behind the last newline. Nothing from `endOffset` on is looked at. Faults
 * `corrupt` at the first line that does not fit.
 */
export async function* readSegment(
  folder: string,
  mark: Mark,
  endOffset = Number.POSITIVE_INFINITY,
): AsyncGenerator<Line[], Buffer> {
  const file = await open(join(folder, segmentName(mark.segment)), 'r').catch((thrown) => {
    if (thrown.code === 'ENOENT') throw damaged(mark, 'is gone, and its file with it', thrown)
    throw asFault(thrown, 'journal.read', segmentName(mark.segment))
  })
  let at = mark
  let rest: Buffer = Buffer.alloc(0)
  try {
    const size = Math.min((await file.stat()).size, endOffset)
    for (;;) {
      const from = at.offset + rest.length
      if (from >= size) return rest
      // A fresh buffer each time, because the lines given out lie in it.
      const chunk = Buffer.allocUnsafeSlow(Math.min(readBytes, size - from))
      const { bytesRead } = await file.read(chunk, 0, chunk.length, from)
      if (bytesRead === 0) return rest
      const lines: Line[] = []
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
      for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
        const line = rest.subarray(0, end)
        const head = fitsAfter(at.head, line)
        if (head === undefined) throw damaged(at, 'does not fit its hash')
        at = { ...at, offset: at.offset + end + 1, head }
        lines.push({ head, json: line.subarray(hashChars + 1), end: at.offset })
        rest = rest.subarray(end + 1)
      }
      if (rest.length > lineBytesMax) throw damaged(at, `is longer than ${recordBytesMax} bytes`)
      if (lines.length > 0) yield lines
    }
  } catch (thrown) {
    const unreadable = (thrown as NodeJS.ErrnoException).code === 'EIO'
    if (unreadable) throw damaged(at, 'cannot be read from the disk', thrown)
    throw asFault(thrown, 'journal.read', segmentName(mark.segment))
  } finally {
    await file.close()
  }
}

/** A journal as it was found. */
export type Found = {
  head: Head
  /** Behind the last record and its newline. */
  end: Mark
  marks: Mark[]
  /** The newline of the last record is missing. */
  bare: boolean
  /** Bytes behind `end` that are no record. */
  torn: number
}

/**
 * Reads and checks every line. Faults `missing` when there is no journal, `corrupt` at the first
 * record that does not fit; changes nothing.
 */
export async function readAll(folder: string): Promise<Found> {
  const last = await lastSegment(folder)
  if (last === 0) {
    throw new Fault('missing', 'journal.open', {
      text: 'The journal is not there. Is the volume of the home mounted? If so, bring it back from a backup.',
    })
  }
  const marks: Mark[] = []
  let end = startMark
  let rest: Buffer = Buffer.alloc(0)
  for (let segment = 1; segment <= last; segment++) {
    if (rest.length > 0) throw damaged(end, 'is cut short')
    end = { segment, offset: 0, head: end.head }
    marks.push(end)
    const pieces = readSegment(folder, end)
    let piece = await pieces.next()
    for (; !piece.done; piece = await pieces.next()) {
      const last = piece.value.at(-1)!
      end = { segment, offset: last.end, head: last.head }
      if (end.offset - marks.at(-1)!.offset >= markBytes) marks.push(end)
    }
    rest = piece.value
  }
  return { ...judgeRest(end, rest), marks }
}

/**
 * The bytes behind the last newline. A crash leaves the beginning of a line. A whole line with one
 * byte more is none: there the newline itself was changed, and the record had been acknowledged.
 */
function judgeRest(end: Mark, rest: Buffer): Omit<Found, 'marks'> {
  const whole = fitsAfter(end.head, rest)
  if (whole !== undefined) {
    return {
      head: whole,
      end: { ...end, offset: end.offset + rest.length + 1, head: whole },
      bare: true,
      torn: 0,
    }
  }
  const changedEnd = fitsAfter(end.head, rest.subarray(0, -1)) !== undefined
  if (changedEnd) throw damaged(end, 'does not end as it was written')
  return { head: end.head, end, bare: false, torn: rest.length }
}
