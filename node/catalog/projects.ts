/**
 * Projects: where datasets and workflows live and rights are given. What is added to a project
 * belongs to its owners. Everyone has a personal one, made in the record that made the person.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId, GroupId, ProjectId, UserId, WorkflowId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Change, Db } from '../db/db.ts'
import { type KeyPrefix, keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import { checkName } from './names.ts'

export type ProjectRole = 'owner' | 'member' | 'viewer'

/** A person, or everybody who is in a group at the moment of asking. */
export type ProjectMember = { readonly role: ProjectRole } & (
  | { readonly user: UserId; readonly group?: never }
  | { readonly group: GroupId; readonly user?: never }
)

export type Project = {
  readonly id: ProjectId
  readonly name: string
  readonly personal: boolean
  readonly members: readonly ProjectMember[]
  readonly createdAt: number
  /** Where datasets that arrive in it are laid out as ordinary files. */
  readonly deposit?: DepositFolder | undefined
}

export type DepositFolder = {
  /** Absolute and without links in it. */
  readonly folder: string
  /** Large files there may be second names of the store's own. */
  readonly link: boolean
}

/** People and groups of one project. They stand in its record. */
export const membersMax = 1000

/** Who asks: as much of a person as the catalog needs to know. */
export type Person = { readonly id: UserId; readonly personal: ProjectId }

export type CatalogAct =
  | 'project.add'
  | 'project.read'
  | 'project.write'
  | 'project.own'
  | 'dataset.read'
  | 'dataset.write'
  | 'dataset.send'
  | 'workflow.read'
  | 'workflow.write'
  | 'workflow.send'

/** The one question of rights, answered elsewhere. A method, so that it may want to know more of a person. */
export interface Rights {
  may(who: Person, act: CatalogAct, on: 'site' | Project): boolean
}

export interface Projects {
  add(input: { readonly name: string }, by: Person): Promise<Project>
  /** All that `by` may see, in the order of their IDs. */
  list(by: Person): Promise<Project[]>
  /** «My own»: the personal project and those that `by` owns. */
  mine(by: Person): Promise<Project[]>
  show(id: ProjectId, by: Person): Promise<Project>
  /**
   * Adds a person or changes their role; owners only. Faults `missing` for an unknown person, and
   * `conflict` when no owner would be left, or a personal project's owner would not be its only one.
   */
  setMember(
    id: ProjectId,
    member: { user: UserId; role: ProjectRole },
    by: Person,
  ): Promise<Project>
  /** Faults as `setMember`; one who is no member is `missing`. */
  removeMember(id: ProjectId, user: UserId, by: Person): Promise<Project>
  /**
   * The same for everybody in a group. Faults `missing` for an unknown one, and `conflict` in a
   * personal project; a project keeps an owner who is a person whatever groups it has.
   */
  setGroup(
    id: ProjectId,
    member: { group: GroupId; role: ProjectRole },
    by: Person,
  ): Promise<Project>
  /** Faults as `removeMember`. */
  removeGroup(id: ProjectId, group: GroupId, by: Person): Promise<Project>
  /** Every project that has the group, as it is without it; for whoever commits that. */
  withoutGroup(group: GroupId): Promise<Project[]>
  /** Owners only; undefined ends it. The caller has asked whether `by` may name that folder. */
  setDeposit(id: ProjectId, deposit: DepositFolder | undefined, by: Person): Promise<Project>
  get(id: ProjectId): Promise<Project | undefined>
  /**
   * The project, when `by` may do `act` in it. A project that `by` may not read and one that does not
   * exist give the same fault `missing`; one that may only be read gives `denied`.
   */
  need(id: ProjectId, by: Person, act: CatalogAct): Promise<Project>
  /**
   * The personal project of somebody who is about to exist. Whoever calls this holds `commit.serial`
   * and commits the project in the same record as the person (`user.put`).
   */
  personalProject(owner: { readonly id: UserId }): Promise<Project>
}

export function projectChanges(project: Project): Change[] {
  return [{ put: keys.project(project.id), value: project }]
}

export const projectFolds: Folds = {
  'project.put': ({ data }) => projectChanges(data),
}

/**
 * The next free ID. Things are marked as removed and never taken out of the index, so the last key
 * tells which IDs were given. To be called while holding `commit.serial`.
 */
async function nextId<T extends number>(db: Db, prefix: KeyPrefix): Promise<T> {
  for await (const { value } of db.list<{ id: T }>(prefix, { reverse: true, limit: 1 })) {
    return (value.id + 1) as T
  }
  return 1 as T
}

export const nextProjectId = (db: Db) => nextId<ProjectId>(db, keys.projects())
export const nextDatasetId = (db: Db) => nextId<DatasetId>(db, keys.datasets())
export const nextWorkflowId = (db: Db) => nextId<WorkflowId>(db, keys.workflows())

export type ProjectsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly rights: Rights
  /** Whether there is such an active person. */
  isPerson(id: UserId): Promise<boolean>
  /** Whether there is such an active group. */
  isGroup(id: GroupId): boolean
}

