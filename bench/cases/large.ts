/** One large file, beside rsync over ssh and beside the disk's own floor. */
import type { Bench, Case } from '../case.ts'
import { inTurn, median, ratios, sides } from '../median.ts'
import { costOfCopy } from '../rivals/copy.ts'
import { openRsync } from '../rivals/rsync.ts'
import { costOfSend } from '../sites.ts'
import { largeBytes } from './sizes.ts'

const work = 'one 2 GB file, durable and verified at the end'

export const large: Case = {
  name: 'large',
  rows: [
    {
      id: 'large.wall',
      work,
      measure: 'speed, against rsync over ssh',
      least: 1,
      aim: 1.5,
      better: 'more',
      unit: '×',
    },
    {
      id: 'large.cpu',
      work,
      measure: 'CPU-seconds of both ends, against rsync over ssh',
      least: 1,
      aim: 0.7,
      better: 'less',
      unit: '×',
    },
    {
      id: 'large.floor',
      work,
      measure: 'wall, against `cp` and `sync` on the same disk',
      better: 'less',
      unit: '×',
    },
    { id: 'large.rate', work, measure: 'content a second', better: 'more', unit: 'MB/s' },
  ],
  async run(bench) {
    const { scratch } = bench
    await using rsync = await openRsync(scratch.fresh('rsync'))
    const bytes = largeBytes(bench)
    const path = await scratch.large(bytes)
    const costs = await inTurn(
      bench.pairs,
      {
        ours: () => oneSend(bench, path, true),
        rsync: () => into(bench, (to) => rsync.costOf(path, to)),
        cp: () => into(bench, (to) => costOfCopy(path, to)),
      },
      bench.say,
    )
    const rates = costs.ours.map(({ wall }) => bytes / 1e6 / wall)
    return {
      'large.wall': ratios(costs.rsync, costs.ours, 'wall', sides(costs, 'wall')),
      'large.cpu': ratios(costs.ours, costs.rsync, 'cpu', sides(costs, 'cpu')),
      'large.floor': ratios(costs.ours, costs.cp, 'wall', sides(costs, 'wall')),
      'large.rate': { value: median(rates), all: rates, note: `${Math.round(bytes / 1e6)} MB` },
    }
  },
}

/** Sends `path` between two fresh sites, when the disk is at rest. */
export async function oneSend(bench: Bench, path: string, lane: boolean) {
  return await costOfSend(path, { lane, ready: () => bench.scratch.settle() })
}

/**
 * Gives a rival a fresh place for what it writes, when the disk is at rest, and takes it away again.
 * Many files are kept to the end of the bench: for minutes after many were removed ext4 looks long
 * for each new one, and whoever came second would pay for what the first one had left.
 */
export async function into<T>(
  bench: Bench,
  work: (to: string) => Promise<T>,
  o: { many?: boolean } = {},
): Promise<T> {
  const to = bench.scratch.fresh('to')
  await bench.scratch.settle()
  try {
    return await work(to)
  } finally {
    if (o.many !== true) await bench.scratch.remove(to)
  }
}
