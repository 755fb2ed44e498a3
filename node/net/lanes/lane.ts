/**
 * A TLS socket of our own as our `Carrier`. TLS encrypts inside `write`, so what was given is not kept
 * once the write has gone through: large pieces go to it uncopied, one flight at a time, because the
 * system's buffer is what keeps the line busy meanwhile. Small pieces are gathered for a turn.
 */
import type { TLSSocket } from 'node:tls'
import { asFault } from '../../../protocol/fault.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { pieceHeadBytes, writePieceHead } from '../../../protocol/lane.ts'
import type { Clock } from '../../base/clock.ts'
import {
  type CarrierLimits,
  createNetCarrier,
  type Ends,
  lineCut,
  type NetCarrier,
} from '../carrier.ts'
import type { Limits } from '../limits.ts'
import { createInbox } from './inbox.ts'

export type LaneLimits = CarrierLimits & Pick<Limits, 'laneInboxBytes' | 'laneChunkBytes'>

/** A socket whose handshake is done, and who hears what it brings. */
export type LaneSocket = {
  readonly socket: TLSSocket
  /** Called once, in the turn in which the handshake ends; `heard` says whether more may come. */
  hear(heard: (from: Uint8Array, count: number) => boolean): void
}

/** Small pieces and the beginning of a large one go together, in what is one record of TLS. */
const headBytes = 16 * 1024

export function createLaneCarrier(
  { socket, hear }: LaneSocket,
  o: { remote: SiteId; clock: Clock; limits: LaneLimits },
): NetCarrier {
  return createNetCarrier({ ...o, via: 'lane' }, (ends) => {
    let gone = false
    let endWent = false
    let broken: unknown
    const inbox = createInbox({
      bytes: o.limits.laneInboxBytes,
      resume: () => void socket.resume(),
    })
    const outbox = createOutbox(socket, ends)
    // The other side's bytes come record by record; their reader is woken once for all of a turn.
    let woken = false
    const wake = () => {
      woken = false
      ends.arrived()
    }

    hear((from, count) => {
      try {
        const more = inbox.put(from, count)
        if (!woken) setImmediate(wake)
        woken = true
        if (inbox.endCame) endInPeace()
        return more
      } catch (thrown) {
        ends.breakOff(asFault(thrown, 'net.lane'))
        return false
      }
    })
    socket.on('error', (cause) => {
      broken = cause
    })
    socket.on('end', () => {
      // Only after both ends were said may the socket end.
      if (!inbox.endCame || !ends.closing) ends.breakOff(lineCut(broken))
    })
    socket.on('close', () => {
      gone = true
      if (!inbox.endCame || !ends.closing) ends.fail(lineCut(broken))
      ends.drained()
      ends.over()
    })

    function endInPeace(): void {
      if (gone || !endWent || !inbox.endCame) return
      gone = true
      ends.over()
      const late = o.clock.after(o.limits.lingerMs, () => socket.destroy())
      socket.once('close', () => late[Symbol.dispose]())
      socket.destroySoon()
    }

    return {
      chunkBytes: o.limits.laneChunkBytes,
      take: inbox.take,
      drop: inbox.drop,
      get ended() {
        return inbox.endCame && inbox.waitingBytes === 0
      },
      get waitingBytes() {
        return inbox.waitingBytes
      },
      get open() {
        return !gone
      },
      send: outbox.send,
      async close() {
        await outbox.sendEnd()
        endWent = true
        endInPeace()
      },
      abort: () => void socket.destroy(),
    }
  })
}

/** Bytes → pieces → socket. One flight at a time; a flight has landed when the system took all of it. */
function createOutbox(socket: TLSSocket, ends: Ends) {
  let head = new Uint8Array(headBytes)
  let nextHead = new Uint8Array(headBytes)
  let used = 0
  let started = 0
  let landed = 0
  let flushing = false

  function fly(rest?: Uint8Array): void {
    const first = head.subarray(0, used)
    ;[head, nextHead] = [nextHead, head]
    used = 0
    started++
    const land = (cause?: Error | null) => {
      landed = started
      // Known here first: who went on writing would keep the socket from ever saying so.
      if (cause) return ends.breakOff(lineCut(cause))
      flush()
      ends.drained()
    }
    // Two writes and not one of both: for that the library would copy them into one piece of memory.
    if (rest === undefined) socket.write(first, land)
    else {
      socket.write(first)
      socket.write(rest, land)
    }
  }

  function flush(): void {
    if (used > 0 && landed === started && ends.failure === undefined) fly()
  }

  function flushSoon(): void {
    if (flushing) return
    flushing = true
    setImmediate(() => {
      flushing = false
      flush()
    })
  }

  async function landing(flight: number, signal: AbortSignal | undefined): Promise<void> {
    while (landed < flight) {
      if (ends.failure !== undefined) throw ends.failure
      await ends.room(signal)
    }
  }

  /** Until the head is ours to fill, with at least room for the length of a piece. */
  async function turn(signal: AbortSignal | undefined): Promise<void> {
    await landing(started, signal)
    if (headBytes - used >= pieceHeadBytes) return
    fly()
    await landing(started, signal)
  }

  function begin(length: number): void {
    writePieceHead(head, used, length)
    used += pieceHeadBytes
  }

  return {
    async send(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
      const fits = used + pieceHeadBytes + bytes.byteLength <= headBytes
      if (!fits) await turn(signal)
      if (ends.failure !== undefined) throw ends.failure
      begin(bytes.byteLength)
      const first = bytes.subarray(0, headBytes - used)
      head.set(first, used)
      used += first.byteLength
      if (fits) return flushSoon()
      fly(first.byteLength < bytes.byteLength ? bytes.subarray(first.byteLength) : undefined)
      await landing(started, signal)
      if (ends.failure !== undefined) throw ends.failure
    },
    async sendEnd(): Promise<void> {
      if (headBytes - used < pieceHeadBytes) await turn(undefined)
      begin(0)
      flush()
      while (used > 0 || landed < started) {
        if (ends.failure !== undefined) throw ends.failure
        await ends.room(undefined)
      }
    },
  }
}
