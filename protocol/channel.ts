/**
 * All that a protocol asks of a network: an ordered stream of bytes both ways, and on it messages.
 * A libp2p stream and a connected pair in memory carry it alike.
 */
import { pipe } from 'it-pipe'
import type { infer as ZodOutput, ZodType } from 'zod'
import { z } from 'zod'
import { Fault, fromWireFault, toWireFault, type WireFault } from './fault.ts'
import type { SiteId } from './ids.ts'
import { decode, encode, type Frame, type FrameCaps, frameBytes, readFrames } from './wire.ts'

export type Waiting = { readonly signal?: AbortSignal | undefined }

/**
 * `pace` is waited for before each piece of a message, with its bytes: so one that is held back to a
 * low rate still goes on all the time, and nobody takes the line for dead.
 */
export type Sending = Waiting & { readonly pace?: ((bytes: number) => Promise<void>) | undefined }

/** The most that is paced at once, in bytes. */
export const pacedBytes = 64 * 1024

/** What a carrier is made of: a stream among others of one connection, or a socket of its own. */
export type Via = 'lane' | 'stream'

/** What carries bytes. Both directions hold back: a slow reader slows the writer, never fills memory. */
export interface Carrier {
  readonly remote: SiteId
  readonly via: Via
  /**
   * The other side's bytes. Ends when it closed its side; throws `unreachable` (side `between`) when
   * it can be known that the line was cut. Either way the end proves nothing. Read once. A chunk is
   * the reader's until it asks for the next one; whoever keeps bytes copies them.
   */
  readonly source: AsyncIterable<Uint8Array>
  /** Resolves when there is room for more; `unreachable` when the line is gone. Keeps no reference. */
  write(bytes: Uint8Array, options?: Waiting): Promise<void>
  /** No more bytes from us. What was written still arrives. */
  closeWrite(): Promise<void>
  /** Both directions end now; the other side sees a failure. Safe to call twice. */
  abort(fault: Fault): void
}

/** Messages over a carrier. */
export interface Channel {
  readonly remote: SiteId
  readonly via: Via
  /** Sends one message; resolves when there is room for the next. */
  send(message: unknown, body?: Uint8Array, options?: Sending): Promise<void>
  /**
   * The next message, checked against `schema`. A fault sent by the other side is thrown (side
   * `there`); an end of stream is `unreachable`, because whoever waits was promised more.
   */
  receive<S extends ZodType>(
    schema: S,
    options?: Waiting,
  ): Promise<{ message: ZodOutput<S>; body: Uint8Array }>
  /** Gives a received body back: its memory is used for a later one, so nobody may look at it again. */
  recycle(body: Uint8Array): void
  /** Says why in words, then closes: the other side's `receive` throws it. */
  refuse(fault: Fault): Promise<void>
  close(): Promise<void>
  abort(fault: Fault): void
}

const faultMessage = z.object({
  /** A message with a type is that message, although it may hold a fault: `ended` does. */
  type: z.undefined().optional(),
  fault: z.object({
    kind: z.string(),
    op: z.string().max(200),
    text: z.string().max(4000),
    about: z.union([z.string().max(2000), z.number()]).optional(),
    list: z.array(z.string().max(2000)).max(100).optional(),
  }),
})

export function createChannel(carrier: Carrier, caps: FrameCaps): Channel {
  const bodies = createBodies(caps.bodyBytesMax)
  const frames = pipe(carrier.source, readFrames(caps, bodies.take))
  return {
    remote: carrier.remote,
    via: carrier.via,
    async send(message, body, options) {
      const pieces = frameBytes(encode(message), body)
      if (options?.pace !== undefined) return writePaced(carrier, pieces, options.pace, options)
      for (const piece of pieces) await carrier.write(piece, options)
    },
    async receive(schema, options) {
      const frame = await nextFrame(frames, carrier, options)
      return { message: readHead(frame, schema, caps), body: frame.body }
    },
    recycle: bodies.recycle,
    async refuse(fault) {
      for (const piece of frameBytes(fittingFault(fault, caps))) await carrier.write(piece)
      await carrier.closeWrite()
    },
    close: () => carrier.closeWrite(),
    abort: (fault) => carrier.abort(fault),
  }
}

async function writePaced(
  carrier: Carrier,
  pieces: readonly Uint8Array[],
  pace: (bytes: number) => Promise<void>,
  options: Waiting,
): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; at += pacedBytes) {
      const part = piece.subarray(at, at + pacedBytes)
      try {
        await pace(part.byteLength)
      } catch (thrown) {
        // What is half written cannot be taken back, so the channel is of no further use.
        carrier.abort(
          new Fault('gone', 'channel.send', { text: 'A message was not written to its end.' }),
        )
        throw thrown
      }
      await carrier.write(part, options)
    }
  }
}

