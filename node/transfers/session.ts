/**
 * The destination's side of one content stream: wants go out while answers come in, in the same
 * order. Every answer is handed to the taker that asked for it; a few frames are taken at a time, so
 * that hashing and writing overlap with the line, and a slow disk still slows it.
 */
import type { Channel } from '../../protocol/channel.ts'
import {
  type BlockPlace,
  type NodePlace,
  nodeBytesMax,
  type ServeMessage,
  serveMessage,
  wantedBytesMax,
  wantedItemsMax,
} from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'

/** Wants are sent together once they reach this many, or this many bytes, or somebody must wait. */
const batchItems = 128
const batchBytes = 1024 * 1024
/** Frames that are being hashed and written at one time; the line waits for a place. */
const framesAtOnce = 4
/** What a node counts for while it is wanted: what it weighs is not known before it is here. */
export const nodeCountsBytes = 256 * 1024

/** A run of blocks that is asked for by one place, and weighs at most one frame. */
export type Run = {
  place: BlockPlace
  /** In the order of the place: the entry, the block of its file, and its weight. */
  blocks: readonly { entry: number; index: number; bytes: number }[]
  bytes: number
  /** Gets `count` of the blocks from `first`, one after another. What it throws ends the session. */
  take(first: number, count: number, body: Uint8Array): Promise<void>
}

type Expected = { bytes: number } & ({ run: Run; came: number } | { node(body: Uint8Array): void })

export interface Session {
  /** Bytes that are wanted and not yet taken; what this stream has room for beside them. */
  readonly outstandingBytes: number
  hasRoom(bytes: number): boolean
  /** Asks for a node; resolves with its bytes, unverified. */
  node(place: NodePlace): Promise<Uint8Array>
  /** Asks for a run, at once or with the next ones. Only while there is room. */
  want(run: Run): Promise<void>
  /** Sends what waits for company. */
  flush(): Promise<void>
  /** Nothing is outstanding any more. */
  settled(): Promise<void>
  /** Says that nothing more is wanted, and checks the source's END against what came. */
  finish(roots: readonly string[]): Promise<void>
}

export type Tally = { held: number; received: number; there: number }

export type SessionNeeds = {
  signal: AbortSignal
  tally(): Tally
  /** Something came, was taken, or failed: whoever waits looks again. */
  changed(): void
  /** Bytes of blocks arrived. */
  came(bytes: number): void
}

