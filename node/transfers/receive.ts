/**
 * Pulls the trees of a bundle until every root is whole, durable and verified. What this same source
 * sent before is not asked for again, page by page and file by file. Whatever stops it, calling it
 * again goes on from the last checkpoint.
 */

import { type Bundle, type BundleTree, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import type { NodePlace } from '../../protocol/content.ts'
import { asFault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId } from '../../protocol/ids.ts'
import type { Entry, FileEntry } from '../../protocol/manifest.ts'
import { fileCid } from '../../protocol/unixfs.ts'
import type { Clock } from '../base/clock.ts'
import { sha256 } from '../store/sha256.ts'
import { createHolder, type Holder, type HolderNeeds } from './holder.ts'
import type { Progress } from './progress.ts'
import type { Whole } from './seen.ts'
import type { Throttle } from './send.ts'
import type { Tally } from './session.ts'
import { openStreams, type Streams } from './streams.ts'
import type { Transfer } from './transfer.ts'
import { digestsOf, type Nodes, placeOfPage, placeOfTimes, placeOfTree, walk } from './walk.ts'
import { createWanting, type Wanting } from './wanting.ts'

export type ReceiveNeeds = HolderNeeds & {
  readonly progress: Progress
  readonly clock: Clock
  readonly throttle: Throttle
}

/** One stream of content to the source. */
export type OpenContent = () => Promise<Channel>

/** What a dry run answers: everything that was chosen, and what of it is held. Sizes in bytes. */
export type Count = { files: number; bytes: number; heldFiles: number; heldBytes: number }

/** Resolves when every tree of the bundle is whole and durable here. */
export async function pullBundle(
  needs: ReceiveNeeds,
  transfer: Transfer,
  bundle: Bundle,
  open: OpenContent,
  signal: AbortSignal,
): Promise<void> {
  const { progress } = needs
  const { id, site } = transfer
  const { received } = (await progress.load(id)).counters
  const tally: Tally = { held: 0, received, there: 0 }
  progress.set(id, { held: 0, there: 0, heldFiles: 0, doneFiles: 0 })

  function held(files: number, bytes: number): void {
    tally.held += bytes
    tally.there += bytes
    progress.add(id, { held: bytes, there: bytes, heldFiles: files, doneFiles: files })
  }

  const pace = needs.throttle({ site, transfer: id, direction: 'in' })
  const streams = openStreams({ ...needs, open, transfer: id, signal, tally: () => tally, pace })
  await ending(streams, async () => {
    await using holder = createHolder(needs, site, () => progress.change(id))
    const trees = treesOf(bundle)
    const came: Whole[] = []
    for (const [index, tree] of trees.entries()) {
      const ofDataset = bundle.dataset !== undefined && index === 0
      const wanting = createWanting({
        streams,
        holder,
        tree: index,
        held,
        resumed: (bytes) => {
          tally.held += bytes
          tally.there += bytes
          progress.add(id, { held: bytes, there: bytes })
        },
        came: (files, bytes) => {
          tally.received += bytes
          tally.there += bytes
          const dataset = ofDataset ? bytes : 0
          progress.add(id, { received: bytes, there: bytes, dataset, doneFiles: files })
        },
        done: (files) => progress.add(id, { doneFiles: files }),
      })
      const nodes = createNodes(streams, holder, index, (place) => {
        progress.add(id, { nodes: 1, pages: place.node === 'page' ? 1 : 0 })
      })
      const isNew = await pullTree(needs, site, tree, nodes, wanting, held)
      if (isNew) came.push(...wholesOf(tree))
    }
    await streams.settled()
    await holder.end(came)
    await streams.finish(trees.map(({ root }) => root))
  })
}

/**
 * Wants all of one tree that is not here. Not all of it has come yet when it resolves; false when it
 * was known to be here as a whole.
 */
async function pullTree(
  needs: ReceiveNeeds,
  site: SiteId,
  tree: BundleTree,
  nodes: Nodes,
  wanting: Wanting,
  held: (files: number, bytes: number) => void,
): Promise<boolean> {
  const isWhole = (cid: Root, place: Uint8Array) => needs.seen.isWhole(site, cid, place)
  let walked = 0
  for await (const { cid, index, link, entries } of walk({ nodes, isWhole }, tree)) {
    walked += link.entries
    if (entries === undefined) held(link.files, link.bytes)
    else {
      const files = await withCids(nodes, index, entries)
      await wanting.page(index, files, { cid, place: placeOfPage(link) })
    }
  }
  // A tree that was whole before the walk shows no page.
  if (walked === 0) held(tree.files, tree.bytes)
  return walked > 0
}

/** What a tree that has come stands for from now on. */
function wholesOf(tree: BundleTree): Whole[] {
  const root = { cid: tree.root as Root, place: placeOfTree }
  const times = { cid: tree.times as Root, place: placeOfTimes(tree) }
  return tree.times === null ? [root] : [root, times]
}

/** How much of the bundle is held; only manifests cross, and nothing becomes visible. */
export async function countBundle(
  needs: ReceiveNeeds,
  site: SiteId,
  bundle: Bundle,
  open: OpenContent,
  signal: AbortSignal,
): Promise<Count> {
  const count: Count = { files: 0, bytes: 0, heldFiles: 0, heldBytes: 0 }
  const tally = () => ({ held: 0, received: 0, there: 0 })
  const pace = Object.assign(async () => {}, { isLimited: () => false })
  const streams = openStreams({ ...needs, open, transfer: bundle.transfer, signal, tally, pace })
  function add(files: number, bytes: number, heldFiles: number, heldBytes: number): void {
    count.files += files
    count.bytes += bytes
    count.heldFiles += heldFiles
    count.heldBytes += heldBytes
  }
  await ending(streams, async () => {
    await using holder = createHolder(needs, site, () => [])
    const trees = treesOf(bundle)
    const isWhole = (cid: Root, place: Uint8Array) => needs.seen.isWhole(site, cid, place)
    for (const [index, tree] of trees.entries()) {
      const nodes = createNodes(streams, holder, index, () => {})
      let walked = 0
      for await (const { index: page, link, entries } of walk({ nodes, isWhole }, tree)) {
        walked += link.entries
        if (entries === undefined) add(link.files, link.bytes, link.files, link.bytes)
        else {
          const files = await withCids(nodes, page, entries)
          const held = await holder.holds(files.map(({ cid }) => cid))
          for (const [i, { file }] of files.entries())
            add(1, file.size, held[i] === 'held' ? 1 : 0, held[i] === 'held' ? file.size : 0)
        }
      }
      if (walked === 0) add(tree.files, tree.bytes, tree.files, tree.bytes)
    }
    await streams.finish(trees.map(({ root }) => root))
  })
  return count
}

/** Whatever goes wrong breaks off every stream, so that the source need not wait. */
async function ending(streams: Streams, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    streams.abort(asFault(thrown, 'content.pull'))
    throw thrown
  }
}

/** The metadata nodes of one tree: held ones are read, others pulled, checked and kept. */
function createNodes(
  streams: Streams,
  holder: Holder,
  tree: number,
  crossed: (place: NodePlace) => void,
): Nodes {
  return async (cid, part) => {
    const held = await holder.node(cid)
    if (held !== undefined) return held
    const place: NodePlace = { tree, page: 0, entry: 0, list: 0, ...part }
    const bytes = await streams.node(place)
    await holder.keepNode(cid, bytes)
    crossed(place)
    return bytes
  }
}

/** A file of a page, with all that is needed to ask for it and to verify it. */
export type WalkedFile = { file: FileEntry; entry: number; cid: FileCid; digests: Uint8Array }

async function withCids(
  nodes: Nodes,
  page: number,
  entries: readonly Entry[],
): Promise<WalkedFile[]> {
  const files: WalkedFile[] = []
  for (const [entry, file] of entries.entries()) {
    if (file.kind !== 'file') continue
    const digests = 'blocks' in file ? file.blocks : await digestsOf(nodes, file, page, entry)
    files.push({ file, entry, cid: fileCid(sha256, file.size, digests), digests })
  }
  return files
}
