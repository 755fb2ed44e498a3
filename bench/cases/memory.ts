/** Twenty gigabytes that repeat nothing, left in place at the source: resident memory of either site. */
import type { Case } from '../case.ts'
import { memoryOf } from '../cost.ts'
import { add, openPair, pidsOf, send } from '../sites.ts'

const work = '20 GB of non-repeating data'

export const memory: Case = {
  name: 'memory',
  long: true,
  rows: [
    {
      id: 'memory.peak',
      work,
      measure: 'peak resident memory of either process, lane',
      least: 200,
      aim: 120,
      better: 'less',
      unit: 'MB',
    },
    {
      id: 'memory.mean',
      work,
      measure: 'mean resident memory of either process, lane',
      better: 'less',
      unit: 'MB',
    },
  ],
  async run(bench) {
    const bytes = bench.sized(20e9, 8e6)
    const path = await bench.scratch.large(bytes)
    await using pair = await openPair({ lane: true })
    const { id } = await add(pair, path, true)
    const seen = await memoryOf(pidsOf(pair), () => send(pair, id))
    return memoryRows('memory', seen, `${(bytes / 1e9).toFixed(1)} GB`)
  },
}

export function memoryRows(name: string, seen: { peak: number; mean: number }[], what: string) {
  const told = seen.map(({ peak, mean }) => `${peak.toFixed(0)} (mean ${mean.toFixed(0)})`)
  const note = `${what}; source ${told[0]}, destination ${told[1]}`
  const row = (of: 'peak' | 'mean') => {
    const all = seen.map((one) => one[of])
    return { value: Math.max(...all), all, note }
  }
  return { [`${name}.peak`]: row('peak'), [`${name}.mean`]: row('mean') }
}
