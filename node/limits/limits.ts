/**
 * The limits that people set, in force: for the site as a whole, for a link, for a transfer. Content
 * asks `throttle` before it goes out or is wanted. What is set here counts at once for what is on its
 * way, and so does a window that begins or ends: there is one timer, to the next such moment.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { LinkId, SiteId, TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { type Key, keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Bucket } from './bucket.ts'
import {
  checkLimit,
  type Direction,
  type InForce,
  inForce,
  inForceUntil,
  type Limit,
  nextBoundary,
  noLimit,
} from './limit.ts'
import { type Kept, keyOf, type Scope } from './scope.ts'
import { createTurns, type Take } from './turns.ts'

/** A limit, what of it is in force at this moment, and until when if it changes by itself. */
export type LimitNow = {
  readonly scope: Scope
  readonly limit: Limit
  readonly now: Readonly<Record<Direction, InForce & { readonly until?: number }>>
}

export interface Limits extends Disposable {
  /** All that are set. */
  list(): LimitNow[]
  /**
   * Changes what is given and keeps the rest; in force when it resolves. Faults `invalid`, in words;
   * `conflict` when the link or the transfer is over.
   */
  set(scope: Scope, changes: Partial<Limit>, by: Actor): Promise<LimitNow>
  /** Nothing happens when there is none. */
  clear(scope: Scope, by: Actor): Promise<LimitNow>
  /**
   * Waits until so many bytes of a transfer may pass, by all limits that it is under together. All
   * who ask for the same transfer and direction have one share of the rates between them.
   */
  throttle(o: { site: SiteId; transfer: TransferId; direction: Direction }): Take
  /** A link or a transfer is different: its limit ends with it. Never throws. */
  look(scope: Scope): void
  /** Ends the limits of what ended unseen. */
  sweep(): Promise<void>
}

export type LimitsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  /** In which windows are read when nobody says one. */
  readonly zone: string
  linkOf(site: SiteId): LinkId | undefined
  /** Whether all our connections with the site stay in a local network. */
  isLocal(site: SiteId): boolean
  /** Whether there is no such link or transfer any more. */
  isOver(scope: Scope): Promise<boolean>
  log(fault: Fault): void
}

type Entry = {
  readonly scope: Scope
  readonly limit: Limit
  readonly buckets: Partial<Record<Direction, Bucket>>
}

/** Shares that are remembered while nobody uses them; the longest unused is forgotten first. */
const takersMax = 1024

const directions: readonly Direction[] = ['out', 'in']

