/** All connections in memory, as they stand in the index, and the one way they change. */
import type { Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import {
  type Connection,
  createConnection,
  forgetNames,
  openConnection,
  type Pair,
  type SealedConnection,
  sealConnection,
} from './connection.ts'
import type { Seals } from './seals.ts'

export type ConnectionNews =
  /** Something about a connection is different from now on. */
  | { readonly type: 'connection'; readonly connection: Connection }
  /** The site could not be told something; tried again if the fault's kind allows it. */
  | { readonly type: 'undelivered'; readonly site: SiteId; readonly fault: Fault }
  /** Connections that ended with their link or their person could not be ended yet. */
  | { readonly type: 'failed'; readonly fault: Fault }

/** Makes a connection that is not there yet, for our person under this address. */
export type Fresh = (email: Email) => Connection

export interface Contacts {
  readonly events: Events<ConnectionNews>
  /** In the order of their IDs. */
  all(): Connection[]
  get(id: ConnectionId): Connection | undefined
  find(pair: Pair): Connection | undefined
  /**
   * Reads, decides and commits in one turn; what `decide` throws changes nothing. Resolves when the
   * record is flushed and everybody here already goes by it. A connection that is known is named by it.
   */
  change(
    of: Pair | Connection,
    by: Actor,
    decide: (present: Connection | undefined, fresh: Fresh) => Connection,
  ): Promise<Connection>
  /** Keeps nobody's name in memory for a person who was removed, but what is still to be told. */
  forget(user: UserId): void
}

export type ContactsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly seals: Pick<Seals, 'has' | 'open' | 'sealNow'>
}

export async function openContacts(o: ContactsNeeds): Promise<Contacts> {
  const { seals } = o
  const events = createEvents<ConnectionNews>()
  const byId = new Map<ConnectionId, Connection>()
  const byPair = new Map<string, Connection>()
  /** As they stand in their records. */
  const sealed = new Map<ConnectionId, string>()
  let lastId = (await o.db.get<number>(keys.counter('connection'))) ?? 0

  function remember(kept: { readonly sealed?: string }, connection: Connection): void {
    const before = byId.get(connection.id)
    if (before !== undefined) byPair.delete(pairText(before))
    byId.set(connection.id, connection)
    if (connection.theirs !== '') byPair.set(pairText(connection), connection)
    if (kept.sealed !== undefined) sealed.set(connection.id, kept.sealed)
  }

  async function put(kind: string, by: Actor, next: Connection): Promise<void> {
    const kept = sealConnection(seals, next, sealed.get(next.id))
    await o.commit(kind, by, kept)
    // Of a person who was removed the names stay in memory only until the other site was told.
    const isKnown = seals.has(next.user) || !next.told
    remember(kept, isKnown ? next : forgetNames(next))
  }

  const old: Connection[] = []
  for await (const { value } of o.db.list<SealedConnection>(keys.connections())) {
    const connection = openConnection(seals, value)
    remember(value, connection)
    if (value.theirs !== undefined && seals.has(value.user)) old.push(connection)
  }
  // From before there were seals. The old records stay, for the chain of the journal holds them.
  for (const connection of old) await put('connection.put', 'system', connection)

  return {
    events,
    all: () => [...byId.values()],
    get: (id) => byId.get(id),
    find: (pair) => byPair.get(pairText(pair)),
    forget(user) {
      for (const one of byId.values())
        if (one.user === user && one.told) remember({}, forgetNames(one))
    },

    async change(of, by, decide) {
      const { was, is } = await o.commit.serial(async () => {
        const present = 'id' in of ? byId.get(of.id) : byPair.get(pairText(of))
        const { site, user, theirs } = of
        const next = decide(present, (email) => {
          return createConnection({
            id: (lastId + 1) as ConnectionId,
            site,
            user,
            email,
            theirs,
            at: o.clock.now(),
          })
        })
        if (next !== present) {
          await put(present === undefined ? 'connection.add' : 'connection.put', by, next)
          lastId = Math.max(lastId, next.id)
        }
        return { was: present, is: next }
      })
      if (is !== was) events.emit({ type: 'connection', connection: is })
      return is
    },
  }
}

/** One text for one pair. */
export function pairText({ site, user, theirs }: Pair): string {
  return `${site} ${user} ${theirs}`
}
