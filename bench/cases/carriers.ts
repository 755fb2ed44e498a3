/**
 * One large file over each carrier, beside that carrier with nothing around it: a libp2p stream and a
 * native TLS socket whose readers only count. What is between them is what our work costs.
 */
import type { Bench, Case } from '../case.ts'
import { type Cost, costOf } from '../cost.ts'
import { inTurn, ratios, sides } from '../median.ts'
import { openEnds } from '../rivals/process.ts'
import { oneSend } from './large.ts'
import { largeBytes } from './sizes.ts'

export const stream: Case = {
  name: 'stream',
  rows: [
    {
      id: 'stream.wall',
      work: 'one 2 GB file over a libp2p stream alone',
      measure: 'speed, against a raw js-libp2p Noise stream that only counts bytes',
      least: 0.6,
      aim: 0.85,
      better: 'more',
      unit: '×',
    },
  ],
  run: async (bench) => ({ 'stream.wall': await beside(bench, 'raw-libp2p-end.ts', false) }),
}

export const tls: Case = {
  name: 'tls',
  rows: [
    {
      id: 'tls.wall',
      work: 'one 2 GB file over the lane',
      measure: 'speed, against a raw native TLS 1.3 socket that only counts bytes',
      better: 'more',
      unit: '×',
    },
  ],
  run: async (bench) => ({ 'tls.wall': await beside(bench, 'raw-tls-end.ts', true) }),
}

async function beside(bench: Bench, file: string, lane: boolean) {
  const bytes = largeBytes(bench)
  const path = await bench.scratch.large(bytes)
  const costs = await inTurn(
    bench.pairs,
    { ours: () => oneSend(bench, path, lane), raw: () => rawCost(bench, file, bytes) },
    bench.say,
  )
  const note = `${sides(costs, 'wall')}; ${sides(costs, 'cpu')}`
  return ratios(costs.raw, costs.ours, 'wall', note)
}

async function rawCost({ scratch }: Bench, file: string, bytes: number): Promise<Cost> {
  const work = { bytes, path: '', folder: scratch.folder }
  await using ends = await openEnds(file, { source: work, sink: work })
  await scratch.settle()
  return await costOf(ends.pids, ends.go)
}
