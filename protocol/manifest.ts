/**
 * A tree of files as three levels of small nodes: root → pages → entries; a file of many blocks keeps
 * its digests in lists. Every node is canonical DAG-CBOR and named by its SHA-256, so equal content
 * has an equal root. Modification times are a parallel tree outside the root. The page is manifest.md.
 */
import type { CID } from 'multiformats/cid'
import { CanonicalReader, CanonicalWriter, keyOf } from './canonical.ts'
import { Fault } from './fault.ts'
import type { Root } from './ids.ts'
import { checkPath, comparePaths, isInside, printable } from './paths.ts'
import { blocksOf, digestBytes } from './unixfs.ts'

/** What one node weighs at most, in bytes. */
export const rootBytesMax = 1_048_576
export const pageBytesMax = 262_144
export const listBytesMax = 132_000
export const timesBytesMax = 32_768
/** Entries of one page; pages of one tree; entries of one tree. */
export const pageEntriesMax = 2048
export const pagesMax = 8192
export const entriesMax = 10_000_000
/** The most blocks whose digests stand in the entry itself; from one more on they stand in lists. */
export const inlineBlocksMax = 1024
/** Digests of one list; lists of one file. Together they cap a file at 16 TiB. */
export const listDigestsMax = 4096
export const listsMax = 4096
export const fileBytesMax = listsMax * listDigestsMax * 1_048_576

export type InlineFile = { kind: 'file'; path: string; size: number; blocks: Uint8Array }
export type ListedFile = { kind: 'file'; path: string; size: number; lists: CID[] }
export type FileEntry = InlineFile | ListedFile
/** An empty directory. One that holds something is implied by what it holds. */
export type DirEntry = { kind: 'dir'; path: string }
export type Entry = FileEntry | DirEntry
export type Page = { entries: Entry[] }

/** What a run of entries adds up to; sizes in bytes. */
export type Sums = { entries: number; files: number; bytes: number; blocks: number }
export type PageLink = Sums & { cid: CID; first: string; last: string }
export type RootNode = Sums & { v: 1; pages: PageLink[] }

/** A tree as records and bundles name it: by its roots, with what it holds. */
export type Tree = Sums & { root: Root; times: Root | null }

/** Keys in the order in which a map holds them: the shorter first. */
const key = {
  v: keyOf('v'),
  cid: keyOf('cid'),
  kind: keyOf('kind'),
  last: keyOf('last'),
  path: keyOf('path'),
  size: keyOf('size'),
  bytes: keyOf('bytes'),
  files: keyOf('files'),
  first: keyOf('first'),
  lists: keyOf('lists'),
  pages: keyOf('pages'),
  times: keyOf('times'),
  blocks: keyOf('blocks'),
  digests: keyOf('digests'),
  entries: keyOf('entries'),
}
/** The texts `file` and `dir`: short ASCII, like keys. */
const [kindFile, kindDir] = [keyOf('file'), keyOf('dir')]

function refuse(op: string, text: string, about?: string | number): never {
  throw new Fault('invalid', op, { text, about })
}

/** A page by itself: shape, caps, every entry. Its place in a tree is `pages.ts`'s to check. */
export function decodePage(node: Uint8Array): Page {
  const reader = new CanonicalReader(node, pageBytesMax, 'manifest.page')
  reader.map(1)
  reader.key(key.entries)
  const count = reader.list(pageEntriesMax)
  if (count === 0) reader.refuse('A page has no entries.')
  const entries: Entry[] = []
  let previous: string | undefined
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader)
    checkEntry(entry)
    checkFollows(previous, entry.path)
    previous = entry.path
    entries.push(entry)
  }
  reader.end()
  return { entries }
}

function readEntry(reader: CanonicalReader): Entry {
  const keys = reader.mapOf(2, 4)
  reader.key(key.kind)
  if (keys === 2) {
    reader.key(kindDir)
    reader.key(key.path)
    return { kind: 'dir', path: reader.text() }
  }
  reader.key(kindFile)
  reader.key(key.path)
  const path = reader.text()
  reader.key(key.size)
  const size = reader.count(fileBytesMax)
  if (!reader.isKey(key.lists)) {
    reader.key(key.blocks)
    return { kind: 'file', path, size, blocks: reader.bytes() }
  }
  const lists: CID[] = []
  for (let left = reader.list(listsMax); left > 0; left--) lists.push(reader.link())
  return { kind: 'file', path, size, lists }
}

