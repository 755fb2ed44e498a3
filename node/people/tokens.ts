/**
 * Tokens by which programs are known. A token may do what its person may, or only read, and may end by
 * itself.
 */
import { Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Seals } from './seals.ts'
import { hashOf, newSecret, secretPattern } from './secret.ts'
import { checkName, type User, type Users } from './users.ts'

/**
 * `all`: what the person may do. `read`: of that, what changes nothing. `metrics`: only the numbers
 * about the site, for a monitor that keeps its token in a file.
 */
export type Scope = 'all' | 'read' | 'metrics'

/** What is kept of a token. The token itself is shown once and never written. */
export type KeptToken = {
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string
  readonly user: UserId
  /** What its person calls it, sealed as `token`, a space and the hash. */
  readonly sealed?: string | undefined
  /** The same in records from before there were seals. */
  readonly label?: string | undefined
  /** Absent in records from before there were scopes: `all`. */
  readonly scope?: Scope | undefined
  readonly createdAt: number
  readonly expiresAt?: number | undefined
}

/** A token as it is shown: by the beginning of its hash, which opens nothing. */
export type ShownToken = Omit<KeptToken, 'hash' | 'user' | 'scope' | 'sealed' | 'label'> & {
  readonly id: string
  readonly label: string
  readonly scope: Scope
}

export const tokenPrefix = 'crossload_'
/** Tokens that one person may have at once. */
export const tokensPerUserMax = 100
/** Hexadecimal characters of a token's ID. */
const idCharacters = 16

export interface Tokens {
  /** The token's one and only showing. Faults `missing`, `conflict` at the limit per person. */
  create(
    id: UserId,
    options: {
      by: Actor
      label?: string | undefined
      scope?: Scope | undefined
      /** Milliseconds from now. */
      expiresMs?: number | undefined
    },
  ): Promise<string>
  /** The active person whose token this is. Anything else is undefined, never a fault. */
  who(text: string): Promise<{ user: User; scope: Scope } | undefined>
  /** Oldest first, also those that have expired. */
  list(id: UserId): Promise<ShownToken[]>
  /** Faults `missing`. */
  remove(id: UserId, token: string, options: { by: Actor }): Promise<ShownToken>
}

export const tokenFolds: Folds = {
  'token.put': ({ data }) => [{ put: keys.token(data.hash), value: data }],
  'token.removed': ({ data }) => [{ del: keys.token(data.hash) }],
}

export function openTokens(o: {
  commit: Commit
  db: Db
  clock: Clock
  users: Pick<Users, 'get'>
  seals: Pick<Seals, 'sealNow' | 'open' | 'has'>
}): Tokens {
  const { commit, db, clock, users, seals } = o

  function show({ hash, user, scope = 'all', createdAt, ...kept }: KeptToken): ShownToken {
    const { sealed, expiresAt } = kept
    // A person whose key is missing still sees which tokens there are.
    const isOpen = sealed !== undefined && seals.has(user)
    const label = (isOpen ? seals.open(user, whatOf(hash), sealed) : kept.label) ?? ''
    const ends = expiresAt === undefined ? {} : { expiresAt }
    return { id: idOf(hash), label, scope, createdAt, ...ends }
  }

  async function active(id: UserId): Promise<User> {
    const user = await users.get(id)
    if (user?.at === 'active') return user
    throw new Fault('missing', 'tokens.create', {
      about: id,
      text: 'There is no such person at this site.',
    })
  }

  return {
    create: (id, { by, label = '', scope = 'all', expiresMs }) =>
      commit.serial(async () => {
        checkName(label, 'tokens.create')
        const user = await active(id)
        if ((await tokensOf(db, id)).length >= tokensPerUserMax) {
          throw new Fault('conflict', 'tokens.create', {
            about: user.email,
            text: `${user.email} has ${tokensPerUserMax} tokens, the most one person may have. Remove one that is not needed.`,
          })
        }
        const text = tokenPrefix + newSecret(clock)
        const createdAt = clock.now()
        const ends = expiresMs === undefined ? {} : { expiresAt: createdAt + expiresMs }
        const hash = hashOf(text)
        const named = label === '' ? {} : { sealed: seals.sealNow(id, whatOf(hash), label) }
        const token: KeptToken = { hash, user: id, ...named, scope, createdAt, ...ends }
        await commit('token.put', by, token)
        return text
      }),

    async who(text) {
      if (!tokenText.test(text)) return undefined
      const token = await db.get<KeptToken>(keys.token(hashOf(text)))
      if (token === undefined || (token.expiresAt ?? Number.POSITIVE_INFINITY) <= clock.now())
        return undefined
      const user = await users.get(token.user)
      return user?.at === 'active' ? { user, scope: token.scope ?? 'all' } : undefined
    },

    list: async (id) =>
      (await tokensOf(db, id)).sort((a, b) => a.createdAt - b.createdAt).map(show),

    remove: (id, shown, { by }) =>
      commit.serial(async () => {
        const token = (await tokensOf(db, id)).find(({ hash }) => idOf(hash) === shown)
        if (token === undefined) {
          throw new Fault('missing', 'tokens.remove', {
            about: shown,
            text: 'This person has no such token.',
          })
        }
        await commit('token.removed', by, { hash: token.hash, user: id })
        return show(token)
      }),
  }
}

async function tokensOf(db: Db, user: UserId): Promise<KeptToken[]> {
  const found: KeptToken[] = []
  for await (const { value } of db.list<KeptToken>(keys.tokens())) {
    if (value.user === user) found.push(value)
  }
  return found
}

const idOf = (hash: string) => hash.slice(0, idCharacters)

const whatOf = (hash: string) => `token ${hash}`

const tokenText = new RegExp(`^${tokenPrefix}${secretPattern}$`)
