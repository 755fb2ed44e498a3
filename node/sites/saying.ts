/**
 * The asking half of `link` and `hello`: what we say to another site, and what we make of its answer.
 * Nothing is kept of an exchange whose answer did not arrive; whoever called says it again.
 */
import { Fault } from '../../protocol/fault.ts'
import { helloAnswer, helloProtocol, plainName } from '../../protocol/hello.ts'
import { parseAlias, type SiteId } from '../../protocol/ids.ts'
import {
  type LinkAnswer,
  type LinkEvent,
  type LinkMessage,
  linkAnswer,
  linkProtocol,
} from '../../protocol/link.ts'
import { call, type Destination, type Open } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { Actor } from '../journal/journal.ts'
import { checkAlias, type LinkBook, nameLink } from './book.ts'
import { isDecided, type Link, learnAbout, moveLink } from './link.ts'

type Waiting = { signal?: AbortSignal | undefined }

/** What is asked, and what we know of the other side before it answers. */
export type Asking = {
  readonly to: Destination
  /** Of an invitation. */
  readonly secret?: Uint8Array | undefined
  readonly name: string
  readonly addresses: readonly string[]
  /** What our administrator typed. */
  readonly dialled?: string | undefined
  readonly alias?: string | undefined
  readonly by: Actor
}

export interface Saying {
  ask(asking: Asking, options: Waiting): Promise<Link>
  tell(site: SiteId, options: Waiting): Promise<void>
  hello(site: SiteId, options: Waiting): Promise<void>
  /** Whether we are just now asking this site. */
  isAsking(site: SiteId): boolean
}

export type SayingNeeds = {
  readonly book: LinkBook
  readonly clock: Clock
  readonly open: Open
  readonly identity: { readonly site: SiteId }
  /** Who we are, as it stands in a message of at most so many bytes of addresses. */
  readonly me: (addressesBytesMax?: number) => { name: string; addresses: string[] }
  readonly speaks: () => string[]
}

