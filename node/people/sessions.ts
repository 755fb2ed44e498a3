/**
 * Sessions of people at a browser. A session is known by a secret, and while it is used that changes every hour: the one before is good for another
 * minute, because several questions may be on their way at once, and one that was stolen soon is worth
 * nothing.
 */
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import { hashOf, newSecret, secretPattern } from './secret.ts'
import type { User, Users } from './users.ts'

/** How long a session lasts at most, and unused, in milliseconds. */
export const sessionMs = 7 * 24 * 3_600_000
export const sessionIdleMs = 24 * 3_600_000
/** The age at which a secret is changed, and how long it is good after that, in milliseconds. */
export const rotateMs = 3_600_000
export const rotateGraceMs = 60_000
/** Sessions of one person at one time; a new one ends the oldest. */
export const sessionsPerUserMax = 20

export type KeptSession = {
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string
  readonly user: UserId
  /** The hash of its first secret: all that follow it are the same session. */
  readonly first: string
  readonly begunAt: number
  readonly createdAt: number
  readonly expiresAt: number
  /** The secret was changed for another. */
  readonly replaced?: true
}

/** A session as it is shown: by the beginning of a hash, which opens nothing. */
export type ShownSession = {
  readonly id: string
  readonly begunAt: number
  /** When its secret was last changed, which happens at most an hour after it was used. */
  readonly changedAt: number
  readonly expiresAt: number
  /** It is the one that asks. */
  readonly isMine: boolean
}

export type Secret = { readonly secret: string; readonly expiresAt: number }

export interface Sessions {
  begin(user: User): Promise<Secret>
  /**
   * The active person whose session this is, and the secret to use from now on if it was changed. With
   * `keep` it is not: whoever asks would hear of the new one only when the old one is good no more.
   */
  who(
    secret: string,
    options?: { keep?: boolean },
  ): Promise<{ user: User; next?: Secret } | undefined>
  /** Ends it, whichever of its secrets this is. */
  end(secret: string): Promise<void>
  /** A person's sessions that go on, the oldest first; `secret` is of the one that asks. */
  list(user: UserId, secret?: string): Promise<ShownSession[]>
  /** One of theirs, by what opens nothing. Ends nothing when it is over already. */
  endOne(user: UserId, id: string): Promise<void>
  /** All of theirs but the one whose secret this is. */
  endOthers(user: UserId, secret?: string): Promise<void>
  /** The hashes of everything that this person could come in with. */
  hashesOf(user: UserId): Promise<string[]>
}

export const sessionFolds: Folds = {
  'session.put': ({ data }) => [
    { put: keys.session(data.session.hash), value: data.session },
    ...(data.before === undefined
      ? []
      : [{ put: keys.session(data.before.hash), value: data.before }]),
    ...(data.ended as string[]).map((hash) => ({ del: keys.session(hash) })),
  ],
  'session.ended': ({ data }) =>
    (data.ended as string[]).map((hash) => ({ del: keys.session(hash) })),
}

