/**
 * A long line between two sites: 1 Gbit/s, 100 ms for a round trip, over which everything goes that
 * they say, whoever dials. 500 MB take four seconds on it, which is over before the promise begins, so
 * more goes through here: five seconds to get going and at least as long again to be measured.
 */
import type { Bench, Case } from '../case.ts'
import { ceilingOf, gigabit, type Line, type LineSetting, openLine, rateBetween } from '../line.ts'
import { median } from '../median.ts'
import { add, behind, type Ends, openPair, send } from '../sites.ts'

const work = '100 ms round trip, 1 Gbit/s through a user-space delay line'

export const longLine: Case = {
  name: 'line',
  rows: [
    {
      id: 'line.share',
      work,
      measure: 'share of what a raw socket gets, after 5 s',
      least: 80,
      aim: 95,
      better: 'more',
      unit: '%',
    },
    {
      id: 'line.whole',
      work,
      measure: 'share over the whole time, from first byte to `done`',
      better: 'more',
      unit: '%',
    },
  ],
  async run(bench) {
    const setting = settingOf(bench)
    const ceiling = await ceilingOf(setting, bench.quick ? 0.5 : 5)
    const mbs = ceiling.bytesPerSecond / 1e6
    bench.say(`  the line itself: ${mbs.toFixed(1)} MB/s, ${ceiling.roundTripMs.toFixed(0)} ms`)
    const bytes = bench.sized(1.5e9, 3e6)
    const startMs = bench.quick ? 200 : 5000
    const path = await bench.scratch.large(bytes)
    const after: number[] = []
    const whole: number[] = []
    const byLane: number[] = []
    for (let round = 0; round < bench.pairs; round++) {
      const { samples, base, endedAt } = await overLine(bench, setting, path, async () => {})
      const from = samples.find(({ passed }) => passed.kyoto - base > bytes / 1000)!.at
      const all = samples.find(({ passed }) => passed.kyoto - base >= bytes)!.at
      const rate = rateBetween(samples, 'kyoto', from + startMs, all)
      after.push((rate / ceiling.bytesPerSecond) * 100)
      whole.push((bytes / ((endedAt - from) / 1000) / ceiling.bytesPerSecond) * 100)
      byLane.push(laneShare(samples.at(-1)!.doors))
      bench.say(
        `  ${round + 1}/${bench.pairs}: ${after.at(-1)!.toFixed(1)} % after ${startMs / 1000} s, ${whole.at(-1)!.toFixed(1)} % over the whole, ${byLane.at(-1)!.toFixed(0)} % of the bytes by lane`,
      )
    }
    const note = `${Math.round(bytes / 1e6)} MB; the line alone ${mbs.toFixed(1)} MB/s and ${ceiling.roundTripMs.toFixed(0)} ms; ${median(byLane).toFixed(0)} % of the bytes by lane`
    return {
      'line.share': { value: median(after), all: after, note },
      'line.whole': { value: median(whole), all: whole, note },
    }
  },
}

/** Of what went through the doors of `behind`, the part that went through those of lanes. */
function laneShare(doors: readonly number[]): number {
  const lanes = doors.filter((_, i) => i % 2 === 1)
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0)
  return (sum(lanes) / sum(doors)) * 100
}

export const settingOf = (bench: Bench): Omit<LineSetting, 'doors'> =>
  bench.quick ? { bytesPerSecond: 4e6, delayMs: 10, everyMs: 10 } : gigabit

/** One send through a fresh line between fresh sites; `meanwhile` begins with the first bytes. */
export async function overLine(
  bench: Bench,
  setting: Omit<LineSetting, 'doors'>,
  path: string,
  meanwhile: (line: Line, over: AbortSignal) => Promise<void>,
) {
  const places = await behind()
  await using line = await openLine({ ...setting, doors: places.doors })
  const ends: Ends = places.at(line.ports)
  await using pair = await openPair({ lane: true, ...ends })
  const { id } = await add(pair, path)
  await bench.scratch.settle()
  const base = line.samples.at(-1)?.passed.kyoto ?? 0
  const over = new AbortController()
  const sending = send(pair, id).finally(() => over.abort())
  sending.catch(() => {})
  await meanwhile(line, over.signal)
  const view = await sending
  return { view, base, samples: line.samples, endedAt: line.samples.at(-1)!.at }
}
