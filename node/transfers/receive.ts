/**
 * Pulls the trees of a bundle until every root is whole, durable and verified. What this same source
 * sent before is not asked for again. Whatever stops it, calling it again goes on from the last
 * checkpoint.
 */

import { type Bundle, type BundleTree, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import type { NodePlace } from '../../protocol/content.ts'
import { serveMessage } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Root } from '../../protocol/ids.ts'
import {
  decodeList,
  decodeRoot,
  decodeTimesPage,
  decodeTimesRoot,
  type FileEntry,
  isSameSums,
  type Page,
} from '../../protocol/manifest.ts'
import { type PageEnd, readPage } from '../../protocol/pages.ts'
import { fileCid } from '../../protocol/unixfs.ts'
import { sha256 } from '../store/sha256.ts'
import { createHolder, type Holder, type HolderNeeds } from './holder.ts'
import type { Progress } from './progress.ts'
import type { Throttle } from './send.ts'
import { openSession, type Session, type Tally } from './session.ts'
import type { Transfer } from './transfer.ts'

/** Manifest pages asked for ahead of the one whose files are being wanted. */
const pagesAhead = 8

export type ReceiveNeeds = HolderNeeds & {
  readonly progress: Progress
  readonly throttle: Throttle
}

/** What a dry run answers: everything that was chosen, and what of it is held. Sizes in bytes. */
export type Count = { files: number; bytes: number; heldFiles: number; heldBytes: number }

/** Resolves when every tree of the bundle is whole and durable here. */
export async function pullBundle(
  needs: ReceiveNeeds,
  transfer: Transfer,
  bundle: Bundle,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const { progress } = needs
  const { received } = (await progress.load(transfer.id)).counters
  const tally: Tally = { held: 0, received, there: 0 }
  progress.set(transfer.id, { held: 0, there: 0, heldFiles: 0, doneFiles: 0 })
  const session = await start(channel, bundle, signal, tally)
  const pace = needs.throttle({ site: transfer.site, transfer: transfer.id, direction: 'in' })
  await using holder = createHolder(needs, transfer.site, () => progress.change(transfer.id))
  const trees = treesOf(bundle)
  for (const [index, tree] of trees.entries()) {
    const ofDataset = bundle.dataset !== undefined && index === 0
    const nodes = createNodes(session, holder, index, (place) => {
      progress.add(transfer.id, { nodes: 1, pages: place.node === 'page' ? 1 : 0 })
    })
    await walk(nodes, tree, async (page, file, entry) => {
      const digests = await digestsOf(nodes, file, page, entry)
      const cid = fileCid(sha256, file.size, digests)
      if (await holder.holds(cid)) {
        tally.held += file.size
        tally.there += file.size
        progress.add(transfer.id, { held: file.size, there: file.size, heldFiles: 1, doneFiles: 1 })
        return
      }
      const want = await holder.want(cid, file.size, digests, {
        done: () => progress.add(transfer.id, { doneFiles: 1 }),
        resumed: (bytes) => {
          tally.held += bytes
          tally.there += bytes
          progress.add(transfer.id, { held: bytes, there: bytes })
        },
      })
      for (const block of want) {
        await pace(block.bytes, signal)
        await session.block([index, page, entry, block.index, 1], block.bytes, async (body) => {
          await block.take(body)
          tally.received += body.byteLength
          tally.there += body.byteLength
          progress.add(transfer.id, {
            received: body.byteLength,
            there: body.byteLength,
            ...(ofDataset ? { dataset: body.byteLength } : {}),
          })
        })
      }
    })
  }
  await session.finish(trees.map(({ root }) => root))
  await holder.checkpoint()
}

