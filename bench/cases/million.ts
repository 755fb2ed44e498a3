/** A million tiny files: memory of either site, and time per file against a tenth of them. */
import type { Bench, Case } from '../case.ts'
import { costOf, memoryOf } from '../cost.ts'
import { add, openPair, pidsOf, send } from '../sites.ts'
import { memoryRows } from './memory.ts'

const work = '1,000,000 files'
/** So small that what is measured is the work for a file, not for its content. */
const bytesEach = 64

export const million: Case = {
  name: 'million',
  long: true,
  rows: [
    {
      id: 'million.peak',
      work,
      measure: 'peak resident memory of either process, lane',
      least: 200,
      aim: 120,
      better: 'less',
      unit: 'MB',
    },
    {
      id: 'million.mean',
      work,
      measure: 'mean resident memory of either process, lane',
      better: 'less',
      unit: 'MB',
    },
    {
      id: 'million.growth',
      work,
      measure: 'time per file from `send` to `done`, against 100,000',
      least: 1.2,
      aim: 1.05,
      better: 'less',
      unit: '×',
    },
  ],
  async run(bench) {
    const count = bench.sized(1_000_000, 1000)
    const few = await sendMany(bench, count / 10)
    const many = await sendMany(bench, count)
    const growth = many.wall / few.wall / 10
    return {
      ...memoryRows('million', many.seen, `${count} files of ${bytesEach} bytes`),
      'million.growth': {
        value: growth,
        all: [growth],
        note: `${count} files in ${many.wall.toFixed(1)} s, ${count / 10} in ${few.wall.toFixed(1)} s`,
      },
    }
  },
}

/** The files stay until the end of the run: ext4 is slow for minutes after so many are removed. */
async function sendMany(bench: Bench, count: number) {
  const path = await bench.scratch.many(count, bytesEach)
  await using pair = await openPair({ lane: true })
  const { id } = await add(pair, path)
  await bench.scratch.settle()
  let seen: { peak: number; mean: number }[] = []
  const { wall } = await costOf(pidsOf(pair), async () => {
    seen = await memoryOf(pidsOf(pair), () => send(pair, id))
  })
  bench.say(`  ${count} files: ${wall.toFixed(1)} s`)
  return { wall, seen }
}
