import { expect, test } from 'vitest'
import { nextHour } from './hour.ts'

const next = (zone: string, at: string, hour: number) =>
  new Date(nextHour(zone, Date.parse(at), hour)).toISOString()

test.each([
  ['today', 'Europe/Oslo', '2026-11-30T04:00:00Z', 7, '2026-11-30T06:00:00.000Z'],
  ['tomorrow', 'Europe/Oslo', '2026-11-30T06:00:00Z', 7, '2026-12-01T06:00:00.000Z'],
  ['just before', 'Europe/Oslo', '2026-11-30T05:59:59.999Z', 7, '2026-11-30T06:00:00.000Z'],
  ['elsewhere', 'Asia/Tokyo', '2026-11-30T04:00:00Z', 7, '2026-11-30T22:00:00.000Z'],
  ['at midnight', 'Asia/Tokyo', '2026-11-30T04:00:00Z', 0, '2026-11-30T15:00:00.000Z'],
  [
    'by a quarter of an hour',
    'Asia/Kathmandu',
    '2026-11-30T04:00:00Z',
    7,
    '2026-12-01T01:15:00.000Z',
  ],
  // Oslo: at 02:00 on 28 March 2027 it becomes 03:00, at 03:00 on 31 October 2027 it becomes 02:00.
  [
    'an hour that is left out',
    'Europe/Oslo',
    '2027-03-27T12:00:00Z',
    2,
    '2027-03-28T01:00:00.000Z',
  ],
  ['the hour after it', 'Europe/Oslo', '2027-03-27T12:00:00Z', 3, '2027-03-28T01:00:00.000Z'],
  [
    'an hour that comes twice',
    'Europe/Oslo',
    '2027-10-30T12:00:00Z',
    2,
    '2027-10-31T00:00:00.000Z',
  ],
  [
    'and after it the next day',
    'Europe/Oslo',
    '2027-10-31T00:00:00Z',
    2,
    '2027-11-01T01:00:00.000Z',
  ],
  ['past a change', 'Europe/Oslo', '2027-03-27T12:00:00Z', 7, '2027-03-28T05:00:00.000Z'],
])('%s', (_name, zone, at, hour, expected) => {
  expect(next(zone, at, hour)).toBe(expected)
})
