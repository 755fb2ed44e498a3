/**
 * Groups of people: given a role in a project, a group gives it to everybody who is in it at that
 * moment. Administrators look after them; a group may also take over who is in groups at the
 * institution, at each login there. Groups stay here: nothing that travels names one.
 */
import { Fault } from '../../protocol/fault.ts'
import type { GroupId, UserId } from '../../protocol/ids.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor, JournalRecord } from '../journal/journal.ts'
import type { Group, Membership, Moved } from './group.ts'
import { nameCharactersMax } from './users.ts'

/** Active groups of a site, people in one, and both together over all groups. */
export const groupsMax = 1_000
export const groupMembersMax = 10_000
export const membershipsMax = 200_000
/** Names of groups at the institution that one group takes over. */
export const claimsMax = 16
/** Characters of the record that takes a group out of its projects; the journal takes more. */
const removalCharactersMax = 2_000_000

type By = { readonly by: Actor }

export interface Groups extends Disposable {
  /** Faults `invalid` for a name that is none, `exists`, and `conflict` at the limit. */
  add(input: { name: string; claims?: readonly string[] | undefined }, o: By): Promise<Group>
  /** Active ones, in the order of their IDs. */
  list(): Group[]
  /** By ID or name, in capitals or not. */
  find(text: string): Group | undefined
  /** The same; faults `missing`. */
  need(text: string): Group
  get(id: GroupId): Group | undefined
  /** The groups that somebody is in at this moment. */
  of(user: UserId): ReadonlySet<GroupId>
  /** Who is in it at this moment. */
  members(id: GroupId): ReadonlySet<UserId>
  /** Faults as `add`. */
  change(
    id: GroupId,
    changes: { name?: string | undefined; claims?: readonly string[] | undefined },
    o: By,
  ): Promise<Group>
  /** Once is enough. Faults `missing`, and `conflict` at a limit. */
  addMember(id: GroupId, user: UserId, o: By): Promise<Group>
  /** Faults `missing` for one who is not in it. */
  removeMember(id: GroupId, user: UserId, o: By): Promise<Group>
  /**
   * Takes it out of every project, in one record. Faults `conflict`, with a list, when it is in so
   * many that the record would be too large.
   */
  remove(id: GroupId, o: By): Promise<Group>
  /**
   * Of the groups with claims, the person is from now on in those that claim one of `told`, and in no
   * other. Those that were full are told.
   */
  takeOver(user: UserId, told: readonly string[]): Promise<{ full: Group[] }>
  /** What the record that removes a person says of groups. */
  endsWith(user: UserId): { left: Membership[] }
}

export type GroupsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly isPerson: (id: UserId) => Promise<boolean>
  /** The catalog's: the projects that have this group as a member, as they are without it. */
  readonly projectsWithout: (id: GroupId) => Promise<readonly { readonly id: number }[]>
}

const none: ReadonlySet<never> = new Set()