/** Writes one entry as it stands in a page. Returns where its path stands, as UTF-8, in what is written. */
export function writeEntry(writer: CanonicalWriter, entry: Entry): { from: number; to: number } {
  writer.map(entry.kind === 'dir' ? 2 : 4).key(key.kind)
  writer.key(entry.kind === 'dir' ? kindDir : kindFile).key(key.path)
  const from = writer.text(entry.path)
  const to = writer.byteLength
  if (entry.kind === 'dir') return { from, to }
  writer.key(key.size).count(entry.size)
  if ('blocks' in entry) writer.key(key.blocks).bytes(entry.blocks)
  else {
    writer.key(key.lists).list(entry.lists.length)
    for (const cid of entry.lists) writer.link(cid)
  }
  return { from, to }
}

/** `{entries: […]}` before entries that are written already: a map of one, its key, a list of n. */
export function pageHead(entries: number): Uint8Array {
  return new CanonicalWriter(16).map(1).key(key.entries).list(entries).take()
}

/** Faults `invalid` on an entry that does not say exactly what its size demands. */
export function checkEntry(entry: Entry): void {
  checkPath(entry.path, 'manifest.entry')
  if (entry.kind === 'dir') return
  const { blocks, lists } = entry as Partial<InlineFile & ListedFile>
  const needed = blocksOf(entry.size)
  if (needed <= inlineBlocksMax) {
    if (lists !== undefined || blocks?.byteLength !== needed * digestBytes) {
      refuse(
        'manifest.entry',
        `A file of ${entry.size} bytes has the digests of ${needed} blocks, in its entry.`,
        entry.path,
      )
    }
  } else if (blocks !== undefined || lists?.length !== Math.ceil(needed / listDigestsMax)) {
    refuse(
      'manifest.entry',
      `A file of ${entry.size} bytes keeps its digests in lists of ${listDigestsMax}.`,
      entry.path,
    )
  }
}

/** Faults `invalid` unless `path` may come right after `previous`: in order, once, and not inside it. */
export function checkFollows(previous: string | undefined, path: string): void {
  if (previous === undefined) return
  // Whatever lies inside a path comes right after it, so neighbours are all that must be compared.
  if (isInside(path, previous))
    refuse(
      'manifest.order',
      `${printable(previous)} cannot hold ${printable(path)}: it is a file or an empty folder.`,
      path,
    )
  if (comparePaths(previous, path) >= 0)
    refuse('manifest.order', `${printable(path)} is out of order or there twice.`, path)
}

/** Adds one more to what was counted; sums past 2^53 are refused, not rounded. */
export function addSums(to: Sums, more: Sums): void {
  to.entries += more.entries
  to.files += more.files
  to.bytes += more.bytes
  to.blocks += more.blocks
  if (!Number.isSafeInteger(to.bytes))
    refuse('manifest.sums', 'The sizes add up to more than 2^53 bytes.')
}

export function sumsOf(entry: Entry): Sums {
  if (entry.kind === 'dir') return { entries: 1, files: 0, bytes: 0, blocks: 0 }
  return { entries: 1, files: 1, bytes: entry.size, blocks: blocksOf(entry.size) }
}

export function noSums(): Sums {
  return { entries: 0, files: 0, bytes: 0, blocks: 0 }
}

export function isSameSums(a: Sums, b: Sums): boolean {
  return (
    a.entries === b.entries && a.files === b.files && a.bytes === b.bytes && a.blocks === b.blocks
  )
}

/** The root of a tree. Whoever reads pages by it need not hold more than one at a time. */
export function encodeRoot(pages: PageLink[]): Uint8Array {
  const sums = noSums()
  for (const page of pages) addSums(sums, page)
  const writer = new CanonicalWriter(128 * (pages.length + 1)).map(6).key(key.v).count(1)
  writer.key(key.bytes).count(sums.bytes).key(key.files).count(sums.files)
  writer.key(key.pages).list(pages.length)
  for (const page of pages) writeLink(writer, page)
  writer.key(key.blocks).count(sums.blocks).key(key.entries).count(sums.entries)
  const node = writer.take()
  if (node.byteLength > rootBytesMax || pages.length > pagesMax || sums.entries > entriesMax) {
    throw new Fault('unsupported', 'manifest.root', {
      text: `${sums.entries} files and empty folders are too many for one dataset. Split it into several.`,
    })
  }
  return node
}

export function decodeRoot(node: Uint8Array): RootNode {
  const root = readRoot(node)
  const sums = noSums()
  let previous: string | undefined
  for (const page of root.pages) {
    checkPath(page.first, 'manifest.root')
    checkPath(page.last, 'manifest.root')
    checkFollows(previous, page.first)
    const order = comparePaths(page.first, page.last)
    if (page.entries === 1 ? order !== 0 : order >= 0) {
      refuse(
        'manifest.root',
        `A page of ${page.entries} entries runs from ${printable(page.first)} to ${printable(page.last)}.`,
      )
    }
    if (page.files > page.entries) refuse('manifest.root', 'A page has more files than entries.')
    addSums(sums, page)
    previous = page.last
  }
  if (!isSameSums(sums, root))
    refuse('manifest.root', 'The pages do not add up to what the root says.')
  return root
}

