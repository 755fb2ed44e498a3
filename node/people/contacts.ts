/** All connections in memory, as they stand in the index, and the one way they change. */
import type { Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { type Connection, createConnection, type Pair } from './connection.ts'

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
   * record is flushed and everybody here already goes by it.
   */
  change(
    pair: Pair,
    by: Actor,
    decide: (present: Connection | undefined, fresh: Fresh) => Connection,
  ): Promise<Connection>
}

export async function openContacts(o: { commit: Commit; db: Db; clock: Clock }): Promise<Contacts> {
  const events = createEvents<ConnectionNews>()
  const byId = new Map<ConnectionId, Connection>()
  const byPair = new Map<string, Connection>()
  let lastId = (await o.db.get<number>(keys.counter('connection'))) ?? 0

  function remember(connection: Connection): void {
    byId.set(connection.id, connection)
    byPair.set(pairText(connection), connection)
  }
  for await (const { value } of o.db.list<Connection>(keys.connections())) remember(value)

  return {
    events,
    all: () => [...byId.values()],
    get: (id) => byId.get(id),
    find: (pair) => byPair.get(pairText(pair)),

    async change(pair, by, decide) {
      const { was, is } = await o.commit.serial(async () => {
        const present = byPair.get(pairText(pair))
        const { site, user, theirs } = pair
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
          await o.commit(present === undefined ? 'connection.add' : 'connection.put', by, next)
          remember(next)
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
