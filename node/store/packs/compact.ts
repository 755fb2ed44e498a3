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
import { packHeader } from './section.ts'
import { batchMax, type Entry, type Link, linksOf } from './table.ts'
import { createPackWriter, type PackWriter } from './writer.ts'

/** A pack of which less than one part in so many counts is rewritten. */
const liveParts = 2
/** Packs below this many bytes are put together when there are this many of them. */
const smallBytes = 8 * 1_048_576
const smallCount = 8
/** Bytes that are copied before their old packs go: what a round needs of free disk. */
const roundBytes = 256 * 1_048_576

export type Compactor = (o: { signal?: AbortSignal | undefined }) => Promise<{ bytes: number }>

type Candidate = { pack: number; size: number; live: number }

export function createCompactor(inside: Inside): Compactor {
  const { table, reader, packs, pathOf } = inside

  /** Bytes that count in each pack. What comes meanwhile is in packs that are not judged. */
  async function liveBytes(): Promise<Map<number, number>> {
    const live = new Map<number, number>()
    for await (const { location } of table.list())
      live.set(location.pack, (live.get(location.pack) ?? 0) + location.bytes + sectionExtra)
    return live
  }

  function choose(candidates: readonly Candidate[]): Candidate[] {
    const dead = candidates.filter(({ size, live }) => live * liveParts < size)
    const small = candidates.filter((one) => one.size < smallBytes && !dead.includes(one))
    const chosen = small.length >= smallCount ? [...dead, ...small] : dead
    const round: Candidate[] = []
    let bytes = 0
    for (const one of chosen.sort((a, b) => a.live - b.live)) {
      bytes += one.live
      if (round.length > 0 && bytes > roundBytes) break
      round.push(one)
    }
    return round
  }

  /** Appends what counts of one pack, and enters it once it is flushed. */
  async function copy(one: Candidate, writer: PackWriter, linked: Map<number, number>) {
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
        }
        if (moved.length >= batchMax) await enter()
      }
      await enter()
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

  async function round(tried: Set<number>, signal?: AbortSignal): Promise<number | undefined> {
    const live = await liveBytes()
    const candidates = [...packs]
      .filter(([pack]) => !inside.growing.has(pack) && !tried.has(pack))
      .map(([pack, size]) => ({ pack, size, live: live.get(pack) ?? 0 }))
    const chosen = choose(candidates)
    if (chosen.length === 0) return undefined
    const made = new Set<number>()
    const writer = createPackWriter(async () => {
      const next = await inside.create()
      made.add(next.number)
      return next
    })
    const linked = new Map<number, number>()
    const copied: Candidate[] = []
    try {
      for (const one of chosen) {
        if (copied.length > 0 && signal?.aborted) break
        tried.add(one.pack)
        if (one.live > 0) await copy(one, writer, linked)
        copied.push(one)
      }
    } finally {
      await writer.close()
      for (const pack of made) {
        packs.set(pack, linked.get(pack) ?? packHeader.byteLength)
        tried.add(pack)
        inside.growing.delete(pack)
      }
    }
    // A section that is damaged was not copied, and its place still counts: that pack stays for whoever
    // checks it.
    const left = await liveBytes()
    let bytes = 0
    for (const one of copied) {
      if ((left.get(one.pack) ?? 0) > 0) continue
      await drop(one)
      bytes += one.size
    }
    for (const pack of made) bytes -= packs.get(pack) ?? 0
    return bytes
  }

  return async ({ signal }) => {
    let bytes = 0
    const tried = new Set<number>()
    for (;;) {
      signal?.throwIfAborted()
      const freed = await round(tried, signal)
      if (freed === undefined) return { bytes: Math.max(0, bytes) }
      bytes += freed
    }
  }
}

/** What a section has besides its content, about. */
const sectionExtra = 38

function isAt(now: Location | undefined, from: Location): boolean {
  return now?.pack === from.pack && now.offset === from.offset
}
