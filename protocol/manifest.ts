/**
 * A tree of files as three levels of small nodes: root → pages → entries; a file of many blocks keeps
 * its digests in lists. Every node is canonical DAG-CBOR and named by its SHA-256, so equal content
 * has an equal root. Modification times are a parallel tree outside the root. The page is manifest.md.
 */
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { Fault } from './fault.ts'
import type { Root } from './ids.ts'
import { checkPath, comparePaths, isInside, printable } from './paths.ts'
import { blocksOf, digestBytes, sha256Code } from './unixfs.ts'
import { decode, encode } from './wire.ts'

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

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** A link to another node: only what `blockCid(…, 'dag-cbor')` makes. */
const nodeCid = z.custom<CID>((value) => {
  const cid = CID.asCID(value)
  return (
    cid?.version === 1 &&
    cid.code === 0x71 &&
    cid.multihash.code === sha256Code &&
    cid.multihash.digest.byteLength === digestBytes
  )
}, 'is not a CIDv1 of DAG-CBOR with a whole sha2-256')

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'is not a byte string')

const fileShape = z.strictObject({
  kind: z.literal('file'),
  path: z.string(),
  size: count.max(fileBytesMax),
  blocks: bytes.optional(),
  lists: z.array(nodeCid).max(listsMax).optional(),
})
const dirShape = z.strictObject({ kind: z.literal('dir'), path: z.string() })
const pageShape = z.strictObject({
  entries: z
    .array(z.discriminatedUnion('kind', [fileShape, dirShape]))
    .min(1)
    .max(pageEntriesMax),
})
const linkShape = z.strictObject({
  cid: nodeCid,
  entries: count.min(1).max(pageEntriesMax),
  files: count,
  bytes: count,
  blocks: count,
  first: z.string(),
  last: z.string(),
})
const rootShape = z.strictObject({
  v: z.literal(1),
  entries: count.max(entriesMax),
  files: count,
  bytes: count,
  blocks: count,
  pages: z.array(linkShape).max(pagesMax),
})
const listShape = z.strictObject({ digests: bytes })
const timesRootShape = z.strictObject({ v: z.literal(1), pages: z.array(nodeCid).max(pagesMax) })
const timesPageShape = z.strictObject({
  times: z.array(z.number().int().nullable()).min(1).max(pageEntriesMax),
})

function refuse(op: string, text: string, about?: string | number): never {
  throw new Fault('invalid', op, { text, about })
}

/** A page by itself: shape, caps, every entry. Its place in a tree is `pages.ts`'s to check. */
export function decodePage(node: Uint8Array): Page {
  const page = decode(node, pageShape, pageBytesMax, 'manifest.page') as Page
  let previous: string | undefined
  for (const entry of page.entries) {
    checkEntry(entry)
    checkFollows(previous, entry.path)
    previous = entry.path
  }
  return page
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
  const node = encode({ v: 1, ...sums, pages })
  if (node.byteLength > rootBytesMax || pages.length > pagesMax || sums.entries > entriesMax) {
    throw new Fault('unsupported', 'manifest.root', {
      text: `${sums.entries} files and empty folders are too many for one dataset. Split it into several.`,
    })
  }
  return node
}

export function decodeRoot(node: Uint8Array): RootNode {
  const root = decode(node, rootShape, rootBytesMax, 'manifest.root')
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

export function encodeList(digests: Uint8Array): Uint8Array {
  return encode({ digests })
}

/** The digests of list `index` of a file of `size` bytes. */
export function decodeList(node: Uint8Array, size: number, index: number): Uint8Array {
  const { digests } = decode(node, listShape, listBytesMax, 'manifest.list')
  const needed = Math.min(listDigestsMax, blocksOf(size) - index * listDigestsMax)
  if (digests.byteLength !== needed * digestBytes) {
    refuse('manifest.list', `List ${index} of a file of ${size} bytes has ${needed} digests.`)
  }
  return digests
}

/** Milliseconds since 1970 of every entry of one page, in its order; null where it is not known. */
export type Times = (number | null)[]

export function encodeTimesPage(times: Times): Uint8Array {
  return encode({ times })
}

export function decodeTimesPage(node: Uint8Array, entries: number): Times {
  const { times } = decode(node, timesPageShape, timesBytesMax, 'manifest.times')
  if (times.length !== entries)
    refuse('manifest.times', `A page of ${entries} entries has as many times.`)
  return times
}

export function encodeTimesRoot(pages: CID[]): Uint8Array {
  return encode({ v: 1, pages })
}

export function decodeTimesRoot(node: Uint8Array, pages: number): CID[] {
  const times = decode(node, timesRootShape, rootBytesMax, 'manifest.times')
  if (times.pages.length !== pages)
    refuse('manifest.times', `A tree of ${pages} pages has as many pages of times.`)
  return times.pages
}
