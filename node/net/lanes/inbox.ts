/**
 * What came over a lane and waits for its reader: two pieces of memory for the life of the lane, one
 * being filled while the other is read, so that not one allocation follows the bytes.
 */
import { createPieces } from '../../../protocol/lane.ts'
import { laneReserveBytes } from '../limits.ts'

export type Inbox = {
  /**
   * Takes in the first `count` bytes of what a socket brought, and copies them. False: the socket must
   * wait until `resume`. Fault `invalid` for what is not a lane's.
   */
  put(from: Uint8Array, count: number): boolean
  /** Everything that waits, the reader's until the next call. */
  take(): Uint8Array | undefined
  /** Forgets what waits; with `coming`, also what will. */
  drop(o: { coming: boolean }): void
  readonly waitingBytes: number
  /** The other side has said its end, read or not. */
  readonly endCame: boolean
}

export function createInbox(o: { bytes: number; resume: () => void }): Inbox {
  const pieces = createPieces()
  let filling: Uint8Array | undefined
  let beingRead: Uint8Array | undefined
  let filled = 0
  let held = false
  let discarding = false

  function keep(run: Uint8Array): void {
    filling ??= new Uint8Array(new ArrayBuffer(o.bytes))
    if (filled + run.byteLength > filling.byteLength) {
      // More came after the socket was told to wait than the reserve is for: rare, and never lost.
      const more = new Uint8Array(filled + run.byteLength + laneReserveBytes)
      more.set(filling.subarray(0, filled))
      filling = more
    }
    filling.set(run, filled)
    filled += run.byteLength
  }

  function letCome(): void {
    if (!held) return
    held = false
    o.resume()
  }

  return {
    put(from, count) {
      pieces.feed(count === from.byteLength ? from : from.subarray(0, count))
      for (let run = pieces.take(); run !== undefined; run = pieces.take())
        if (!discarding) keep(run)
      held = filled > o.bytes - laneReserveBytes
      return !held
    },
    take() {
      if (filled === 0) return undefined
      const chunk = filling!.subarray(0, filled)
      const free = beingRead
      beingRead = filling
      filling = free
      filled = 0
      letCome()
      return chunk
    },
    drop({ coming }) {
      if (coming) discarding = true
      filled = 0
      if (coming) letCome()
    },
    get waitingBytes() {
      return filled
    },
    get endCame() {
      return pieces.ended
    },
  }
}
