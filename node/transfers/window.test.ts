import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWindow, slackBytes, streamsMax } from './window.ts'

const most = 8 * 1024 * 1024

/** A line of this rate and round trip on which always a whole window is on its way. */
function settle(line: { bytesPerSecond: number; roundTripMs: number }, ms: number) {
  const window = createWindow(most)
  window.roundTrip(line.roundTripMs)
  const stepMs = 10
  for (let at = 0; at <= ms; at += stepMs) {
    const byWindow = (window.bytes * stepMs) / Math.max(line.roundTripMs, 1)
    const byLine = (line.bytesPerSecond * stepMs) / 1000
    window.came(Math.min(byWindow, byLine), at)
  }
  return window
}

describe('a window', () => {
  it('begins with the slack, over one stream', () => {
    const window = createWindow(most)
    expect(window.bytes).toBe(slackBytes)
    expect(window.streams).toBe(1)
  })

  it('grows until the line is full, and holds one round trip of it and the slack', () => {
    const line = { bytesPerSecond: 125_000_000, roundTripMs: 100 }
    const window = settle(line, 5000)
    const inFlight = 12_500_000
    expect(window.bytes).toBeGreaterThan(inFlight + slackBytes * 0.95)
    expect(window.bytes).toBeLessThan(inFlight * 1.05 + slackBytes)
    expect(window.streams).toBe(streamsMax)
  })

  it('stays small on a short line, however fast', () => {
    const window = settle({ bytesPerSecond: 1_000_000_000, roundTripMs: 1 }, 2000)
    expect(window.bytes).toBeLessThan(slackBytes + 1_100_000)
    expect(window.streams).toBe(1)
  })

  it('forgets a rate that is gone', () => {
    const window = settle({ bytesPerSecond: 125_000_000, roundTripMs: 100 }, 3000)
    for (let at = 3010; at <= 6000; at += 10) window.came(1000, at)
    expect(window.bytes).toBeLessThan(slackBytes + 100_000)
  })

  it('counts the shortest round trip', () => {
    const window = createWindow(most)
    window.roundTrip(300)
    window.roundTrip(5)
    window.roundTrip(80)
    expect(window.streams).toBe(1)
  })

  it('is never less than the slack nor more than all streams may hold', () => {
    const coming = fc.array(fc.tuple(fc.nat(50_000_000), fc.nat(2000)))
    fc.assert(
      fc.property(fc.nat(10_000), coming, (rtt, chunks) => {
        const window = createWindow(most)
        window.roundTrip(rtt)
        let at = 0
        for (const [bytes, after] of chunks) {
          at += after
          window.came(bytes, at)
          expect(window.bytes).toBeGreaterThanOrEqual(slackBytes)
          expect(window.bytes).toBeLessThanOrEqual(most * streamsMax)
        }
      }),
    )
  })
})
