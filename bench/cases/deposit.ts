/** The small files again, ending as ordinary files in a project's deposit folder. */
import { routes } from '../../api/routes.ts'
import { type Case, Skipped } from '../case.ts'

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
  async run() {
    if (!('projects.deposit' in routes)) throw new Skipped('projects have no deposit folders yet')
    throw new Skipped('the case is not written yet')
  },
}
