/**
 * Who of our people is who at an institution: an account is bound to what the provider calls its
 * person, never to an address, for addresses are given to other people. What that is identifies them,
 * so it is sealed with their key and found in memory.
 */
import { Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Seals } from '../people/seals.ts'

/** Providers that one account may be bound to, over the years. */
export const bindingsMax = 8

type Kept = {
  readonly id: string
  readonly user: UserId
  readonly sealed: string
  readonly boundAt: number
}
type Identity = { readonly issuer: string; readonly sub: string }
export type Binding = { readonly id: string; readonly issuer: string; readonly boundAt: number }

export interface Bindings extends Disposable {
  find(identity: Identity): UserId | undefined
  of(user: UserId): Binding[]
  /**
   * Faults `conflict` when the account is bound to somebody else of that issuer, or to too many; doing
   * it again changes nothing.
   */
  bind(user: UserId, identity: Identity): Promise<void>
  /** All of a person's; what was bound may be bound anew. */
  end(user: UserId, o: { by: Actor }): Promise<Binding[]>
  /** What the record that removes a person says of them. */
  endsWith(user: UserId): { bindings: string[] }
}

export const bindingFolds: Folds = {
  'login.bound': ({ data }) => [{ put: keys.login(data.user, data.id), value: data }],
  'login.ended': ({ data }) => endedBindingsChanges(data),
}

/** Also of `user.removed`. Records from before there were bindings say nothing. */
export function endedBindingsChanges(data: {
  user: UserId | { id: UserId }
  bindings?: readonly string[]
}): Change[] {
  const user = typeof data.user === 'object' ? data.user.id : data.user
  return (data.bindings ?? []).map((id) => ({ del: keys.login(user, id) }))
}

type Known = Binding & Identity & { readonly user: UserId }
const placeOf = ({ issuer, sub }: Identity) => JSON.stringify([issuer, sub])

export async function openBindings(o: {
  commit: Commit
  db: Db
  clock: Clock
  seals: Pick<Seals, 'sealNow' | 'open'>
}): Promise<Bindings> {
  const { commit, db, clock, seals } = o
  const byIdentity = new Map<string, Known>()
  const byUser = new Map<UserId, Map<string, Known>>()

  function learn({ id, user, sealed, boundAt }: Kept): void {
    const text = opened(user, sealed)
    if (text === undefined) return
    const known = { id, user, boundAt, ...(JSON.parse(text) as Identity) }
    byIdentity.set(placeOf(known), known)
    byUser.set(user, (byUser.get(user) ?? new Map()).set(id, known))
  }

  /** Without its key it is nobody's; that the key is damaged is told where the person's name is read. */
  function opened(user: UserId, sealed: string): string | undefined {
    try {
      return seals.open(user, 'login', sealed)
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.kind === 'corrupt') return undefined
      throw thrown
    }
  }

  function forget(user: UserId, ids: readonly string[]): void {
    for (const id of ids) {
      const known = byUser.get(user)?.get(id)
      if (known === undefined) continue
      byUser.get(user)!.delete(id)
      byIdentity.delete(placeOf(known))
    }
  }

  for await (const { value } of db.list<Kept>(keys.logins())) learn(value)
  const hearing = commit.on(({ kind, data }) => {
    if (kind === 'login.bound') learn(data as Kept)
    if (kind === 'login.ended') {
      const { user, bindings } = data as { user: UserId; bindings: string[] }
      forget(user, bindings)
    }
    if (kind === 'user.removed') {
      const { user, bindings = [] } = data as { user: { id: UserId }; bindings?: string[] }
      forget(user.id, bindings)
    }
  })

  const knownOf = (user: UserId) => [...(byUser.get(user)?.values() ?? [])]
  const shown = ({ id, issuer, boundAt }: Known): Binding => ({ id, issuer, boundAt })

  return {
    find: (identity) => byIdentity.get(placeOf(identity))?.user,
    of: (user) => knownOf(user).map(shown),
    bind: (user, { issuer, sub }) =>
      commit.serial(async () => {
        const mine = knownOf(user)
        if (mine.some((one) => one.issuer === issuer && one.sub === sub)) return
        if (byIdentity.has(placeOf({ issuer, sub })) || mine.some((one) => one.issuer === issuer))
          throw new Fault('conflict', 'login.bound', {
            text: 'This account belongs to somebody else there. An administrator can end that with: crossload people logins EMAIL --end',
          })
        if (mine.length >= bindingsMax)
          throw new Fault('conflict', 'login.bound', {
            text: `An account is known at ${bindingsMax} places at most. An administrator can end that with: crossload people logins EMAIL --end`,
          })
        const id = Buffer.from(clock.random(8)).toString('hex')
        const sealed = seals.sealNow(user, 'login', JSON.stringify({ issuer, sub }))
        const kept: Kept = { id, user, sealed, boundAt: clock.now() }
        await commit('login.bound', { user }, kept)
      }),
    end: (user, { by }) =>
      commit.serial(async () => {
        const mine = knownOf(user).map(shown)
        const bindings = mine.map(({ id }) => id)
        if (bindings.length > 0) await commit('login.ended', by, { user, bindings })
        return mine
      }),
    endsWith: (user) => ({ bindings: knownOf(user).map(({ id }) => id) }),
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  }
}
