/** How often somebody may do something: so many at once, then one more every so often. */
import type { Clock } from './clock.ts'

export interface Rate<K> {
  /** Counts one and says yes, or says no and counts nothing. */
  take(key: K): boolean
}

/** Keys remembered at one time, unless asked otherwise; the longest unseen is forgotten first. */
const keysMax = 10_000

export function createRate<K>(o: {
  clock: Clock
  /** How many at once. */
  burst: number
  /** One more after each of these, in milliseconds. */
  everyMs: number
  keysMax?: number | undefined
}): Rate<K> {
  const seen = new Map<K, { left: number; at: number }>()
  return {
    take(key) {
      const now = o.clock.now()
      const { left, at } = seen.get(key) ?? { left: o.burst, at: now }
      // A clock that was set back gives nothing and takes nothing.
      const earned = Math.max(0, now - at) / o.everyMs
      const present = Math.min(o.burst, left + earned)
      seen.delete(key)
      const taken = present >= 1
      seen.set(key, { left: taken ? present - 1 : present, at: now })
      if (seen.size > (o.keysMax ?? keysMax)) {
        const [oldest] = seen.keys()
        seen.delete(oldest!)
      }
      return taken
    },
  }
}
