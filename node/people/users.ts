/**
 * The people of this site. How they come in is in `accounts.ts` and `tokens.ts`. What identifies a
 * person is kept sealed with their own key (`seals.ts`), in the journal and in the index; here it is
 * read once, at the opening, so whoever looks for an address finds it in memory and on no disk.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Email, ProjectId, UserId } from '../../protocol/ids.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { type Seals, unreadable } from './seals.ts'

export type Role = 'administrator' | 'member'

export type User = {
  readonly id: UserId
  /** Empty when the person was removed. */
  readonly email: Email
  readonly name: string
  readonly role: Role
  /** The project that is theirs alone. */
  readonly personal: ProjectId
  readonly at: 'active' | 'removed'
}

/** A person as they are kept. What came from before there were seals has its text in clear. */
type KeptUser = Omit<User, 'email' | 'name'> & {
  /** `{email, name}` as JSON, sealed as `who`; a removed person has none. */
  readonly sealed?: string
  readonly email?: Email
  readonly name?: string
}

/** What a removed person is called. */
export const removedName = 'a removed person'
/** What one is called whose key is missing; their address is one by which they can be removed. */
const unreadableName = 'a person whose key is missing'
const unreadableEmail = (id: UserId) => `person-${id}@key-missing.invalid` as Email

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
   * Every token of theirs ends with the same record, and then the key of all that is sealed for them:
   * when it resolves nothing on the disk says who it was. Faults `missing`, and `conflict` for the last
   * administrator, without whom nobody could let anyone in again.
   */
  remove(id: UserId, options: { by: Actor }): Promise<User>
  /** Active people whose key is missing or damaged, with what to do about it. */
  unreadable(): { user: UserId; fault: Fault }[]
}

export type UsersNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly seals: Seals
  /** The catalog's: a project for this person alone, with the next free ID; committed by us. */
  readonly personalProject: (owner: { id: UserId }) => Promise<{ id: ProjectId }>
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
    /** What was kept in clear, sealed. */
    'user.sealed': ({ data }) => userChanges(data.user),
    'user.removed': ({ data }) => [
      ...userChanges(data.user),
      ...(data.tokens as string[]).map((hash) => ({ del: keys.token(hash) })),
    ],
  }
}

function userChanges(user: KeptUser): Change[] {
  return [{ put: keys.user(user.id), value: user }]
}

