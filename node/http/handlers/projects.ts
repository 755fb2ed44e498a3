import type { Project, ProjectRole } from '../../catalog/projects.ts'
import { type Asker, may } from '../../people/permissions.ts'
import type { User } from '../../people/users.ts'
import type { Doors, Handlers } from '../doors.ts'
import { viewGroup } from './groups.ts'
import { personOf } from './people.ts'

type Names =
  | 'projects.list'
  | 'projects.add'
  | 'projects.show'
  | 'projects.set-member'
  | 'projects.remove-member'
  | 'projects.set-group'
  | 'projects.remove-group'
  | 'projects.set-deposit'
  | 'projects.remove-deposit'

export const projectHandlers: Handlers<Names> = {
  'projects.list': async ({ doors, by }) => {
    const projects = await doors.projects.list(by)
    return Promise.all(projects.map((project) => viewProject(doors, project, by)))
  },
  'projects.add': async ({ doors, by, input }) =>
    viewProject(doors, await doors.projects.add(input, by), by),
  'projects.show': async ({ doors, by, input: { id } }) =>
    viewProject(doors, await doors.projects.show(id, by), by),
  'projects.set-member': async ({ doors, by, input: { id, email, role } }) => {
    // Rights first: who may not own the project learns nothing about who has an account.
    await doors.projects.need(id, by, 'project.own')
    const { id: user } = await personOf(doors, email)
    return viewProject(doors, await doors.projects.setMember(id, { user, role }, by), by)
  },
  'projects.remove-member': async ({ doors, by, input: { id, email } }) => {
    await doors.projects.need(id, by, 'project.own')
    const { id: user } = await personOf(doors, email)
    return viewProject(doors, await doors.projects.removeMember(id, user, by), by)
  },
  'projects.set-group': async ({ doors, by, input: { id, group, role } }) => {
    await doors.projects.need(id, by, 'project.own')
    const member = { group: doors.groups.need(group).id, role }
    return viewProject(doors, await doors.projects.setGroup(id, member, by), by)
  },
  'projects.remove-group': async ({ doors, by, input: { id, group } }) => {
    await doors.projects.need(id, by, 'project.own')
    const { id: found } = doors.groups.need(group)
    return viewProject(doors, await doors.projects.removeGroup(id, found, by), by)
  },
  'projects.set-deposit': async ({ doors, by, input: { id, folder, link }, paths }) => {
    await doors.projects.need(id, by, 'project.own')
    const real = await paths.check(folder, by)
    await doors.deposits.check(real)
    const project = await doors.projects.setDeposit(id, { folder: real, link }, by)
    await doors.deposits.again(id, by)
    return viewProject(doors, project, by)
  },
  'projects.remove-deposit': async ({ doors, by, input: { id } }) =>
    viewProject(doors, await doors.projects.setDeposit(id, undefined, by), by),
}

async function viewProject({ users, groups }: Doors, project: Project, by: User) {
  const { id, name, personal, createdAt, deposit } = project
  const people = project.members.map(async ({ user, role }) => {
    const person = user === undefined ? undefined : await users.get(user)
    return person === undefined
      ? []
      : [{ id: person.id, email: person.email, name: person.name, role }]
  })
  const teams = project.members.map(({ group, role }) => {
    const found = group === undefined ? undefined : groups.get(group)
    return found === undefined ? [] : [{ ...viewGroup(groups, found), role }]
  })
  const members = (await Promise.all(people)).flat()
  const role = roleOf({ ...by, groups: groups.of(by.id) }, project)
  const shown = { id, name, personal, role, members, groups: teams.flat(), createdAt }
  return deposit === undefined ? shown : { ...shown, deposit: { ...deposit } }
}

/** The highest that somebody has there, of their own or by a group; whoever is shown it may at least read. */
function roleOf(who: Asker, project: Project): ProjectRole {
  if (may(who, 'project.own', project)) return 'owner'
  return may(who, 'project.write', project) ? 'member' : 'viewer'
}