function writeLink(writer: CanonicalWriter, link: PageLink): void {
  writer.map(7).key(key.cid).link(link.cid).key(key.last).text(link.last)
  writer.key(key.bytes).count(link.bytes).key(key.files).count(link.files)
  writer.key(key.first).text(link.first)
  writer.key(key.blocks).count(link.blocks).key(key.entries).count(link.entries)
}

function readLink(reader: CanonicalReader): PageLink {
  reader.map(7)
  reader.key(key.cid)
  const cid = reader.link()
  reader.key(key.last)
  const last = reader.text()
  reader.key(key.bytes)
  const bytes = reader.count()
  reader.key(key.files)
  const files = reader.count()
  reader.key(key.first)
  const first = reader.text()
  reader.key(key.blocks)
  const blocks = reader.count()
  reader.key(key.entries)
  const entries = reader.count(pageEntriesMax)
  if (entries === 0) reader.refuse('A page has no entries.')
  return { cid, entries, files, bytes, blocks, first, last }
}

function readRoot(node: Uint8Array): RootNode {
  const reader = new CanonicalReader(node, rootBytesMax, 'manifest.root')
  reader.map(6)
  reader.key(key.v)
  const v = reader.count()
  if (v !== 1) reader.refuse(`A manifest of version ${v} cannot be read here.`)
  reader.key(key.bytes)
  const bytes = reader.count()
  reader.key(key.files)
  const files = reader.count()
  reader.key(key.pages)
  const pages: PageLink[] = []
  for (let left = reader.list(pagesMax); left > 0; left--) pages.push(readLink(reader))
  reader.key(key.blocks)
  const blocks = reader.count()
  reader.key(key.entries)
  const entries = reader.count(entriesMax)
  reader.end()
  return { v: 1, entries, files, bytes, blocks, pages }
}

export function encodeList(digests: Uint8Array): Uint8Array {
  return new CanonicalWriter(listBytesMax).map(1).key(key.digests).bytes(digests).take()
}

/** The digests of list `index` of a file of `size` bytes. */
export function decodeList(node: Uint8Array, size: number, index: number): Uint8Array {
  const reader = new CanonicalReader(node, listBytesMax, 'manifest.list')
  reader.map(1)
  reader.key(key.digests)
  const digests = reader.bytes()
  reader.end()
  const needed = Math.min(listDigestsMax, blocksOf(size) - index * listDigestsMax)
  if (digests.byteLength !== needed * digestBytes) {
    refuse('manifest.list', `List ${index} of a file of ${size} bytes has ${needed} digests.`)
  }
  return digests
}

/** Milliseconds since 1970 of every entry of one page, in its order; null where it is not known. */
export type Times = (number | null)[]

export function encodeTimesPage(times: Times): Uint8Array {
  const writer = new CanonicalWriter(16 + 9 * times.length).map(1).key(key.times)
  writer.list(times.length)
  for (const time of times) writer.wholeOrNull(time)
  return writer.take()
}

export function decodeTimesPage(node: Uint8Array, entries: number): Times {
  const reader = new CanonicalReader(node, timesBytesMax, 'manifest.times')
  reader.map(1)
  reader.key(key.times)
  const times: Times = []
  for (let left = reader.list(pageEntriesMax); left > 0; left--) times.push(reader.wholeOrNull())
  reader.end()
  if (times.length !== entries || entries === 0)
    refuse('manifest.times', `A page of ${entries} entries has as many times.`)
  return times
}

export function encodeTimesRoot(pages: CID[]): Uint8Array {
  const writer = new CanonicalWriter(16 + 42 * pages.length).map(2).key(key.v).count(1)
  writer.key(key.pages).list(pages.length)
  for (const cid of pages) writer.link(cid)
  return writer.take()
}

export function decodeTimesRoot(node: Uint8Array, pages: number): CID[] {
  const reader = new CanonicalReader(node, rootBytesMax, 'manifest.times')
  reader.map(2)
  reader.key(key.v)
  if (reader.count() !== 1) reader.refuse('Times of another version cannot be read here.')
  reader.key(key.pages)
  const times: CID[] = []
  for (let left = reader.list(pagesMax); left > 0; left--) times.push(reader.link())
  reader.end()
  if (times.length !== pages)
    refuse('manifest.times', `A tree of ${pages} pages has as many pages of times.`)
  return times
}
