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
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { type CarrierLimits, createNetCarrier, lineCut, type NetCarrier } from './carrier.ts'
import { type Limits, limits } from './limits.ts'

export type StreamLimits = CarrierLimits &
  Pick<Limits, 'chunkBytes' | 'queueHighBytes' | 'queueLowBytes'>

/**
 * Must be called in the same turn in which the library hands the stream over: bytes and events that
 * came before a listener was there are partly lost.
 */
export function createStreamCarrier(
  stream: Stream,
  o: { remote: SiteId; clock: Clock; limits?: Partial<StreamLimits> | undefined },
): NetCarrier {
  const { clock } = o
  const cap: StreamLimits = { ...limits, ...o.limits }
  return createNetCarrier({ ...o, via: 'stream', limits: cap }, (ends) => {
    const queue: Uint8Array[] = []
    let queuedBytes = 0
    let paused = false
    let discarding = false
    /** The other side said that it sends no more; only then is an end an end. */
    let closedThere = false
    let ended = false
    let sentInTurn = 0
    const isOpen = () => stream.status === 'open' || stream.status === 'closing'

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
      const { data } = event
      if (!discarding) {
        for (const chunk of data instanceof Uint8Array ? [data] : data) queue.push(chunk)
        queuedBytes += data.byteLength
        pauseIfFull()
        // The library may have said `end` before it handed these bytes back; it does not say it twice.
        if (closedThere && stream.readableEnded) ended = true
      }
      ends.arrived()
    })
    stream.addEventListener('drain', () => ends.drained())
    stream.addEventListener('remoteCloseWrite', () => {
      closedThere = true
    })
    stream.addEventListener('end', () => {
      // Also sent when the connection is gone; then `close` follows and says so.
      ended = closedThere
      ends.arrived()
    })
    stream.addEventListener('close', (event: StreamCloseEvent) => {
      if (event.error !== undefined) ends.fail(brokenOff(event.error))
      else if (!closedThere || !ends.closing) ends.fail(lineCut())
      ends.over()
    })
    // What happened before we listened. Our own side cannot have closed yet, so `closed` is a cut.
    if (isOpen()) {
      closedThere = stream.remoteWriteStatus === 'closed'
      ended = closedThere && stream.readableEnded && stream.readBufferLength === 0
    } else ends.fail(lineCut())

    async function send(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
      let room: boolean
      try {
        // A copy: under load the library keeps what it was given for longer than this call lasts. In
        // memory of its own, which is not cleared first, because all of it is written.
        const copy = Buffer.allocUnsafeSlow(bytes.byteLength)
        copy.set(bytes)
        room = stream.send(copy)
      } catch (cause) {
        ends.breakOff(lineCut(cause))
        throw ends.failure
      }
      sentInTurn += bytes.byteLength
      if (room && sentInTurn < cap.chunkBytes) return
      // Without a turn of the event loop after each chunk, whoever found room first would take all of
      // it, again and again, and leave the others a tenth.
      do {
        if (!room) await ends.room(signal)
        await new Promise((resolve) => setImmediate(resolve))
        sentInTurn = 0
        if (ends.failure !== undefined) throw ends.failure
        // One drain may free less than a chunk; adding another then would let the buffer grow for ever.
        // `writableNeedsDrain` would be the wrong question: whoever fills the line sets it on all streams.
        room = stream.writeBufferLength === 0
      } while (!room)
    }

    return {
      chunkBytes: cap.chunkBytes,
      take() {
        if (paused && queuedBytes <= cap.queueLowBytes) resume()
        const chunk = queue.shift()
        queuedBytes -= chunk?.byteLength ?? 0
        return chunk
      },
      get ended() {
        return ended && queue.length === 0
      },
      get waitingBytes() {
        return queuedBytes + stream.readBufferLength
      },
      get open() {
        return isOpen()
      },
      send,
      async close() {
        const stop = new AbortController()
        using _late = clock.after(cap.stuckMs, () => stop.abort())
        await stream.close({ signal: stop.signal })
      },
      drop({ coming }) {
        if (coming) discarding = true
        queue.length = 0
        queuedBytes = 0
        if (coming) resume()
      },
      abort: (fault) => stream.abort(fault),
    }
  })
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

function brokenOff(cause: unknown): Fault {
  return new Fault('unreachable', 'net.stream', {
    side: 'between',
    text: 'The stream was broken off by the other site, or the connection to it was lost.',
    cause,
  })
}
