/**
 * Where a page ends. The content decides: after an entry whose path hashes to nine low zero bits, so
 * that one changed file changes one page and not all that follow; or before an entry that would pass a
 * cap. Whoever receives a tree checks that its pages end just there, because another division would
 * be another root for the same files.
 */
import { CanonicalWriter } from './canonical.ts'
import { Fault } from './fault.ts'
import {
  addSums,
  checkEntry,
  checkFollows,
  decodePage,
  type Entry,
  isSameSums,
  noSums,
  type Page,
  type PageLink,
  pageBytesMax,
  pageEntriesMax,
  pageHead,
  sumsOf,
  writeEntry,
} from './manifest.ts'
import { blockCid, type Sha256 } from './unixfs.ts'

/** The most that the entries of one page weigh together, in bytes; 16 are left for what is around. */
export const pageEntriesBytesMax = pageBytesMax - 16

const encoder = new TextEncoder()

/** True when a page ends after the entry of this path: one path in 512. */
export function endsPage(sha256: Sha256, path: string): boolean {
  return endsPageOf(sha256, encoder.encode(path))
}

function endsPageOf(sha256: Sha256, path: Uint8Array): boolean {
  const digest = sha256(path)
  return digest[31] === 0 && (digest[30]! & 1) === 0
}

export type FinishedPage = { node: Uint8Array; link: PageLink }

/** Entries in order → pages. Faults `invalid` on an entry that is malformed or out of order. */
export interface Pager {
  /** The pages that this entry completes: none, one, or (before it and after it) two. */
  add(entry: Entry): FinishedPage[]
  /** The last page, if it is not empty. */
  end(): FinishedPage[]
}

export function createPager(sha256: Sha256): Pager {
  const writer = new CanonicalWriter(pageBytesMax / 4)
  let sums = noSums()
  let first = ''
  let previous: string | undefined
  /** The first `weight` bytes of what is written are a page. */
  function finish(weight = writer.byteLength): FinishedPage[] {
    if (sums.entries === 0) return []
    const node = joined(pageHead(sums.entries), writer.take(weight))
    const cid = blockCid(sha256(node), 'dag-cbor')
    const link = { cid, ...sums, first, last: previous! }
    sums = noSums()
    return [{ node, link }]
  }
  return {
    add(entry) {
      checkEntry(entry)
      checkFollows(previous, entry.path)
      const before = writer.byteLength
      const { from, to } = writeEntry(writer, entry)
      const ends = endsPageOf(sha256, writer.view(from, to))
      const done = isOver(sums.entries + 1, writer.byteLength) ? finish(before) : []
      if (sums.entries === 0) first = entry.path
      addSums(sums, sumsOf(entry))
      previous = entry.path
      if (ends) done.push(...finish())
      return done
    },
    end: () => finish(),
  }
}

function isOver(entries: number, weight: number): boolean {
  return entries > pageEntriesMax || weight > pageEntriesBytesMax
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const node = new Uint8Array(head.byteLength + body.byteLength)
  node.set(head)
  node.set(body, head.byteLength)
  return node
}

function weightOf(entry: Entry): number {
  const writer = new CanonicalWriter(2048)
  writeEntry(writer, entry)
  return writer.byteLength
}

/** What the entries of an encoded page weigh together, in bytes. */
export function pageWeight(node: Uint8Array, entries: number): number {
  return node.byteLength - pageHead(entries).byteLength
}

/** How a page ended, for the check of the page after it. */
export type PageEnd = { path: string; entries: number; weight: number }

/**
 * A page from afar, at its place in a tree whose root was decoded: it is what its link says, it goes
 * on where the page before ended, and both end where they must. Pages are checked in order, each with
 * the `end` of the one before it.
 */
export function readPage(
  sha256: Sha256,
  node: Uint8Array,
  link: PageLink,
  previous: PageEnd | undefined,
): { page: Page; end: PageEnd } {
  const page = decodePage(node)
  const { entries } = page
  const sums = noSums()
  for (const entry of entries) addSums(sums, sumsOf(entry))
  const first = entries[0]!
  const end = {
    path: entries.at(-1)!.path,
    entries: entries.length,
    weight: pageWeight(node, entries.length),
  }
  if (!isSameSums(sums, link) || first.path !== link.first || end.path !== link.last) {
    refuse('A page is not what the root says about it.', link.first)
  }
  for (const entry of entries.slice(0, -1)) {
    if (endsPage(sha256, entry.path))
      refuse('A page goes on after an entry that ends it.', entry.path)
  }
  if (isOver(end.entries, end.weight)) refuse('A page is over its cap.', link.first)
  if (previous !== undefined) {
    checkFollows(previous.path, first.path)
    const fits = !isOver(previous.entries + 1, previous.weight + weightOf(first))
    if (fits && !endsPage(sha256, previous.path))
      refuse('A page ends before it must.', previous.path)
  }
  return { page, end }
}

function refuse(text: string, about: string): never {
  throw new Fault('invalid', 'manifest.page', { text, about })
}
