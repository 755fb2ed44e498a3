import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Weekday, weekdays } from '../base/wall.ts'
import {
  checkLimit,
  inForce,
  inForceUntil,
  type Limit,
  nextBoundary,
  noLimit,
  rateMin,
  type Window,
  windowsMax,
} from './limit.ts'

const mega = 1_000_000
const at = (iso: string) => Date.parse(iso)
const daily = [...weekdays]

function limitOf(windows: Window[], more: Partial<Limit> = {}): Limit {
  return { ...noLimit('Europe/Oslo'), out: 10 * mega, windows, ...more }
}

/** What holds for what goes out, at instants of Oslo's wall in winter (+01:00). */
const rateAt = (limit: Limit, iso: string) => inForce(limit, 'out', at(iso)).rate

describe('which rate holds', () => {
  it('is the one by default without a window, in each direction', () => {
    const limit = limitOf([], { in: 2 * mega })
    expect(inForce(limit, 'out', 0)).toEqual({ rate: 10 * mega })
    expect(inForce(limit, 'in', 0)).toEqual({ rate: 2 * mega })
    expect([nextBoundary(limit, 0), inForceUntil(limit, 'out', 0)]).toEqual([undefined, undefined])
  })

  it('is the window’s from its first moment to just before its end', () => {
    const limit = limitOf([{ days: ['wed'], from: '08:00', to: '18:00', out: mega }])
    expect(rateAt(limit, '2026-11-25T07:59:59.999+01:00')).toBe(10 * mega)
    expect(rateAt(limit, '2026-11-25T08:00:00+01:00')).toBe(mega)
    expect(rateAt(limit, '2026-11-25T17:59:59.999+01:00')).toBe(mega)
    expect(rateAt(limit, '2026-11-25T18:00:00+01:00')).toBe(10 * mega)
    expect(rateAt(limit, '2026-11-26T12:00:00+01:00')).toBe(10 * mega)
    expect(inForce(limit, 'in', at('2026-11-25T12:00:00+01:00'))).toEqual({ rate: null })
  })

  it('goes over midnight into a day that is not named', () => {
    const limit = limitOf([{ days: ['fri'], from: '20:00', to: '06:00', out: null }])
    expect(rateAt(limit, '2026-11-27T19:59:00+01:00')).toBe(10 * mega)
    expect(rateAt(limit, '2026-11-27T20:00:00+01:00')).toBe(null)
    expect(rateAt(limit, '2026-11-28T05:59:00+01:00')).toBe(null)
    expect(rateAt(limit, '2026-11-28T06:00:00+01:00')).toBe(10 * mega)
    // The night before began on a Thursday, the next on a Saturday.
    expect(rateAt(limit, '2026-11-27T05:00:00+01:00')).toBe(10 * mega)
    expect(rateAt(limit, '2026-11-28T21:00:00+01:00')).toBe(10 * mega)
  })

  it('from Sunday goes on into Monday', () => {
    const limit = limitOf([{ days: ['sun'], from: '23:00', to: '01:00', out: mega }])
    expect(rateAt(limit, '2026-11-30T00:30:00+01:00')).toBe(mega)
    expect(rateAt(limit, '2026-11-29T00:30:00+01:00')).toBe(10 * mega)
  })

  it.each(['00:00', '24:00'])('of a whole day ends at %s', (to) => {
    const limit = limitOf([{ days: ['sat'], from: '00:00', to, out: mega }])
    expect(rateAt(limit, '2026-11-27T23:59:59+01:00')).toBe(10 * mega)
    expect(rateAt(limit, '2026-11-28T00:00:00+01:00')).toBe(mega)
    expect(rateAt(limit, '2026-11-28T23:59:59+01:00')).toBe(mega)
    expect(rateAt(limit, '2026-11-29T00:00:00+01:00')).toBe(10 * mega)
  })

  it('is of the first window that names the direction', () => {
    const limit = limitOf([
      { days: daily, from: '00:00', to: '24:00', in: mega },
      { days: daily, from: '12:00', to: '13:00', out: 2 * mega, in: 2 * mega },
      { days: daily, from: '12:00', to: '14:00', out: 3 * mega },
    ])
    const noon = at('2026-11-25T12:30:00+01:00')
    expect(inForce(limit, 'in', noon)).toEqual({ rate: mega, window: 0 })
    expect(inForce(limit, 'out', noon)).toEqual({ rate: 2 * mega, window: 1 })
    expect(inForceUntil(limit, 'out', noon)).toBe(at('2026-11-25T13:00:00+01:00'))
    expect(inForceUntil(limit, 'in', noon)).toBe(undefined)
  })
})

