/**
 * What every carrier of this room does alike, whatever line is below it: waiting with a limit, the one
 * failure that both directions see, an end that is said once. stream.ts and lanes/lane.ts are the lines.
 */
import type { Carrier, Via, Waiting } from '../../protocol/channel.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createBell } from './bell.ts'
import type { Limits } from './limits.ts'

export type NetCarrier = Carrier & {
  /** Aborted, with the fault as its reason, when the line broke or either side broke it off. */
  readonly failed: AbortSignal
  /** Resolves when nothing can come or go any more, for whatever reason. */
  readonly over: Promise<void>
  /** Bytes that arrived and wait for their reader, here and below. */
  readonly waitingBytes: number
  /**
   * Ends a conversation that is over for us: closes our side, throws away what still comes, and
   * breaks the line off if the other side has not closed in time. Never throws.
   */
  finish(): Promise<void>
}

export type CarrierLimits = Pick<Limits, 'idleMs' | 'stuckMs' | 'abandonedMs' | 'lingerMs'>

/** What a line is asked. */
export type Line = {
  /** What came and was not taken yet, in order. The reader's until the next call. */
  take(): Uint8Array | undefined
  /** The other side said that it sends no more, and it was all taken. */
  readonly ended: boolean
  readonly waitingBytes: number
  /** Nothing has ended it; it may still carry. */
  readonly open: boolean
  /** The most that `send` takes at once; a longer write is cut, so that others have their turn. */
  readonly chunkBytes: number
  /** Sends it, keeps no reference once it resolves, waits for room by `ends.room`. */
  send(chunk: Uint8Array, signal: AbortSignal | undefined): Promise<void>
  /** Says that we send no more; rejects when that cannot be said in time. */
  close(): Promise<void>
  /** What is here is forgotten; with `coming`, so is all that will still come. */
  drop(o: { coming: boolean }): void
  abort(fault: Fault): void
}

/** What a line tells. */
export type Ends = {
  readonly failure: Fault | undefined
  /** Whether we have begun to close our side. */
  readonly closing: boolean
  /** Something can be taken, or will never be. */
  arrived(): void
  /** There may be room again. */
  drained(): void
  /** Resolves at the next `drained`, or when there is no use in waiting any more. */
  room(signal: AbortSignal | undefined): Promise<void>
  /** It broke; the first fault counts. */
  fail(fault: Fault): void
  /** As `fail`, and the line is ended. */
  breakOff(fault: Fault): void
  /** It ended in peace. */
  over(): void
}

export function createNetCarrier(
  o: { remote: SiteId; via: Via; clock: Clock; limits: CarrierLimits },
  lineFor: (ends: Ends) => Line,
): NetCarrier {
  const { clock, limits: cap } = o
  let failure: Fault | undefined
  let closing: Promise<void> | undefined
  let used = true
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
    line.abort(fault)
  }

  const line = lineFor({
    get failure() {
      return failure
    },
    get closing() {
      return closing !== undefined
    },
    arrived() {
      used = true
      arrived.ring()
    },
    drained: drained.ring,
    room(signal) {
      const late = () => breakOff(silent('write', cap.stuckMs))
      return drained.next({ ms: cap.stuckMs, late, signal })
    },
    fail,
    breakOff,
    over: over.resolve,
  })

  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      used = true
      const chunk = line.take()
      if (chunk !== undefined) yield chunk
      else if (line.ended) return
      else if (failure !== undefined) throw failure
      else await arrived.next({ ms: cap.idleMs, late: () => breakOff(silent('read', cap.idleMs)) })
    }
  }

  async function write(bytes: Uint8Array, options?: Waiting): Promise<void> {
    const signal = options?.signal
    signal?.throwIfAborted()
    for (let at = 0; at < bytes.byteLength; at += line.chunkBytes) {
      try {
        if (failure !== undefined) throw failure
        await line.send(bytes.subarray(at, at + line.chunkBytes), signal)
        if (at + line.chunkBytes < bytes.byteLength) signal?.throwIfAborted()
      } catch (thrown) {
        // What is half written cannot be taken back, so the line is of no further use.
        breakOff(new Fault('gone', 'net.write', { text: 'A message was not written to its end.' }))
        throw thrown
      }
    }
  }

  async function closeOurs(): Promise<void> {
    try {
      await line.close()
      watchForgotten()
    } catch (cause) {
      breakOff(lineCut(cause))
    }
  }

  function watchForgotten(): void {
    if (!line.open) return
    used = false
    const look = () => {
      if (used) watchForgotten()
      else
        breakOff(new Fault('gone', 'net.close', { text: 'Nobody read the rest of this stream.' }))
    }
    const later = clock.after(cap.abandonedMs, look)
    void over.promise.then(() => later[Symbol.dispose]())
  }

  function closeWrite(): Promise<void> {
    closing ??= closeOurs()
    return closing
  }

  return {
    remote: o.remote,
    via: o.via,
    source: source(),
    failed: failed.signal,
    over: over.promise,
    get waitingBytes() {
      return line.waitingBytes
    },
    write,
    closeWrite,
    abort(fault) {
      line.drop({ coming: false })
      breakOff(fault)
    },
    async finish() {
      line.drop({ coming: true })
      const late = clock.after(cap.lingerMs, () => breakOff(silent('close', cap.lingerMs)))
      await closeWrite()
      await over.promise
      late[Symbol.dispose]()
    },
  }
}

export function lineCut(cause?: unknown): Fault {
  return new Fault('unreachable', 'net.stream', {
    side: 'between',
    text: 'The connection to the other site was lost. It is tried again.',
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
