/** An offered tree as its source serves it: by places, and nothing beyond them. */
import type { NodePlace } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { decodeTimesRoot, type FileEntry } from '../../protocol/manifest.ts'
import { blocksOf, fileCid } from '../../protocol/unixfs.ts'
import { sha256 } from '../store/sha256.ts'
import type { HeldFile, Store } from '../store/store.ts'
import { openTree } from '../trees/trees.ts'

/** Pages kept open per stream: the one being served and those looked ahead at. */
const pagesOpenMax = 16
const nothing = new Uint8Array(0)

/** Whether the numbers that mean nothing for this sort of node are 0. */
export function isPlain({ node, page, entry, list }: NodePlace): boolean {
  const ofPage = node === 'page' || node === 'times-page' || node === 'list'
  return (ofPage || page === 0) && (node === 'list' || (entry === 0 && list === 0))
}

/** One answer for what is not in the transfer, whether it exists elsewhere or not. */
export function outside(): Fault {
  return new Fault('denied', 'content.want', {
    text: 'This was not offered in this transfer. Ask only for places of the offered trees.',
  })
}

/** Some blocks of one file: `count` from `first`; its block 0 is number `firstBlock` of the tree. */
export type Piece = {
  file: FileEntry
  entry: number
  first: number
  count: number
  firstBlock: number
}

export type ServedTree = {
  node(place: NodePlace, times: Root | undefined): Promise<Root>
  /** A run of blocks, file by file; it may go on into the entries that follow on the same page. */
  pieces(page: number, entry: number, first: number, count: number): Promise<Piece[]>
  open(file: FileEntry): Promise<HeldFile>
  /** The CID of a file of one block. */
  smallCid(file: FileEntry): FileCid
}

export async function openServed(store: Store, root: Root): Promise<ServedTree> {
  const reader = await openTree(store, root)
  const { pages } = reader.node
  const starts: number[] = []
  let blocks = 0
  for (const page of pages) {
    starts.push(blocks)
    blocks += page.blocks
  }
  type Opened = { files: (FileEntry | undefined)[]; firsts: number[] }
  const opened = new Map<number, Promise<Opened>>()

  async function load(page: number): Promise<Opened> {
    const { entries } = await reader.page(page)
    const firsts: number[] = []
    let at = starts[page]!
    for (const entry of entries) {
      firsts.push(at)
      if (entry.kind === 'file') at += blocksOf(entry.size)
    }
    return { files: entries.map((entry) => (entry.kind === 'file' ? entry : undefined)), firsts }
  }

  function page(index: number): Promise<Opened> {
    if (pages[index] === undefined) throw outside()
    const known = opened.get(index) ?? load(index)
    opened.delete(index)
    opened.set(index, known)
    if (opened.size > pagesOpenMax) opened.delete(opened.keys().next().value!)
    return known
  }

  const timesNode = (times: Root | undefined) => {
    if (times === undefined) throw outside()
    return times
  }

  return {
    async node(place, times) {
      switch (place.node) {
        case 'root':
          return root
        case 'page':
          return cidAt(pages, place.page)
        case 'times':
          return timesNode(times)
        case 'times-page': {
          const list = decodeTimesRoot(await store.block(timesNode(times)), pages.length)
          return (list[place.page]?.toString() ?? raise()) as Root
        }
        case 'list': {
          const file = (await page(place.page)).files[place.entry]
          if (file === undefined || !('lists' in file)) throw outside()
          return (file.lists[place.list]?.toString() ?? raise()) as Root
        }
      }
    },
    async pieces(index, entry, first, count) {
      const { files, firsts } = await page(index)
      const found: Piece[] = []
      let left = count
      for (let at = entry, from = first; left > 0; at++, from = 0) {
        if (at >= files.length) throw outside()
        const file = files[at]
        const blocks = file === undefined ? 0 : blocksOf(file.size)
        // A run begins in a file; folders and empty files further on have no blocks to be passed over.
        if (from >= blocks && (at === entry || blocks > 0)) throw outside()
        const taken = Math.min(left, blocks - from)
        left -= taken
        if (file !== undefined && taken > 0)
          found.push({ file, entry: at, first: from, count: taken, firstBlock: firsts[at]! })
      }
      return found
    },
    smallCid: (file) => fileCid(sha256, file.size, 'blocks' in file ? file.blocks : nothing),
    open: (file) => reader.open(file),
  }
}

function cidAt(pages: readonly { cid: { toString(): string } }[], index: number): Root {
  return (pages[index]?.cid.toString() ?? raise()) as Root
}

function raise(): never {
  throw outside()
}