describe('when the clocks are changed in Oslo', () => {
  const night = limitOf([{ days: daily, from: '01:30', to: '06:00', out: mega }])

  it('a night in spring is an hour shorter', () => {
    const begins = at('2027-03-28T00:30:00Z')
    expect(inForceUntil(night, 'out', begins - 1)).toBe(begins)
    const ends = inForceUntil(night, 'out', begins)!
    expect(ends).toBe(at('2027-03-28T04:00:00Z'))
    expect((ends - begins) / 3_600_000).toBe(3.5)
  })

  it('a night in autumn is an hour longer', () => {
    const begins = at('2027-10-30T23:30:00Z')
    expect(inForceUntil(night, 'out', begins - 1)).toBe(begins)
    const ends = inForceUntil(night, 'out', begins)!
    expect(ends).toBe(at('2027-10-31T05:00:00Z'))
    expect((ends - begins) / 3_600_000).toBe(5.5)
  })

  it('a window in the hour that is left out does not come', () => {
    const limit = limitOf([{ days: ['sun'], from: '02:10', to: '02:50', out: mega }])
    // From the Sunday before it, to the one after.
    const before = at('2027-03-21T12:00:00Z')
    expect(inForceUntil(limit, 'out', before)).toBe(at('2027-04-04T00:10:00Z'))
    expect(rateAt(limit, '2027-03-28T01:20:00Z')).toBe(10 * mega)
    expect(rateAt(limit, '2027-04-04T00:20:00Z')).toBe(mega)
  })

  it('one that ends in that hour ends when it is left out', () => {
    const limit = limitOf([{ days: ['sun'], from: '01:00', to: '02:30', out: mega }])
    expect(inForceUntil(limit, 'out', at('2027-03-28T00:30:00Z'))).toBe(at('2027-03-28T01:00:00Z'))
  })

  it('a window in the hour that comes twice comes twice', () => {
    const limit = limitOf([{ days: ['sun'], from: '02:10', to: '02:50', out: mega }])
    const changes = ['00:10', '00:50', '01:10', '01:50'].map((t) => at(`2027-10-31T${t}:00Z`))
    let now = at('2027-10-30T12:00:00Z')
    for (const expected of changes) {
      now = inForceUntil(limit, 'out', now)!
      expect(new Date(now).toISOString()).toBe(new Date(expected).toISOString())
    }
  })
})

const time = fc.nat({ max: 1439 }).map((minute) => {
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
})
const rate = fc.option(fc.integer({ min: rateMin, max: 1e10 }))
const days = fc.uniqueArray(fc.constantFrom<Weekday>(...weekdays), { minLength: 1, maxLength: 7 })
const window: fc.Arbitrary<Window> = fc.record({ days, from: time, to: time, out: rate, in: rate })
const limit: fc.Arbitrary<Limit> = fc.record({
  zone: fc.constantFrom('Europe/Oslo', 'UTC', 'America/New_York', 'Australia/Lord_Howe'),
  out: rate,
  in: rate,
  windows: fc.array(window, { maxLength: 4 }),
  localExempt: fc.boolean(),
})
const instant = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2029-01-01T00:00:00Z') })
const share = fc.double({ min: 0, max: 0.9999, noNaN: true })

describe('laws', () => {
  it('what is in force stays so until the next boundary', () => {
    fc.assert(
      fc.property(limit, instant, share, (one, now, part) => {
        expect(checkLimit(one)).toBe(one)
        const next = nextBoundary(one, now) ?? now + 1e9
        const between = now + Math.floor((next - now) * part)
        for (const direction of ['out', 'in'] as const) {
          expect(inForce(one, direction, between)).toEqual(inForce(one, direction, now))
        }
      }),
    )
  })

  it('until when is when something else is in force, and not before', () => {
    fc.assert(
      fc.property(limit, instant, share, (one, now, part) => {
        const until = inForceUntil(one, 'out', now)
        const holds = inForce(one, 'out', now)
        if (until !== undefined) expect(inForce(one, 'out', until)).not.toEqual(holds)
        const between = now + Math.floor(((until ?? now + 14 * 86_400_000) - now) * part)
        expect(inForce(one, 'out', between)).toEqual(holds)
      }),
    )
  })
})

describe('what is refused, in words', () => {
  const good: Window = { days: ['mon'], from: '08:00', to: '18:00', out: mega }
  it.each<[string, Partial<Limit>, string]>([
    ['a rate of 0', { out: 0 }, 'A rate of 0 would stop everything; pause the transfer'],
    ['a rate of 0 in a window', { windows: [{ ...good, in: 0 }] }, 'write none for no limit'],
    ['a rate below the floor', { in: rateMin - 1 }, 'A rate is at least 16 kB/s'],
    ['a rate that is negative', { in: -mega }, 'whole number of bytes'],
    ['a rate that is no whole number', { in: mega + 0.5 }, 'whole number of bytes'],
    ['a zone that is not there', { zone: 'Oslo' }, 'There is no time zone Oslo.'],
    ['a window on no day', { windows: [{ ...good, days: [] }] }, 'names the days'],
    ['a window at no time', { windows: [{ ...good, from: '24:00' }] }, 'from one time of the day'],
    ['a window to no time', { windows: [{ ...good, to: '18:60' }] }, 'from one time of the day'],
    [
      'a window with no rate',
      { windows: [{ days: ['mon'], from: '08:00', to: '18:00' }] },
      'which rate',
    ],
    ['too many windows', { windows: Array(windowsMax + 1).fill(good) }, `at most ${windowsMax}`],
  ])('%s', (_what, wrong, words) => {
    const bad = { ...noLimit('UTC'), ...wrong }
    expect(() => checkLimit(bad)).toThrow(words)
    expect(() => checkLimit(bad)).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })
})
