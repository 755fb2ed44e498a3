/**
 * How people come in at a browser: a one-time link from an administrator lets them choose a password,
 * and with it they open sessions. What is kept of a password is sealed with a key of that person alone
 * (`seals.ts`), so that removing the person destroys it in every copy of the journal.
 */
import { Fault } from '../../protocol/fault.ts'
import type { Email, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { type Attempts, createAttempts } from './attempts.ts'
import { demandStrong, hashPassword, isPassword, pretendToCheck } from './password.ts'
import type { Seals } from './seals.ts'
import { hashOf, newSecret } from './secret.ts'
import { openSessions, type Secret, type Sessions } from './sessions.ts'
import type { User, Users } from './users.ts'

/** How long a one-time link is good, in milliseconds. */
export const linkMs = 7 * 24 * 3_600_000

/** Tokens and sessions of removed people that are remembered, for an answer that says so. */
export const leftMax = 10_000

type KeptWelcome = { readonly hash: string; readonly user: UserId; readonly expiresAt: number }
type KeptPassword = { readonly user: UserId; readonly sealed: string; readonly setAt: number }

export type Entered = Secret & { readonly user: User }

export interface Accounts {
  /** A link's secret, shown this once; an older one of the same person ends. Faults `missing`. */
  createLink(id: UserId, o: { by: Actor }): Promise<Secret>
  /**
   * Sets a password with a link that nobody has used yet, ends every session there was, and opens one.
   * Faults `gone` for a link that was used, has expired or never was; `invalid` for a weak password.
   */
  welcome(secret: string, o: { password: string; name?: string | undefined }): Promise<Entered>
  /** Opens a session. `from` is where the try comes from. Faults `denied` and, after too many, `busy`. */
  enter(email: Email, password: string, from: string): Promise<Entered>
  /** Faults as `enter` when the old one is wrong. Every other session ends. */
  changePassword(user: User, o: { old: string; password: string; from: string }): Promise<Entered>
  readonly sessions: Sessions
  /** Whether this token or this session's secret was a person's who was removed lately, in this run. */
  hasLeft(secret: string): boolean
  /**
   * What other rooms end with a person: each is called once the person is removed and can come in no
   * more. A crash may fall before it, so whoever adds one makes good at its own opening what was left.
   */
  readonly leaving: Set<(user: UserId) => void | Promise<void>>
  /**
   * Ends a person's account, with everything by which they could come in and the key of what is sealed
   * for them. Faults as `Users.remove`, and with the first fault of what `leaving` did; the person is
   * removed then all the same.
   */
  remove(id: UserId, o: { by: Actor }): Promise<User>
}

export const accountFolds: Folds = {
  'welcome.put': ({ data }) => [
    { put: keys.welcome(data.welcome.hash), value: data.welcome },
    ...(data.ended as string[]).map((hash) => ({ del: keys.welcome(hash) })),
  ],
  'password.put': ({ data }) => [
    { put: keys.password(data.password.user), value: data.password },
    ...(data.welcomes as string[]).map((hash) => ({ del: keys.welcome(hash) })),
    ...(data.sessions as string[]).map((hash) => ({ del: keys.session(hash) })),
  ],
  'account.ended': ({ data }) => [
    { del: keys.password(data.user) },
    ...(data.welcomes as string[]).map((hash) => ({ del: keys.welcome(hash) })),
    ...(data.sessions as string[]).map((hash) => ({ del: keys.session(hash) })),
  ],
}

export async function openAccounts(o: {
  commit: Commit
  db: Db
  clock: Clock
  users: Users
  seals: Seals
}): Promise<Accounts> {
  const { commit, db, clock, users, seals } = o
  const sessions = openSessions(o)
  const attempts: Attempts = createAttempts(clock)

  async function welcomesOf(user: UserId): Promise<string[]> {
    const hashes: string[] = []
    for await (const { value } of db.list<KeptWelcome>(keys.welcomes())) {
      if (value.user === user) hashes.push(value.hash)
    }
    return hashes
  }

  async function active(id: UserId, op: string): Promise<User> {
    const user = await users.get(id)
    if (user?.at === 'active') return user
    throw new Fault('missing', op, { about: id, text: 'There is no such person at this site.' })
  }

  async function passwordOf(id: UserId): Promise<string | undefined> {
    const kept = await db.get<KeptPassword>(keys.password(id))
    return kept === undefined ? undefined : seals.open(id, 'password', kept.sealed)
  }

  /** Whoever holds `commit.serial` calls this; what takes long was done before. */
  async function put(user: User, hash: string): Promise<void> {
    const sealed = seals.sealNow(user.id, 'password', hash)
    const password: KeptPassword = { user: user.id, sealed, setAt: clock.now() }
    const [was, ended] = [await welcomesOf(user.id), await sessions.hashesOf(user.id)]
    await commit('password.put', { user: user.id }, { password, welcomes: was, sessions: ended })
  }

  const open = async (user: User): Promise<Entered> => ({ ...(await sessions.begin(user)), user })

  async function demandRight(email: Email, password: string, from: string): Promise<User> {
    attempts.demand(from, email)
    const user = await users.byEmail(email)
    const kept = user === undefined ? undefined : await passwordOf(user.id)
    if (kept === undefined) await pretendToCheck(password, clock)
    else if (await isPassword(kept, password)) {
      attempts.right(from, email)
      return user!
    }
    throw new Fault('denied', 'people.enter', {
      text: 'The e-mail address or the password is wrong.',
    })
  }

  const leaving: Accounts['leaving'] = new Set()
  /** Hashes of what people who were removed came in with: only so that they can be told why it is over. */
  const left = new Set<string>()
  commit.on(({ kind, data }) => {
    const { tokens = [], sessions = [] } = data as { tokens?: string[]; sessions?: string[] }
    if (kind !== 'user.removed' && kind !== 'account.ended') return
    for (const hash of [...tokens, ...sessions]) left.add(hash)
    for (const oldest of left) {
      if (left.size <= leftMax) break
      left.delete(oldest)
    }
  })

  return {
    sessions,
    leaving,
    hasLeft: (secret) => secret !== '' && left.has(hashOf(secret)),

    createLink: (id, { by }) =>
      commit.serial(async () => {
        const user = await active(id, 'people.link')
        const secret = newSecret(clock)
        const expiresAt = clock.now() + linkMs
        const welcome: KeptWelcome = { hash: hashOf(secret), user: user.id, expiresAt }
        await commit('welcome.put', by, { welcome, ended: await welcomesOf(user.id) })
        return { secret, expiresAt }
      }),

    async welcome(secret, { password, name }) {
      const find = async () => {
        const kept = await db.get<KeptWelcome>(keys.welcome(hashOf(secret)))
        const user = kept === undefined ? undefined : await users.get(kept.user)
        if (kept !== undefined && kept.expiresAt > clock.now() && user?.at === 'active') return user
        throw new Fault('gone', 'people.welcome', {
          text: 'This link was used already or has expired. Ask an administrator for a new one.',
        })
      }
      demandStrong(password, (await find()).email)
      const hash = await hashPassword(password, clock)
      const user = await commit.serial(async () => {
        // Once more: somebody else may have used it meanwhile.
        const found = await find()
        await put(found, hash)
        return found
      })
      if (name === undefined) return open(user)
      return open(await users.rename(user.id, name, { by: { user: user.id } }))
    },

    async enter(email, password, from) {
      return open(await demandRight(email, password, from))
    },

    async changePassword(user, { old, password, from }) {
      await demandRight(user.email, old, from)
      demandStrong(password, user.email)
      const hash = await hashPassword(password, clock)
      await commit.serial(async () => put(await active(user.id, 'people.password'), hash))
      return open(user)
    },

    async remove(id, { by }) {
      const removed = await users.remove(id, { by })
      await commit.serial(async () => {
        const [was, ended] = [await welcomesOf(id), await sessions.hashesOf(id)]
        await commit('account.ended', by, { user: id, welcomes: was, sessions: ended })
      })
      const ends = await Promise.allSettled([...leaving].map(async (end) => end(id)))
      for (const end of ends) if (end.status === 'rejected') throw end.reason
      return removed
    },
  }
}
