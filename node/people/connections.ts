/**
 * Person ↔ person across two linked sites: asked → accepted → removed, without a direction. Each of
 * the two persons has a say, and each site keeps its own person's; what the other site still has to
 * learn is told until it has answered, whenever the link lets it through.
 */
import {
  type ConnectionAnswer,
  type ConnectionEvent,
  type ConnectionMessage,
  connectionAnswer,
  connectionProtocol,
} from '../../protocol/connection.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, UserId } from '../../protocol/ids.ts'
import { nextChange } from '../../protocol/stance.ts'
import { call, type Handler, type Open } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { Events } from '../base/events.ts'
import { createOutbox } from '../base/outbox.ts'
import type { Db } from '../db/db.ts'
import type { Commit } from '../journal/commit.ts'
import { type Connection, moveConnection, nameConnection, nameOf } from './connection.ts'
import { type ConnectionNews, type ContactsNeeds, openContacts, pairText } from './contacts.ts'
import { createConnectionHandler } from './introduction.ts'

/** As much of a person as a connection is about. */
export type Person = { readonly id: UserId; readonly email: Email; readonly name: string }

export type People = {
  get(id: UserId): Promise<(Person & { readonly at: 'active' | 'removed' }) | undefined>
  /** Active people only. */
  byEmail(email: Email): Promise<Person | undefined>
}

/** As much of a link as a connection stands on. */
export type LinkUnder = {
  readonly site: SiteId
  readonly alias: string
  readonly at: 'asked' | 'accepted' | 'paused' | 'refused' | 'removed'
  readonly addresses: readonly string[]
}

export type LinksUnder = {
  byAlias(alias: string): LinkUnder | undefined
  bySite(site: SiteId): LinkUnder | undefined
  isAccepted(site: SiteId): boolean
  readonly events: {
    on(
      listen: (
        news:
          | { type: 'link'; link: LinkUnder }
          | { type: 'reached'; site: SiteId }
          | { type: 'undelivered' },
      ) => void,
    ): Disposable
  }
}

type Waiting = { signal?: AbortSignal | undefined }

export interface Connections extends AsyncDisposable {
  /**
   * Asks a person at a linked site: `asked`, or `accepted` when that one has asked this one. What did
   * not reach the other site is not kept. Faults `missing` (no such link, no such person there),
   * `denied` (link not accepted), `busy`, `unreachable`.
   */
  ask(by: Person, to: { email: Email; alias: string }, o?: Waiting): Promise<Connection>
  /** Accepts what was asked from there. Faults `missing` (not this person's), `conflict` (nobody is asking). */
  accept(by: { id: UserId }, id: ConnectionId): Promise<Connection>
  /** In force here when it resolves, and told to the other site as soon as that can be reached. */
  remove(by: { id: UserId }, id: ConnectionId): Promise<Connection>
  /** This person's, all but those that the person removed, in the order of their IDs. */
  list(user: { id: UserId }): Connection[]
  /** This person's. Faults `missing`. */
  get(by: { id: UserId }, id: ConnectionId): Connection
  /** The accepted connection of this person with that one. Whether the link lets data through is the link's to say. */
  between(user: { id: UserId }, email: Email, site: SiteId): Connection | undefined
  /** The accepted connection by which `theirs`, at `site`, may send to our `ours`. */
  byIncoming(site: SiteId, theirs: Email, ours: Email): Connection | undefined
  /** Tells what is untold. Called when the network is up; nothing is dialled before. */
  announce(): void
  readonly events: Events<ConnectionNews>
  readonly handlers: readonly Handler[]
}

export type ConnectionsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly links: LinksUnder
  readonly users: People
  readonly seals: ContactsNeeds['seals']
  readonly open: Open
}

