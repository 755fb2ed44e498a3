import { Fault } from '../../../protocol/fault.ts'
import type { Hold } from '../../upkeep/holds.ts'
import type { Doors, Handlers } from '../doors.ts'

type Names =
  | 'site.reclaim'
  | 'site.scrub'
  | 'site.scrub-now'
  | 'holds.list'
  | 'holds.add'
  | 'holds.release'

export const upkeepHandlers: Handlers<Names> = {
  'site.reclaim': async ({ doors, by, input: { dry = false }, signal, onProgress }) => {
    const done = await doors.upkeep.reclaim({ dry, by: { user: by.id }, signal, onProgress })
    return { dry, ...done }
  },
  'site.scrub': ({ doors }) => viewScrub(doors),
  'site.scrub-now': async ({ doors, signal, onProgress }) => {
    await doors.upkeep.scrubNow({ signal, onProgress })
    return viewScrub(doors)
  },
  'holds.list': async ({ doors }) => (await doors.upkeep.holds.list()).map(viewHold),
  'holds.add': async ({ doors, by, input: { dataset: id, reason } }) => {
    // Whoever runs the site may keep anything on its disk, whether or not they may look into it.
    const dataset = await doors.datasets.get(id)
    if (dataset === undefined)
      throw new Fault('missing', 'hold.add', {
        about: id,
        text: `There is no dataset ${id}. Only what is there can be held.`,
      })
    const { name, versions, at } = dataset
    if (at === 'removed') {
      throw new Fault('gone', 'hold.add', {
        about: id,
        text: `Dataset ${id} (${name}) was removed. Only what is there can be held.`,
      })
    }
    const trees = versions.map(({ tree: { root, times } }) => ({ root, times }))
    const hold = { dataset: id, name, reason, trees }
    return viewHold(await doors.upkeep.holds.add(hold, { user: by.id }))
  },
  'holds.release': async ({ doors, by, input: { id } }) =>
    viewHold(await doors.upkeep.holds.release(id, { user: by.id })),
}

async function viewScrub({ upkeep }: Pick<Doors, 'upkeep'>) {
  const { damaged, ...scrub } = await upkeep.view()
  const told = damaged.map((one) => ({
    ...one,
    owners: one.owners.map((owner) => ({ ...owner })),
    sources: one.sources.map((source) => ({ ...source })),
  }))
  return { ...scrub, damaged: told }
}

function viewHold({ id, dataset, name, reason, trees, madeAt }: Hold) {
  return { id, dataset, name, reason, versions: trees.length, madeAt }
}
