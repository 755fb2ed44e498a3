/**
 * The people of this site and the tokens by which they are known. A token is 256 random bits; the
 * site keeps only its SHA-256, so a stolen index or journal opens nothing.
 */
import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/fault.ts'
import type { Email, ProjectId, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
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

/** What is kept of a token. The token itself is shown once and never written. */
export type KeptToken = {
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string
  readonly user: UserId
  readonly label: string
  readonly createdAt: number
}

export const tokenPrefix = 'crossload_'
/** Random bytes of a token. */
export const tokenBytes = 32
/** Tokens that one person may have at once. */
export const tokensPerUserMax = 100
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
  /** The active person whose token this is. Anything else is undefined, never a fault. */
  byToken(text: string): Promise<User | undefined>
  /** The token's one and only showing. Faults `missing`, `conflict` at the limit per person. */
  createToken(id: UserId, options: { by: Actor; label?: string | undefined }): Promise<string>
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
  readonly clock: Clock
  /** The catalog's: a project for this person alone, with the next free ID; committed by us. */
  readonly personalProject: (owner: { id: UserId; email: Email }) => Promise<{ id: ProjectId }>
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
    'token.put': ({ data }) => [{ put: keys.token(data.hash), value: data }],
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

export function openUsers({ commit, db, clock, personalProject }: UsersNeeds): Users {
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

  async function tokensOf(id: UserId): Promise<string[]> {
    const hashes: string[] = []
    for await (const { value } of db.list<KeptToken>(keys.tokens())) {
      if (value.user === id) hashes.push(value.hash)
    }
    return hashes
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
    async byToken(text) {
      if (!tokenText.test(text)) return undefined
      // Found by its hash, so how long the search takes tells nothing about any token.
      const token = await db.get<KeptToken>(keys.token(hashOf(text)))
      const user = token === undefined ? undefined : await get(token.user)
      return user?.at === 'active' ? user : undefined
    },
    createToken: (id, { by, label = '' }) =>
      commit.serial(async () => {
        checkName(label, 'users.token')
        const user = await active(id, 'users.token')
        if ((await tokensOf(id)).length >= tokensPerUserMax) {
          throw new Fault('conflict', 'users.token', {
            about: user.email,
            text: `${user.email} has ${tokensPerUserMax} tokens, the most one person may have.`,
          })
        }
        const text = tokenPrefix + Buffer.from(clock.random(tokenBytes)).toString('base64url')
        const token: KeptToken = { hash: hashOf(text), user: id, label, createdAt: clock.now() }
        await commit('token.put', by, token)
        return text
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
        await commit('user.removed', by, { user: removed, tokens: await tokensOf(id) })
        return removed
      }),
  }
}

const tokenText = new RegExp(`^${tokenPrefix}[A-Za-z0-9_-]{43}$`)

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function checkName(text: string, op: string): void {
  if (text.length <= nameCharactersMax && !/\p{Cc}/u.test(text)) return
  throw new Fault('invalid', op, {
    about: text.slice(0, 80),
    text: `A name has at most ${nameCharactersMax} characters and no control characters.`,
  })
}
