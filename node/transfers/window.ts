/**
 * How much may be wanted and not yet be here: what the line holds at the rate that it shows, and a
 * little more, so that a faster line shows it. More would only lie in queues on the way: it would
 * make every word behind it late, and be sent twice when the line is cut. The rate is measured as
 * bytes come in, the round trip when a stream is opened, before anything queues.
 */

/** What is wanted beyond one round trip's worth, and so the least that is wanted at all, in bytes. */
export const slackBytes = 4 * 1024 * 1024
/** From this round trip on a line is long, and several streams share the transfer. In milliseconds. */
const longLineMs = 20
/** Streams over a long line; each has a window of its own there, in the system and in the muxer. */
export const streamsMax = 4
/** The rate is that of the last so many milliseconds, taken in steps of so many. */
const rateOverMs = 1000
const rateStepMs = 50

export interface Window {
  /** A round trip was seen, in milliseconds. The shortest counts. */
  roundTrip(ms: number): void
  /** Bytes came in, at an instant in milliseconds. */
  came(bytes: number, at: number): void
  /** Bytes that may be wanted and not be here. */
  readonly bytes: number
  /** Streams that are worth having. */
  readonly streams: number
}

/** `mostBytes`: what one stream may have wanted at most. */
export function createWindow(mostBytes: number): Window {
  let rtt: number | undefined
  const marks: { at: number; bytes: number }[] = []
  let total = 0
  let rate = 0

  return {
    roundTrip(ms) {
      rtt = Math.min(rtt ?? ms, ms)
    },
    came(bytes, at) {
      total += bytes
      const last = marks.at(-1)
      if (last !== undefined && at < last.at + rateStepMs) return
      marks.push({ at, bytes: total })
      while (marks.length > 2 && marks[1]!.at <= at - rateOverMs) marks.shift()
      const [first] = marks
      if (at > first!.at) rate = ((total - first!.bytes) * 1000) / (at - first!.at)
    },
    get bytes() {
      const inFlight = (rate * (rtt ?? 0)) / 1000
      return Math.min(slackBytes + inFlight, mostBytes * streamsMax)
    },
    get streams() {
      return (rtt ?? 0) >= longLineMs ? streamsMax : 1
    },
  }
}