/** How much of the bundle is held; only manifests cross, and nothing becomes visible. */
export async function countBundle(
  needs: ReceiveNeeds,
  bundle: Bundle,
  channel: Channel,
  signal: AbortSignal,
): Promise<Count> {
  const count: Count = { files: 0, bytes: 0, heldFiles: 0, heldBytes: 0 }
  const session = await start(channel, bundle, signal, { held: 0, received: 0, there: 0 })
  await using holder = createHolder(needs, channel.remote, () => [])
  const trees = treesOf(bundle)
  for (const [index, tree] of trees.entries()) {
    const nodes = createNodes(session, holder, index, () => {})
    await walk(nodes, tree, async (page, file, entry) => {
      const cid = fileCid(sha256, file.size, await digestsOf(nodes, file, page, entry))
      const held = await holder.holds(cid)
      count.files++
      count.bytes += file.size
      if (!held) return
      count.heldFiles++
      count.heldBytes += file.size
    })
  }
  await session.finish(trees.map(({ root }) => root))
  return count
}

async function start(
  channel: Channel,
  bundle: Bundle,
  signal: AbortSignal,
  tally: Tally,
): Promise<Session> {
  await channel.send({ type: 'open', transfer: bundle.transfer }, undefined, { signal })
  const { message } = await channel.receive(serveMessage, { signal })
  if (message.type !== 'opened') throw new Fault('invalid', 'content.open', { side: 'there' })
  return openSession(channel, { signal, tally: () => tally })
}

/** The metadata nodes of one tree: held ones are read, others pulled, checked and kept. */
type Nodes = (cid: Root, place: Partial<NodePlace> & Pick<NodePlace, 'node'>) => Promise<Uint8Array>

function createNodes(
  session: Session,
  holder: Holder,
  tree: number,
  crossed: (place: NodePlace) => void,
): Nodes {
  return async (cid, part) => {
    const held = await holder.node(cid)
    if (held !== undefined) return held
    const place: NodePlace = { tree, page: 0, entry: 0, list: 0, ...part }
    const bytes = await session.node(place)
    await holder.keepNode(cid, bytes)
    crossed(place)
    return bytes
  }
}

/** Every file of a tree in order, once its pages were found to be what the bundle and the root say. */
async function walk(
  nodes: Nodes,
  tree: BundleTree,
  visit: (page: number, file: FileEntry, entry: number) => Promise<void>,
): Promise<void> {
  const root = decodeRoot(await nodes(tree.root as Root, { node: 'root' }))
  if (!isSameSums(root, tree)) {
    throw new Fault('invalid', 'content.pull', {
      about: tree.root,
      side: 'there',
      text: 'The bundle says another size or count than its manifest. Nothing was imported.',
    })
  }
  const times = tree.times === null ? [] : await nodes(tree.times as Root, { node: 'times' })
  const timesPages =
    tree.times === null ? [] : decodeTimesRoot(times as Uint8Array, root.pages.length)
  const ahead = root.pages.map((link, page) => async (): Promise<Uint8Array> => {
    const bytes = await nodes(link.cid.toString() as Root, { node: 'page', page })
    const timesPage = timesPages[page]
    if (timesPage !== undefined) {
      decodeTimesPage(
        await nodes(timesPage.toString() as Root, { node: 'times-page', page }),
        link.entries,
      )
    }
    return bytes
  })
  let previous: PageEnd | undefined
  let index = 0
  for await (const bytes of inOrder(ahead, pagesAhead)) {
    const link = root.pages[index]!
    const { page, end } = readPage(sha256, bytes, link, previous)
    previous = end
    await visitAll(page, index, visit)
    index++
  }
}

async function visitAll(
  page: Page,
  index: number,
  visit: (page: number, file: FileEntry, entry: number) => Promise<void>,
): Promise<void> {
  for (const [at, entry] of page.entries.entries()) {
    if (entry.kind === 'file') await visit(index, entry, at)
  }
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

async function digestsOf(
  nodes: Nodes,
  file: FileEntry,
  page: number,
  entry: number,
): Promise<Uint8Array> {
  if ('blocks' in file) return file.blocks
  const parts: Uint8Array[] = []
  for (const [list, cid] of file.lists.entries()) {
    const bytes = await nodes(cid.toString() as Root, { node: 'list', page, entry, list })
    parts.push(decodeList(bytes, file.size, list))
  }
  return Buffer.concat(parts)
}
