/**
 * Who may take next, where many take from several buckets at once. A taker gets its turn when all its
 * buckets have something, and takes from all in the same moment: nothing is taken from one while it
 * waits for another, so whoever needs only that one goes on meanwhile.
 *
 * Fair by bytes, not by requests (start-time fair queueing): a request's turn is where its taker's last
 * one ended, and never before what its buckets have served, so nobody saves up for later what it did
 * not use. Of those that can be served, the lowest turn is.
 */
import type { Clock } from '../base/clock.ts'
import { type Bucket, createBucket } from './bucket.ts'

export interface Take {
  /** Resolves when so many bytes may pass. Rejects with the signal's reason, having taken nothing. */
  (bytes: number, signal: AbortSignal): Promise<void>
  /** Whether anything holds it back now. */
  isLimited(): boolean
}

export interface Turns extends Disposable {
  /** A new one begins where the others are, or whoever has taken little yet would have it alone. */
  bucket(rate: number): Bucket
  /**
   * One share of its buckets, however often it asks. `buckets` is asked again whenever somebody may
   * be served, so a limit that comes, goes or changes counts for those who wait already. It only
   * tells: nobody asks or wakes from within it.
   */
  taker(buckets: () => readonly Bucket[]): Take
  /** Serves whoever can be served now: something about the buckets is different. */
  wake(): void
}

type Taker = { ended: number; readonly buckets: () => readonly Bucket[] }

type Waiting = {
  readonly by: Taker
  readonly bytes: number
  readonly turn: number
  readonly serve: () => void
}

/**
 * How long a taker that was just served may be away before others, whose turn is after its next one,
 * go first, in milliseconds: else whoever asks for little at a time would often be away when its
 * turn comes.
 */
const awayMs = 1

export function createTurns(clock: Clock): Turns {
  /** By turn, and of equal ones by arrival. */
  let waiting: Waiting[] = []
  let timer: Disposable | undefined
  let lastTurn = 0
  /** Since when. */
  const away = new Map<Taker, number>()

  function isBeforeItsTurn({ by, turn }: Waiting, buckets: readonly Bucket[]): boolean {
    for (const other of away.keys()) {
      if (other === by || other.ended >= turn) continue
      if (other.buckets().some((bucket) => buckets.includes(bucket))) return true
    }
    return false
  }

  function take({ by, bytes, turn, serve }: Waiting, buckets: readonly Bucket[]): void {
    lastTurn = Math.max(lastTurn, turn)
    for (const bucket of buckets) {
      bucket.take(bytes)
      bucket.turn = Math.max(bucket.turn, turn)
    }
    away.set(by, clock.now())
    serve()
  }

  function wake(): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    let soonestMs = Number.POSITIVE_INFINITY
    const left: Waiting[] = []
    const now = clock.now()
    for (const [taker, since] of away) {
      if (now < since || now >= since + awayMs) away.delete(taker)
    }
    // Once through is enough: serving one makes nobody else's turn come earlier.
    for (const one of waiting) {
      const buckets = one.by.buckets()
      const waitMs = Math.max(0, ...buckets.map((bucket) => bucket.waitMs()))
      if (waitMs === 0 && !isBeforeItsTurn(one, buckets)) {
        take(one, buckets)
      } else {
        left.push(one)
        soonestMs = Math.min(soonestMs, Math.max(waitMs, awayMs))
      }
    }
    waiting = left
    if (waiting.length > 0) timer = clock.after(soonestMs, wake)
  }

  function queue(one: Waiting): void {
    const at = waiting.findIndex((other) => other.turn > one.turn)
    waiting.splice(at < 0 ? waiting.length : at, 0, one)
  }

  function taker(buckets: () => readonly Bucket[]): Take {
    const by: Taker = { ended: 0, buckets }
    const takeTurn = (bytes: number, signal: AbortSignal): Promise<void> => {
      if (signal.aborted) return Promise.reject(signal.reason)
      const present = buckets()
      if (present.length === 0) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const turn = Math.max(by.ended, ...present.map((bucket) => bucket.turn))
        by.ended = turn + bytes
        const leave = () => {
          waiting = waiting.filter((other) => other !== one)
          // Whoever comes back has its turn where it was.
          if (by.ended === turn + bytes) by.ended = turn
          reject(signal.reason)
        }
        const serve = () => {
          signal.removeEventListener('abort', leave)
          resolve()
        }
        const one: Waiting = { by, bytes, turn, serve }
        signal.addEventListener('abort', leave, { once: true })
        away.delete(by)
        queue(one)
        wake()
      })
    }
    return Object.assign(takeTurn, { isLimited: () => buckets().length > 0 })
  }

  return {
    bucket: (rate) => createBucket(rate, lastTurn, clock.now),
    taker,
    wake,
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  }
}
