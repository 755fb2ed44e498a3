/** Tickets and keys that were given out: each good once, for a short time, for one site and protocol. */

import type { SiteId } from '../../../protocol/ids.ts'
import { laneIdentity, laneKeyBytes, laneTicketBytes } from '../../../protocol/lane.ts'
import type { Clock } from '../../base/clock.ts'
import type { Limits } from '../limits.ts'

export type Promised<P> = {
  readonly site: SiteId
  readonly purpose: P
  readonly ticket: Uint8Array
  readonly key: Uint8Array
  /** The place that it takes, promised and then open, is free again. Safe to call twice. */
  leave(): void
}

export type Promises<P> = {
  /** A place for a lane that is not promised; the function gives it back. None when there is none. */
  place(site: SiteId): (() => void) | undefined
  /** None when this site, or all together, have as many as there may be. */
  make(site: SiteId, purpose: P): Promised<P> | undefined
  /** Found once, never again; the place stays taken until `leave`. */
  use(identity: string): Promised<P> | undefined
  forget(site: SiteId): void
  clear(): void
}

export function createPromises<P>(o: {
  clock: Clock
  limits: Pick<Limits, 'lanesMax' | 'lanesPerSiteMax' | 'lanePromiseMs'>
}): Promises<P> {
  const { clock, limits } = o
  const waiting = new Map<string, { promised: Promised<P>; late: Disposable }>()
  const taken = new Set<{ readonly site: SiteId }>()

  function place(site: SiteId): (() => void) | undefined {
    const ofSite = [...taken].filter((one) => one.site === site).length
    if (taken.size >= limits.lanesMax || ofSite >= limits.lanesPerSiteMax) return undefined
    const one = { site }
    taken.add(one)
    return () => void taken.delete(one)
  }

  function withdraw(identity: string): Promised<P> | undefined {
    const found = waiting.get(identity)
    waiting.delete(identity)
    found?.late[Symbol.dispose]()
    return found?.promised
  }

  function forgetWhere(holds: (promised: Promised<P>) => boolean): void {
    for (const [identity, { promised }] of waiting) {
      if (!holds(promised)) continue
      withdraw(identity)
      promised.leave()
    }
  }

  return {
    place,
    make(site, purpose) {
      const leave = place(site)
      if (leave === undefined) return undefined
      const ticket = clock.random(laneTicketBytes)
      const promised = { site, purpose, ticket, key: clock.random(laneKeyBytes), leave }
      const identity = laneIdentity(ticket)
      const late = clock.after(limits.lanePromiseMs, () => withdraw(identity)?.leave())
      waiting.set(identity, { promised, late })
      return promised
    },
    use: withdraw,
    forget: (site) => forgetWhere((promised) => promised.site === site),
    clear: () => forgetWhere(() => true),
  }
}