export function openSessions(o: {
  commit: Commit
  db: Db
  clock: Clock
  users: Pick<Users, 'get'>
}): Sessions {
  const { commit, db, clock } = o

  async function sessionsOf(user: UserId): Promise<KeptSession[]> {
    const found: KeptSession[] = []
    for await (const { value } of db.list<KeptSession>(keys.sessions())) {
      if (value.user === user) found.push(value)
    }
    return found.sort((a, b) => a.createdAt - b.createdAt)
  }

  /** What has expired is forgotten with the next record of its person: a secret an hour would add up. */
  const over = (all: readonly KeptSession[]) =>
    all.filter(({ expiresAt }) => expiresAt <= clock.now()).map(({ hash }) => hash)

  /** The next secret of `was`, or the first of a new session. */
  function create(user: UserId, was?: KeptSession): { kept: KeptSession; secret: Secret } {
    const text = newSecret(clock)
    const [hash, createdAt] = [hashOf(text), clock.now()]
    const { first, begunAt } = was ?? { first: hash, begunAt: createdAt }
    const expiresAt = Math.min(begunAt + sessionMs, createdAt + sessionIdleMs)
    const kept = { hash, user, first, begunAt, createdAt, expiresAt }
    return { kept, secret: { secret: text, expiresAt } }
  }

  async function found(secret: string): Promise<KeptSession | undefined> {
    if (!secretText.test(secret)) return undefined
    const kept = await db.get<KeptSession>(keys.session(hashOf(secret)))
    return kept !== undefined && kept.expiresAt > clock.now() ? kept : undefined
  }

  /** One of several questions that came with the same secret changes it; the others go on with it. */
  const rotate = (was: KeptSession) =>
    commit.serial(async () => {
      const now = await db.get<KeptSession>(keys.session(was.hash))
      if (now === undefined || now.replaced) return undefined
      const { kept, secret } = create(was.user, was)
      const expiresAt = Math.min(was.expiresAt, clock.now() + rotateGraceMs)
      const before = { ...was, expiresAt, replaced: true }
      const ended = over(await sessionsOf(was.user)).filter((hash) => hash !== was.hash)
      await commit('session.put', { user: was.user }, { session: kept, before, ended })
      return secret
    })

  /** Whoever holds `commit.serial` calls this. */
  async function endAll(user: UserId, isMeant: (one: KeptSession) => boolean): Promise<void> {
    const ended = (await sessionsOf(user)).filter(isMeant).map(({ hash }) => hash)
    if (ended.length > 0) await commit('session.ended', { user }, { ended })
  }

  return {
    begin: (user) =>
      commit.serial(async () => {
        const { kept, secret } = create(user.id)
        const all = await sessionsOf(user.id)
        const live = all.filter(({ expiresAt }) => expiresAt > clock.now())
        const tooMany = live.slice(0, Math.max(0, live.length + 1 - sessionsPerUserMax))
        const ended = [...over(all), ...tooMany.map(({ hash }) => hash)]
        await commit('session.put', { user: user.id }, { session: kept, ended })
        return secret
      }),

    async who(text, { keep = false } = {}) {
      const kept = await found(text)
      const user = kept === undefined ? undefined : await o.users.get(kept.user)
      if (kept === undefined || user?.at !== 'active') return undefined
      if (keep || kept.replaced || clock.now() < kept.createdAt + rotateMs) return { user }
      const next = await rotate(kept)
      return next === undefined ? { user } : { user, next }
    },

    end: (text) =>
      commit.serial(async () => {
        const kept = await found(text)
        if (kept !== undefined) await endAll(kept.user, ({ first }) => first === kept.first)
      }),

    async list(user, secret) {
      const mine = secret === undefined ? undefined : (await found(secret))?.first
      const all = await sessionsOf(user)
      return all
        .filter(({ replaced, expiresAt }) => !replaced && expiresAt > clock.now())
        .map(({ first, begunAt, createdAt, expiresAt }) => ({
          ...{ id: idOf(first), begunAt, changedAt: createdAt, expiresAt },
          isMine: first === mine,
        }))
        .sort((a, b) => a.begunAt - b.begunAt)
    },

    endOne: (user, id) => commit.serial(() => endAll(user, ({ first }) => idOf(first) === id)),

    endOthers: (user, secret) =>
      commit.serial(async () => {
        const mine = secret === undefined ? undefined : (await found(secret))?.first
        await endAll(user, ({ first }) => first !== mine)
      }),

    hashesOf: async (user) => (await sessionsOf(user)).map(({ hash }) => hash),
  }
}

/** Hexadecimal characters of a session's ID. */
const idCharacters = 16
const idOf = (hash: string) => hash.slice(0, idCharacters)

const secretText = new RegExp(`^${secretPattern}$`)
