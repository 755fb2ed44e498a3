/**
 * How much may pass: so many bytes a second, and a little at once. Whoever finds anything in the
 * bucket may take what it needs, also more than is there; the next one then waits until that is made
 * good. So a large request never starves beside small ones, and over any time no more passes than
 * rate × time + `burstBytes(rate)` + one request.
 */

export interface Bucket {
  /** Bytes per second. */
  readonly rate: number
  /** What is in it, or owed, stays; from now on it fills at the new rate. */
  setRate(rate: number): void
  /** Milliseconds until something may be taken; 0 when something may be now. */
  waitMs(): number
  take(bytes: number): void
  /** The turn that was last served from here: see turns.ts. */
  turn: number
}

/** Milliseconds of its rate that a bucket holds: many times what a timer is late by. */
const burstMs = 100
const burstBytesMin = 64 * 1024

/** What may pass at once after nothing has passed for a while. */
export function burstBytes(rate: number): number {
  return Math.max(burstBytesMin, (rate * burstMs) / 1000)
}

export function createBucket(rate: number, turn: number, now: () => number): Bucket {
  let present = { rate, bytes: burstBytes(rate), at: now() }

  function fill(): void {
    const at = now()
    // A clock that was set back gives nothing and takes nothing.
    const earned = (Math.max(0, at - present.at) / 1000) * present.rate
    const bytes = Math.min(burstBytes(present.rate), present.bytes + earned)
    present = { ...present, bytes, at }
  }

  return {
    turn,
    get rate() {
      return present.rate
    },
    setRate(next) {
      fill()
      present = { ...present, rate: next }
    },
    waitMs() {
      fill()
      return present.bytes > 0 ? 0 : Math.max(1, Math.ceil((-present.bytes / present.rate) * 1000))
    },
    take(bytes) {
      fill()
      present = { ...present, bytes: present.bytes - bytes }
    },
  }
}
