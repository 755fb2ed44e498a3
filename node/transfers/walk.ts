/**
 * The trees of a bundle as the destination walks them: every node is read where it is held and pulled
 * where it is not, and every page is found to be what the bundle and the root say before anything on
 * it is believed. Pages that stand for nothing but what is here are passed over unread.
 */
import type { BundleTree } from '../../protocol/bundle.ts'
import type { NodePlace } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Root } from '../../protocol/ids.ts'
import {
  decodeList,
  decodeRoot,
  decodeTimesPage,
  decodeTimesRoot,
  type Entry,
  isSameSums,
  type ListedFile,
  type PageLink,
} from '../../protocol/manifest.ts'
import { endsPage, type PageEnd, pageWeight, readPage } from '../../protocol/pages.ts'
import { encode } from '../../protocol/wire.ts'
import { sha256 } from '../store/sha256.ts'

/** Manifest pages asked for ahead of the one whose files are being wanted: what a long line holds. */
const pagesAhead = 32

/** One metadata node of a tree by its name, from the store or from the source. */
export type Nodes = (
  cid: Root,
  place: Partial<NodePlace> & Pick<NodePlace, 'node'>,
) => Promise<Uint8Array>

export type WalkedPage = {
  readonly cid: Root
  readonly index: number
  readonly link: PageLink
  /** Undefined when all of the page is known to be here. */
  readonly entries: readonly Entry[] | undefined
}

export type WalkNeeds = {
  nodes: Nodes
  /** Whether all below this node is held. `place` is what else was checked about it then. */
  isWhole(cid: Root, place: Uint8Array): Promise<boolean>
}

/** What a page was checked against: the link to it, apart from its name. */
export function placeOfPage(link: PageLink): Uint8Array {
  const { entries, files, bytes, blocks, first, last } = link
  return encode({ entries, files, bytes, blocks, first, last })
}

/** Nothing of a whole tree is walked; its root has been checked all the same. */
export async function* walk(o: WalkNeeds, tree: BundleTree): AsyncGenerator<WalkedPage> {
  const root = decodeRoot(await o.nodes(tree.root as Root, { node: 'root' }))
  if (!isSameSums(root, tree)) {
    throw new Fault('invalid', 'content.pull', {
      about: tree.root,
      side: 'there',
      text: 'The bundle says another size or count than its manifest. Nothing was imported.',
    })
  }
  const times = (tree.times ?? undefined) as Root | undefined
  const timesKnown = times === undefined || (await o.isWhole(times, placeOfTimes(tree)))
  const timesPages = timesKnown
    ? []
    : decodeTimesRoot(await o.nodes(times, { node: 'times' }), root.pages.length)
  const isWhole = await o.isWhole(tree.root as Root, placeOfTree)
  if (isWhole && timesKnown) return

  type Read = { node: Uint8Array; known: boolean } | undefined
  const ahead = root.pages.map((link, page) => async (): Promise<Read> => {
    const timesPage = timesPages[page]
    if (timesPage !== undefined) {
      const place = { node: 'times-page' as const, page }
      decodeTimesPage(await o.nodes(timesPage.toString() as Root, place), link.entries)
    }
    if (isWhole) return undefined
    const cid = link.cid.toString() as Root
    const node = await o.nodes(cid, { node: 'page', page })
    return { node, known: await o.isWhole(cid, placeOfPage(link)) }
  })
  let previous: PageEnd | undefined
  let index = 0
  for await (const read of inOrder(ahead, pagesAhead)) {
    const link = root.pages[index]!
    const cid = link.cid.toString() as Root
    // Whether the page before had to end there is seen on this one, unless its last name says it.
    const ended = previous === undefined || endsPage(sha256, previous.path)
    if (read?.known && ended) {
      const weight = pageWeight(read.node, link.entries)
      previous = { path: link.last, entries: link.entries, weight }
      yield { cid, index, link, entries: undefined }
    } else if (read !== undefined) {
      const { page, end } = readPage(sha256, read.node, link, previous)
      previous = end
      yield { cid, index, link, entries: page.entries }
    }
    index++
  }
}

/** A root stands for itself: there is nothing beside it that would have to be the same. */
export const placeOfTree = new Uint8Array(0)

/** Times are those of one tree: they have as many pages, with as many entries on each. */
export function placeOfTimes(tree: BundleTree): Uint8Array {
  return encode({ of: tree.root })
}

/** The digests of all blocks of a file from its lists. */
export async function digestsOf(
  nodes: Nodes,
  { lists, size }: ListedFile,
  page: number,
  entry: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const [list, cid] of lists.entries()) {
    const bytes = await nodes(cid.toString() as Root, { node: 'list', page, entry, list })
    parts.push(decodeList(bytes, size, list))
  }
  return Buffer.concat(parts)
}

/** Runs up to `limit` of these at once and gives their results in order. */
async function* inOrder<T>(runs: readonly (() => Promise<T>)[], limit: number): AsyncGenerator<T> {
  const started: Promise<T>[] = []
  for (let next = 0; next < runs.length; next++) {
    while (started.length < limit && next + started.length < runs.length) {
      const running = runs[next + started.length]!()
      // Its failure is thrown when its turn comes.
      running.catch(() => {})
      started.push(running)
    }
    yield await started.shift()!
  }
}
