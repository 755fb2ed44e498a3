/** The same long line, cut every ten seconds: what each cut makes the source send twice. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Case } from '../case.ts'
import { median } from '../median.ts'
import { overLine, settingOf } from './long-line.ts'

const mib = 1024 * 1024
/** What is promised: twice, and once, what is on the line at any time, and a little. */
const inFlightBytes = 125e6 * 0.1

export const cuts: Case = {
  name: 'cuts',
  rows: [
    {
      id: 'cuts.twice',
      work: 'the same line with a cut every 10 s',
      measure: 'bytes sent twice, a cut',
      least: (2 * inFlightBytes + 8 * mib) / mib,
      aim: (inFlightBytes + 4 * mib) / mib,
      better: 'less',
      unit: 'MiB',
    },
  ],
  async run(bench) {
    const bytes = bench.sized(4e9, 3e6)
    const everyMs = bench.quick ? 600 : 10_000
    // A few seconds of work cut again and again would never end.
    const cutsMax = bench.quick ? 1 : Number.POSITIVE_INFINITY
    const rounds = bench.quick ? 1 : Math.min(bench.pairs, 3)
    const path = await bench.scratch.large(bytes)
    const all: number[] = []
    let count = 0
    for (let round = 0; round < rounds; round++) {
      let made = 0
      const { view } = await overLine(bench, settingOf(bench), path, async (line, over) => {
        const later = (ms: number) => pause(ms, true, { signal: over }).catch((): boolean => false)
        while (made < cutsMax && (await later(everyMs))) {
          line.cut()
          made++
        }
      })
      if (made === 0) throw new Error('the transfer was over before the first cut; take more bytes')
      all.push((view.bytes.sent - view.bytes.chosen) / made / mib)
      count += made
      bench.say(`  ${round + 1}/${rounds}: ${made} cuts, ${all.at(-1)!.toFixed(1)} MiB twice a cut`)
    }
    const note = `${Math.round(bytes / 1e6)} MB a round, ${count} cuts`
    return { 'cuts.twice': { value: median(all), all, note } }
  },
}
