import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rateOf, rateText } from './rates.ts'

it.each<[string, number | null]>([
  ['500kB/s', 500_000],
  ['10MB/s', 10_000_000],
  ['1.5 GB/s', 1_500_000_000],
  ['800kbit/s', 100_000],
  ['100Mbit/s', 12_500_000],
  ['2.5Gbit/s', 312_500_000],
  ['none', null],
  ['0', 0],
  ['0MB/s', 0],
])('%s is a rate', (text, rate) => expect(rateOf(text)).toBe(rate))

it.each([
  '10',
  '10M',
  '10m',
  '1e6kB/s',
  '-1MB/s',
  '10 MB',
  '10mb/s',
  'fast',
  '',
  '1..5MB/s',
  'None',
])('%j is none, and the answer shows how one is written', (text) => {
  expect(() => rateOf(text)).toThrow('500kB/s, 10MB/s or 100Mbit/s')
})

it('shows a rate as it would be typed', () => {
  expect([64_000, 1_250_000, 12_500_000_000, null].map(rateText)).toEqual([
    '64 kB/s',
    '1.25 MB/s',
    '12.5 GB/s',
    'none',
  ])
})

it('reads what it shows', () => {
  fc.assert(
    fc.property(fc.integer({ min: 64_000, max: 1e9 - 1 }), (rate) => {
      expect(rateOf(rateText(rate))).toBe(rate)
    }),
  )
})
