import { expect, it } from 'vitest'
import { createManualClock } from './clock.ts'
import { createRate } from './rate.ts'

it('gives a burst, then one each time', async () => {
  const clock = createManualClock()
  const rate = createRate<string>({ clock, burst: 2, everyMs: 1000 })
  expect([rate.take('a'), rate.take('a'), rate.take('a')]).toEqual([true, true, false])
  expect(rate.take('b')).toBe(true)
  await clock.advance(999)
  expect(rate.take('a')).toBe(false)
  await clock.advance(1)
  expect([rate.take('a'), rate.take('a')]).toEqual([true, false])
  await clock.advance(1_000_000)
  expect([rate.take('a'), rate.take('a'), rate.take('a')]).toEqual([true, true, false])
})

it('remembers a limited number of keys, the last seen ones', () => {
  const rate = createRate<number>({
    clock: createManualClock(),
    burst: 1,
    everyMs: 1000,
    keysMax: 2,
  })
  expect([rate.take(1), rate.take(2), rate.take(1), rate.take(3)]).toEqual([
    true,
    true,
    false,
    true,
  ])
  expect(rate.take(1)).toBe(false)
  expect(rate.take(2)).toBe(true)
})
