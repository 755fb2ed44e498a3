import { expect, it } from 'vitest'
import { burstBytes, createBucket } from './bucket.ts'

const rate = 1_000_000

it('is full at first, gives more than it has once, and then waits until that is made good', () => {
  let now = 5000
  const bucket = createBucket(rate, 0, () => now)
  expect(bucket.waitMs()).toBe(0)
  bucket.take(burstBytes(rate) + 250_000)
  expect(bucket.waitMs()).toBe(250)
  now += 249
  expect(bucket.waitMs()).toBe(1)
  now += 2
  expect(bucket.waitMs()).toBe(0)
})

it('holds no more than its burst, however long nobody takes', () => {
  let now = 0
  const bucket = createBucket(rate, 0, () => now)
  now += 3_600_000
  bucket.take(burstBytes(rate) + 1000)
  expect(bucket.waitMs()).toBe(1)
})

it('gives nothing and takes nothing when the clock is set back', () => {
  let now = 1_000_000
  const bucket = createBucket(rate, 0, () => now)
  bucket.take(burstBytes(rate) + 500_000)
  now = 0
  expect(bucket.waitMs()).toBe(500)
  now = 500
  expect(bucket.waitMs()).toBe(1)
})

it('has time enough between two looks at a high rate', () => {
  expect(burstBytes(1e9)).toBe(1e8)
  expect(burstBytes(64_000)).toBe(64 * 1024)
})
