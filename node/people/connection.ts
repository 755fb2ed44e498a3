/** The record of a connection: what is kept, and how it gets into the index. Pure. */
import { isDeepStrictEqual } from 'node:util'
import {
  type ConnectionAt,
  type ConnectionEvent,
  type ConnectionStance,
  type ConnectionState,
  connectionAt,
  newConnection,
  stepConnection,
} from '../../protocol/connection.ts'
import { Fault } from '../../protocol/fault.ts'
import { plainName } from '../../protocol/hello.ts'
import type { ConnectionId, Email, SiteId, UserId } from '../../protocol/ids.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'

export type Connection = {
  readonly id: ConnectionId
  /** Our person, and the address under which the other side knows them. */
  readonly user: UserId
  readonly email: Email
  readonly site: SiteId
  /** The other person, and what that one is called there: text from afar, shown escaped. */
  readonly theirs: Email
  readonly name: string
  readonly at: ConnectionAt
  /** Who asked last. */
  readonly asked: 'here' | 'there'
  readonly changedAt: number
  /** What each of the two persons has decided, as far as we know. */
  readonly stances: { readonly ours: ConnectionStance; readonly theirs: ConnectionStance }
  /** Whether the other site has our person's present stance. */
  readonly told: boolean
}

/** What there is at most one connection between. */
export type Pair = { readonly site: SiteId; readonly user: UserId; readonly theirs: Email }

function putConnection(connection: Connection): Change[] {
  return [{ put: keys.connection(connection.id), value: connection }]
}

export const connectionFolds: Folds = {
  /** A connection with a new ID. */
  'connection.add': ({ data }) => {
    const connection = data as Connection
    return [...putConnection(connection), { put: keys.counter('connection'), value: connection.id }]
  },
  'connection.put': ({ data }) => putConnection(data as Connection),
}

export function createConnection(
  o: { id: ConnectionId; email: Email; at: number } & Pair,
): Connection {
  const { id, user, email, site, theirs, at } = o
  return keep({ id, user, email, site, theirs, name: '', changedAt: at }, newConnection)
}

/** The connection after `events`, the same object when they changed nothing. Faults `conflict` when one does not belong. */
export function moveConnection(
  connection: Connection,
  now: number,
  events: readonly ConnectionEvent[],
): Connection {
  const { stances, asked, told } = connection
  let state: ConnectionState = { ...stances, asked, told }
  for (const event of events) {
    const step = stepConnection(state, event)
    for (const effect of step.effects) {
      if (effect.type === 'refused') {
        throw new Fault('conflict', 'connections.move', { about: connection.id, text: effect.text })
      }
    }
    state = step.state
  }
  const changedAt = connectionAt(state) === connection.at ? connection.changedAt : now
  return sameOr(connection, keep({ ...connection, changedAt }, state))
}

type About = Omit<Connection, 'at' | 'asked' | 'stances' | 'told'>

function keep(about: About, state: ConnectionState): Connection {
  const { ours, theirs, asked, told } = state
  return { ...about, at: connectionAt(state), asked, stances: { ours, theirs }, told }
}

/** What the other person is called; the same object when that is known. */
export function nameConnection(connection: Connection, name: string | undefined): Connection {
  return sameOr(connection, { ...connection, name: name ?? connection.name })
}

function sameOr(was: Connection, is: Connection): Connection {
  return isDeepStrictEqual(was, is) ? was : is
}

/** What our person is called in a message: their name, or else their address, as far as it may stand there. */
export function nameOf(person: { readonly name: string; readonly email: Email }): string {
  return plainName(person.name, plainName(person.email, 'person'))
}
