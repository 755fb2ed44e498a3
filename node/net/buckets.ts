/** Token buckets by key: so many at once, then so many a second; the key used longest ago is forgotten. */
import type { Clock } from '../base/clock.ts'

export type Buckets = {
  /** Takes one; false when there is none left for this key. */
  take(key: string): boolean
}

export function createBuckets(o: {
  clock: Clock
  burst: number
  perSecond: number
  keysMax: number
}): Buckets {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(key) {
      const now = o.clock.now()
      const was = buckets.get(key) ?? { tokens: o.burst, at: now }
      // The machine's clock may be set back; then nothing is refilled, and nothing is taken away.
      const seconds = Math.max(0, now - was.at) / 1000
      const tokens = Math.min(o.burst, was.tokens + seconds * o.perSecond)
      const taken = tokens >= 1
      buckets.delete(key)
      buckets.set(key, { tokens: taken ? tokens - 1 : tokens, at: now })
      const oldest = buckets.keys().next()
      if (buckets.size > o.keysMax && !oldest.done) buckets.delete(oldest.value)
      return taken
    },
  }
}