export function createSaying({ book, clock, open, identity, me, speaks }: SayingNeeds): Saying {
  const asking = new Set<SiteId>()

  function notOurselves(site: SiteId): void {
    if (site !== identity.site) return
    throw new Fault('invalid', 'links.ask', {
      about: site,
      text: 'That is this very site. Name another one.',
    })
  }

  async function ask(o: Asking, options: Waiting): Promise<Link> {
    if ('site' in o.to) {
      checkAlias(book, o.alias, o.to.site)
      notOurselves(o.to.site)
      // Who is at an address shows when it answers: it may be the very site that is called so.
    } else if (o.alias !== undefined) parseAlias(o.alias)
    let changedAt = 0
    let reached: SiteId | undefined
    const message = (site: SiteId): LinkMessage => {
      notOurselves(site)
      checkAlias(book, o.alias, site)
      reached = site
      asking.add(site)
      changedAt = askedAt(book.bySite(site), o.secret !== undefined)
      const stance = { is: 'willing', changedAt } as const
      return {
        type: 'ask',
        ...me(),
        stance,
        ...(o.secret === undefined ? {} : { secret: o.secret }),
      }
    }
    try {
      const { site, answer } = await call({
        ...{ clock, open, message, to: o.to, signal: options.signal },
        protocol: linkProtocol,
        answer: linkAnswer,
      })
      return await askedSite(site, answer, changedAt, o)
    } catch (thrown) {
      throw notReached(thrown, o.to)
    } finally {
      if (reached !== undefined) asking.delete(reached)
    }
  }

  /** Said in words for the person who asked: nothing of an ask is tried again by itself. */
  function notReached(thrown: unknown, to: Destination): unknown {
    if (!(thrown instanceof Fault) || thrown.kind !== 'unreachable') return thrown
    const about = 'site' in to ? to.site : to.address
    const known = book.all().find((link) => link.site === about || isAddressOf(link, about))
    if (known?.theirs.is === 'refused') return refusedThere(about, thrown)
    return new Fault('unreachable', 'links.ask', {
      about,
      side: thrown.side,
      text: 'The other site could not be reached, or did not answer. Check that it is running and that the address is right, then try again.',
      cause: thrown,
    })
  }

  /** The same instant again for an ask that waits already, so that repeating it changes nothing there. */
  function askedAt(link: Link | undefined, isFresh: boolean): number {
    if (link === undefined) return book.instant()
    const waits = link.at === 'asked' && link.ours.is === 'willing'
    return waits && !isFresh ? link.ours.changedAt : book.instant()
  }

  async function askedSite(
    site: SiteId,
    answer: LinkAnswer,
    changedAt: number,
    o: Asking,
  ): Promise<Link> {
    const link = await book.change(site, o.by, (present, fresh) => {
      // A refusal is news only of a link that we have.
      if (present === undefined && answer.stance.is === 'refused') return undefined
      const was = present ?? fresh(plainName(answer.name ?? o.name, 'site'))
      const now = book.instant()
      const moved = moveLink(was, now, [
        { type: 'want', changedAt },
        heard(answer, now),
        { type: 'told', changedAt },
      ])
      const dialled = { ...moved, dialled: o.dialled ?? was.dialled }
      const learnt = learnAbout(dialled, { addresses: [...o.addresses, ...was.addresses] })
      return { link: nameLink(book, learnAbout(learnt, answer), o.alias, isDecided(was)) }
    })
    if (link === undefined || link.theirs.is === 'refused') {
      throw refusedThere(site)
    }
    if (link.ours.is === 'willing' && link.at !== 'removed') return link
    throw new Fault('conflict', 'links.ask', {
      about: site,
      text: 'This link was decided on in the meantime. Look at it, and ask once more if you still want it.',
    })
  }

  async function tell(site: SiteId, options: Waiting): Promise<void> {
    const link = book.bySite(site)
    if (link === undefined) return
    const { ours, addresses } = link
    const { answer } = await call({
      ...{ clock, open, to: { site, addresses }, signal: options.signal },
      protocol: linkProtocol,
      message: (): LinkMessage => ({ type: 'tell', ...me(), stance: ours }),
      answer: linkAnswer,
    })
    await book.change(site, { site }, (present) => {
      if (present === undefined) return undefined
      const now = book.instant()
      const moved = moveLink(present, now, [
        heard(answer, now),
        { type: 'told', changedAt: ours.changedAt },
      ])
      return { link: learnAbout(moved, answer) }
    })
    book.events.emit({ type: 'reached', site })
  }

  async function hello(site: SiteId, options: Waiting): Promise<void> {
    const link = book.bySite(site)
    if (link?.at !== 'accepted') {
      throw new Fault('denied', 'links.hello', {
        about: site,
        text: 'There is no accepted link with this site.',
      })
    }
    const { answer } = await call({
      ...{ clock, open, to: { site, addresses: link.addresses }, signal: options.signal },
      protocol: helloProtocol,
      message: () => ({ ...me(Number.POSITIVE_INFINITY), speaks: speaks() }),
      answer: helloAnswer,
    })
    await book.change(site, { site }, (present) => {
      return present === undefined ? undefined : { link: learnAbout(present, answer) }
    })
    book.events.emit({ type: 'reached', site })
  }

  return { ask, tell, hello, isAsking: (site) => asking.has(site) }
}

function heard(answer: LinkAnswer, at: number): LinkEvent {
  return { type: 'heard', stance: answer.stance, fresh: false, at }
}

/** Once told so, we are not let in any more, so an unanswered call may be all that is seen of it. */
function refusedThere(about: string, cause?: Fault): Fault {
  return new Fault('denied', 'links.ask', {
    about,
    side: 'there',
    text: 'The other site has refused a link with us. Its administrator can accept it, or send a new invitation.',
    cause,
  })
}

function isAddressOf(link: Link, address: string): boolean {
  return link.addresses.includes(address) || address.endsWith(`/p2p/${link.site}`)
}
