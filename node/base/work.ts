/**
 * Work that takes turns, work that is limited in number, and work that is tried again. Every queue
 * here has a limit; over it the caller gets `busy`.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Clock } from './clock.ts'

type Waiting = { signal?: AbortSignal | undefined }

/** Turns or runs that may wait at one serial or pool. */
export const waitingMax = 10_000

/**
 * One at a time, in the order of asking; a failure does not stop the next. Whoever asks for a turn
 * inside its own turn waits for ever, so only the outermost function of a room takes one.
 */
export type Serial = <T>(run: () => Promise<T>) => Promise<T>

export function createSerial(): Serial {
  const pool = createPool({ limit: 1 })
  return (run) => pool.run(run)
}

/** At most `limit` at a time. */
export interface Pool {
  /** `run` when there is room, in the order of asking; an abort takes it out of the queue. */
  run<T>(run: () => Promise<T>, options?: Waiting): Promise<T>
  /** Resolves when nothing runs and nothing waits. */
  drain(): Promise<void>
}

export function createPool(o: { limit: number; waitingMax?: number | undefined }): Pool {
  const most = o.waitingMax ?? waitingMax
  const waiting = new Set<() => void>()
  let idle: (() => void)[] = []
  let running = 0

  function startNext(): void {
    if (running < o.limit) {
      const [next] = waiting
      if (next !== undefined) {
        waiting.delete(next)
        next()
      }
    }
    if (running > 0) return
    for (const done of idle) done()
    idle = []
  }

  async function occupy<T>(run: () => Promise<T>): Promise<T> {
    running++
    try {
      return await run()
    } finally {
      running--
      startNext()
    }
  }

  return {
    async run(run, options) {
      const signal = options?.signal
      signal?.throwIfAborted()
      if (running < o.limit) return occupy(run)
      if (waiting.size >= most) throw tooMany(most)
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.delete(begin)
          reject(signal?.reason)
        }
        const begin = () => {
          signal?.removeEventListener('abort', leave)
          resolve(occupy(run))
        }
        waiting.add(begin)
        signal?.addEventListener('abort', leave, { once: true })
      })
    },
    drain: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  }
}

/**
 * Gathers what is asked for while a round runs, and does all of it in the next one: many appends,
 * one write, one flush. What is asked for in one tick shares a round.
 */
export interface Group<T> {
  /** Resolves when the round with `item` is done. Throws `busy` at once when too much waits. */
  add(item: T): Promise<void>
  /** Resolves when nothing runs and nothing waits. */
  drain(): Promise<void>
}

/**
 * A round that fails takes with it what waits, since that was made to follow it; `failed` is called
 * before anybody hears of it, with nothing left in the queue.
 */
export function createGroup<T>(o: {
  round: (items: readonly T[]) => Promise<void>
  failed?: (thrown: unknown) => void
}): Group<T> {
  type Entry = { item: T; resolve: () => void; reject: (thrown: unknown) => void }
  let waiting: Entry[] = []
  let idle: (() => void)[] = []
  let running = false

  async function rounds(): Promise<void> {
    running = true
    // Lets everyone who asks in this tick into the first round.
    await Promise.resolve()
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      try {
        await o.round(taken.map((entry) => entry.item))
        for (const entry of taken) entry.resolve()
      } catch (thrown) {
        const lost = [...taken, ...waiting]
        waiting = []
        o.failed?.(thrown)
        for (const entry of lost) entry.reject(thrown)
      }
    }
    running = false
    for (const done of idle) done()
    idle = []
  }

  return {
    add(item) {
      if (waiting.length >= waitingMax) throw tooMany(waitingMax)
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        if (!running) void rounds()
      })
    },
    drain: () => (running ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  }
}

function tooMany(most: number): Fault {
  return new Fault('busy', 'work.wait', {
    about: most,
    text: `${most} others wait already. Try again later.`,
  })
}

/** Growing waits between tries: doubled each time up to `lastMs`, and spread so that many do not meet. */
export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number
  /** After a success: begin again with `firstMs`. */
  reset(): void
}

export function createBackoff(o: { clock: Clock; firstMs: number; lastMs: number }): Backoff {
  let tries = 0
  return {
    next() {
      const whole = Math.min(o.lastMs, o.firstMs * 2 ** Math.min(tries++, 40))
      const [high = 0, low = 0] = o.clock.random(2)
      return Math.round(whole / 2 + ((whole / 2) * (high * 256 + low)) / 65535)
    },
    reset() {
      tries = 0
    },
  }
}

/**
 * `run` until it succeeds, or fails with what is not to be tried again (`again`, by default the
 * fault's own kind), or `triesMax` is reached; then its last failure is thrown as it was. An abort
 * ends the wait at once and is never tried again.
 */
export async function retry<T>(
  run: () => Promise<T>,
  o: {
    clock: Clock
    again?: ((fault: Fault) => boolean) | undefined
    firstMs: number
    lastMs: number
    triesMax?: number | undefined
  } & Waiting,
): Promise<T> {
  const backoff = createBackoff(o)
  const again = o.again ?? ((fault) => fault.again)
  for (let tries = 1; ; tries++) {
    o.signal?.throwIfAborted()
    try {
      return await run()
    } catch (thrown) {
      o.signal?.throwIfAborted()
      if (tries >= (o.triesMax ?? Number.POSITIVE_INFINITY)) throw thrown
      if (!again(asFault(thrown, 'work.retry'))) throw thrown
    }
    await o.clock.sleep(backoff.next(), { signal: o.signal })
  }
}