export async function openLimits(needs: LimitsNeeds): Promise<Limits> {
  const { clock, commit, isOver } = needs
  const entries = new Map<Key, Entry>()
  const turns = createTurns(clock)
  const takers = new Map<string, Take>()
  let timer: Disposable | undefined
  /** Between these two instants nothing changes by itself. */
  let steady = { from: 0, to: 0 }

  for await (const { value } of needs.db.list<Kept>(keys.limits())) keep(value)
  refresh()

  function keep({ scope, limit }: Kept): void {
    const key = keyOf(scope)
    if (limit === null) entries.delete(key)
    else entries.set(key, { scope, limit, buckets: entries.get(key)?.buckets ?? {} })
  }

  /** Every bucket as it is to be now, and a timer to when that changes. */
  function refresh(): void {
    const now = clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const { limit, buckets } of entries.values()) {
      for (const direction of directions) {
        const { rate } = inForce(limit, direction, now)
        const present = buckets[direction]
        if (rate === null) delete buckets[direction]
        else if (present === undefined) buckets[direction] = turns.bucket(rate)
        else if (present.rate !== rate) present.setRate(rate)
      }
      next = Math.min(next, nextBoundary(limit, now) ?? next)
    }
    timer?.[Symbol.dispose]()
    timer = Number.isFinite(next) ? clock.after(next - now, refresh) : undefined
    steady = { from: now, to: next }
    turns.wake()
  }

  /** Somebody may have set the machine's clock over a boundary, of which the timer does not know. */
  function refreshIfMoved(): void {
    const now = clock.now()
    if (now < steady.from || now >= steady.to) refresh()
  }

  async function save(scope: Scope, limit: Limit | null, by: Actor): Promise<void> {
    const kept: Kept = { scope, limit }
    await commit('limits.set', by, kept)
    keep(kept)
    refresh()
  }

  /** Looks at the clock before it asks; never while others are being served. */
  function taker(buckets: () => readonly Bucket[]): Take {
    const take = turns.taker(buckets)
    const ask = (bytes: number, signal: AbortSignal) => {
      refreshIfMoved()
      return take(bytes, signal)
    }
    const isLimited = () => {
      refreshIfMoved()
      return take.isLimited()
    }
    return Object.assign(ask, { isLimited })
  }

  function bucketOf(scope: Scope, direction: Direction): Bucket | undefined {
    return entries.get(keyOf(scope))?.buckets[direction]
  }

  function bucketsOf(site: SiteId, transfer: TransferId, direction: Direction): Bucket[] {
    if (entries.size === 0) return []
    const link = needs.linkOf(site)
    const whole: Scope = { of: 'site' }
    const isExempt = entries.get(keyOf(whole))?.limit.localExempt === true && needs.isLocal(site)
    return [
      bucketOf({ of: 'transfer', transfer }, direction),
      link === undefined ? undefined : bucketOf({ of: 'link', link }, direction),
      isExempt ? undefined : bucketOf(whole, direction),
    ].filter((bucket) => bucket !== undefined)
  }

  async function endIfOver(scope: Scope): Promise<void> {
    if (!entries.has(keyOf(scope)) || !(await isOver(scope))) return
    await limits.clear(scope, 'system')
  }

  function viewOf({ scope, limit }: Pick<Entry, 'scope' | 'limit'>): LimitNow {
    const at = clock.now()
    const of = (direction: Direction) => {
      const until = inForceUntil(limit, direction, at)
      return { ...inForce(limit, direction, at), ...(until === undefined ? {} : { until }) }
    }
    return { scope, limit, now: { out: of('out'), in: of('in') } }
  }

  const limits: Limits = {
    list: () => [...entries.values()].map(viewOf),
    set: (scope, changes, by) =>
      commit.serial(async () => {
        if (await isOver(scope)) throw over(scope)
        const before = entries.get(keyOf(scope))?.limit ?? noLimit(needs.zone)
        const limit = checkLimit({ ...before, ...changes })
        await save(scope, limit, by)
        // What ended in the meantime has been looked at before it had this limit.
        if (await isOver(scope)) {
          await save(scope, null, 'system')
          throw over(scope)
        }
        return viewOf({ scope, limit })
      }),
    clear: (scope, by) =>
      commit.serial(async () => {
        if (entries.has(keyOf(scope))) await save(scope, null, by)
        return viewOf({ scope, limit: noLimit(needs.zone) })
      }),
    throttle({ site, transfer, direction }) {
      const key = `${site} ${transfer} ${direction}`
      const known = takers.get(key) ?? taker(() => bucketsOf(site, transfer, direction))
      takers.delete(key)
      takers.set(key, known)
      if (takers.size > takersMax) takers.delete(takers.keys().next().value!)
      return known
    },
    look(scope) {
      endIfOver(scope).catch((thrown) => needs.log(asFault(thrown, 'limits.end')))
    },
    async sweep() {
      for (const { scope } of [...entries.values()]) await endIfOver(scope)
    },
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]()
      turns[Symbol.dispose]()
    },
  }
  return limits
}

function over(scope: Scope): Fault {
  const text =
    scope.of === 'transfer'
      ? 'The transfer is over; there is nothing left to limit.'
      : 'The link is not there any more; there is nothing left to limit.'
  return new Fault('conflict', 'limits.set', { text })
}
