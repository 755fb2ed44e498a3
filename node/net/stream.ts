/**
 * A libp2p stream as our `Carrier`: the only module that touches libp2p streams.
 *
 * Version 3 of the library has traps here, and each line below that looks odd is one of them. Its
 * async iterator and `pipe` buffer without bound, `onDrain()` works once, a stream whose connection
 * died looks like one that was closed, and `resume()` undoes a `pause()` made while it runs. So this
 * module listens to events, from the first moment on, and keeps its own bounded queue.
 * test/contracts/carrier.ts and stream.test.ts hold a case for each; run them on every upgrade.
 */
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import type { Carrier, Waiting } from '../../protocol/channel.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createBell } from './bell.ts'
import { type Limits, limits } from './limits.ts'

export type StreamCarrier = Carrier & {
  /** Aborted, with the fault as its reason, when the stream broke or either side broke it off. */
  readonly failed: AbortSignal
  /** Resolves when nothing can come or go any more, for whatever reason. */
  readonly over: Promise<void>
  /** Bytes that arrived and wait for their reader, here and in the library. */
  readonly waitingBytes: number
  /**
   * Ends a conversation that is over for us: closes our side, throws away what still comes, and
   * breaks the stream off if the other side has not closed in time. Never throws.
   */
  finish(): Promise<void>
}

export type StreamLimits = Pick<
  Limits,
  | 'chunkBytes'
  | 'queueHighBytes'
  | 'queueLowBytes'
  | 'idleMs'
  | 'stuckMs'
  | 'abandonedMs'
  | 'lingerMs'
>

/**
 * Must be called in the same turn in which the library hands the stream over: bytes and events that
 * came before a listener was there are partly lost.
 */
