import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { type Bucket, burstBytes } from './bucket.ts'
import { createTurns, type Take, type Turns } from './turns.ts'

const kib = 1024
const mega = 1_000_000
/** As much as one frame of content holds. */
const requestBytesMax = 1024 * kib
const never = new AbortController().signal

/** Bytes that were let through, and when. */
type Passed = { at: number; bytes: number; who: number }

/** Somebody who asks again as soon as it was served, until it is told to stop. */
function keepAsking(o: {
  take: Take
  who: number
  clock: ManualClock
  passed: Passed[]
  signal: AbortSignal
  bytes: () => number
}): Promise<void> {
  const run = async () => {
    for (;;) {
      const bytes = o.bytes()
      await o.take(bytes, o.signal)
      o.passed.push({ at: o.clock.now(), bytes, who: o.who })
    }
  }
  return run().catch(() => {})
}

const bytesOf = (passed: readonly Passed[], who: number) =>
  passed.filter((one) => one.who === who).reduce((sum, { bytes }) => sum + bytes, 0)

/** The most that passed in any span of time, over what the rate allows in it. */
function mostOver(passed: readonly Passed[], rate: number): number {
  let worst = Number.NEGATIVE_INFINITY
  // At each instant: bytes before it, less what the rate has earned by then.
  let sum = 0
  let lowest = Number.POSITIVE_INFINITY
  for (const { at, bytes } of passed) {
    lowest = Math.min(lowest, sum - (at / 1000) * rate)
    sum += bytes
    worst = Math.max(worst, sum - (at / 1000) * rate - lowest)
  }
  return worst
}

function open(): { clock: ManualClock; turns: Turns } {
  const clock = createManualClock()
  return { clock, turns: createTurns(clock) }
}

describe('laws', () => {
  const rate = fc.integer({ min: 64_000, max: 20 * mega })
  // Small ones among large ones: whoever asked for single bytes only would ask millions of times.
  const sizes = fc
    .array(fc.integer({ min: 1, max: requestBytesMax }), { maxLength: 4 })
    .map((some) => [...some, 64 * kib])

  it('no more passes in any time than rate × time, the burst and one request', async () => {
    await fc.assert(
      fc.asyncProperty(rate, fc.array(sizes, { minLength: 1, maxLength: 6 }), async (r, askers) => {
        const { clock, turns } = open()
        const bucket = turns.bucket(r)
        const passed: Passed[] = []
        const stop = new AbortController()
        const asking = askers.map((list, who) => {
          let n = 0
          const bytes = () => list[n++ % list.length]!
          const take = turns.taker(() => [bucket])
          return keepAsking({ take, who, clock, passed, signal: stop.signal, bytes })
        })
        await clock.advance(3000)
        stop.abort()
        await Promise.all(asking)
        expect(mostOver(passed, r)).toBeLessThanOrEqual(burstBytes(r) + requestBytesMax + 1)
        // Nor is anything wasted: the rate is used while anybody asks.
        const all = passed.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(all).toBeGreaterThanOrEqual(Math.floor(3 * r * 0.95))
      }),
      { numRuns: 25 },
    )
  })

  it('everybody is served, in equal shares of bytes, however large their requests are', async () => {
    const bytes = fc.integer({ min: 4 * kib, max: requestBytesMax })
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 2, maxLength: 6 }), async (askers) => {
        const { clock, turns } = open()
        const bucket = turns.bucket(10 * mega)
        const passed: Passed[] = []
        const stop = new AbortController()
        const asking = askers.map((size, who) =>
          keepAsking({
            take: turns.taker(() => [bucket]),
            who,
            clock,
            passed,
            signal: stop.signal,
            bytes: () => size,
          }),
        )
        await clock.advance(10_000)
        stop.abort()
        await Promise.all(asking)
        const shares = askers.map((_, who) => bytesOf(passed, who))
        expect(Math.max(...shares)).toBeLessThanOrEqual(2 * Math.min(...shares))
      }),
      { numRuns: 20 },
    )
  })

  it('of several buckets none gives more than it may, and none waits for another', async () => {
    await fc.assert(
      fc.asyncProperty(rate, rate, rate, async (site, slow, fast) => {
        const { clock, turns } = open()
        const whole = turns.bucket(site)
        const links = [turns.bucket(slow), turns.bucket(fast)]
        const passed: Passed[] = []
        const stop = new AbortController()
        const asking = [0, 0, 1, 1].map((link, who) =>
          keepAsking({
            take: turns.taker(() => [links[link]!, whole]),
            who,
            clock,
            passed,
            signal: stop.signal,
            bytes: () => 256 * kib,
          }),
        )
        const seconds = 20
        await clock.advance(seconds * 1000)
        stop.abort()
        await Promise.all(asking)
        const over = burstBytes(20 * mega) + requestBytesMax
        expect(mostOver(passed, site)).toBeLessThanOrEqual(over)
        const ofLink = (link: number) => passed.filter(({ who }) => who >> 1 === link)
        expect(mostOver(ofLink(0), slow)).toBeLessThanOrEqual(over)
        expect(mostOver(ofLink(1), fast)).toBeLessThanOrEqual(over)
        // All of the site's rate is used, as far as the links can take it.
        const all = passed.reduce((sum, { bytes }) => sum + bytes, 0)
        const possible = Math.min(site, slow + fast)
        expect(all).toBeGreaterThanOrEqual(possible * seconds * 0.9 - 1024 * kib)
        // And whichever link is slower has its half of it, or all it can take.
        const least = Math.min(slow, fast, site / 2)
        for (const link of [0, 1]) {
          const bytes = ofLink(link).reduce((sum, one) => sum + one.bytes, 0)
          expect(bytes).toBeGreaterThanOrEqual((least * seconds) / 2 - 1024 * kib)
        }
      }),
      { numRuns: 20 },
    )
  })
})

