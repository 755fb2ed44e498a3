/**
 * The source's side of a content stream: answers wants, in order, from the store, within the grant.
 * It knows places in a transfer and nothing of CIDs that were not offered.
 */

import { type Bundle, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import {
  type BlockPlace,
  frameBodyBytesMax,
  type NodePlace,
  pullMessage,
  wantedBytesMax,
} from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import { parseTransferId, type Root, type SiteId, type TransferId } from '../../protocol/ids.ts'
import type { FileEntry } from '../../protocol/manifest.ts'
import { blockBytes } from '../../protocol/unixfs.ts'
import type { Clock } from '../base/clock.ts'
import type { HeldFile, Store } from '../store/store.ts'
import { createLedger, type Ledger } from './ledger.ts'
import type { Counters, Progress } from './progress.ts'
import { isPlain, openServed, outside, type ServedTree } from './served.ts'

/** The right of one site to pull one transfer's blocks. */
export type Grant = {
  readonly transfer: TransferId
  readonly bundle: Bundle
  /** A dry run may read manifests and not one block. */
  readonly dry: boolean
}

export type SendNeeds = {
  readonly store: Store
  readonly clock: Clock
  readonly progress: Progress
  /** Faults when this site has no such grant. */
  grant(id: TransferId, channel: Channel): Promise<Grant>
  /** Faults when it holds no longer. Asked at every want. */
  stillGranted(grant: Grant, channel: Channel): Promise<void>
  throttle: Throttle
  log(fault: Fault): void
}

/** Waits until so many bytes of content may pass, by the rates that people set. */
export type Throttle = (o: {
  site: SiteId
  transfer: TransferId
  direction: 'out' | 'in'
}) => (bytes: number, signal: AbortSignal) => Promise<void>

/** How often the counters are written down while content flows, in milliseconds: they are only shown. */
const saveEveryMs = 1000

export interface Server {
  run(channel: Channel, options: { signal: AbortSignal }): Promise<void>
  /** Forgets what was served under a transfer that is over. */
  forget(id: TransferId): void
}

export function createServer(needs: SendNeeds): Server {
  const ledgers = new Map<TransferId, Ledger>()

  /** Writes the counters down now and then, and once more in the end. A full disk stops no reading. */
  function keeping(id: TransferId) {
    let savedAt = needs.clock.now()
    const saveOrLog = () =>
      needs.progress.save(id).catch((thrown) => needs.log(asFault(thrown, 'content.count', id)))
    return {
      async saveSometimes(): Promise<void> {
        if (needs.clock.now() < savedAt + saveEveryMs) return
        savedAt = needs.clock.now()
        await saveOrLog()
      },
      [Symbol.asyncDispose]: saveOrLog,
    }
  }

  return {
    forget: (id) => void ledgers.delete(id),
    async run(channel, { signal }) {
      const first = await channel.receive(pullMessage, { signal })
      if (first.message.type !== 'open')
        throw new Fault('invalid', 'content.open', { side: 'there' })
      const id = parseTransferId(first.message.transfer)
      const grant = await needs.grant(id, channel)
      try {
        await serve(channel, grant, signal)
      } catch (thrown) {
        const fault = asFault(thrown, 'content.serve')
        // The destination is to try again, not we: but whoever looks here shall see why nothing moves.
        if (!grant.dry && fault.kind === 'unreachable') needs.progress.trouble(id, fault)
        throw thrown
      }
    },
  }

  /** What ended since the grant was given has been forgotten already, and would now stay for ever. */
  async function demandStill(grant: Grant, channel: Channel): Promise<void> {
    try {
      await needs.stillGranted(grant, channel)
    } catch (thrown) {
      ledgers.delete(grant.transfer)
      await needs.progress.drop(grant.transfer)
      throw thrown
    }
  }

  async function serve(channel: Channel, grant: Grant, signal: AbortSignal): Promise<void> {
    const id = grant.transfer
    const trees = treesOf(grant.bundle)
    const ledger =
      ledgers.get(id) ??
      createLedger(
        trees.map((t) => t.blocks),
        needs.clock.now,
      )
    if (!grant.dry) {
      ledgers.set(id, ledger)
      await needs.progress.open(id)
      await demandStill(grant, channel)
    }
    using _session = grant.dry ? undefined : needs.progress.session(id)
    await using counters = grant.dry ? undefined : keeping(id)
    await channel.send({ type: 'opened' })
    if (!grant.dry) needs.progress.trouble(id, undefined)
    const pace = needs.throttle({ site: channel.remote, transfer: id, direction: 'out' })
    await using answer = createAnswerer(needs.store, grant, ledger, channel, pace, (more) => {
      if (!grant.dry) needs.progress.add(id, more)
    })
    for (;;) {
      const { message } = await channel.receive(pullMessage, { signal })
      if (message.type === 'open') throw new Fault('invalid', 'content.want', { side: 'there' })
      if (message.tally && !grant.dry) needs.progress.set(id, tallied(message.tally, grant.bundle))
      if (message.type === 'finish') break
      await needs.stillGranted(grant, channel)
      await answer.want(message.nodes, message.blocks, signal)
      await counters?.saveSometimes()
    }
    await channel.send({ type: 'end', ...answer.sent(), roots: trees.map((t) => t.root) })
    await channel.close()
  }
}

/** What the destination tells of itself, held to what is possible: it is only shown. */
function tallied(
  tally: Partial<Record<'held' | 'received' | 'there', number | undefined>>,
  bundle: Bundle,
) {
  const most = treesOf(bundle).reduce((sum, tree) => sum + tree.bytes, 0)
  const known: Partial<Counters> = {}
  if (tally.held !== undefined) known.held = Math.min(tally.held, most)
  if (tally.received !== undefined) known.received = tally.received
  if (tally.there !== undefined) known.there = Math.min(tally.there, most)
  return known
}

function createAnswerer(
  store: Store,
  grant: Grant,
  ledger: Ledger,
  channel: Channel,
  pace: ReturnType<Throttle>,
  count: (more: Partial<Counters>) => void,
) {
  const trees = treesOf(grant.bundle)
  const readers = new Map<number, Promise<ServedTree>>()
  const body = new Uint8Array(frameBodyBytesMax)
  let filled = 0
  let parts: BlockPlace[] = []
  let dataset = 0
  let inWant = 0
  /** The file that was served last: a large one is asked for block by block, and is opened once. */
  let last: { of: FileEntry; held: HeldFile } | undefined
  const total = { nodes: 0, blocks: 0, bytes: 0 }

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

  async function flush(signal: AbortSignal): Promise<void> {
    if (parts.length === 0) return
    const [of, bytes, ofDataset] = [parts, filled, dataset]
    parts = []
    filled = 0
    dataset = 0
    await pace(bytes, signal)
    await channel.send({ type: 'blocks', of }, body.subarray(0, bytes), { signal })
    total.bytes += bytes
    count({ sent: bytes, dataset: ofDataset })
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
    await channel.send({ type: 'node' }, bytes, { signal })
    total.nodes++
    count({ nodes: 1, pages: place.node === 'page' ? 1 : 0 })
  }

  async function blocks(place: BlockPlace, signal: AbortSignal): Promise<void> {
    const [index, page, entry, first, number] = place
    const served = await tree(index)
    const { file, firstBlock, blockCount } = await served.entry(page, entry)
    if (first + number > blockCount) throw outside()
    try {
      const held = await open(served, file)
      for (let at = first; at < first + number; at++) {
        const bytes = Math.min(blockBytes, file.size - at * blockBytes)
        inWant += bytes
        if (inWant > wantedBytesMax) throw tooMuch()
        if (filled + bytes > frameBodyBytesMax) await flush(signal)
        ledger.spend(index, firstBlock + at, bytes)
        await held.read(at, body.subarray(filled))
        filled += bytes
        if (grant.bundle.dataset !== undefined && index === 0) dataset += bytes
        total.blocks++
        parts.push([index, page, entry, at, 1])
      }
    } catch (thrown) {
      throw atSource(thrown, file.path)
    }
  }

  return {
    sent: () => ({ ...total }),
    async want(nodes: NodePlace[], wanted: BlockPlace[], signal: AbortSignal) {
      if (grant.dry && wanted.length > 0) throw outside()
      inWant = 0
      for (const place of nodes) await node(place, signal)
      for (const place of wanted) await blocks(place, signal)
      await flush(signal)
    },
    [Symbol.asyncDispose]: close,
  }
}

/** The store speaks of places on our disk; the destination hears of the file by its name in the dataset. */
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
