import type { LinkId } from '../../../protocol/ids.ts'
import type { Limit } from '../../limits/limit.ts'
import type { LimitNow } from '../../limits/limits.ts'
import type { Scope } from '../../limits/scope.ts'
import { may } from '../../people/permissions.ts'
import type { User } from '../../people/users.ts'
import type { Doors, Handlers } from '../doors.ts'
import { needTransfer } from './transfers.ts'

type Names =
  | 'limits.list'
  | 'limits.set'
  | 'limits.clear'
  | 'limits.set-link'
  | 'limits.clear-link'
  | 'limits.set-transfer'
  | 'limits.clear-transfer'

const site: Scope = { of: 'site' }

export const limitHandlers: Handlers<Names> = {
  'limits.list': async ({ doors, by }) => {
    const all = doors.limits.list()
    const seen = await Promise.all(all.map(({ scope }) => maySee(doors, by, scope)))
    return all.filter((_, i) => seen[i]).map((one) => view(doors, one))
  },
  'limits.set': ({ doors, by, input }) => set(doors, by, site, input),
  'limits.clear': ({ doors, by }) => clear(doors, by, site),
  'limits.set-link': ({ doors, by, input: { id, ...changes } }) =>
    set(doors, by, linkScope(doors, id), changes),
  'limits.clear-link': ({ doors, by, input: { id } }) => clear(doors, by, linkScope(doors, id)),
  'limits.set-transfer': async ({ doors, by, input: { id, ...changes } }) => {
    await needTransfer(doors.transfers, id, by, 'transfer.steer')
    return set(doors, by, { of: 'transfer', transfer: id }, changes)
  },
  'limits.clear-transfer': async ({ doors, by, input: { id } }) => {
    await needTransfer(doors.transfers, id, by, 'transfer.steer')
    return clear(doors, by, { of: 'transfer', transfer: id })
  },
}

type Given = { [F in keyof Limit]?: Limit[F] | undefined }

async function set({ limits, links }: Doors, by: User, scope: Scope, given: Given) {
  const named = Object.entries(given).filter(([, value]) => value !== undefined)
  const changes = Object.fromEntries(named) as Partial<Limit>
  return view({ links }, await limits.set(scope, changes, { user: by.id }))
}

async function clear({ limits, links }: Doors, by: User, scope: Scope) {
  return view({ links }, await limits.clear(scope, { user: by.id }))
}

function linkScope({ links }: Doors, id: LinkId): Scope {
  return { of: 'link', link: links.get(id).id }
}

/** A person's transfer is nobody else's business; the rest concerns everybody here. */
async function maySee({ transfers }: Doors, by: User, scope: Scope): Promise<boolean> {
  if (scope.of !== 'transfer') return true
  return may(by, 'transfer.read', await transfers.need(scope.transfer))
}

function view({ links }: Pick<Doors, 'links'>, { scope, limit, now }: LimitNow) {
  const { localExempt, windows, ...rest } = limit
  return {
    ...scope,
    ...(scope.of === 'link' ? { alias: links.get(scope.link).alias } : {}),
    ...(scope.of === 'site' ? { localExempt } : {}),
    ...rest,
    windows: windows.map((window) => ({ ...window, days: [...window.days] })),
    now,
  }
}
