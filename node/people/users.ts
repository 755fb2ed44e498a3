/** The people of this site. How they come in is in `accounts.ts` and `tokens.ts`. */
import { Fault } from '../../protocol/fault.ts'
import type { Email, ProjectId, UserId } from '../../protocol/ids.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'

export type Role = 'administrator' | 'member'

export type User = {
  readonly id: UserId
  readonly email: Email
  readonly name: string
  readonly role: Role
  /** The project that is theirs alone. */
  readonly personal: ProjectId
  readonly at: 'active' | 'removed'
}

/** Characters of a person's name, and of a token's label. */
export const nameCharactersMax = 200

export type NewUser = {
  readonly email: Email
  readonly name?: string | undefined
  readonly role?: Role | undefined
  readonly by: Actor
}

export interface Users {
  /**
   * A new person with a personal project, in one record. Faults `exists` when the address is an
   * active person's; a removed person's address may be added again and is a new person.
   */
  add(input: NewUser): Promise<User>
  /** Removed people too, in the order of their IDs. */
  list(): Promise<User[]>
  get(id: UserId): Promise<User | undefined>
  /** Active people only. */
  byEmail(email: Email): Promise<User | undefined>
  /** Faults `missing`, and `invalid` for a name that is too long. */
  rename(id: UserId, name: string, options: { by: Actor }): Promise<User>
  /**
   * Every token of theirs ends with the same record. Faults `missing`, and `conflict` for the last
   * administrator, without whom nobody could let anyone in again.
   */
  remove(id: UserId, options: { by: Actor }): Promise<User>
}

export type UsersNeeds = {
  readonly commit: Commit
  readonly db: Db
  /** The catalog's: a project for this person alone, with the next free ID; committed by us. */
  readonly personalProject: (owner: { id: UserId; email: Email }) => Promise<{ id: ProjectId }>
  /** What else ends with a person, for the folds of the rooms that it concerns. */
  readonly alsoEnds?: ((id: UserId) => Promise<object>) | undefined
}

/** `user.put` is folded by both rooms that it concerns: the person here, the project by the catalog. */
export function userFolds(projectChanges: (project: never) => Change[]): Folds {
  return {
    'user.put': ({ data }) => [
      { put: keys.counter('user'), value: data.user.id },
      ...userChanges(data.user),
      ...projectChanges(data.project as never),
    ],
    'user.renamed': ({ data }) => userChanges(data.user),
    'user.removed': ({ data }) => [
      ...userChanges(data.user),
      ...(data.tokens as string[]).map((hash) => ({ del: keys.token(hash) })),
    ],
  }
}

function userChanges(user: User): Change[] {
  return [
    { put: keys.user(user.id), value: user },
    user.at === 'active'
      ? { put: keys.userByEmail(user.email), value: user.id }
      : { del: keys.userByEmail(user.email) },
  ]
}

export function openUsers({ commit, db, personalProject, alsoEnds }: UsersNeeds): Users {
  const get = (id: UserId) => db.get<User>(keys.user(id))

  async function active(id: UserId, op: string): Promise<User> {
    const user = await get(id)
    if (user?.at === 'active') return user
    throw new Fault('missing', op, { about: id, text: 'There is no such person at this site.' })
  }

  async function byEmail(email: Email): Promise<User | undefined> {
    const id = await db.get<UserId>(keys.userByEmail(email))
    return id === undefined ? undefined : await get(id)
  }

  async function list(): Promise<User[]> {
    const found: User[] = []
    for await (const { value } of db.list<User>(keys.users())) found.push(value)
    return found
  }

  return {
    get,
    byEmail,
    list,
    add: ({ email, name = '', role = 'member', by }) =>
      commit.serial(async () => {
        checkName(name, 'users.add')
        if ((await byEmail(email)) !== undefined) {
          throw new Fault('exists', 'users.add', {
            about: email,
            text: `${email} already has an account here.`,
          })
        }
        const id = (((await db.get<number>(keys.counter('user'))) ?? 0) + 1) as UserId
        const project = await personalProject({ id, email })
        const user: User = { id, email, name, role, personal: project.id, at: 'active' }
        await commit('user.put', by, { user, project })
        return user
      }),
    rename: (id, name, { by }) =>
      commit.serial(async () => {
        checkName(name, 'users.rename')
        const renamed: User = { ...(await active(id, 'users.rename')), name }
        await commit('user.renamed', by, { user: renamed })
        return renamed
      }),
    remove: (id, { by }) =>
      commit.serial(async () => {
        const user = await active(id, 'users.remove')
        const left = (await list()).filter((one) => one.at === 'active' && one.id !== id)
        if (user.role === 'administrator' && !left.some((one) => one.role === 'administrator')) {
          throw new Fault('conflict', 'users.remove', {
            about: user.email,
            text: `${user.email} is the last administrator. Add another administrator first.`,
          })
        }
        const removed: User = { ...user, at: 'removed' }
        const tokens: string[] = []
        for await (const { value } of db.list<{ user: UserId; hash: string }>(keys.tokens())) {
          if (value.user === id) tokens.push(value.hash)
        }
        await commit('user.removed', by, { user: removed, tokens, ...(await alsoEnds?.(id)) })
        return removed
      }),
  }
}

export function checkName(text: string, op: string): void {
  if (text.length <= nameCharactersMax && !/\p{Cc}/u.test(text)) return
  throw new Fault('invalid', op, {
    about: text.slice(0, 80),
    text: `A name has at most ${nameCharactersMax} characters and no control characters.`,
  })
}
