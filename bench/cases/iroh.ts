/** One large file, beside iroh-blobs, the fastest engine of the kind that can be had from Node. */
import { mkdir } from 'node:fs/promises'
import type { Bench, Case } from '../case.ts'
import { type Cost, costOf } from '../cost.ts'
import { inTurn, ratios, sides } from '../median.ts'
import { needIroh } from '../rivals/iroh.ts'
import { openEnds } from '../rivals/process.ts'
import { into, oneSend } from './large.ts'
import { largeBytes } from './sizes.ts'

export const iroh: Case = {
  name: 'iroh',
  rows: [
    {
      id: 'iroh.wall',
      work: 'one 2 GB file, durable and verified at the end',
      measure: 'speed, against iroh-blobs 0.35',
      least: 2.5,
      aim: 4,
      better: 'more',
      unit: '×',
    },
  ],
  async run(bench) {
    await needIroh({ install: !bench.quick })
    const bytes = largeBytes(bench)
    const path = await bench.scratch.large(bytes)
    const costs = await inTurn(
      bench.pairs,
      { ours: () => oneSend(bench, path, true), iroh: () => oneGet(bench, path, bytes) },
      bench.say,
    )
    const note = `${sides(costs, 'wall')}; ${sides(costs, 'cpu')}`
    return { 'iroh.wall': ratios(costs.iroh, costs.ours, 'wall', note) }
  },
}

function oneGet(bench: Bench, path: string, bytes: number): Promise<Cost> {
  return into(bench, async (folder) => {
    const at = { source: `${folder}/source`, sink: `${folder}/sink` }
    await Promise.all(Object.values(at).map((one) => mkdir(one, { recursive: true })))
    await using ends = await openEnds('iroh-end.ts', {
      source: { bytes, path, folder: at.source },
      sink: { bytes, path: '', folder: at.sink },
    })
    await bench.scratch.settle()
    return await costOf(ends.pids, ends.go)
  })
}
