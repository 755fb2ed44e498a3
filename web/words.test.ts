import { expect, test } from 'vitest'
import type { ToldTransfer } from '../api/shapes.ts'
import { bytesThere, countText, durationText, sizeText, visible } from '../api/words.ts'
import { percentOf, timeLeftText } from './words.ts'

const moving = {
  state: 'moving',
  bytes: { chosen: 1000, held: 100, sent: 300, received: 0, dataset: 0 },
  bytesPerSecond: 10,
} as ToldTransfer

test('figures have three digits and their unit', () => {
  expect([0, 999, 999_600, 412e9].map(sizeText)).toEqual(['0 B', '999 B', '1.00 MB', '412 GB'])
  expect([countText(1, 'file'), countText(12_345, 'file')]).toEqual(['1 file', '12,345 files'])
  expect([0, 61, 90_000].map(durationText)).toEqual(['0 s', '1 min 1 s', '1 d 1 h'])
})

test('progress is what the destination has, and never more than was chosen', () => {
  expect(bytesThere(moving)).toBe(400)
  expect(percentOf(moving)).toBe(40)
  expect(timeLeftText(moving)).toBe('1 min left')
  expect(percentOf({ ...moving, bytes: { ...moving.bytes, sent: 9999 } })).toBe(100)
})

test('an empty transfer is whole when it is done and not before', () => {
  const empty = { ...moving, bytes: { ...moving.bytes, chosen: 0 } }
  expect([percentOf(empty), percentOf({ ...empty, state: 'done' })]).toEqual([0, 100])
})

test('a name that would turn the line around is written out', () => {
  expect(visible('scan\u202Egnp.exe')).toBe('scan\\u{202e}gnp.exe')
})
