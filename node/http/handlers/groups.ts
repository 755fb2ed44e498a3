import { Fault } from '../../../protocol/fault.ts'
import type { UserId } from '../../../protocol/ids.ts'
import type { Group } from '../../people/group.ts'
import { may } from '../../people/permissions.ts'
import type { User } from '../../people/users.ts'
import type { Doors, Handlers } from '../doors.ts'
import { personOf } from './people.ts'

type Names =
  | 'groups.list'
  | 'groups.add'
  | 'groups.change'
  | 'groups.members'
  | 'groups.add-member'
  | 'groups.remove-member'
  | 'groups.remove'

export const groupHandlers: Handlers<Names> = {
  'groups.list': ({ doors: { groups }, by }) =>
    groups
      .list()
      .filter((group) => mayRead(groups, by, group))
      .map((group) => viewGroup(groups, group)),
  'groups.add': async ({ doors: { groups }, by, input }) =>
    viewGroup(groups, await groups.add(input, { by: { user: by.id } })),
  'groups.change': async ({ doors: { groups }, by, input: { group, ...changes } }) =>
    viewGroup(groups, await groups.change(groups.need(group).id, changes, { by: { user: by.id } })),
  'groups.members': async ({ doors, by, input: { group, after, limit } }) => {
    const found = readable(doors.groups, by, group)
    const page = pageOf(doors.groups.members(found.id), after, limit)
    const people = await Promise.all(page.map((id) => doors.users.get(id)))
    return people.flatMap((one) =>
      one === undefined ? [] : [{ id: one.id, email: one.email, name: one.name }],
    )
  },
  'groups.add-member': async ({ doors, by, input: { group, email } }) => {
    const { id } = doors.groups.need(group)
    const person = await personOf(doors, email)
    return viewGroup(
      doors.groups,
      await doors.groups.addMember(id, person.id, { by: { user: by.id } }),
    )
  },
  'groups.remove-member': async ({ doors, by, input: { group, email } }) => {
    const { id } = doors.groups.need(group)
    const person = await personOf(doors, email)
    return viewGroup(
      doors.groups,
      await doors.groups.removeMember(id, person.id, { by: { user: by.id } }),
    )
  },
  'groups.remove': async ({ doors: { groups }, by, input: { group } }) =>
    viewGroup(groups, await groups.remove(groups.need(group).id, { by: { user: by.id } })),
}

export function viewGroup({ members }: Doors['groups'], { id, name, claims }: Group) {
  return { id, name, claims: [...claims], people: members(id).size }
}

const mayRead = (groups: Doors['groups'], by: User, { id }: Group) =>
  may({ ...by, groups: groups.of(by.id) }, 'group.read', { group: id })

/** One that is there and one that is none give the same answer to whoever may not look into it. */
function readable(groups: Doors['groups'], by: User, text: string): Group {
  const found = groups.find(text)
  if (found !== undefined && mayRead(groups, by, found)) return found
  throw new Fault('missing', 'groups.get', {
    about: text,
    text: `There is no group ${text} that you are in. Look at yours with: crossload group`,
  })
}

function pageOf(members: ReadonlySet<UserId>, after: UserId | undefined, limit: number): UserId[] {
  return [...members]
    .filter((id) => after === undefined || id > after)
    .sort((a, b) => a - b)
    .slice(0, limit)
}
