import { expect, it } from 'vitest'
import { windowOf, windowText } from './windows.ts'

const mega = 1_000_000

it('reads days, times and rates', () => {
  expect(windowOf('mon-fri 08:00-18:00 out=10Mbit/s in=none')).toEqual({
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    from: '08:00',
    to: '18:00',
    out: 1.25 * mega,
    in: null,
  })
  expect(windowOf(' daily  20:00-06:00   in=2MB/s ')).toMatchObject({
    days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
    in: 2 * mega,
  })
  expect(windowOf('sat,sun 00:00-24:00 out=none').days).toEqual(['sat', 'sun'])
  expect(windowOf('fri-mon,wed 00:00-24:00 out=none').days).toEqual([
    'mon',
    'wed',
    'fri',
    'sat',
    'sun',
  ])
})

it.each([
  'mon-fri 08:00-18:00 out=1.25MB/s in=none',
  'daily 20:00-06:00 in=2MB/s',
  'mon,wed,fri-sun 00:00-24:00 out=none',
])('shows %s as it was typed', (text) => expect(windowText(windowOf(text))).toBe(text))

it.each([
  '',
  'mon-fri',
  'mon-fri 08:00-18:00',
  'mon-fri 8-18 out=1MB/s',
  'workdays 08:00-18:00 out=1MB/s',
  'mon-wed-fri 08:00-18:00 out=1MB/s',
  'mon, 08:00-18:00 out=1MB/s',
  'mon 08:00-18:00 up=1MB/s',
  'mon 08:00-18:00 out=1MB/s out=2MB/s',
])('%j is none, and the answer shows how one is written', (text) => {
  expect(() => windowOf(text)).toThrow('--window "mon-fri 08:00-18:00 out=10MB/s in=none"')
})
