import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayMs, isZone, minuteMs, nextAt, wallAt, weekdays } from './wall.ts'

const at = (iso: string) => Date.parse(iso)

function shown(zone: string, iso: string): string {
  const { weekday, ms } = wallAt(zone, at(iso))
  const minutes = Math.floor(ms / minuteMs)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${weekdays[weekday]} ${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

describe('the clock on the wall', () => {
  it('shows the time of its zone', () => {
    // 25 November 2026 is a Wednesday.
    expect(shown('UTC', '2026-11-25T23:30:00Z')).toBe('wed 23:30')
    expect(shown('Europe/Oslo', '2026-11-25T23:30:00Z')).toBe('thu 00:30')
    expect(shown('Asia/Kathmandu', '2026-11-25T18:20:00Z')).toBe('thu 00:05')
    expect(shown('America/Los_Angeles', '2026-11-25T07:59:59Z')).toBe('tue 23:59')
    expect(shown('UTC', '1969-12-31T12:00:00Z')).toBe('wed 12:00')
  })

  it('is put forward and back in Oslo', () => {
    // 28 March 2027, 02:00 becomes 03:00; 31 October 2027, 03:00 becomes 02:00.
    expect(shown('Europe/Oslo', '2027-03-28T00:59:59Z')).toBe('sun 01:59')
    expect(shown('Europe/Oslo', '2027-03-28T01:00:00Z')).toBe('sun 03:00')
    expect(shown('Europe/Oslo', '2027-10-31T00:59:59Z')).toBe('sun 02:59')
    expect(shown('Europe/Oslo', '2027-10-31T01:00:00Z')).toBe('sun 02:00')
  })

  it('is known by name', () => {
    expect(['Europe/Oslo', 'UTC', 'Asia/Tokyo'].map(isZone)).toEqual([true, true, true])
    expect(['Oslo', '', 'Europe/Nowhere'].map(isZone)).toEqual([false, false, false])
  })
})

describe('the next time that it shows', () => {
  it('is today or tomorrow', () => {
    const morning = at('2026-11-25T08:00:00Z')
    expect(nextAt('UTC', morning, [9 * 60, 7 * 60])).toBe(at('2026-11-25T09:00:00Z'))
    expect(nextAt('UTC', morning, [7 * 60])).toBe(at('2026-11-26T07:00:00Z'))
    expect(nextAt('UTC', morning, [8 * 60])).toBe(at('2026-11-26T08:00:00Z'))
    expect(nextAt('UTC', morning, [])).toBeUndefined()
  })

  it('is the change of the clocks, when that comes first', () => {
    const spring = at('2027-03-28T01:00:00Z')
    expect(nextAt('Europe/Oslo', spring - 3 * 60 * minuteMs, [6 * 60])).toBe(spring)
    expect(nextAt('Europe/Oslo', spring, [6 * 60])).toBe(at('2027-03-28T04:00:00Z'))
    const autumn = at('2027-10-31T01:00:00Z')
    expect(nextAt('Europe/Oslo', autumn - 3 * 60 * minuteMs, [6 * 60])).toBe(autumn)
    expect(nextAt('Europe/Oslo', autumn, [6 * 60])).toBe(at('2027-10-31T05:00:00Z'))
  })

  it('is later, at most a day, and not shown in between', () => {
    const zone = fc.constantFrom('Europe/Oslo', 'UTC', 'Australia/Lord_Howe', 'America/St_Johns')
    const instant = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2029-01-01T00:00:00Z') })
    const minutes = fc.array(fc.nat({ max: 1439 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        zone,
        instant,
        minutes,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (...o) => {
          const [name, now, asked, share] = o
          const next = nextAt(name, now, asked)!
          expect(next).toBeGreaterThan(now)
          expect(next).toBeLessThanOrEqual(now + dayMs)
          // Anywhere before it, the wall goes on as it did, and comes to none of the minutes.
          const between = now + Math.floor((next - now) * share)
          const passed = wallAt(name, between).ms - wallAt(name, now).ms
          expect((passed + dayMs) % dayMs).toBe(between - now)
          for (const minute of asked) {
            const wait = (minute * minuteMs - wallAt(name, now).ms + dayMs) % dayMs || dayMs
            expect(between - now).toBeLessThan(wait)
          }
        },
      ),
    )
  })
})