export async function openGroups(needs: GroupsNeeds): Promise<Groups> {
  const { commit, db, isPerson, projectsWithout } = needs
  const groups = new Map<GroupId, Group>()
  const inGroup = new Map<GroupId, Set<UserId>>()
  const ofUser = new Map<UserId, Set<GroupId>>()
  let memberships = 0

  function join({ group, user }: Membership): void {
    const people = inGroup.get(group) ?? new Set()
    if (people.has(user)) return
    inGroup.set(group, people.add(user))
    ofUser.set(user, (ofUser.get(user) ?? new Set()).add(group))
    memberships++
  }

  function leave({ group, user }: Membership): void {
    if (!inGroup.get(group)?.delete(user)) return
    ofUser.get(user)?.delete(group)
    memberships--
  }

  /** In memory, because every question of rights asks it; the index is what it is read from. */
  function hear({ kind, data }: JournalRecord): void {
    if (kind === 'group.put') groups.set((data as Group).id, data as Group)
    if (kind === 'group.removed') groups.delete((data as { group: Group }).group.id)
    if (!['group.members', 'group.removed', 'user.removed'].includes(kind)) return
    const moved = data as Partial<Moved>
    for (const one of moved.joined ?? []) join(one)
    for (const one of moved.left ?? []) leave(one)
  }

  for await (const { value } of db.list<Group>(keys.groups())) {
    if (value.at === 'active') groups.set(value.id, value)
  }
  for await (const { value } of db.list<Membership>(keys.groupMembers())) join(value)
  const hearing = commit.on(hear)

  const named = (name: string) =>
    [...groups.values()].find((one) => folded(one.name) === folded(name))

  const find = (text: string) =>
    idText.test(text) ? groups.get(Number(text) as GroupId) : named(text)

  function active(id: GroupId): Group {
    const group = groups.get(id)
    if (group !== undefined) return group
    throw missing(id)
  }

  function checkFree(name: string, but?: GroupId): void {
    const same = named(name)
    if (same === undefined || same.id === but) return
    throw new Fault('exists', 'groups.name', {
      about: name,
      text: `There is a group ${same.name} already: it is group ${same.id}. Choose another name.`,
    })
  }

  async function nextId(): Promise<GroupId> {
    for await (const { value } of db.list<Group>(keys.groups(), { reverse: true, limit: 1 })) {
      return (value.id + 1) as GroupId
    }
    return 1 as GroupId
  }

  const isFull = (id: GroupId) => (inGroup.get(id)?.size ?? 0) >= groupMembersMax

  return {
    list: () => [...groups.values()].sort((a, b) => a.id - b.id),
    get: (id) => groups.get(id),
    of: (user) => ofUser.get(user) ?? none,
    members: (id) => inGroup.get(id) ?? none,
    find,
    need(text) {
      const found = find(text)
      if (found !== undefined) return found
      throw missing(text)
    },

    add: ({ name, claims = [] }, { by }) =>
      commit.serial(async () => {
        const checked = { name: checkGroupName(name), claims: checkClaims(claims) }
        checkFree(checked.name)
        if (groups.size >= groupsMax) {
          throw full(`A site has at most ${groupsMax} groups. Remove one that is not needed.`)
        }
        const group: Group = { id: await nextId(), ...checked, at: 'active' }
        await commit('group.put', by, group)
        return group
      }),

    change: (id, { name, claims }, { by }) =>
      commit.serial(async () => {
        const before = active(id)
        const group: Group = {
          ...before,
          name: name === undefined ? before.name : checkGroupName(name),
          claims: claims === undefined ? before.claims : checkClaims(claims),
        }
        checkFree(group.name, id)
        await commit('group.put', by, group)
        return group
      }),

    addMember: (id, user, { by }) =>
      commit.serial(async () => {
        const group = active(id)
        if (!(await isPerson(user))) {
          throw new Fault('missing', 'groups.member', {
            about: user,
            text: `There is no person ${user} at this site.`,
          })
        }
        if (inGroup.get(id)?.has(user)) return group
        if (isFull(id)) throw full(`A group has at most ${groupMembersMax} people.`)
        if (memberships >= membershipsMax)
          throw full(`The groups of a site have at most ${membershipsMax} people, counted in each.`)
        await commit('group.members', by, { joined: [{ group: id, user }], left: [] })
        return group
      }),

    removeMember: (id, user, { by }) =>
      commit.serial(async () => {
        const group = active(id)
        if (!inGroup.get(id)?.has(user)) {
          throw new Fault('missing', 'groups.member', {
            about: user,
            text: `This person is not in the group ${group.name}.`,
          })
        }
        await commit('group.members', by, { joined: [], left: [{ group: id, user }] })
        return group
      }),

    remove: (id, { by }) =>
      commit.serial(async () => {
        const group: Group = { ...active(id), at: 'removed' }
        const projects = await projectsWithout(id)
        if (JSON.stringify(projects).length > removalCharactersMax) {
          throw new Fault('conflict', 'groups.remove', {
            about: group.name,
            text: `The group ${group.name} is a member of ${projects.length} projects, too many for one step. Have it taken out of some of these first.`,
            list: projects.map((one) => `project ${one.id}`),
          })
        }
        const left = [...(inGroup.get(id) ?? none)].map((user) => ({ group: id, user }))
        await commit('group.removed', by, { group, left, projects })
        return group
      }),

    takeOver: (user, told) =>
      commit.serial(async () => {
        const names = new Set(told)
        const full: Group[] = []
        const moved = { joined: [] as Membership[], left: [] as Membership[] }
        for (const group of groups.values()) {
          if (group.claims.length === 0) continue
          const should = group.claims.some((claim) => names.has(claim))
          const is = inGroup.get(group.id)?.has(user) === true
          if (should === is) continue
          if (!should) moved.left.push({ group: group.id, user })
          else if (isFull(group.id) || memberships + moved.joined.length >= membershipsMax)
            full.push(group)
          else moved.joined.push({ group: group.id, user })
        }
        if (moved.joined.length + moved.left.length > 0 && (await isPerson(user)))
          await commit('group.members', 'system', moved)
        return { full }
      }),

    endsWith: (user) => ({
      left: [...(ofUser.get(user) ?? none)].map((group) => ({ group, user })),
    }),
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  }
}

/** Digits alone are an ID, so no name is. */
const idText = /^[0-9]+$/
const folded = (name: string) => name.normalize('NFKC').toLowerCase()

/** Plain text for people, on one line. */
const isPlain = (text: string) => text.isWellFormed() && !/\p{Cc}/u.test(text)

function checkGroupName(name: string): string {
  const trimmed = name.trim()
  const isGood = trimmed !== '' && trimmed.length <= nameCharactersMax && isPlain(trimmed)
  if (isGood && !idText.test(trimmed)) return trimmed
  throw new Fault('invalid', 'groups.name', {
    about: name.slice(0, 80),
    text: `The name of a group has 1 to ${nameCharactersMax} characters, not digits alone and no control characters.`,
  })
}

function checkClaims(claims: readonly string[]): string[] {
  const different = [...new Set(claims)]
  const isGood = (one: string) => one !== '' && one.length <= nameCharactersMax && isPlain(one)
  if (different.length <= claimsMax && different.every(isGood)) return different
  throw new Fault('invalid', 'groups.claims', {
    text: `A group takes over at most ${claimsMax} groups of the institution, each named with 1 to ${nameCharactersMax} characters.`,
  })
}

function missing(about: GroupId | string): Fault {
  return new Fault('missing', 'groups.get', {
    about,
    text: `There is no group ${about} at this site. Administrators see all of them with: crossload group`,
  })
}

const full = (text: string) => new Fault('conflict', 'groups.full', { text })
