/**
 * The small files again, nothing changed, to where they are already. We are counted from the call of
 * the API, rsync from the start of its command: each as a person or a script would use it.
 */
import type { Case } from '../case.ts'
import { costOf } from '../cost.ts'
import { inTurn, ratios, sides } from '../median.ts'
import { openRsync } from '../rivals/rsync.ts'
import { add, openPair, pidsOf, send } from '../sites.ts'
import { smallBytes, smallFiles } from './sizes.ts'

export const resend: Case = {
  name: 'resend',
  rows: [
    {
      id: 'resend.wall',
      work: 're-send of 50,000 files of 4 KiB, nothing changed, from the API call',
      measure: 'wall, against the no-change run of rsync',
      least: 0.5,
      aim: 0.1,
      better: 'less',
      unit: '×',
    },
  ],
  async run(bench) {
    const { scratch } = bench
    await using rsync = await openRsync(scratch.fresh('rsync'))
    const path = await scratch.many(smallFiles(bench), smallBytes)
    await using pair = await openPair({ lane: true })
    const { id } = await add(pair, path)
    const first = await send(pair, id)
    const dest = first.destination.dataset!
    const to = scratch.fresh('to')
    await rsync.costOf(path, to)
    await scratch.settle()
    const costs = await inTurn(
      bench.pairs,
      {
        ours: () => costOf(pidsOf(pair), () => send(pair, id, dest)),
        rsync: () => rsync.costOf(path, to),
      },
      bench.say,
    )
    await scratch.remove(to)
    return { 'resend.wall': ratios(costs.ours, costs.rsync, 'wall', sides(costs, 'wall')) }
  },
}
