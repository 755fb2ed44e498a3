/**
 * Who may do what: one table and one question. What the table does not grant is denied; an
 * administrator runs the site but has no rights in other people's projects.
 */
import type { GroupId, UserId } from '../../protocol/ids.ts'
import type { Role, User } from './users.ts'

type ProjectRole = 'owner' | 'member' | 'viewer'

/** Of one person, or of everybody in a group. */
type Membership = { readonly role: ProjectRole } & (
  | { readonly user: UserId; readonly group?: never }
  | { readonly group: GroupId; readonly user?: never }
)

/** What a right is asked about: the site as a whole, one person's own thing, a group, or a project's. */
export type Thing =
  | 'site'
  | { readonly user: UserId }
  | { readonly group: GroupId }
  | { readonly members: readonly Membership[] }

/** Who asks, with the groups that they are in at this moment; without them they are in none. */
export type Asker = User & { readonly groups?: ReadonlySet<GroupId> | undefined }

type Grant =
  | { readonly on: 'site'; readonly roles: readonly Role[] }
  | { readonly on: 'own' }
  | { readonly on: 'group' }
  | { readonly on: 'project'; readonly roles: readonly ProjectRole[] }

const everyone = ['administrator', 'member'] as const
const readers = ['owner', 'member', 'viewer'] as const
const writers = ['owner', 'member'] as const
const owners = ['owner'] as const

export const acts = {
  'session.use': { on: 'site', roles: everyone },
  'site.read': { on: 'site', roles: everyone },
  'site.administer': { on: 'site', roles: ['administrator'] },
  'metrics.read': { on: 'site', roles: ['administrator'] },
  'people.manage': { on: 'site', roles: ['administrator'] },
  'group.use': { on: 'site', roles: everyone },
  /** Who is in it: for whoever is in it themselves, and for administrators. */
  'group.read': { on: 'group' },
  'group.manage': { on: 'site', roles: ['administrator'] },
  'link.read': { on: 'site', roles: everyone },
  'link.manage': { on: 'site', roles: ['administrator'] },
  'connection.use': { on: 'site', roles: everyone },
  'connection.own': { on: 'own' },
  'project.add': { on: 'site', roles: everyone },
  'project.read': { on: 'project', roles: readers },
  'project.write': { on: 'project', roles: writers },
  'project.own': { on: 'project', roles: owners },
  'dataset.read': { on: 'project', roles: readers },
  'dataset.write': { on: 'project', roles: writers },
  'dataset.send': { on: 'project', roles: owners },
  'workflow.read': { on: 'project', roles: readers },
  'workflow.write': { on: 'project', roles: writers },
  'workflow.send': { on: 'project', roles: owners },
  'transfer.use': { on: 'site', roles: everyone },
  'transfer.read': { on: 'own' },
  'transfer.steer': { on: 'own' },
} as const satisfies Record<string, Grant>

export type Act = keyof typeof acts

/**
 * Deny by default: an unknown act, a thing of the wrong sort and a removed person are all a no. In a
 * project a person may what any of their roles allows: their own, and those of their groups.
 */
export function may(who: Asker, act: Act, on: Thing): boolean {
  if (who.at !== 'active' || !Object.hasOwn(acts, act)) return false
  const grant: Grant = acts[act]
  switch (grant.on) {
    case 'site':
      return on === 'site' && grant.roles.includes(who.role)
    case 'own':
      return typeof on === 'object' && 'user' in on && on.user === who.id
    case 'group':
      return typeof on === 'object' && 'group' in on && isReader(who, on.group)
    case 'project': {
      if (typeof on !== 'object' || !('members' in on)) return false
      return on.members.some((one) => isMeant(who, one) && grant.roles.includes(one.role))
    }
  }
}

const isIn = ({ groups }: Asker, group: GroupId) => groups?.has(group) === true
const isReader = (who: Asker, group: GroupId) => who.role === 'administrator' || isIn(who, group)

function isMeant(who: Asker, { user, group }: Membership): boolean {
  return user === undefined ? isIn(who, group) : user === who.id
}