/** Finishes what a crash left: keys of people who are removed are destroyed before anybody asks. */
export async function openUsers({
  commit,
  db,
  seals,
  personalProject,
  alsoEnds,
}: UsersNeeds): Promise<Users> {
  const all = new Map<UserId, User>()
  const byAddress = new Map<Email, UserId>()
  const faults = new Map<UserId, Fault>()

  /** A person as they are, and why they cannot be read if so. */
  function opened({ sealed, ...kept }: KeptUser): { user: User; fault?: Fault } {
    const { email, name = '' } = kept
    if (kept.at === 'removed') return { user: { ...kept, email: '' as Email, name: removedName } }
    if (sealed === undefined && email !== undefined) return { user: { ...kept, email, name } }
    const nobody = { ...kept, email: unreadableEmail(kept.id), name: unreadableName }
    try {
      const text = seals.open(kept.id, 'who', sealed ?? '')
      if (text === undefined) return { user: nobody, fault: unreadable(kept.id) }
      return { user: { ...kept, ...(JSON.parse(text) as Pick<User, 'email' | 'name'>) } }
    } catch (thrown) {
      return { user: nobody, fault: asFault(thrown, 'people.open', kept.id) }
    }
  }

  function remember(kept: KeptUser): void {
    const before = all.get(kept.id)
    if (before !== undefined && byAddress.get(before.email) === kept.id)
      byAddress.delete(before.email)
    const { user, fault } = opened(kept)
    all.set(user.id, user)
    if (fault === undefined) faults.delete(user.id)
    else faults.set(user.id, fault)
    if (user.at === 'active') byAddress.set(user.email, user.id)
  }

  function sealed({ email, name, ...rest }: User): KeptUser {
    return { ...rest, sealed: seals.sealNow(rest.id, 'who', JSON.stringify({ email, name })) }
  }

  const keyed = new Set(seals.list())
  for await (const { value } of db.list<KeptUser>(keys.users())) {
    if (value.at === 'removed' && keyed.has(value.id)) await seals.destroy(value.id)
    remember(value)
  }
  commit.on(({ kind, data }) => {
    if (kind.startsWith('user.')) remember((data as { user: KeptUser }).user)
  })
  await sealWhatIsClear()

  /**
   * People from before there were seals. Their old records stay as they are, for the chain of the journal
   * holds them; from here on they are written sealed.
   */
  async function sealWhatIsClear(): Promise<void> {
    for await (const { value } of db.list<KeptUser>(keys.users())) {
      if (value.at !== 'active' || value.sealed !== undefined) continue
      // Somebody with a password had a key: a new one would take the place of one that may come back.
      const hadKey = (await db.get(keys.password(value.id))) !== undefined
      if (hadKey && !seals.has(value.id)) faults.set(value.id, unreadable(value.id))
      else {
        await seals.make(value.id)
        await commit('user.sealed', 'system', { user: sealed(all.get(value.id)!) })
      }
    }
    const addresses = await Array.fromAsync(db.list(keys.usersByEmail()))
    if (addresses.length > 0) await db.write(addresses.map(({ key }) => ({ del: key })))
  }

  async function active(id: UserId, op: string): Promise<User> {
    const user = all.get(id)
    if (user?.at === 'active') return user
    throw new Fault('missing', op, { about: id, text: 'There is no such person at this site.' })
  }

  const list = () => [...all.values()].sort((a, b) => a.id - b.id)
  const found = (email: Email) => {
    const id = byAddress.get(email)
    return id === undefined ? undefined : all.get(id)
  }

  return {
    get: async (id) => all.get(id),
    byEmail: async (email) => found(email),
    list: async () => list(),
    unreadable: () => [...faults].map(([user, fault]) => ({ user, fault })),
    add: ({ email, name = '', role = 'member', by }) =>
      commit.serial(async () => {
        checkName(name, 'users.add')
        if (found(email) !== undefined) {
          throw new Fault('exists', 'users.add', {
            about: email,
            text: `${email} already has an account here.`,
          })
        }
        const id = (((await db.get<number>(keys.counter('user'))) ?? 0) + 1) as UserId
        const project = await personalProject({ id })
        // One that is there is of nobody: of a person whose record never came to be.
        await seals.destroy(id)
        await seals.make(id)
        const user: User = { id, email, name, role, personal: project.id, at: 'active' }
        await commit('user.put', by, { user: sealed(user), project })
        return user
      }),
    rename: (id, name, { by }) =>
      commit.serial(async () => {
        checkName(name, 'users.rename')
        const renamed: User = { ...(await active(id, 'users.rename')), name }
        if (faults.has(id)) throw unreadable(id)
        await commit('user.renamed', by, { user: sealed(renamed) })
        return renamed
      }),
    remove: (id, { by }) =>
      commit.serial(async () => {
        const user = await active(id, 'users.remove')
        const left = list().filter((one) => one.at === 'active' && one.id !== id)
        if (user.role === 'administrator' && !left.some((one) => one.role === 'administrator')) {
          throw new Fault('conflict', 'users.remove', {
            about: user.email,
            text: `${user.email} is the last administrator. Add another administrator first.`,
          })
        }
        const { email: _, name: __, ...rest } = user
        const removed: KeptUser = { ...rest, at: 'removed' }
        const tokens: string[] = []
        for await (const { value } of db.list<{ user: UserId; hash: string }>(keys.tokens())) {
          if (value.user === id) tokens.push(value.hash)
        }
        await commit('user.removed', by, { user: removed, tokens, ...(await alsoEnds?.(id)) })
        // From the record on it is decided; what a crash leaves is finished at the next start.
        await seals.destroy(id)
        return all.get(id)!
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
