/**
 * Space that comes back: what still counts of a pack that is mostly dead, or small, is appended to a new
 * one and flushed; then the index says so, durably; then the old file goes. A crash between any two
 * steps leaves the old pack, the new one, or both, and each of them says what it has.
 */
import { open, rm } from 'node:fs/promises'
import { asFault } from '../../../protocol/fault.ts'
import { flushFolder } from '../../base/files.ts'
import type { Location } from './names.ts'
import type { Inside } from './packs.ts'
import { scanPack } from './scan.ts'
import { headBytes, packHeader } from './section.ts'
import { batchMax, type Entry, type Link, linksOf } from './table.ts'
import { createPackWriter, type PackWriter } from './writer.ts'

/** A pack of which less than one part in so many counts is rewritten. */
const liveParts = 2
/** Packs below this many bytes are put together when there are this many of them. */
const smallBytes = 8 * 1_048_576
const smallCount = 8
/** Bytes that are copied before their old packs go: what a round needs of free disk. */
const roundBytes = 256 * 1_048_576

/** `isOver` is asked between two packs: true ends it early, with what is done by then. */
export type Compactor = (o: {
  signal?: AbortSignal | undefined
  isOver: () => boolean
}) => Promise<{ bytes: number }>

/** `things` and `live`: how many count, and their bytes. */
type Candidate = { pack: number; size: number; things: number; live: number }

export function createCompactor(inside: Inside): Compactor {
  const { table, reader, packs, pathOf } = inside

  /** What counts in each pack. What comes meanwhile is in packs that are not judged. */
  async function judge(): Promise<Map<number, Candidate>> {
    const found = new Map<number, Candidate>()
    for (const [pack, size] of packs)
      if (!inside.growing.has(pack)) found.set(pack, { pack, size, things: 0, live: 0 })
    for await (const { location } of table.list()) {
      const one = found.get(location.pack)
      if (one === undefined) continue
      one.things++
      one.live += headBytes(location.bytes) + location.bytes
    }
    return found
  }

  /** What is to be rewritten, in rounds. */
  function* choose(candidates: readonly Candidate[]): Generator<Candidate[]> {
    const dead = candidates.filter(({ size, live }) => live * liveParts < size)
    const small = candidates.filter((one) => one.size < smallBytes && !dead.includes(one))
    const chosen = small.length >= smallCount ? [...dead, ...small] : dead
    let round: Candidate[] = []
    let bytes = 0
    for (const one of chosen.sort((a, b) => a.live - b.live)) {
      if (round.length > 0 && bytes + one.live > roundBytes) {
        yield round
        round = []
        bytes = 0
      }
      round.push(one)
      bytes += one.live
    }
    if (round.length > 0) yield round
  }

  /** Appends what counts of one pack, and enters it once it is flushed. Answers how many that were. */
  async function copy(
    one: Candidate,
    writer: PackWriter,
    linked: Map<number, number>,
  ): Promise<number> {
    let copied = 0
    const file = await open(pathOf(one.pack), 'r')
    let moved: { from: Location; entry: Entry }[] = []
    async function enter(): Promise<void> {
      await writer.sync()
      const all = moved
      moved = []
      for (let i = 0; i < all.length; i += batchMax) {
        await inside.inTurn(() => move(all.slice(i, i + batchMax)))
      }
    }
    /** Only what is still where it was: it may have been removed meanwhile. */
    async function move(batch: { from: Location; entry: Entry }[]): Promise<void> {
      const now = await table.getMany(batch.map(({ entry }) => entry.key))
      const entries = batch.flatMap(({ from, entry }, i) => (isAt(now[i], from) ? [entry] : []))
      const links = linksOf(
        batch.map(({ entry }) => entry),
        linked,
      )
      await table.add(entries, links, { sync: true })
      for (const { pack, to } of links) linked.set(pack, to)
    }
    try {
      for await (const sections of scanPack(file, packHeader.byteLength, one.size)) {
        const held = await table.getMany(sections.map(({ key }) => key))
        for (const [i, { key, offset, content }] of sections.entries()) {
          const from = { pack: one.pack, offset, bytes: content.byteLength }
          if (!isAt(held[i], from)) continue
          let location = writer.append(key, content)
          while (location === undefined) {
            await writer.ready(content.byteLength)
            location = writer.append(key, content)
          }
          moved.push({ from, entry: { key, location } })
          copied++
        }
        if (moved.length >= batchMax) await enter()
      }
      await enter()
      return copied
    } finally {
      await file.close()
    }
  }

  async function drop({ pack }: Candidate): Promise<void> {
    const links: Link[] = []
    for await (const link of table.links()) if (link.pack === pack) links.push(link)
    // First, because links of a pack that is not there would mean that something was lost.
    await table.relink(links, [])
    packs.delete(pack)
    reader.forget(pack)
    await rm(pathOf(pack), { force: true }).catch((thrown) => {
      throw asFault(thrown, 'store.compact', pathOf(pack))
    })
    await flushFolder(inside.folder)
  }

  /** Bytes that the disk has back. */
  async function round(chosen: readonly Candidate[], isOver: () => boolean): Promise<number> {
    const made = new Set<number>()
    const writer = createPackWriter(async () => {
      const next = await inside.create()
      made.add(next.number)
      return next
    })
    const linked = new Map<number, number>()
    const free: Candidate[] = []
    const doubtful: Candidate[] = []
    try {
      for (const one of chosen) {
        if (isOver()) break
        const copied = one.things > 0 ? await copy(one, writer, linked) : 0
        if (copied === one.things) free.push(one)
        else doubtful.push(one)
      }
    } finally {
      await writer.close()
      for (const pack of made) {
        packs.set(pack, linked.get(pack) ?? packHeader.byteLength)
        inside.growing.delete(pack)
      }
    }
    if (doubtful.length > 0) {
      // Removed meanwhile, or damaged, so that the scan passed over it: then its place still counts,
      // and the pack stays for whoever checks it.
      const now = await judge()
      free.push(...doubtful.filter(({ pack }) => now.get(pack)?.things === 0))
    }
    let bytes = 0
    for (const one of free) {
      await drop(one)
      bytes += one.size
    }
    for (const pack of made) bytes -= packs.get(pack) ?? 0
    return bytes
  }

  return async ({ signal, isOver }) => {
    let bytes = 0
    for (const chosen of choose([...(await judge()).values()])) {
      signal?.throwIfAborted()
      if (isOver()) break
      bytes += await round(chosen, () => isOver() || signal?.aborted === true)
    }
    signal?.throwIfAborted()
    return { bytes: Math.max(0, bytes) }
  }
}

function isAt(now: Location | undefined, from: Location): boolean {
  return now?.pack === from.pack && now.offset === from.offset
}
