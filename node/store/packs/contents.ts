/**
 * Content read from packs. What is read together lies together, mostly: files that arrived one after
 * another are asked for one after another, so one read of a MiB brings hundreds of them. The CID that
 * stands before the content is compared each time; whether it is hashed is the caller's to say.
 */
import { createPool } from '../../base/work.ts'
import { corrupt } from '../faults.ts'
import { keyOfCid, type Location } from './names.ts'
import type { Name, Packs } from './packs.ts'
import { endOf, headBytes, isHead, sectionBytesMax } from './section.ts'

/** Bytes of one read, and of what lies between two contents and is read along. */
const runBytesMax = sectionBytesMax
const gapBytesMax = 65_536
/** Runs that are read at the same time; each has a buffer. */
const runsMax = 4

/** A content that is wanted at a place of the caller's buffer. */
type Wanted = { readonly cid: Name; readonly location: Location; readonly at: number }

export interface Contents {
  /** As `into` or new. Undefined when it is not held; `corrupt` when something else lies there. */
  read(cid: Name, into?: Uint8Array): Promise<Uint8Array | undefined>
  /** What lies where it should, unlooked at, as much as is left of it. Undefined when it is not held. */
  readRaw(cid: Name): Promise<Uint8Array | undefined>
  /**
   * All whose location is known, each at its place of `into`; answers those that are not here any more
   * because they moved or went.
   */
  readAll(wanted: readonly Wanted[], into: Uint8Array): Promise<Wanted[]>
}

export function createContents(packs: Packs): Contents {
  const { reader, writer } = packs.inside
  const pool = createPool({ limit: runsMax })
  const spare: Uint8Array[] = []

  /** False when its pack is gone. */
  async function readOne({ cid, location, at }: Wanted, into: Uint8Array): Promise<boolean> {
    const { pack, offset, bytes } = location
    const key = keyOfCid(cid)
    const written = writer.peek(location)
    if (written !== undefined) {
      into.set(written.subarray(headBytes(bytes)), at)
      return true
    }
    const head = new Uint8Array(headBytes(bytes))
    const found = await reader.readBoth(pack, offset, head, into.subarray(at, at + bytes))
    if (found === undefined) return false
    if (!found || !isHead(head, 0, key, bytes)) throw corrupt(cid)
    return true
  }

  async function readRun(run: readonly Wanted[], into: Uint8Array): Promise<boolean> {
    if (run.length === 1) return readOne(run[0]!, into)
    const { pack, offset: first } = run[0]!.location
    const end = endOf(run.at(-1)!.location)
    const buffer = spare.pop() ?? new Uint8Array(runBytesMax)
    try {
      const bytes = await reader.read(pack, first, buffer.subarray(0, end - first))
      if (bytes === undefined) return false
      for (const { cid, location, at } of run) {
        const head = location.offset - first
        const content = head + headBytes(location.bytes)
        if (
          endOf(location) - first > bytes.byteLength ||
          !isHead(bytes, head, keyOfCid(cid), location.bytes)
        )
          throw corrupt(cid)
        into.set(bytes.subarray(content, content + location.bytes), at)
      }
      return true
    } finally {
      spare.push(buffer)
    }
  }

  return {
    async read(cid, into) {
      let before: Location | undefined
      for (;;) {
        const [location] = await packs.locate([cid])
        if (location === undefined) return undefined
        // Compaction may move it once between two looks; a pack that is gone and did not move is lost.
        if (before?.pack === location.pack) throw corrupt(cid)
        before = location
        const buffer = into?.subarray(0, location.bytes) ?? new Uint8Array(location.bytes)
        if (buffer.byteLength < location.bytes) throw corrupt(cid)
        if (await readOne({ cid, location, at: 0 }, buffer)) return buffer
      }
    },

    async readRaw(cid) {
      const [location] = await packs.locate([cid])
      if (location === undefined) return undefined
      const { pack, offset, bytes } = location
      const head = headBytes(bytes)
      const written = writer.peek(location)
      if (written !== undefined) return written.slice(head)
      const found = await reader.read(pack, offset + head, new Uint8Array(bytes))
      return found ?? new Uint8Array(0)
    },

    async readAll(wanted, into) {
      const gone: Wanted[] = []
      const reads: Promise<void>[] = []
      for (const run of runsOf(wanted, (one) => writer.peek(one.location) !== undefined)) {
        reads.push(
          pool.run(async () => {
            if (!(await readRun(run, into))) gone.push(...run)
          }),
        )
      }
      // All of them, also when one fails: nobody may write into the buffer once this has ended.
      for (const done of await Promise.allSettled(reads))
        if (done.status === 'rejected') throw done.reason
      return gone
    },
  }
}

/** Neighbours in one pack, in the order of asking. */
function* runsOf(
  wanted: readonly Wanted[],
  isAlone: (one: Wanted) => boolean,
): Generator<Wanted[]> {
  let run: Wanted[] = []
  for (const one of wanted) {
    const [first] = run
    const last = run.at(-1)
    const joins =
      first !== undefined &&
      last !== undefined &&
      one.location.pack === last.location.pack &&
      one.location.offset >= endOf(last.location) &&
      one.location.offset - endOf(last.location) <= gapBytesMax &&
      endOf(one.location) - first.location.offset <= runBytesMax &&
      !isAlone(one)
    if (joins) {
      run.push(one)
      continue
    }
    if (run.length > 0) yield run
    run = [one]
    if (!isAlone(one)) continue
    yield run
    run = []
  }
  if (run.length > 0) yield run
}
