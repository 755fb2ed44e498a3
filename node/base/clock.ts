/**
 * Time and chance as a value. Nothing else in `node/` reads a clock, sets a timer or draws random
 * bytes, so that a simulation which owns the clock owns the whole run.
 */
import { randomBytes } from 'node:crypto'

export interface Clock {
  /** Milliseconds since 1970, UTC. May jump either way when somebody sets the machine's clock. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Calls `run` again and again, `ms` apart, until disposed. `run` must not throw. */
  every(ms: number, run: () => void): Disposable
  /** Calls `run` once after `ms`, unless disposed before. `run` must not throw. */
  after(ms: number, run: () => void): Disposable
  /** As many random bytes, fit for secrets. */
  random(bytes: number): Uint8Array
}

/** The longest a timer of the platform can wait; asked for more, it would fire at once. */
const timerMsMax = 2 ** 31 - 1

function after(ms: number, run: () => void): Disposable {
  let left = Math.max(0, ms)
  let timer: NodeJS.Timeout
  const wait = () => {
    const now = Math.min(left, timerMsMax)
    left -= now
    timer = setTimeout(left > 0 ? wait : run, now)
  }
  wait()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: sleepBy(after),
  every: everyBy(after),
  after,
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
}

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: whatever falls due in it runs, in order, at its own instant. */
  advance(ms: number): Promise<void>
}

/** For tests and simulation. The same `seed` draws the same bytes, which are fit for no secret. */
export function createManualClock(startAt = 0, seed = 1): ManualClock {
  let now = startAt
  let state = seed >>> 0
  let order = 0
  const due = new Set<{ at: number; order: number; run: () => void }>()
  const later: Clock['after'] = (ms, run) => {
    const entry = { at: now + Math.max(0, ms), order: order++, run }
    due.add(entry)
    return { [Symbol.dispose]: () => void due.delete(entry) }
  }
  return {
    now: () => now,
    sleep: sleepBy(later),
    after: later,
    every: everyBy(later),
    random(bytes) {
      // A linear congruential generator; the high byte is the random one.
      return Uint8Array.from({ length: bytes }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return state >>> 24
      })
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await settled()
        const ready = [...due].filter((entry) => entry.at <= end)
        const first = ready.sort((a, b) => a.at - b.at || a.order - b.order)[0]
        if (first === undefined) break
        due.delete(first)
        now = Math.max(now, first.at)
        first.run()
      }
      now = end
    },
  }
}

/** Until every promise that could go on without time or disk has done so. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

function everyBy(later: Clock['after']): Clock['every'] {
  return (ms, run) => {
    let next: Disposable
    const again = () => {
      // Before the run, so that a run which disposes of itself is the last one.
      next = later(Math.max(1, ms), again)
      run()
    }
    next = later(Math.max(1, ms), again)
    return { [Symbol.dispose]: () => next[Symbol.dispose]() }
  }
}

function sleepBy(later: Clock['after']): Clock['sleep'] {
  return (ms, options) =>
    new Promise((resolve, reject) => {
      const signal = options?.signal
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        timer[Symbol.dispose]()
        reject(signal?.reason)
      }
      const timer = later(ms, () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      })
      signal?.addEventListener('abort', stop, { once: true })
    })
}
