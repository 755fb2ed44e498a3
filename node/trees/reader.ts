/**
 * A thread that looks at a folder and reads its small files, started by `reading.ts`. Asked file by
 * file, the platform's own threads cost five times what the reading itself does; here one thread waits
 * for the disk and does nothing else, and however slow that disk is, the site goes on.
 *
 * It is asked for one batch at a time and given the memory to fill, so it is never far ahead.
 */
import { hash } from 'node:crypto'
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { asFault, Fault } from '../../protocol/fault.ts'
import { printable } from '../../protocol/paths.ts'
import type { Answer, Asked, Batch, Facts, ReaderTask, Survey } from './reading.ts'
import { createLines, createRefusals, type Refusal, refusalOf } from './refusals.ts'
import { type Found, type ScanOptions, scan } from './scan.ts'

const task = workerData as ReaderTask

/** Looks at everything before the first byte is read: what is refused, flagged, and how much it is. */
function survey(): Survey {
  const refusals = createRefusals('tree.add')
  const flagged = createLines()
  const flag = (path: string, reason: string) => flagged.add(`${printable(path)}: ${reason}`)
  let filesTotal = 0
  let bytesTotal = 0
  let entries = 0
  for (const { path, stat } of scan(task.path, { links: task.links, refusals, flag, look: true })) {
    if (++entries > task.entriesMax) {
      throw new Fault('unsupported', 'tree.add', {
        about: task.entriesMax,
        text: `More than ${task.entriesMax} files and empty folders are too many for one dataset. Split it.`,
      })
    }
    if (!stat?.isFile()) continue
    if (stat.size > task.fileBytesMax)
      refusals.add(printable(path), 'it is over 16 TiB', 'unsupported')
    filesTotal++
    bytesTotal += Number(stat.size)
  }
  refusals.throwAny()
  return { filesTotal, bytesTotal, flagged: flagged.list() }
}

/** The walk of the second look, which goes on from batch to batch. */
let walk: Generator<Found> | undefined
/** What did not fit into the batch before. */
let left: Found | undefined
let refused: Batch['refused'] = []
/** Once something is refused nothing will be kept; the walk only goes on to name the rest. */
let isRefused = false

function refuse(path: string, { reason, kind }: Refusal): void {
  refused.push({ path: printable(path), reason, kind })
  isRefused = true
}

const options: ScanOptions = {
  links: task.links,
  refusals: { add: (path, reason, kind) => refuse(path, { reason, kind }) },
}

function next(): Found | undefined {
  walk ??= scan(task.path, options)
  const found = left ?? walk.next().value ?? undefined
  left = undefined
  return found
}

function read(into: Uint8Array, stop: boolean): Batch {
  isRefused ||= stop
  // Nothing is read any more; what else is wrong is found by a look at each.
  if (isRefused) options.look = true
  const paths: string[] = []
  const files: string[] = []
  const facts: Facts[] = []
  const digests = new Uint8Array(task.filesAtOnce * task.digestBytes)
  let large: Batch['large']
  let used = 0
  let ended = false
  while (facts.length < task.filesAtOnce && large === undefined && refused.length === 0) {
    const found = next()
    if (found === undefined) {
      ended = true
      break
    }
    if (found.kind === 'dir') {
      paths.push(found.path)
      files.push('')
      facts.push({ size: -1, ...timesOf(found.stat!) })
      continue
    }
    if (isRefused) continue
    const taken = take(found, into.subarray(used))
    if (taken === 'no room') {
      left = found
      break
    }
    if (taken === 'refused') continue
    paths.push(found.path)
    files.push(found.at)
    facts.push({ size: Number(taken.size), ...timesOf(taken) })
    if (taken.size > task.blockBytes) {
      large = {
        ...{ ino: taken.ino, dev: taken.dev, size: taken.size },
        ...{ mtimeNs: taken.mtimeNs, ctimeNs: taken.ctimeNs },
      }
      break
    }
    const size = Number(taken.size)
    const digest = hash('sha256', into.subarray(used, used + size), 'buffer')
    digests.set(digest, (facts.length - 1) * task.digestBytes)
    used += size
  }
  const batch = {
    paths,
    ats: task.inPlace || large !== undefined ? files : [],
    facts: packed(facts),
    digests,
    large,
    refused,
    ended: ended || (isRefused && rest()),
  }
  refused = []
  return batch
}

/** Walks to the end for what else is refused. */
function rest(): true {
  options.look = true
  while (next() !== undefined);
  return true
}

/** Sizes, then times, then what tells one state of a file from another, each of all. */
function packed(facts: readonly Facts[]): Batch['facts'] {
  return {
    sizes: Float64Array.from(facts, (one) => one.size),
    times: Float64Array.from(facts, (one) => one.time),
    mtimes: BigInt64Array.from(facts, (one) => one.mtimeNs),
    inos: BigUint64Array.from(facts, (one) => one.ino),
  }
}

function timesOf(stat: BigIntStats): Omit<Facts, 'size'> {
  const { mtimeNs, ino } = stat
  return { time: Number((mtimeNs + 500_000n) / 1_000_000n), mtimeNs, ino }
}

/** Reads a small file whole; of a large one only what it is. */
function take(found: Found, into: Uint8Array): BigIntStats | 'no room' | 'refused' {
  try {
    const file = openSync(found.at, task.readFlags)
    try {
      const before = fstatSync(file, { bigint: true })
      if (!before.isFile()) throw changed
      if (before.size > task.blockBytes) return before
      const size = Number(before.size)
      if (size > into.byteLength) return 'no room'
      if (size > 0 && !isWhole(file, into.subarray(0, size))) throw changed
      const after = fstatSync(file, { bigint: true })
      // A file that somebody writes to meanwhile would be a mixture of two.
      const same =
        after.size === before.size &&
        after.mtimeNs === before.mtimeNs &&
        after.ctimeNs === before.ctimeNs
      if (!same) throw changed
      return before
    } finally {
      closeSync(file)
    }
  } catch (thrown) {
    const refusal = thrown === changed ? whyChanged : refusalOf(thrown)
    if (refusal === undefined) throw asFault(thrown, 'tree.add', printable(found.path))
    refuse(found.path, refusal)
    return 'refused'
  }
}

const changed = new Error('it changed')
const whyChanged: Refusal = { reason: 'it changed while it was read', kind: 'conflict' }

function isWhole(file: number, into: Uint8Array): boolean {
  for (let filled = 0; filled < into.byteLength; ) {
    const bytes = readSync(file, into, filled, into.byteLength - filled, filled)
    if (bytes === 0) return false
    filled += bytes
  }
  return true
}

function answer(asked: Asked): Answer {
  try {
    if (asked === 'survey') return { survey: survey() }
    return { batch: read(asked.into, asked.stop) }
  } catch (thrown) {
    const { kind, op, message: text, about, list } = asFault(thrown, 'tree.add', task.path)
    return { fault: { kind, op, text, about, list: [...list] } }
  }
}

parentPort?.on('message', (asked: Asked) => parentPort?.postMessage(answer(asked)))