export async function openConnections(o: ConnectionsNeeds): Promise<Connections> {
  const { clock, links, users, open } = o
  const contacts = await openContacts(o)
  const asking = new Set<string>()
  const ending = new Set<Promise<void>>()
  let announced = false

  const outbox = createOutbox<SiteId>({
    clock,
    pending: (site) => announced && links.isAccepted(site) && untold(site).length > 0,
    async deliver(site, options) {
      for (const connection of untold(site)) await tell(connection, options)
    },
    failed: (site, fault) => contacts.events.emit({ type: 'undelivered', site, fault }),
  })
  const listening = [
    contacts.events.on((news) => {
      if (news.type === 'connection') outbox.wake(news.connection.site)
    }),
    links.events.on((news) => {
      if (news.type === 'reached') outbox.wake(news.site)
      if (news.type !== 'link') return
      if (news.link.at === 'removed') end((one) => one.site === news.link.site)
      else outbox.wake(news.link.site)
    }),
    o.commit.on((record) => {
      // The address may be given to a new person, who must not find the old one's connections.
      if (record.kind !== 'user.removed') return
      const { user } = record.data as { user: { id: UserId } }
      end(
        (one) => one.user === user.id,
        () => contacts.forget(user.id),
      )
    }),
  ]
  // What was cut off by a stop between the end of a link, or of a person, and the end of this.
  for (const one of contacts.all()) {
    const link = links.bySite(one.site)
    const person = await users.get(one.user)
    const stands = link !== undefined && link.at !== 'removed' && person?.at === 'active'
    if (!stands) await removeAll((other) => other.id === one.id)
  }

  /** Begun by an event, which does not wait; what fails is made good at the next start. */
  function end(which: (one: Connection) => boolean, then?: () => void): void {
    const ended = removeAll(which).then(then)
    const done = ended.catch((thrown) => {
      contacts.events.emit({ type: 'failed', fault: asFault(thrown, 'connections.end') })
    })
    ending.add(done)
    void done.finally(() => ending.delete(done))
  }

  async function removeAll(which: (one: Connection) => boolean): Promise<void> {
    for (const one of contacts.all().filter(which)) {
      await contacts.change(one, 'system', (was) =>
        moveConnection(was ?? one, clock.now(), [{ type: 'remove', at: clock.now() }]),
      )
    }
  }

  function untold(site: SiteId): Connection[] {
    // Whose names cannot be read any more cannot be told: the other site hears it when it asks.
    return contacts.all().filter((one) => one.site === site && !one.told && one.theirs !== '')
  }

  function own(by: { id: UserId }, id: ConnectionId): Connection {
    const connection = contacts.get(id)
    if (connection?.user === by.id) return connection
    throw new Fault('missing', 'connections.get', {
      about: id,
      text: `You have no connection ${id}. List your connections.`,
    })
  }

  function linkNamed(alias: string): LinkUnder {
    const link = links.byAlias(alias)
    if (link === undefined) {
      throw new Fault('missing', 'connections.ask', {
        about: alias,
        text: `No linked site is called ${alias} here. The list of links shows the names.`,
      })
    }
    if (link.at === 'accepted') return link
    throw new Fault('denied', 'connections.ask', {
      about: alias,
      text: `The link with ${alias} is ${link.at}. An administrator has to see to it first.`,
    })
  }

  async function ask(
    by: Person,
    to: { email: Email; alias: string },
    options: Waiting = {},
  ): Promise<Connection> {
    const { site, addresses } = linkNamed(to.alias)
    const pair = { site, user: by.id, theirs: to.email }
    const changedAt = askedAt(contacts.find(pair))
    const key = pairText(pair)
    asking.add(key)
    try {
      const stance = { is: 'willing', changedAt } as const
      const people = { from: by.email, to: to.email, name: nameOf(by) }
      const answer = await say({ site, addresses }, { type: 'ask', ...people, stance }, options)
      const connection = await contacts.change(pair, { user: by.id }, (present, fresh) => {
        linkNamed(to.alias)
        return hear(present ?? fresh(by.email), answer, changedAt, [{ type: 'want', changedAt }])
      })
      if (connection.stances.ours.is === 'willing' && connection.at !== 'removed') return connection
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== 'unreachable') throw thrown
      throw new Fault('unreachable', 'connections.ask', {
        about: to.alias,
        side: thrown.side,
        text: `The site ${to.alias} could not be reached, or did not answer. Try again later.`,
        cause: thrown,
      })
    } finally {
      asking.delete(key)
    }
    throw new Fault('conflict', 'connections.ask', {
      about: to.email,
      text: 'This connection was removed in the meantime. Ask once more if you still want it.',
    })
  }

  /** The same instant again for an ask that waits already, so that repeating it changes nothing there. */
  function askedAt(present: Connection | undefined): number {
    if (present === undefined) return clock.now()
    const { ours } = present.stances
    const waits = present.at === 'asked' && ours.is === 'willing'
    return waits ? ours.changedAt : nextChange(clock.now(), ours)
  }

  async function tell(connection: Connection, options: Waiting): Promise<void> {
    const { site, email, theirs, stances } = connection
    const addresses = links.bySite(site)?.addresses ?? []
    const name = nameOf({ name: (await users.get(connection.user))?.name ?? '', email })
    const stance = stances.ours
    const answer = await say(
      { site, addresses },
      { type: 'tell', from: email, to: theirs, name, stance },
      options,
    )
    await contacts.change(connection, { site }, (present) =>
      hear(present ?? connection, answer, stance.changedAt),
    )
  }

  async function say(
    to: { site: SiteId; addresses: readonly string[] },
    message: ConnectionMessage,
    options: Waiting,
  ): Promise<ConnectionAnswer> {
    const { answer } = await call({
      ...{ clock, open, to, signal: options.signal },
      protocol: connectionProtocol,
      message: () => message,
      answer: connectionAnswer,
    })
    return answer
  }

  /** What the answer to something said at `toldAt` makes of a connection. */
  function hear(
    connection: Connection,
    answer: ConnectionAnswer,
    toldAt: number,
    before: ConnectionEvent[] = [],
  ): Connection {
    const now = clock.now()
    const moved = moveConnection(connection, now, [
      ...before,
      { type: 'heard', stance: answer.stance, fresh: false, at: now },
      { type: 'told', changedAt: toldAt },
    ])
    return nameConnection(moved, answer.name)
  }

  async function act(
    by: { id: UserId },
    id: ConnectionId,
    type: 'accept' | 'remove',
  ): Promise<Connection> {
    const connection = own(by, id)
    return contacts.change(connection, { user: by.id }, (was) =>
      moveConnection(was ?? connection, clock.now(), [{ type, at: clock.now() }]),
    )
  }

  const isAsking = (site: SiteId, user: UserId, theirs: Email) =>
    asking.has(pairText({ site, user, theirs }))
  return {
    ask,
    accept: (by, id) => act(by, id, 'accept'),
    remove: (by, id) => act(by, id, 'remove'),
    list: (user) =>
      contacts.all().filter((one) => one.user === user.id && one.stances.ours.is !== 'removed'),
    get: own,
    between: (user, email, site) =>
      contacts
        .all()
        .find(
          (one) =>
            one.user === user.id &&
            one.theirs === email &&
            one.site === site &&
            one.at === 'accepted',
        ),
    byIncoming: (site, theirs, ours) =>
      contacts
        .all()
        .find(
          (one) =>
            one.site === site &&
            one.theirs === theirs &&
            one.email === ours &&
            one.at === 'accepted',
        ),
    announce() {
      announced = true
      for (const site of new Set(contacts.all().map((one) => one.site))) outbox.wake(site)
    },
    events: contacts.events,
    handlers: [createConnectionHandler({ contacts, clock, links, users, isAsking })],
    async [Symbol.asyncDispose]() {
      for (const one of listening) one[Symbol.dispose]()
      await Promise.all([outbox[Symbol.asyncDispose](), ...ending])
    },
  }
}
