/** The answering half of `connection`: what a linked site says in the name of one of its people. */
import {
  type ConnectionAnswer,
  type ConnectionMessage,
  connectionCaps,
  connectionMessage,
  connectionProtocol,
} from '../../protocol/connection.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Email, SiteId, UserId } from '../../protocol/ids.ts'
import type { Handler } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { createRate } from '../base/rate.ts'
import { type Connection, moveConnection, nameConnection, nameOf } from './connection.ts'
import type { Contacts } from './contacts.ts'

/** Asks that may wait for one of our people, and for all that one site asks for. */
export const waitingPerPersonMax = 100
export const waitingPerSiteMax = 1000
/** One site's messages, and its questions after people who are not here: so many at once, then one more each. */
const messages = { burst: 100, everyMs: 5_000 }
const unknowns = { burst: 20, everyMs: 60_000 }
/** What one site may change here by its word alone: each costs a record in the journal. */
const changes = { burst: 100, everyMs: 30_000 }

type Person = { readonly id: UserId; readonly email: Email; readonly name: string }

export type IntroductionNeeds = {
  readonly contacts: Contacts
  readonly clock: Clock
  readonly links: { isAccepted(site: SiteId): boolean }
  readonly users: { byEmail(email: Email): Promise<Person | undefined> }
  /** Whether our person is just now asking this one, so that the answer is not kept yet. */
  readonly isAsking: (site: SiteId, user: UserId, theirs: Email) => boolean
}

export function createConnectionHandler(o: IntroductionNeeds): Handler {
  const { contacts, clock, links, users, isAsking } = o
  const messageRate = createRate<SiteId>({ clock, ...messages })
  const unknownRate = createRate<SiteId>({ clock, ...unknowns })
  const changeRate = createRate<SiteId>({ clock, ...changes })

  async function asked(site: SiteId, message: ConnectionMessage): Promise<ConnectionAnswer> {
    const person = await users.byEmail(message.to)
    if (person === undefined) {
      // Linked sites may ask who is here, one by one, not by the list.
      if (!unknownRate.take(site)) throw tooMuch('asks for people who are not here')
      throw new Fault('missing', 'connections.ask', {
        about: message.to,
        text: `Nobody at this site has the address ${message.to}. Check it with the person you want to reach.`,
      })
    }
    return heard(site, person, message)
  }

  async function told(site: SiteId, message: ConnectionMessage): Promise<ConnectionAnswer> {
    const person = await users.byEmail(message.to)
    const known = person && contacts.find({ site, user: person.id, theirs: message.from })
    if (person !== undefined && known !== undefined) return heard(site, person, message)
    if (person !== undefined && isAsking(site, person.id, message.from)) {
      // Its word about our own ask has overtaken its answer to it; in a moment we can place it.
      throw new Fault('busy', 'connections.tell', {
        text: 'Not ready for this yet. Tell it again.',
      })
    }
    return { stance: { is: 'none', changedAt: 0 } }
  }

  async function heard(
    site: SiteId,
    person: Person,
    message: ConnectionMessage,
  ): Promise<ConnectionAnswer> {
    const pair = { site, user: person.id, theirs: message.from }
    const connection = await contacts.change(pair, { site }, (present, fresh) => {
      // It may have been paused or removed while this message was on its way.
      if (!links.isAccepted(site))
        throw new Fault('denied', 'connections.hear', { text: 'There is no accepted link.' })
      const was = present ?? fresh(person.email)
      const event = {
        type: 'heard',
        stance: message.stance,
        fresh: message.type === 'ask',
        at: clock.now(),
      } as const
      const is = nameConnection(moveConnection(was, clock.now(), [event]), message.name)
      if (is === present) return present
      if (isWaiting(is) && !(present && isWaiting(present)) && isFull(site, person.id))
        throw queueFull()
      if (!changeRate.take(site)) throw tooMuch('changes')
      return is
    })
    // What our person is called is for those with whom that person has to do.
    const { ours } = connection.stances
    return {
      stance: ours,
      ...(ours.is === 'willing' ? { name: nameOf(person) } : {}),
    }
  }

  function isFull(site: SiteId, user: UserId): boolean {
    const waiting = contacts.all().filter(isWaiting)
    return (
      waiting.filter((one) => one.user === user).length >= waitingPerPersonMax ||
      waiting.filter((one) => one.site === site).length >= waitingPerSiteMax
    )
  }

  return {
    protocol: connectionProtocol,
    strangers: false,
    caps: connectionCaps,
    streamsMax: 4,
    firstMessageMs: 10_000,
    async run(channel, { signal }) {
      const { message } = await channel.receive(connectionMessage, { signal })
      if (!messageRate.take(channel.remote)) throw tooMuch('messages')
      const answer = await (message.type === 'ask' ? asked : told)(channel.remote, message)
      await channel.send(answer, undefined, { signal })
      await channel.close()
    },
  }
}

function isWaiting(connection: Connection): boolean {
  return connection.at === 'asked' && connection.stances.ours.is === 'none'
}

function queueFull(): Fault {
  return new Fault('busy', 'connections.ask', {
    text: 'Too many asks wait there for an answer. Ask again later.',
  })
}

function tooMuch(what: string): Fault {
  return new Fault('busy', 'connections.hear', {
    text: `Too many ${what} in a short time. Try again later.`,
  })
}
