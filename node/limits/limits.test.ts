import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { Fault } from '../../protocol/fault.ts'
import type { LinkId, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { keys } from '../db/keys.ts'
import { openJournal } from '../journal/journal.ts'
import { openIndex } from '../journal/recovery.ts'
import { burstBytes } from './bucket.ts'
import { openLimits } from './limits.ts'
import { limitFolds, type Scope } from './scope.ts'

const mega = 1_000_000
const kyoto = 'kyoto' as SiteId
const lima = 'lima' as SiteId
const by = { user: 1 as UserId }
const site: Scope = { of: 'site' }
const link: Scope = { of: 'link', link: 7 as LinkId }
const first = 'a'.repeat(32) as TransferId
const second = 'b'.repeat(32) as TransferId
const never = new AbortController().signal
/** A Wednesday. */
const startAt = Date.parse('2026-11-25T17:59:50Z')

async function openRoom() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const manual = createManualClock(startAt)
  let movedMs = 0
  /** Set by hand: the timers know nothing of it. */
  const clock = { ...manual, now: () => manual.now() + movedMs }
  const journal = stack.use(
    await openJournal({ folder: join(folder.path, 'journal'), clock, create: true }),
  )
  const index = { folder: join(folder.path, 'index'), journal, folds: limitFolds, create: true }
  const { db, commit } = await openIndex(index)
  stack.use(db)
  const over = new Set<string>()
  const local = new Set<SiteId>()
  const faults: Fault[] = []
  const needs = {
    commit,
    db,
    clock,
    zone: 'UTC',
    linkOf: (of: SiteId) => (of === kyoto ? (7 as LinkId) : (8 as LinkId)),
    isLocal: (of: SiteId) => local.has(of),
    isOver: async (scope: Scope) =>
      over.has(scope.of === 'transfer' ? scope.transfer : scope.of === 'link' ? 'link' : 'site'),
    log: (fault: Fault) => void faults.push(fault),
  }
  const limits = stack.use(await openLimits(needs))
  return {
    ...{ clock, limits, over, local, journal, faults },
    moveBy(ms: number) {
      movedMs = ms
    },
    /** The same limits after a start. */
    again: () => openLimits(needs),
    /** Everything kept, from an index that is made anew from the journal. */
    async rebuilt() {
      await using made = (await openIndex({ ...index, folder: join(folder.path, 'again') })).db
      return await Array.fromAsync(made.list(keys.limits()))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

type Room = Awaited<ReturnType<typeof openRoom>>

/** Bytes that pass within a time, asked for 100 kB at a time. */
async function passing(
  { limits, clock }: Room,
  ms: number,
  o: { site?: SiteId; transfer?: TransferId; direction?: 'out' | 'in' } = {},
): Promise<number> {
  const stop = new AbortController()
  const pace = limits.throttle({ site: kyoto, transfer: first, direction: 'out', ...o })
  let bytes = 0
  const asking = (async () => {
    for (;;) {
      await pace(100_000, stop.signal)
      bytes += 100_000
      if (bytes > 1000 * mega) return
    }
  })().catch(() => {})
  await clock.advance(ms)
  stop.abort()
  await asking
  return bytes
}

const unlimited = 1000 * mega

describe('a limit', () => {
  it('of nothing lets everything through', async () => {
    await using room = await openRoom()
    expect(await passing(room, 0)).toBeGreaterThan(unlimited)
  })

  it.each<[string, Scope]>([
    ['the site', site],
    ['the link', link],
    ['the transfer', { of: 'transfer', transfer: first }],
  ])('of %s holds for what it is of, in its direction', async (_what, scope) => {
    await using room = await openRoom()
    await room.limits.set(scope, { out: mega }, by)
    const ten = await passing(room, 10_000)
    expect(ten).toBeGreaterThan(9.5 * mega)
    expect(ten).toBeLessThanOrEqual(10 * mega + burstBytes(mega) + 100_000)
    expect(await passing(room, 0, { direction: 'in' })).toBeGreaterThan(unlimited)
    const elsewhere = await passing(room, 1000, { site: lima, transfer: second })
    if (scope.of === 'site') expect(elsewhere).toBeLessThan(2 * mega)
    else expect(elsewhere).toBeGreaterThan(unlimited)
  })

  it('that is the lowest of several counts', async () => {
    await using room = await openRoom()
    await room.limits.set(site, { out: 3 * mega }, by)
    await room.limits.set(link, { out: 2 * mega }, by)
    await room.limits.set({ of: 'transfer', transfer: first }, { out: mega }, by)
    expect(await passing(room, 10_000)).toBeLessThan(11 * mega)
    const other = await passing(room, 10_000, { transfer: second })
    expect(other).toBeGreaterThan(18 * mega)
    expect(other).toBeLessThan(22 * mega)
  })

  it('changes what is given and keeps the rest, over a start and a new index', async () => {
    await using room = await openRoom()
    const windows = [
      { days: ['mon' as const], from: '08:00', to: '18:00', in: null },
      { days: ['sun' as const], from: '00:00', to: '24:00', out: 2 * mega },
    ]
    await room.limits.set(site, { out: mega, windows, localExempt: true }, by)
    const { limit } = await room.limits.set(site, { in: 5 * mega }, by)
    expect(limit).toEqual({ zone: 'UTC', out: mega, in: 5 * mega, windows, localExempt: true })
    await room.limits.set(link, { out: 7 * mega }, by)
    await room.limits.clear(link, by)
    using again = await room.again()
    expect(again.list()).toEqual(room.limits.list())
    expect(again.list().map((one) => [one.scope, one.limit])).toEqual([[site, limit]])
    expect(await room.rebuilt()).toEqual([
      { key: 'limit/site/0000000000000000', value: { scope: site, limit } },
    ])
    const records = await Array.fromAsync(room.journal.read())
    expect(records.map(({ kind, by: who }) => [kind, who])).toEqual(
      Array(4).fill(['limits.set', by]),
    )
  })

  it('that is refused changes nothing', async () => {
    await using room = await openRoom()
    await room.limits.set(site, { out: mega }, by)
    const before = room.limits.list()
    await expect(room.limits.set(site, { in: 0 }, by)).rejects.toThrow('A rate of 0 would stop')
    expect(room.limits.list()).toEqual(before)
    expect(room.journal.head.seq).toBe(1)
  })
})

describe('what is on its way', () => {
  it('goes on at once when the rate is raised or the limit goes', async () => {
    await using room = await openRoom()
    for (const change of ['raised', 'gone']) {
      await room.limits.set(site, { out: 100_000 }, by)
      const pace = room.limits.throttle({ site: kyoto, transfer: first, direction: 'out' })
      await pace(10 * mega, never)
      let passed = false
      void pace(1, never).then(() => {
        passed = true
      })
      await room.clock.advance(50_000)
      expect([change, passed]).toEqual([change, false])
      if (change === 'raised') await room.limits.set(site, { out: 100 * mega }, by)
      else await room.limits.clear(site, by)
      await room.clock.advance(change === 'raised' ? 1000 : 0)
      expect([change, passed]).toEqual([change, true])
    }
  })

  it('is held when a limit is set on it', async () => {
    await using room = await openRoom()
    const pace = room.limits.throttle({ site: kyoto, transfer: first, direction: 'in' })
    await pace(1000 * mega, never)
    await room.limits.set(link, { in: mega }, by)
    await pace(10 * mega, never)
    const stop = new AbortController()
    const held = pace(1, stop.signal)
    stop.abort('the transfer was paused')
    await expect(held).rejects.toBe('the transfer was paused')
  })

  it('goes by a window from the moment in which it begins', async () => {
    await using room = await openRoom()
    const windows = [{ days: ['wed' as const], from: '18:00', to: '18:01', out: 50 * mega }]
    const { now } = await room.limits.set(site, { out: 100_000, windows }, by)
    const begins = startAt + 10_000
    expect(now.out).toEqual({ rate: 100_000, until: begins })
    const pace = room.limits.throttle({ site: kyoto, transfer: first, direction: 'out' })
    await pace(20 * mega, never)
    const passedAt: number[] = []
    const rest = pace(1, never).then(() => passedAt.push(room.clock.now()))
    await room.clock.advance(9999)
    expect(passedAt).toEqual([])
    await room.clock.advance(1000)
    await rest
    expect(passedAt[0]! - begins).toBeGreaterThanOrEqual(0)
    expect(passedAt[0]! - begins).toBeLessThan(500)
    expect(room.limits.list()[0]!.now.out).toEqual({
      rate: 50 * mega,
      window: 0,
      until: begins + 60_000,
    })
    // And it ends without anybody asking.
    await room.clock.advance(60_000)
    expect(await passing(room, 10_000)).toBeLessThan(2 * mega)
  })

  it('goes by a window although somebody set the clock over its beginning', async () => {
    await using room = await openRoom()
    const days = ['wed' as const]
    const windows = [{ days, from: '19:00', to: '20:00', out: mega }]
    await room.limits.set(site, { windows }, by)
    const pace = room.limits.throttle({ site: kyoto, transfer: first, direction: 'out' })
    expect(pace.isLimited()).toBe(false)
    room.moveBy(2 * 3_600_000 - 30 * 60_000)
    expect(pace.isLimited()).toBe(true)
    room.moveBy(0)
    expect(pace.isLimited()).toBe(false)
  })

  it('is told apart from what is in the local network, where that is exempt', async () => {
    await using room = await openRoom()
    room.local.add(kyoto)
    await room.limits.set(site, { out: mega }, by)
    expect(await passing(room, 1000)).toBeLessThan(2 * mega)
    await room.limits.set(site, { localExempt: true }, by)
    expect(await passing(room, 0)).toBeGreaterThan(unlimited)
    expect(await passing(room, 1000, { site: lima })).toBeLessThan(2 * mega)
    await room.limits.set(link, { out: mega }, by)
    expect(await passing(room, 1000)).toBeLessThan(2 * mega)
  })
})

describe('a limit of a transfer', () => {
  const scope: Scope = { of: 'transfer', transfer: first }

  it('ends with it', async () => {
    await using room = await openRoom()
    await room.limits.set(scope, { out: mega }, by)
    room.limits.look(scope)
    await room.limits.set(site, { in: mega }, by)
    expect(room.limits.list()).toHaveLength(2)
    room.over.add(first)
    room.limits.look(scope)
    await vi.waitFor(() => expect(room.limits.list().map((one) => one.scope)).toEqual([site]))
    expect(room.faults).toEqual([])
  })

  it('that ended unseen is swept', async () => {
    await using room = await openRoom()
    await room.limits.set(scope, { out: mega }, by)
    await room.limits.set(link, { out: mega }, by)
    room.over.add(first)
    using again = await room.again()
    await again.sweep()
    expect(again.list().map((one) => one.scope)).toEqual([link])
  })

  it('cannot be set when it is over', async () => {
    await using room = await openRoom()
    room.over.add(first)
    await expect(room.limits.set(scope, { out: mega }, by)).rejects.toMatchObject({
      kind: 'conflict',
    })
    expect(room.limits.list()).toEqual([])
  })
})
