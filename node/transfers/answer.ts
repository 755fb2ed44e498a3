/**
 * What a source answers to wants: nodes and blocks by their places, read from the store within the
 * grant. While one frame is on its way the next one is read, so a disk and a line work at once; two
 * buffers are all that it holds.
 */
import { type Bundle, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import {
  type BlockPlace,
  frameBodyBytesMax,
  type NodePlace,
  wantedBytesMax,
} from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import type { FileEntry } from '../../protocol/manifest.ts'
import { blockBytes, blockSize } from '../../protocol/unixfs.ts'
import type { HeldFile, Store } from '../store/store.ts'
import type { Ledger } from './ledger.ts'
import type { Counters } from './progress.ts'
import { isPlain, openServed, outside, type Piece, type ServedTree } from './served.ts'

export interface Pace {
  /** Waits until so many bytes of content may cross. */
  (bytes: number, signal: AbortSignal): Promise<void>
  /** Whether a rate is set at all just now. */
  isLimited(): boolean
}

export type AnswerNeeds = {
  readonly store: Store
  readonly bundle: Bundle
  /** A dry run may read manifests and not one block. */
  readonly dry: boolean
  readonly ledger: Ledger
  readonly channel: Channel
  /** Of what goes out. */
  readonly pace: Pace
  count(more: Partial<Counters>): void
}

export interface Answerer extends AsyncDisposable {
  want(nodes: NodePlace[], blocks: BlockPlace[], signal: AbortSignal): Promise<void>
  /** Everything is given to the line; what was sent on this stream. */
  end(): Promise<{ nodes: number; blocks: number; bytes: number }>
}

/** A file of one block that is read together with its neighbours. */
type Small = { file: FileEntry; cid: FileCid; size: number }

export function createAnswerer(o: AnswerNeeds): Answerer {
  const { store, bundle, ledger, channel } = o
  const trees = treesOf(bundle)
  const readers = new Map<number, Promise<ServedTree>>()
  const total = { nodes: 0, blocks: 0, bytes: 0 }
  let frame = new Uint8Array(frameBodyBytesMax)
  let other = new Uint8Array(frameBodyBytesMax)
  let filled = 0
  let parts: BlockPlace[] = []
  let dataset = 0
  let inWant = 0
  /** Small files that have their room in the frame and are not read yet. */
  let smalls: Small[] = []
  let smallsAt = 0
  /** The frame that is on its way. */
  let sending: Promise<void> = Promise.resolve()
  /** The file that was served last: a large one is asked for block by block, and is opened once. */
  let last: { of: FileEntry; held: HeldFile } | undefined

  function tree(index: number): Promise<ServedTree> {
    const offered = trees[index]
    if (offered === undefined) throw outside()
    const known = readers.get(index) ?? openServed(store, offered.root as Root)
    readers.set(index, known)
    return known
  }

  async function close(): Promise<void> {
    const was = last
    last = undefined
    await was?.held[Symbol.asyncDispose]()
  }

  async function open(served: ServedTree, file: FileEntry): Promise<HeldFile> {
    if (last?.of === file) return last.held
    await close()
    const held = await served.open(file)
    last = { of: file, held }
    return held
  }

  async function say(
    message: object,
    body: Uint8Array,
    signal: AbortSignal,
    pace?: (bytes: number) => Promise<void>,
  ): Promise<void> {
    await sending
    sending = channel.send(message, body, { signal, pace })
    // Its failure is thrown by whoever says the next thing.
    sending.catch(() => {})
  }

  async function flush(signal: AbortSignal): Promise<void> {
    await readSmalls()
    if (parts.length === 0) return
    const [of, bytes, ofDataset, body] = [parts, filled, dataset, frame]
    parts = []
    filled = 0
    dataset = 0
    // Where a rate is set, the frame goes out bit by bit, as the rate allows.
    const pace = o.pace.isLimited() ? (part: number) => o.pace(part, signal) : undefined
    await say({ type: 'blocks', of }, body.subarray(0, bytes), signal, pace)
    // The other one has left: it was awaited before this one could be said.
    frame = other
    other = body
    total.bytes += bytes
    o.count({ sent: bytes, dataset: ofDataset })
  }

  async function node(place: NodePlace, signal: AbortSignal): Promise<void> {
    // One place, one name: under a second one it would be served again and not count as a repeat.
    if (!isPlain(place)) throw outside()
    const times = trees[place.tree]?.times
    const cid = await (await tree(place.tree)).node(place, (times ?? undefined) as Root | undefined)
    const bytes = await store.block(cid)
    ledger.spendNode(
      `${place.tree} ${place.node} ${place.page} ${place.entry} ${place.list}`,
      bytes.byteLength,
    )
    await say({ type: 'node' }, bytes, signal)
    total.nodes++
    o.count({ nodes: 1, pages: place.node === 'page' ? 1 : 0 })
  }

  async function blocks(wanted: BlockPlace, signal: AbortSignal): Promise<void> {
    const [index, page, entry, first, number] = wanted
    const served = await tree(index)
    let begins = true
    for (const piece of await served.pieces(page, entry, first, number)) {
      const { file } = piece
      for (let at = piece.first; at < piece.first + piece.count; at++) {
        const bytes = blockSize(file.size, at)
        inWant += bytes
        if (inWant > wantedBytesMax) throw tooMuch()
        if (filled + bytes > frameBodyBytesMax) await flush(signal)
        if (begins || parts.length === 0) parts.push([index, page, piece.entry, at, 1])
        else parts.at(-1)![4]++
        begins = false
        filled += bytes
        if (bundle.dataset !== undefined && index === 0) dataset += bytes
        total.blocks++
        // What is asked for again may be so because it was not what it should be: then we look.
        const again = ledger.spend(index, piece.firstBlock + at, bytes)
        if (file.size <= blockBytes && !again) addSmall(served, piece, bytes)
        else {
          const to = filled - bytes
          await readSmalls()
          const into = frame.subarray(to, filled)
          await reading(file, async () => {
            await (await open(served, file)).read(at, into, { trust: !again })
          })
        }
      }
    }
  }

  function addSmall(served: ServedTree, { file }: Piece, bytes: number): void {
    if (smalls.length === 0) smallsAt = filled - bytes
    smalls.push({ file, cid: served.smallCid(file), size: file.size })
  }

  async function readSmalls(): Promise<void> {
    if (smalls.length === 0) return
    const now = smalls
    smalls = []
    try {
      await store.readSmalls(now, frame.subarray(smallsAt))
    } catch {
      // One of them is the reason; whoever reads them one by one learns which.
      await readEach(now)
    }
  }

  async function readEach(wanted: readonly Small[]): Promise<void> {
    let at = smallsAt
    for (const { file, cid, size } of wanted) {
      await reading(file, async () => {
        if (!('blocks' in file)) throw new TypeError('A small file has its digest in its entry.')
        await using held = await store.file(cid, size, file.blocks)
        await held.read(0, frame.subarray(at, at + size))
      })
      at += size
    }
  }

  return {
    async end() {
      await sending
      return { ...total }
    },
    async want(nodes, wanted, signal) {
      if (o.dry && wanted.length > 0) throw outside()
      inWant = 0
      for (const place of nodes) await node(place, signal)
      for (const place of wanted) await blocks(place, signal)
      await flush(signal)
    },
    async [Symbol.asyncDispose]() {
      await sending.catch(() => {})
      await close()
    },
  }
}

/** The store speaks of places on our disk; the destination hears of the file by its name in the dataset. */
async function reading(file: FileEntry, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    throw atSource(thrown, file.path)
  }
}

function atSource(thrown: unknown, path: string): unknown {
  const fault = asFault(thrown, 'content.read')
  if (!fault.op.startsWith('store.') && !fault.op.startsWith('content.read')) return thrown
  const words =
    fault.kind === 'conflict'
      ? `${path} was changed at the source after it was registered in place. Update the dataset there, then send again. Nothing was imported.`
      : `${path} cannot be read at the source. Verify the dataset there, then send again. Nothing was imported.`
  const kind = fault.kind === 'conflict' || fault.again ? fault.kind : 'corrupt'
  return new Fault(kind, 'content.read', { about: path, text: words, cause: fault })
}

function tooMuch(): Fault {
  return new Fault('invalid', 'content.want', {
    text: `More than ${wantedBytesMax} bytes were wanted at once.`,
  })
}
