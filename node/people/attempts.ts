/**
 * Tries at the door, held to a pace: for one address and one name together, for an address whatever
 * it tries, and for a name wherever it is tried from. So guessing is slow, and whoever guesses somebody's
 * password does not lock that person out elsewhere.
 */
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'

type Pace = {
  /** Tries at once after a quiet time, and the time after which there is one more, in milliseconds. */
  readonly burst: number
  readonly everyMs: number
}

export const pairPace: Pace = { burst: 5, everyMs: 30_000 }
export const addressPace: Pace = { burst: 30, everyMs: 3_000 }
export const namePace: Pace = { burst: 50, everyMs: 10_000 }
/** What is remembered of either sort; past it the one that was seen longest ago is forgotten. */
const rememberedMax = 10_000

/** A fault `busy` that says when to try again, in seconds. */
export class TooMany extends Fault {
  readonly seconds: number

  constructor(seconds: number) {
    super('busy', 'people.enter', {
      text: `Too many tries. Wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'}, then try again.`,
    })
    this.seconds = seconds
  }
}

export interface Attempts {
  /** Throws `TooMany` when there were too many. */
  demand(address: string, name: string): void
  /** It was right: it counts nowhere, and what that address tried with that name before no more. */
  right(address: string, name: string): void
}

export function createAttempts(clock: Clock): Attempts {
  const pairs = createPaced(pairPace, clock)
  const addresses = createPaced(addressPace, clock)
  const names = createPaced(namePace, clock)
  const pairOf = (address: string, name: string) => `${address} ${name}`
  return {
    demand(address, name) {
      // In this order: what is refused already counts no further, or one address could use up a name.
      const wait = addresses.take(address) || pairs.take(pairOf(address, name)) || names.take(name)
      if (wait > 0) throw new TooMany(Math.ceil(wait / 1000))
    },
    right(address, name) {
      pairs.forget(pairOf(address, name))
      addresses.giveBack(address)
      names.giveBack(name)
    },
  }
}

/** For one sort of names alone; `Attempts` is three of them. */
export function createPaced({ burst, everyMs }: Pace, clock: Clock) {
  /** When everything that was taken will be made good. */
  const fullAt = new Map<string, number>()
  return {
    /** 0 when it was taken; else how long to wait, in milliseconds, and nothing was. */
    take(name: string): number {
      const now = clock.now()
      const next = Math.max(now, fullAt.get(name) ?? now) + everyMs
      const wait = next - now - burst * everyMs
      if (wait > 0) return wait
      fullAt.delete(name)
      fullAt.set(name, next)
      if (fullAt.size > rememberedMax) fullAt.delete(fullAt.keys().next().value!)
      return 0
    },
    giveBack(name: string): void {
      const at = fullAt.get(name)
      if (at !== undefined) fullAt.set(name, at - everyMs)
    },
    forget: (name: string) => void fullAt.delete(name),
  }
}
