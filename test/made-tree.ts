/**
 * Trees made by hand, for a source that lies: every node is encoded as it is given, whether or not a
 * site of ours would have written it.
 */
import { createHash } from 'node:crypto'
import type { NodePlace } from '../protocol/content.ts'
import {
  addSums,
  type Entry,
  noSums,
  type PageLink,
  type RootNode,
  sumsOf,
  type Tree,
} from '../protocol/manifest.ts'
import { endsPage } from '../protocol/pages.ts'
import { comparePaths } from '../protocol/paths.ts'
import { blockBytes, blockCid, blocksOf, rootOf } from '../protocol/unixfs.ts'
import { encode } from '../protocol/wire.ts'

export const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

/** A file with its content, or an entry of which only the record is given. */
export type Made = { path: string; bytes: Uint8Array } | { entry: Entry; bytes?: Uint8Array }

export type MadeTree = {
  /** As a bundle names it. */
  readonly tree: Tree
  node(place: NodePlace): Uint8Array
  block(page: number, entry: number, index: number): { path: string; bytes: Uint8Array }
}

export type Lies = {
  /** The bytes of a page instead of its canonical ones; its name follows from them. */
  page?: (honest: Uint8Array, index: number) => Uint8Array
  /** What the root says of a page. */
  link?: (honest: PageLink, index: number) => PageLink
  root?: (honest: RootNode) => object
  /** What the bundle says of the tree. */
  tree?: (honest: Tree) => Tree
}

export function fileEntry(path: string, bytes: Uint8Array): Entry {
  const blocks = new Uint8Array(blocksOf(bytes.byteLength) * 32)
  for (let i = 0; i < blocksOf(bytes.byteLength); i++)
    blocks.set(sha256(bytes.subarray(i * blockBytes, (i + 1) * blockBytes)), i * 32)
  return { kind: 'file', path, size: bytes.byteLength, blocks }
}

/** One page unless given as several. Files are put in order; records are taken as they come. */
export function makeTree(
  made: readonly Made[] | readonly (readonly Made[])[],
  lies: Lies = {},
): MadeTree {
  const given = (Array.isArray(made[0]) ? made : [made]) as readonly (readonly Made[])[]
  const pages = given.map((page) =>
    page.map((one) => ('entry' in one ? one : { ...one, entry: fileEntry(one.path, one.bytes) })),
  )
  const nodes: Uint8Array[] = []
  const links = pages.map((page, index): PageLink => {
    const entries = page.map(({ entry }) => entry)
    const honest = encode({ entries })
    const node = lies.page?.(honest, index) ?? honest
    nodes.push(node)
    const sums = noSums()
    for (const entry of entries) addSums(sums, sumsOf(entry))
    const cid = blockCid(sha256(node), 'dag-cbor')
    const link = { cid, ...sums, first: entries[0]!.path, last: entries.at(-1)!.path }
    return lies.link?.(link, index) ?? link
  })
  const sums = noSums()
  for (const link of links) addSums(sums, link)
  const honest: RootNode = { v: 1, ...sums, pages: links }
  const root = encode(lies.root?.(honest) ?? honest)
  const tree: Tree = { root: rootOf(sha256, root), times: null, ...sums }
  return {
    tree: lies.tree?.(tree) ?? tree,
    node: (place) => (place.node === 'root' ? root : nodes[place.page]!),
    block(page, entry, index) {
      const one = pages[page]![entry]!
      const bytes = one.bytes ?? new Uint8Array(0)
      return {
        path: one.entry.path,
        bytes: bytes.subarray(index * blockBytes, (index + 1) * blockBytes),
      }
    },
  }
}

export const inOrder = (made: Made[]): Made[] =>
  made.toSorted((a, b) => comparePaths(pathOf(a), pathOf(b)))

const pathOf = (one: Made) => ('entry' in one ? one.entry.path : one.path)

/** A name after which a page ends, and one after which it goes on. */
export function nameThat(ends: boolean, from = 'name'): string {
  for (let i = 0; ; i++) if (endsPage(sha256, `${from}-${i}`) === ends) return `${from}-${i}`
}
