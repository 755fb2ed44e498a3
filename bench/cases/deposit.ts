/** The small files again, ending as ordinary files in the deposit folder of the project they arrive in. */
import { mkdir } from 'node:fs/promises'
import { eventually, type Pair } from '../../test/site.ts'
import type { Bench, Case } from '../case.ts'
import { costOf } from '../cost.ts'
import { inTurn, ratios, sides } from '../median.ts'
import { openRsync } from '../rivals/rsync.ts'
import { add, openPair, pidsOf, send } from '../sites.ts'
import { into } from './large.ts'
import { smallBytes, smallFiles } from './sizes.ts'

/** Laying out goes on after `done`, which says that all of it is imported; in milliseconds. */
const layingMs = 10 * 60_000

export const deposit: Case = {
  name: 'deposit',
  rows: [
    {
      id: 'deposit.wall',
      work: '50,000 files of 4 KiB, ending as ordinary files in a deposit folder',
      measure: 'speed, against rsync over ssh, which does not flush',
      least: 0.7,
      aim: 1.2,
      better: 'more',
      unit: '×',
    },
  ],
  async run(bench) {
    await using rsync = await openRsync(bench.scratch.fresh('rsync'))
    const path = await bench.scratch.many(smallFiles(bench), smallBytes)
    const costs = await inTurn(
      bench.pairs,
      {
        ours: () => into(bench, (to) => oneDeposit(bench, path, to), { many: true }),
        rsync: () => into(bench, (to) => rsync.costOf(path, to), { many: true }),
      },
      bench.say,
    )
    const note = `${sides(costs, 'wall')}; ${sides(costs, 'cpu')}`
    return { 'deposit.wall': ratios(costs.rsync, costs.ours, 'wall', note) }
  },
}

async function oneDeposit(bench: Bench, path: string, folder: string) {
  await using pair = await openPair({ lane: true })
  await mkdir(folder)
  await nameFolder(pair, folder)
  const { id } = await add(pair, path)
  await bench.scratch.settle()
  return await costOf(pidsOf(pair), async () => {
    const { id: transfer } = await send(pair, id)
    const made = async () => {
      const { deposit } = await pair.atKyoto.call('transfers.show', { id: transfer })
      return deposit?.state === 'made'
    }
    await eventually(made, 'what arrived lies in its folder', layingMs)
  })
}

async function nameFolder({ atKyoto }: Pair, folder: string): Promise<void> {
  const personal = (await atKyoto.call('projects.list', {})).find((project) => project.personal)!
  await atKyoto.call('projects.set-deposit', { id: personal.id, folder })
}
