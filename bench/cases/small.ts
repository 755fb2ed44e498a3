/** Fifty thousand small files, beside rsync into a fresh folder each round. */
import type { Case } from '../case.ts'
import { inTurn, ratios, sides } from '../median.ts'
import { openRsync } from '../rivals/rsync.ts'
import { into, oneSend } from './large.ts'
import { smallBytes, smallFiles } from './sizes.ts'

const work = '50,000 files of 4 KiB, durable and verified in the store'

export const small: Case = {
  name: 'small',
  rows: [
    {
      id: 'small.wall',
      work,
      measure: 'speed, against rsync over ssh, which does not flush',
      least: 1,
      aim: 2,
      better: 'more',
      unit: '×',
    },
    {
      id: 'small.cpu',
      work,
      measure: 'CPU-seconds of both ends, against rsync over ssh',
      better: 'less',
      unit: '×',
    },
  ],
  async run(bench) {
    await using rsync = await openRsync(bench.scratch.fresh('rsync'))
    const path = await bench.scratch.many(smallFiles(bench), smallBytes)
    const costs = await inTurn(
      bench.pairs,
      {
        ours: () => oneSend(bench, path, true),
        rsync: () => into(bench, (to) => rsync.costOf(path, to), { many: true }),
      },
      bench.say,
    )
    return {
      'small.wall': ratios(costs.rsync, costs.ours, 'wall', sides(costs, 'wall')),
      'small.cpu': ratios(costs.ours, costs.rsync, 'cpu', sides(costs, 'cpu')),
    }
  },
}