/** Bodies that are kept for later ones, and the size from which on keeping one is worth it, in bytes. */
const bodiesMax = 5
const keptBodyBytes = 64 * 1024

/** Large bodies come one after the other; fresh memory for each costs more than what is done with it. */
function createBodies(bodyBytesMax: number) {
  const idle: ArrayBufferLike[] = []
  return {
    take(bytes: number): Uint8Array {
      if (bytes < keptBodyBytes) return new Uint8Array(bytes)
      return new Uint8Array(idle.pop() ?? new ArrayBuffer(bodyBytesMax), 0, bytes)
    },
    recycle({ buffer }: Uint8Array): void {
      if (buffer.byteLength === bodyBytesMax && idle.length < bodiesMax) idle.push(buffer)
    },
  }
}

/** Shortened until it fits: a fault that is refused for its length would arrive as another kind. */
function fittingFault(fault: Fault, caps: FrameCaps): Uint8Array {
  const wire = toWireFault(fault)
  for (;;) {
    const bytes = encode({ fault: wire })
    if (bytes.byteLength <= caps.headBytesMax) return bytes
    if (wire.list !== undefined && wire.list.length > 1) wire.list.length >>= 1
    else if (wire.list !== undefined) delete wire.list
    else if (wire.text.length > 1) wire.text = wire.text.slice(0, wire.text.length >> 1)
    else if (wire.about !== undefined) delete wire.about
    else return bytes
  }
}

function readHead<S extends ZodType>(frame: Frame, schema: S, caps: FrameCaps): ZodOutput<S> {
  const message = decode(frame.head, z.unknown(), caps.headBytesMax, 'channel.receive')
  const fault = faultMessage.safeParse(message)
  if (fault.success) throw fromWireFault(fault.data.fault as WireFault)
  return decode(frame.head, schema, caps.headBytesMax, 'channel.receive')
}

async function nextFrame(
  frames: AsyncGenerator<Frame>,
  carrier: Carrier,
  options?: Waiting,
): Promise<Frame> {
  const signal = options?.signal
  signal?.throwIfAborted()
  // An aborted wait leaves a read in flight, so the channel is of no further use: end it.
  const stop = () =>
    carrier.abort(new Fault('gone', 'channel.receive', { text: 'The wait was abandoned.' }))
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const next = await frames.next()
    signal?.throwIfAborted()
    if (!next.done) return next.value
    throw new Fault('unreachable', 'channel.receive', {
      side: 'between',
      text: 'The other side closed the stream before it had answered.',
    })
  } catch (thrown) {
    signal?.throwIfAborted()
    throw thrown
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Bytes that one side of a pair in memory may be ahead of the other. */
const pairBytesMax = 1024 * 1024

/** Two carriers joined in memory, with the same hold-back as a real line. For tests and simulation. */
export function createCarrierPair(left: SiteId, right: SiteId): [Carrier, Carrier] {
  const toRight = createPipe()
  const toLeft = createPipe()
  const carrier = (remote: SiteId, out: Pipe, into: Pipe): Carrier => ({
    remote,
    via: 'stream',
    source: into.source,
    write: out.write,
    closeWrite: async () => out.end(),
    abort: (fault) => {
      const there = new Fault('unreachable', 'channel.pair', { side: 'between', cause: fault })
      out.fail({ writer: fault, reader: there })
      into.fail({ writer: there, reader: fault })
    },
  })
  return [carrier(right, toRight, toLeft), carrier(left, toLeft, toRight)]
}

type Pipe = ReturnType<typeof createPipe>

function createPipe() {
  const chunks: Uint8Array[] = []
  let bytes = 0
  let ended = false
  let failed: { writer: Fault; reader: Fault } | undefined
  let wake = () => {}
  let changed = new Promise<void>((resolve) => {
    wake = resolve
  })
  const change = () => {
    const was = wake
    changed = new Promise((resolve) => {
      wake = resolve
    })
    was()
  }
  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (failed !== undefined) throw failed.reader
      const chunk = chunks.shift()
      if (chunk !== undefined) {
        bytes -= chunk.byteLength
        change()
        yield chunk
      } else if (ended) return
      else await changed
    }
  }
  return {
    source: source(),
    async write(chunk: Uint8Array, options?: Waiting) {
      const signal = options?.signal
      signal?.throwIfAborted()
      signal?.addEventListener('abort', change, { once: true })
      try {
        while (bytes >= pairBytesMax && failed === undefined) {
          signal?.throwIfAborted()
          await changed
        }
      } finally {
        signal?.removeEventListener('abort', change)
      }
      if (failed !== undefined) throw failed.writer
      chunks.push(chunk.slice())
      bytes += chunk.byteLength
      change()
    },
    end() {
      ended = true
      change()
    },
    fail(faults: { writer: Fault; reader: Fault }) {
      failed ??= faults
      change()
    },
  }
}
