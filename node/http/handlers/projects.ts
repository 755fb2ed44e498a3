import type { Project } from '../../catalog/projects.ts'
import type { Doors, Handlers } from '../doors.ts'
import { personOf } from './people.ts'

type Names =
  | 'projects.list'
  | 'projects.add'
  | 'projects.show'
  | 'projects.set-member'
  | 'projects.remove-member'
  | 'projects.set-deposit'
  | 'projects.remove-deposit'

export const projectHandlers: Handlers<Names> = {
  'projects.list': async ({ doors, by }) => {
    const projects = await doors.projects.list(by)
    return Promise.all(projects.map((project) => viewProject(doors, project)))
  },
  'projects.add': async ({ doors, by, input }) =>
    viewProject(doors, await doors.projects.add(input, by)),
  'projects.show': async ({ doors, by, input: { id } }) =>
    viewProject(doors, await doors.projects.show(id, by)),
  'projects.set-member': async ({ doors, by, input: { id, email, role } }) => {
    // Rights first: who may not own the project learns nothing about who has an account.
    await doors.projects.need(id, by, 'project.own')
    const { id: user } = await personOf(doors, email)
    return viewProject(doors, await doors.projects.setMember(id, { user, role }, by))
  },
  'projects.remove-member': async ({ doors, by, input: { id, email } }) => {
    await doors.projects.need(id, by, 'project.own')
    const { id: user } = await personOf(doors, email)
    return viewProject(doors, await doors.projects.removeMember(id, user, by))
  },
  'projects.set-deposit': async ({ doors, by, input: { id, folder, link }, paths }) => {
    await doors.projects.need(id, by, 'project.own')
    const real = await paths.check(folder, by)
    await doors.deposits.check(real)
    const project = await doors.projects.setDeposit(id, { folder: real, link }, by)
    await doors.deposits.again(id, by)
    return viewProject(doors, project)
  },
  'projects.remove-deposit': async ({ doors, by, input: { id } }) =>
    viewProject(doors, await doors.projects.setDeposit(id, undefined, by)),
}

async function viewProject({ users }: Doors, project: Project) {
  const { id, name, personal, createdAt, deposit } = project
  const members = await Promise.all(
    project.members.map(async ({ user, role }) => {
      const person = await users.get(user)
      return person === undefined
        ? []
        : [{ id: user, email: person.email, name: person.name, role }]
    }),
  )
  const shown = { id, name, personal, members: members.flat(), createdAt }
  return deposit === undefined ? shown : { ...shown, deposit: { ...deposit } }
}
