/**
 * The destination's side of one content stream: wants go out while answers come in, in the same
 * order, and never more than `wantedBytesMax` are outstanding. Every answer is handed to the taker
 * that asked for it, one at a time, so a slow disk slows the line and nothing piles up.
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

type Expected = {
  /** A node's place is not repeated in the answer; a block's is, and must be the one asked for. */
  place?: BlockPlace
  bytes: number
  take(body: Uint8Array): Promise<void>
}

export interface Session {
  /** Asks for a node; resolves with its bytes, unverified. */
  node(place: NodePlace): Promise<Uint8Array>
  /**
   * Asks for one block of `bytes` and resolves as soon as there is room for the next; `take` gets it
   * later, in the order of asking. What `take` throws ends the session.
   */
  block(place: BlockPlace, bytes: number, take: (body: Uint8Array) => Promise<void>): Promise<void>
  /** Says that nothing more is wanted, waits for all, and checks the source's END against it. */
  finish(roots: readonly string[]): Promise<void>
}

/** What a node counts for while it is wanted: what it weighs is not known before it is here. */
const nodeCountsBytes = 256 * 1024

export type Tally = { held: number; received: number; there: number }

export function openSession(
  channel: Channel,
  options: { signal: AbortSignal; tally: () => Tally },
): Session {
  const { signal } = options
  const expected: Expected[] = []
  const got = { nodes: 0, blocks: 0, bytes: 0 }
  let pending: {
    nodes: NodePlace[]
    blocks: BlockPlace[]
    expect: [Expected[], Expected[]]
    bytes: number
  }
  let outstanding = 0
  let open = 0
  let end: (ServeMessage & { type: 'end' }) | undefined
  let finishing = false
  let failed: unknown
  let wake = Promise.withResolvers<void>()
  startBatch()

  function startBatch(): void {
    pending = { nodes: [], blocks: [], expect: [[], []], bytes: 0 }
  }

  function changed(): void {
    const was = wake
    wake = Promise.withResolvers()
    was.resolve()
  }

  async function until(isTrue: () => boolean): Promise<void> {
    for (;;) {
      if (failed !== undefined) throw failed
      if (isTrue()) return
      // Whoever waits for an answer must first have asked.
      if (pending.nodes.length + pending.blocks.length > 0) await flush()
      else await wake.promise
    }
  }

  async function flush(): Promise<void> {
    const { nodes, blocks, expect } = pending
    startBatch()
    // The source answers a want's nodes before its blocks.
    expected.push(...expect[0], ...expect[1])
    await channel.send({ type: 'want', nodes, blocks, tally: options.tally() }, undefined, {
      signal,
    })
  }

  async function room(bytes: number): Promise<void> {
    await until(
      () => outstanding === 0 || (outstanding + bytes <= wantedBytesMax && open < wantedItemsMax),
    )
    outstanding += bytes
    open++
    pending.bytes += bytes
  }

  async function take(body: Uint8Array): Promise<void> {
    const item = expected.shift()!
    await item.take(body)
    outstanding -= item.bytes
    open--
    changed()
  }

  async function takeBlocks(of: readonly BlockPlace[], body: Uint8Array): Promise<void> {
    let at = 0
    for (const place of of) {
      const item = expected[0]
      const asked = item?.place?.every((n, i) => n === place[i]) ?? false
      if (item === undefined || !asked || at + item.bytes > body.byteLength) throw unasked()
      got.blocks++
      got.bytes += item.bytes
      await take(body.subarray(at, at + item.bytes))
      at += item.bytes
    }
    if (at !== body.byteLength) throw unasked()
  }

  async function read(): Promise<void> {
    while (end === undefined) {
      const { message, body } = await channel.receive(serveMessage, { signal })
      if (message.type === 'node' && expected[0]?.place === undefined && expected.length > 0) {
        if (body.byteLength > nodeBytesMax) throw unasked()
        got.nodes++
        await take(body)
      } else if (message.type === 'blocks') await takeBlocks(message.of, body)
      else if (message.type === 'end' && finishing && open === 0) end = message
      else throw unasked()
    }
    changed()
  }

  read().catch((thrown) => {
    failed = thrown
    changed()
  })

  return {
    async node(place) {
      await room(nodeCountsBytes)
      let body: Uint8Array | undefined
      const taker = async (bytes: Uint8Array) => {
        body = bytes
      }
      pending.nodes.push(place)
      pending.expect[0].push({ bytes: nodeCountsBytes, take: taker })
      await until(() => body !== undefined)
      return body!
    },
    async block(place, bytes, taker) {
      await room(bytes)
      pending.blocks.push(place)
      pending.expect[1].push({ place, bytes, take: taker })
      const many = pending.blocks.length >= batchItems || pending.bytes >= batchBytes
      if (many) await flush()
    },
    async finish(roots) {
      await until(() => open === 0)
      finishing = true
      await channel.send({ type: 'finish', tally: options.tally() }, undefined, { signal })
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