describe('somebody who waits', () => {
  async function waiting(rate: number) {
    const { clock, turns } = open()
    const bucket = turns.bucket(rate)
    const buckets: Bucket[] = [bucket]
    const take = turns.taker(() => buckets)
    await take(10 * mega, never)
    let served = false
    const stop = new AbortController()
    const done = take(kib, stop.signal).then(() => {
      served = true
    })
    done.catch(() => {})
    await clock.advance(0)
    expect(served).toBe(false)
    return { clock, turns, bucket, buckets, take, stop, done, isServed: () => served }
  }

  it('is served when what was taken before is made good, and not before', async () => {
    const { clock, isServed } = await waiting(mega)
    // Ten megabytes, of which the burst was there at the beginning.
    const wait = ((10 * mega - burstBytes(mega)) / mega) * 1000
    await clock.advance(wait - 1)
    expect(isServed()).toBe(false)
    await clock.advance(2)
    expect(isServed()).toBe(true)
  })

  it('is served at once when the limit goes', async () => {
    const { clock, turns, buckets, isServed } = await waiting(mega)
    buckets.length = 0
    turns.wake()
    await clock.advance(0)
    expect(isServed()).toBe(true)
  })

  it('is served sooner when the rate is raised, and later when it is lowered', async () => {
    const { clock, turns, bucket, isServed } = await waiting(mega)
    bucket.setRate(mega / 2)
    turns.wake()
    await clock.advance(12_000)
    expect(isServed()).toBe(false)
    // Six of ten megabytes were made good; the rest takes four tenths of a second.
    bucket.setRate(10 * mega)
    turns.wake()
    await clock.advance(300)
    expect(isServed()).toBe(false)
    await clock.advance(200)
    expect(isServed()).toBe(true)
  })

  it('takes nothing when it gives up', async () => {
    const { clock, done, stop, take } = await waiting(mega)
    stop.abort('enough')
    await expect(done).rejects.toBe('enough')
    await expect(take(1, stop.signal)).rejects.toBe('enough')
    const wait = ((10 * mega - burstBytes(mega)) / mega) * 1000
    let next = false
    void take(1, never).then(() => {
      next = true
    })
    await clock.advance(wait + 1)
    expect(next).toBe(true)
  })

  it('has its turn where it was, when it gives up and comes back', async () => {
    const { clock, turns } = open()
    const bucket = turns.bucket(mega)
    const [one, other] = [turns.taker(() => [bucket]), turns.taker(() => [bucket])]
    await one(10 * mega, never)
    for (let tries = 0; tries < 5; tries++) {
      const stop = new AbortController()
      const gone = one(10 * mega, stop.signal)
      stop.abort('enough')
      await expect(gone).rejects.toBe('enough')
    }
    const order: string[] = []
    void one(1, never).then(() => order.push('one'))
    // Had the five tries counted, all of these would come before it.
    for (let i = 0; i < 4; i++) void other(5 * mega, never).then(() => order.push('other'))
    await clock.advance(60_000)
    expect(order).toEqual(['other', 'other', 'one', 'other', 'other'])
  })

  it('does not wait for one that was served and never comes back, however busy others are', async () => {
    const { clock, turns } = open()
    const shared = turns.bucket(20 * mega)
    await turns.taker(() => [shared])(1000, never)
    const passed: Passed[] = []
    const stop = new AbortController()
    // Its turn is after what the other one would ask for next, if it did.
    const take = turns.taker(() => [shared])
    const other = turns.bucket(1000 * mega)
    await take(2000, never)
    const rest = take(1000, never).then(() => passed.push({ at: clock.now(), bytes: 1000, who: 0 }))
    const busy = async () => {
      while (!stop.signal.aborted) {
        await turns.taker(() => [other])(1, stop.signal)
        await clock.sleep(0.25, { signal: stop.signal })
      }
    }
    const running = busy().catch(() => {})
    await clock.advance(10)
    stop.abort()
    await Promise.all([running, rest])
    expect(passed).toHaveLength(1)
  })

  it('is not passed over by one whose first request comes late', async () => {
    const { clock, turns } = open()
    const bucket = turns.bucket(mega)
    const passed: Passed[] = []
    const stop = new AbortController()
    const ask = (who: number) =>
      keepAsking({
        take: turns.taker(() => [bucket]),
        who,
        clock,
        passed,
        signal: stop.signal,
        bytes: () => 100_000,
      })
    void ask(0)
    await clock.advance(60_000)
    passed.length = 0
    void ask(1)
    await clock.advance(10_000)
    stop.abort()
    expect(bytesOf(passed, 0)).toBeGreaterThan(4 * mega)
    expect(bytesOf(passed, 1)).toBeGreaterThan(4 * mega)
  })

  it('is not passed over when a limit comes back, by one who was never limited', async () => {
    const { clock, turns } = open()
    let bucket = turns.bucket(mega)
    const passed: Passed[] = []
    const stop = new AbortController()
    const ask = (who: number) =>
      keepAsking({
        take: turns.taker(() => [bucket]),
        who,
        clock,
        passed,
        signal: stop.signal,
        bytes: () => 100_000,
      })
    void ask(0)
    await clock.advance(60_000)
    bucket = turns.bucket(mega)
    passed.length = 0
    void ask(1)
    await clock.advance(10_000)
    stop.abort()
    expect(bytesOf(passed, 0)).toBeGreaterThan(4 * mega)
    expect(bytesOf(passed, 1)).toBeGreaterThan(4 * mega)
  })
})
