/** How fast a scrub reads: so that all is read in its time, and nobody notices. */
import type { Clock } from '../base/clock.ts'

/** Never slower than this, in bytes a second: a small store is read in an hour and then left alone. */
export const paceFloor = 4 * 1024 * 1024
/** Never faster than this, in bytes a second: what a disk has besides is for people. */
export const paceCap = 128 * 1024 * 1024
/** The part of its time that a pass plans to take; the rest is for nights when the site is off. */
const share = 0.8
/** Rests shorter than this are added up, in milliseconds. */
const restMs = 50

/** Bytes a second so that `held` bytes are read within the days. */
export function paceOf(held: number, days: number): number {
  return Math.min(paceCap, Math.max(paceFloor, Math.ceil(held / (days * 86_400 * share))))
}

/** Waits as long as the bytes should have taken. `rate` may change at any time; Infinity never waits. */
export function createPace(clock: Clock, rate: () => number, signal: AbortSignal) {
  let owedMs = 0
  let at = clock.now()
  return async (bytes: number): Promise<void> => {
    signal.throwIfAborted()
    const now = clock.now()
    // Time that passed since counts, but a long sleep of the machine is not made up for.
    owedMs = Math.max(-1000, owedMs - Math.max(0, now - at)) + (bytes / rate()) * 1000
    at = now
    if (owedMs >= restMs) await clock.sleep(owedMs, { signal })
  }
}