export function createStreamCarrier(
  stream: Stream,
  o: { remote: SiteId; clock: Clock; limits?: Partial<StreamLimits> | undefined },
): StreamCarrier {
  const { clock } = o
  const cap: StreamLimits = { ...limits, ...o.limits }
  const queue: Uint8Array[] = []
  let queuedBytes = 0
  let paused = false
  let discarding = false
  /** The other side said that it sends no more; only then is an end an end. */
  let closedThere = false
  let ended = false
  let failure: Fault | undefined
  let closing: Promise<void> | undefined
  let used = true
  let sentInTurn = 0
  const failed = new AbortController()
  const over = Promise.withResolvers<void>()
  const arrived = createBell(clock)
  const drained = createBell(clock)

  function fail(fault: Fault): void {
    if (failure !== undefined) return
    failure = fault
    failed.abort(fault)
    arrived.ring()
    drained.ring()
    over.resolve()
  }

  function breakOff(fault: Fault): void {
    fail(fault)
    stream.abort(fault)
  }

  function pauseIfFull(): void {
    if (paused || discarding || queuedBytes <= cap.queueHighBytes) return
    // Bytes within the window that was granted still come, into the library's own buffer.
    paused = attempt(() => stream.pause())
  }

  function resume(): void {
    if (!paused) return
    // Hands over all that the library holds, while `paused` is still set: a pause from inside would be
    // undone by the rest of resume(), the window would go on growing, and the stream would be reset.
    attempt(() => stream.resume())
    paused = false
    pauseIfFull()
  }

  stream.addEventListener('message', (event: StreamMessageEvent) => {
    used = true
    if (discarding) return
    const { data } = event
    for (const chunk of data instanceof Uint8Array ? [data] : data) queue.push(chunk)
    queuedBytes += data.byteLength
    pauseIfFull()
    // The library may have said `end` before it handed these bytes back; it does not say it twice.
    if (closedThere && stream.readableEnded) ended = true
    arrived.ring()
  })
  stream.addEventListener('drain', () => drained.ring())
  stream.addEventListener('remoteCloseWrite', () => {
    closedThere = true
  })
  stream.addEventListener('end', () => {
    // Also sent when the connection is gone; then `close` follows and says so.
    ended = closedThere
    arrived.ring()
  })
  stream.addEventListener('close', (event: StreamCloseEvent) => {
    if (event.error !== undefined) fail(brokenOff(event.error))
    else if (!closedThere || closing === undefined) fail(lineCut())
    over.resolve()
  })
  // What happened before we listened. Our own side cannot have closed yet, so `closed` is a cut.
  if (stream.status === 'open' || stream.status === 'closing') {
    closedThere = stream.remoteWriteStatus === 'closed'
    ended = closedThere && stream.readableEnded && stream.readBufferLength === 0
  } else fail(lineCut())

  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      used = true
      if (paused && queuedBytes <= cap.queueLowBytes) resume()
      const chunk = queue.shift()
      if (chunk !== undefined) {
        queuedBytes -= chunk.byteLength
        yield chunk
      } else if (ended) return
      else if (failure !== undefined) throw failure
      else await arrived.next({ ms: cap.idleMs, late: () => breakOff(silent('read', cap.idleMs)) })
    }
  }

  async function writeChunk(chunk: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (failure !== undefined) throw failure
    let room: boolean
    try {
      room = stream.send(chunk)
    } catch (cause) {
      breakOff(lineCut(cause))
      throw failure
    }
    sentInTurn += chunk.byteLength
    if (room && sentInTurn < cap.chunkBytes) return
    // Without a turn of the event loop after each chunk, whoever found room first would take all of
    // it, again and again, and leave the others a tenth.
    do {
      if (!room) {
        const late = () => breakOff(silent('write', cap.stuckMs))
        await drained.next({ ms: cap.stuckMs, late, signal })
      }
      await new Promise((resolve) => setImmediate(resolve))
      sentInTurn = 0
      if (failure !== undefined) throw failure
      // One drain may free less than a chunk; adding another then would let the buffer grow for ever.
      // `writableNeedsDrain` would be the wrong question: whoever fills the line sets it on all streams.
      room = stream.writeBufferLength === 0
    } while (!room)
  }

  async function closeOurs(): Promise<void> {
    const stop = new AbortController()
    const late = clock.after(cap.stuckMs, () => stop.abort())
    try {
      await stream.close({ signal: stop.signal })
      watchForgotten()
    } catch (cause) {
      breakOff(lineCut(cause))
    } finally {
      late[Symbol.dispose]()
    }
  }

  function watchForgotten(): void {
    if (stream.status !== 'open' && stream.status !== 'closing') return
    used = false
    const look = () => {
      if (used) watchForgotten()
      else
        breakOff(new Fault('gone', 'net.close', { text: 'Nobody read the rest of this stream.' }))
    }
    const later = clock.after(cap.abandonedMs, look)
    void over.promise.then(() => later[Symbol.dispose]())
  }

  const carrier: StreamCarrier = {
    remote: o.remote,
    source: source(),
    failed: failed.signal,
    over: over.promise,
    get waitingBytes() {
      return queuedBytes + stream.readBufferLength
    },
    async write(bytes: Uint8Array, options?: Waiting) {
      const signal = options?.signal
      signal?.throwIfAborted()
      for (let at = 0; at < bytes.byteLength; at += cap.chunkBytes) {
        // A copy: under load the library keeps what it was given for longer than this call lasts.
        const chunk = bytes.slice(at, at + cap.chunkBytes)
        try {
          await writeChunk(chunk, signal)
          if (at + cap.chunkBytes < bytes.byteLength) signal?.throwIfAborted()
        } catch (thrown) {
          // What is half written cannot be taken back, so the stream is of no further use.
          breakOff(
            new Fault('gone', 'net.write', { text: 'A message was not written to its end.' }),
          )
          throw thrown
        }
      }
    },
    closeWrite() {
      closing ??= closeOurs()
      return closing
    },
    abort(fault: Fault) {
      queue.length = 0
      queuedBytes = 0
      breakOff(fault)
    },
    async finish() {
      discarding = true
      queue.length = 0
      queuedBytes = 0
      resume()
      const late = clock.after(cap.lingerMs, () => breakOff(silent('close', cap.lingerMs)))
      await carrier.closeWrite()
      await over.promise
      late[Symbol.dispose]()
    },
  }
  return carrier
}

/** The library throws when the stream has ended meanwhile; then there is nothing to pause or resume. */
function attempt(run: () => void): boolean {
  try {
    run()
    return true
  } catch {
    return false
  }
}

function lineCut(cause?: unknown): Fault {
  return new Fault('unreachable', 'net.stream', {
    side: 'between',
    text: 'The connection to the other site was lost. It is tried again.',
    cause,
  })
}

function brokenOff(cause: unknown): Fault {
  return new Fault('unreachable', 'net.stream', {
    side: 'between',
    text: 'The stream was broken off by the other site, or the connection to it was lost.',
    cause,
  })
}

function silent(what: 'read' | 'write' | 'close', ms: number): Fault {
  const seconds = Math.round(ms / 1000)
  return new Fault('unreachable', `net.${what}`, {
    side: 'between',
    text: `The other site was silent for ${seconds} seconds. It is tried again.`,
  })
}