export function openProjects(needs: ProjectsNeeds): Projects {
  const { commit, db, clock, rights, isPerson, isGroup } = needs
  const get = (id: ProjectId) => db.get<Project>(keys.project(id))

  async function need(id: ProjectId, by: Person, act: CatalogAct): Promise<Project> {
    const project = await get(id)
    if (project === undefined || !rights.may(by, 'project.read', project)) {
      throw new Fault('missing', act, {
        about: id,
        text: `There is no project ${id} that you may see.`,
      })
    }
    if (!rights.may(by, act, project)) throw denied(project, act)
    return project
  }

  async function list(by: Person, isListed: (project: Project) => boolean): Promise<Project[]> {
    const found: Project[] = []
    for await (const { value } of db.list<Project>(keys.projects())) {
      if (rights.may(by, 'project.read', value) && isListed(value)) found.push(value)
    }
    return found
  }

  const change = (id: ProjectId, by: Person, next: (project: Project) => Project) =>
    commit.serial(async () => {
      const before = await need(id, by, 'project.own')
      const project = next(before)
      checkOwners(project, before)
      await commit('project.put', { user: by.id }, project)
      return project
    })

  return {
    get,
    need,
    list: (by) => list(by, () => true),
    mine: (by) => list(by, (project) => rights.may(by, 'project.own', project)),
    show: (id, by) => need(id, by, 'project.read'),
    add: ({ name }, by) =>
      commit.serial(async () => {
        if (!rights.may(by, 'project.add', 'site')) throw new Fault('denied', 'project.add')
        const project: Project = {
          id: await nextProjectId(db),
          name: checkName(name, 'project.add'),
          personal: false,
          members: [{ user: by.id, role: 'owner' }],
          createdAt: clock.now(),
        }
        await commit('project.put', { user: by.id }, project)
        return project
      }),
    async setMember(id, { user, role }, by) {
      // Rights first, or the answer would tell anybody which IDs are people.
      await need(id, by, 'project.own')
      if (!(await isPerson(user))) {
        throw new Fault('missing', 'project.own', {
          about: user,
          text: `There is no person ${user} at this site.`,
        })
      }
      return change(id, by, (project) => {
        const others = project.members.filter((member) => member.user !== user)
        return { ...project, members: sorted([...others, { user, role }]) }
      })
    },
    removeMember: (id, user, by) =>
      change(id, by, (project) => {
        const members = project.members.filter((member) => member.user !== user)
        if (members.length < project.members.length) return { ...project, members }
        throw new Fault('missing', 'project.own', {
          about: user,
          text: `${user} is not a member of project ${id}.`,
        })
      }),
    async setGroup(id, { group, role }, by) {
      await need(id, by, 'project.own')
      return change(id, by, (project) => {
        // Inside the turn: a group that is removed meanwhile is in no project afterwards.
        if (!isGroup(group)) throw noSuchGroup(group)
        if (project.personal) {
          throw new Fault('conflict', 'project.own', {
            about: id,
            text: 'A personal project takes no groups. Add people to it one by one, or make a project for the group: crossload project add NAME.',
          })
        }
        const others = project.members.filter((member) => member.group !== group)
        return { ...project, members: sorted([...others, { group, role }]) }
      })
    },
    removeGroup: (id, group, by) =>
      change(id, by, (project) => {
        const without = leaveGroup(project, group)
        if (without.members.length < project.members.length) return without
        throw new Fault('missing', 'project.own', {
          about: group,
          text: `Group ${group} is not a member of project ${id}.`,
        })
      }),
    async withoutGroup(group) {
      const found: Project[] = []
      for await (const { value } of db.list<Project>(keys.projects())) {
        if (value.members.some((member) => member.group === group))
          found.push(leaveGroup(value, group))
      }
      return found
    },
    setDeposit: (id, deposit, by) =>
      change(id, by, ({ deposit: _, ...project }) => ({ ...project, ...(deposit && { deposit }) })),
    personalProject: async (owner) => ({
      id: await nextProjectId(db),
      // Not their address: that stands in one record only, which can be made unreadable.
      name: 'Personal',
      personal: true,
      members: [{ user: owner.id, role: 'owner' }],
      createdAt: clock.now(),
    }),
  }
}

/** People first, then groups, each in the order of their IDs. */
function sorted(members: readonly ProjectMember[]): ProjectMember[] {
  const rank = ({ user, group }: ProjectMember) => user ?? Number.MAX_SAFE_INTEGER / 2 + group
  return [...members].sort((a, b) => rank(a) - rank(b))
}

function leaveGroup(project: Project, group: GroupId): Project {
  return { ...project, members: project.members.filter((member) => member.group !== group) }
}

function noSuchGroup(group: GroupId): Fault {
  return new Fault('missing', 'project.own', {
    about: group,
    text: `There is no group ${group} at this site.`,
  })
}

/** One who may see a thing is told what it would take; one who may not is told there is none. */
export function denied(project: Project, act: CatalogAct): Fault {
  const isOwners = act === 'project.own' || act.endsWith('.send')
  return new Fault('denied', act, {
    about: project.id,
    text: `In project ${project.id} (${project.name}) only ${isOwners ? 'owners' : 'owners and members'} may do this. Ask one of its owners.`,
  })
}

function checkOwners(project: Project, before: Project): void {
  if (project.members.length > membersMax) {
    throw new Fault('conflict', 'project.own', {
      about: project.id,
      text: `A project has at most ${membersMax} members.`,
    })
  }
  const owners = ownersOf(project)
  if (project.personal && String(owners) !== String(ownersOf(before))) {
    throw new Fault('conflict', 'project.own', {
      about: project.id,
      text: 'A personal project has the one owner it was made for. Add others as members or viewers, or add a project.',
    })
  }
  if (owners.length === 0) {
    const hasGroups = project.members.some(({ group }) => group !== undefined)
    throw new Fault('conflict', 'project.own', {
      about: project.id,
      text: `Project ${project.id} would have no owner. Make somebody else an owner first${hasGroups ? '; a group alone is not enough' : ''}.`,
    })
  }
}

/** People only: a group may be emptied by somebody who has no right in the project. */
const ownersOf = (project: Project) =>
  project.members.flatMap(({ user, role }) => (role === 'owner' && user ? [user] : []))
