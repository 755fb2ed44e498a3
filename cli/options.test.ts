import { expect, it } from 'vitest'
import { destOf, durationOf, given, pairOf } from './options.ts'

it('splits a pair at its first =', () => {
  expect(pairOf('a=b=c', '--meta')).toEqual(['a', 'b=c'])
  expect(pairOf('a=', '--meta')).toEqual(['a', ''])
  for (const wrong of ['a', '=b', '']) {
    expect(() => pairOf(wrong, '--meta')).toThrow('--meta wants NAME=VALUE')
  }
})

it('reads times', () => {
  expect(['90s', '30m', '48h', '7d'].map(durationOf)).toEqual([
    90_000, 1_800_000, 172_800_000, 604_800_000,
  ])
  for (const wrong of ['', '48', '0h', '1.5h', '-1h', '1w', '99999999d']) {
    expect(() => durationOf(wrong)).toThrow('written as')
  }
})

it('takes 0 and nothing as a new dataset, and no other word as an ID', () => {
  expect([destOf('0'), destOf(''), destOf('12')]).toEqual([0, 0, 12])
  for (const wrong of ['00', '-1', '1.0', 'x', '1e3']) expect(() => destOf(wrong)).toThrow('ID')
})

it('leaves out what was not given', () => {
  expect(given({ a: 1, b: undefined, c: null, d: false })).toEqual({ a: 1, c: null, d: false })
})