export function openSession(channel: Channel, o: SessionNeeds): Session {
  const { signal } = o
  const expected: Expected[] = []
  const got = { nodes: 0, blocks: 0, bytes: 0 }
  let nodes: NodePlace[] = []
  let places: BlockPlace[] = []
  let waiting: [Expected[], Expected[]] = [[], []]
  let waitingBytes = 0
  let outstanding = 0
  let open = 0
  const taking = new Set<Promise<void>>()
  let end: (ServeMessage & { type: 'end' }) | undefined
  let finishing = false
  let failed: unknown
  let wake = Promise.withResolvers<void>()

  function changed(): void {
    const was = wake
    wake = Promise.withResolvers()
    was.resolve()
    o.changed()
  }

  function fail(thrown: unknown): void {
    failed ??= thrown
    changed()
  }

  function check(): void {
    if (failed !== undefined) throw failed
  }

  async function until(isTrue: () => boolean): Promise<void> {
    for (;;) {
      check()
      if (isTrue()) return
      await wake.promise
    }
  }

  async function flush(): Promise<void> {
    check()
    if (nodes.length + places.length === 0) return
    const message = { type: 'want', nodes, blocks: places, tally: o.tally() }
    // The source answers a want's nodes before its blocks.
    expected.push(...waiting[0], ...waiting[1])
    nodes = []
    places = []
    waiting = [[], []]
    waitingBytes = 0
    await channel.send(message, undefined, { signal })
  }

  const hasRoom = (bytes: number) =>
    open === 0 || (outstanding + bytes <= wantedBytesMax && open < wantedItemsMax)

  function ask(item: Expected, of: 0 | 1): void {
    waiting[of].push(item)
    waitingBytes += item.bytes
    outstanding += item.bytes
    open++
  }

  function answered(bytes: number): void {
    outstanding -= bytes
    changed()
  }

  function takeNode(body: Uint8Array): void {
    const item = expected[0]
    if (item === undefined || !('node' in item) || body.byteLength > nodeBytesMax) throw unasked()
    expected.shift()
    got.nodes++
    open--
    item.node(body)
    answered(item.bytes)
  }

  /** One part of an answer: blocks of the run that is due, in its order. */
  function takePart(part: BlockPlace, body: Uint8Array, at: number) {
    const item = expected[0]
    if (item === undefined || !('run' in item)) throw unasked()
    const { run, came } = item
    const due = run.blocks[came]!
    const [tree, page, entry, index, count] = part
    const fits =
      tree === run.place[0] &&
      page === run.place[1] &&
      entry === due.entry &&
      index === due.index &&
      count <= run.blocks.length - came
    if (!fits) throw unasked()
    let bytes = 0
    for (let i = came; i < came + count; i++) bytes += run.blocks[i]!.bytes
    if (at + bytes > body.byteLength) throw unasked()
    item.came += count
    if (item.came === run.blocks.length) {
      expected.shift()
      open--
    }
    got.blocks += count
    got.bytes += bytes
    return { bytes, taken: run.take(came, count, body.subarray(at, at + bytes)) }
  }

  async function takeBlocks(of: readonly BlockPlace[], body: Uint8Array): Promise<void> {
    const taken: Promise<void>[] = []
    let at = 0
    try {
      for (const part of of) {
        const { bytes, taken: one } = takePart(part, body, at)
        taken.push(one)
        at += bytes
      }
      if (at !== body.byteLength) throw unasked()
    } finally {
      o.came(at)
      const all = Promise.all(taken).then(() => {
        channel.recycle(body)
        answered(at)
      }, fail)
      taking.add(all)
      void all.then(() => taking.delete(all))
    }
    if (taking.size >= framesAtOnce) await Promise.race(taking)
  }

  async function read(): Promise<void> {
    while (end === undefined) {
      check()
      const { message, body } = await channel.receive(serveMessage, { signal })
      if (message.type === 'node') takeNode(body)
      else if (message.type === 'blocks') await takeBlocks(message.of, body)
      else if (message.type === 'end' && finishing && open === 0) end = message
      else throw unasked()
    }
    changed()
  }

  read().catch(fail)

  return {
    get outstandingBytes() {
      return outstanding
    },
    hasRoom,
    async node(place) {
      let body: Uint8Array | undefined
      await until(() => hasRoom(nodeCountsBytes))
      nodes.push(place)
      const node = (bytes: Uint8Array) => {
        body = bytes
      }
      ask({ bytes: nodeCountsBytes, node }, 0)
      await flush()
      await until(() => body !== undefined)
      return body!
    },
    async want(run) {
      check()
      places.push(run.place)
      ask({ bytes: run.bytes, run, came: 0 }, 1)
      if (places.length >= batchItems || waitingBytes >= batchBytes) await flush()
    },
    flush,
    async settled() {
      await flush()
      await until(() => open === 0 && outstanding === 0)
    },
    async finish(roots) {
      finishing = true
      await channel.send({ type: 'finish', tally: o.tally() }, undefined, { signal })
      await until(() => end !== undefined)
      const same =
        end!.nodes === got.nodes && end!.blocks === got.blocks && end!.bytes === got.bytes
      if (!same || end!.roots.join() !== roots.join()) {
        throw new Fault('corrupt', 'content.end', {
          side: 'there',
          text: `The source says that it sent ${end!.blocks} blocks of ${end!.bytes} bytes; ${got.blocks} blocks of ${got.bytes} bytes arrived.`,
        })
      }
      await channel.close()
    },
  }
}

function unasked(): Fault {
  return new Fault('invalid', 'content.pull', {
    side: 'there',
    text: 'The source sent something that was not asked for.',
  })
}
