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
import type { Seals } from './seals.ts'

export type Connection = {
  readonly id: ConnectionId
  /** Our person, and the address under which the other side knows them. Empty as `theirs` without their key. */
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

/**
 * A connection as it is kept, in the journal and in the index: whose it is at both ends is sealed with
 * our person's key. What came from before there were seals has it in clear.
 */
export type SealedConnection = Omit<Connection, keyof Names> & Partial<Names> & { sealed?: string }
type Names = Pick<Connection, 'email' | 'theirs' | 'name'>

const whatOf = ({ id }: { id: ConnectionId }) => `connection ${id}`

/** `before` is what there is sealed already: it stays where the key is gone. */
export function sealConnection(
  seals: Pick<Seals, 'has' | 'sealNow'>,
  { email, theirs, name, ...rest }: Connection,
  before: string | undefined,
): SealedConnection {
  if (theirs === '' || !seals.has(rest.user))
    return before === undefined ? rest : { ...rest, sealed: before }
  const names: Names = { email, theirs, name }
  return { ...rest, sealed: seals.sealNow(rest.user, whatOf(rest), JSON.stringify(names)) }
}

export function openConnection(
  seals: Pick<Seals, 'has' | 'open'>,
  { sealed, ...kept }: SealedConnection,
): Connection {
  const { email, theirs, name = '' } = kept
  if (email !== undefined && theirs !== undefined) return { ...kept, email, theirs, name }
  const isOpen = sealed !== undefined && seals.has(kept.user)
  const text = isOpen ? seals.open(kept.user, whatOf(kept), sealed) : undefined
  return { ...kept, ...(text === undefined ? nobody : (JSON.parse(text) as Names)) }
}

const nobody: Names = { email: '' as Email, theirs: '' as Email, name: '' }

/** The same without anybody's name. */
export const forgetNames = (connection: Connection): Connection => ({ ...connection, ...nobody })

/** What there is at most one connection between. */
export type Pair = { readonly site: SiteId; readonly user: UserId; readonly theirs: Email }

function putConnection(connection: SealedConnection): Change[] {
  return [{ put: keys.connection(connection.id), value: connection }]
}

export const connectionFolds: Folds = {
  /** A connection with a new ID. */
  'connection.add': ({ data }) => {
    const connection = data as SealedConnection
    return [...putConnection(connection), { put: keys.counter('connection'), value: connection.id }]
  },
  'connection.put': ({ data }) => putConnection(data as SealedConnection),
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
