/**
 * The answering half of `link` and `hello`: what another site says, judged, kept, answered. A stranger
 * reaches this file and nothing else of ours, so everything here is counted before it is kept.
 */
import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/fault.ts'
import { helloCaps, helloMessage, helloProtocol } from '../../protocol/hello.ts'
import type { SiteId } from '../../protocol/ids.ts'
import {
  type LinkAnswer,
  type LinkMessage,
  linkCaps,
  linkMessage,
  linkProtocol,
} from '../../protocol/link.ts'
import { nextChange } from '../../protocol/stance.ts'
import type { Handler } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { createRate } from '../base/rate.ts'
import { type LinkBook, type LinkNews, nameLink } from './book.ts'
import { type Invitation, isDecided, type Link, learnAbout, moveLink } from './link.ts'

/** Sites that may wait for our administrator at one time. */
export const queueMax = 100
/** A site that asked may ask again after this, in milliseconds. */
export const askAgainMs = 60 * 60_000
/** Strangers who have never asked before: so many at once, then one more each minute. */
const newcomers = { burst: queueMax, everyMs: 60_000 }
/** Messages of one site: so many at once, then one more every ten seconds. */
const messages = { burst: 20, everyMs: 10_000 }
/** What one site may change here by its word alone: each costs a record in the journal. */
const changes = { burst: 20, everyMs: 5 * 60_000 }
/** Streams of one protocol from one site, and how long its first message may take. */
const limits = { streamsMax: 4, firstMessageMs: 10_000 }

export type HearingNeeds = {
  readonly book: LinkBook
  readonly clock: Clock
  /** Who we are, as it stands in a message of at most so many bytes of addresses. */
  readonly me: (addressesBytesMax?: number) => { name: string; addresses: string[] }
  readonly speaks: () => string[]
  /** Whether we are just now asking this site, so that its answer is not in the book yet. */
  readonly isAsking: (site: SiteId) => boolean
}

type Hold = (news: LinkNews) => void
type Decide = Parameters<LinkBook['change']>[2]
type Ask = Extract<LinkMessage, { type: 'ask' }>
type Tell = Extract<LinkMessage, { type: 'tell' }>

export function createHearing({ book, clock, me, speaks, isAsking }: HearingNeeds): Handler[] {
  const messageRate = createRate<SiteId>({ clock, ...messages })
  const changeRate = createRate<SiteId>({ clock, ...changes })
  const newcomerRate = createRate<'all'>({ clock, ...newcomers })
  const askRate = createRate<SiteId>({ clock, burst: 1, everyMs: askAgainMs })

  /** What changes something costs a record; said too often, it waits. */
  function counted(was: Link, is: Link): { link: Link } {
    if (is !== was && !changeRate.take(is.site)) throw tooMuch('changes')
    return { link: is }
  }

  function queued(): number {
    return book.all().filter((link) => link.at === 'asked' && link.ours.is === 'none').length
  }

  function asked(site: SiteId, ask: Ask): Decide {
    return (present, fresh) => {
      const now = book.instant()
      const heard = { type: 'heard', stance: ask.stance, fresh: true, at: now } as const
      if (present !== undefined) {
        const moved = moveLink(present, now, [heard])
        // The same ask again, because our answer was lost: nothing new, and it costs nothing.
        if (moved === present) return undefined
        if (isDecided(present) && present.ours.is !== 'refused')
          return counted(present, learnAbout(moved, ask))
        if (!askRate.take(site)) {
          if (present.ours.is === 'refused') return undefined
          throw new Fault('busy', 'links.ask', {
            text: 'This site was asked less than an hour ago. It is asked again later.',
          })
        }
        if (moved.at === 'asked' && present.at !== 'asked' && queued() >= queueMax)
          throw queueFull()
        return { link: learnAbout(moved, ask) }
      }
      if (queued() >= queueMax || !newcomerRate.take('all')) throw queueFull()
      askRate.take(site)
      return { link: learnAbout(moveLink(fresh(ask.name), now, [heard]), ask) }
    }
  }

  function redeemed(site: SiteId, ask: Ask, secret: Uint8Array): Decide {
    const hash = secretHash(secret)
    return (present, fresh) => {
      const now = book.instant()
      const invitation = usable(book.invitation(hash), site, present, clock.now())
      const link = present ?? fresh(ask.name)
      const seen = moveLink(link, now, [
        { type: 'heard', stance: ask.stance, fresh: true, at: now },
      ])
      const { ours } = seen
      const changedAt = ours.is === 'willing' ? ours.changedAt : nextChange(now, ours)
      const moved = moveLink(seen, now, [{ type: 'want', changedAt }])
      if (moved.at !== 'accepted') {
        throw new Fault('conflict', 'links.redeem', {
          text: 'This site has heard something later from yours. Set the clock at your site and try again.',
        })
      }
      const named = nameLink(book, learnAbout(moved, ask), undefined, isDecided(link))
      if (invitation.used !== null) return { link: named }
      return { link: named, invitation: { ...invitation, used: { by: site, at: now } } }
    }
  }

  function told(site: SiteId, tell: Tell): Decide {
    return (present) => {
      if (present === undefined) {
        if (!isAsking(site)) return undefined
        // Its word about our own ask has overtaken its answer to it; in a moment we can place it.
        throw new Fault('busy', 'links.tell', { text: 'Not ready for this yet. Tell it again.' })
      }
      const now = book.instant()
      const heard = { type: 'heard', stance: tell.stance, fresh: false, at: now } as const
      const moved = moveLink(present, now, [heard])
      const untouched = moved.ours.is === 'none' && moved.ours.changedAt === 0
      if (untouched && moved.theirs.is === 'removed') return { drop: moved }
      return counted(present, mayLearn(moved) ? learnAbout(moved, tell) : moved)
    }
  }

  function heardOf(site: SiteId, message: LinkMessage): Decide {
    if (message.type === 'tell') return told(site, message)
    return message.secret === undefined
      ? asked(site, message)
      : redeemed(site, message, message.secret)
  }

  /**
   * What was heard is in force as soon as it is kept; the news of it waits for the answer, because
   * whoever hears it may hang up on a site that is not accepted, and the answer would go down with it.
   */
  async function answering(site: SiteId, answer: (hold: Hold) => Promise<void>): Promise<void> {
    if (!messageRate.take(site)) throw tooMuch('messages')
    const held: LinkNews[] = []
    try {
      await answer((news) => held.push(news))
      held.push({ type: 'reached', site })
    } finally {
      for (const news of held) book.events.emit(news)
    }
  }

  async function runLink(...[channel, { signal }]: Parameters<Handler['run']>): Promise<void> {
    const site = channel.remote
    const { message } = await channel.receive(linkMessage, { signal })
    await answering(site, async (hold) => {
      const link = await book.change(site, { site }, heardOf(site, message), hold)
      await channel.send(answerFor(link), undefined, { signal })
      await channel.close()
    })
  }

  /** To whom we have said no, or nothing yet, we say no more than that. */
  function answerFor(link: Link | undefined): LinkAnswer {
    if (link === undefined) return { stance: { is: 'none', changedAt: 0 } }
    const known = link.ours.is === 'willing' || link.ours.is === 'paused'
    return { stance: link.ours, ...(known ? me() : {}) }
  }

  async function runHello(...[channel, { signal }]: Parameters<Handler['run']>): Promise<void> {
    const site = channel.remote
    const { message } = await channel.receive(helloMessage, { signal })
    await answering(site, async (hold) => {
      const learn = (present: Link | undefined) => {
        // It may have been paused or removed while this message was on its way.
        if (present?.at !== 'accepted') {
          throw new Fault('denied', 'links.hello', { text: 'There is no accepted link.' })
        }
        return counted(present, learnAbout(present, message))
      }
      await book.change(site, { site }, learn, hold)
      const answer = { known: true, ...me(Number.POSITIVE_INFINITY), speaks: speaks() }
      await channel.send(answer, undefined, { signal })
      await channel.close()
    })
  }

  return [
    { protocol: linkProtocol, strangers: true, caps: linkCaps, ...limits, run: runLink },
    { protocol: helloProtocol, strangers: false, caps: helloCaps, ...limits, run: runHello },
  ]
}

export function secretHash(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Whether a site's word about itself is worth keeping: it waits for us, or we want it. */
function mayLearn(link: Link): boolean {
  return link.at === 'asked' || link.at === 'accepted' || link.at === 'paused'
}

function usable(
  invitation: Invitation | undefined,
  site: SiteId,
  present: Link | undefined,
  now: number,
): Invitation {
  const ended = (text: string) => new Fault('gone', 'links.redeem', { text })
  if (invitation === undefined) {
    throw new Fault('missing', 'links.redeem', {
      text: 'This site has not made that invitation. Ask its administrator for a new one.',
    })
  }
  if (invitation.used !== null) {
    // The same site once more, because our answer was lost. What it got then, it still has.
    if (invitation.used.by === site && present?.ours.is === 'willing') return invitation
    throw ended('This invitation has been used already. Ask the other administrator for a new one.')
  }
  if (now > invitation.expiresAt) {
    throw ended('This invitation has expired. Ask the other administrator for a new one.')
  }
  // One that was made before we said no must not undo the no.
  if (present !== undefined && isStopped(present) && invitation.madeAt <= present.ours.changedAt) {
    throw ended(
      'This invitation is older than the end of the link. Ask the other administrator for a new one.',
    )
  }
  return invitation
}

function isStopped({ ours }: Link): boolean {
  return ours.is === 'refused' || ours.is === 'removed' || ours.is === 'paused'
}

function tooMuch(what: string): Fault {
  return new Fault('busy', 'links.hear', {
    text: `Too many ${what} in a short time. Try again later.`,
  })
}

function queueFull(): Fault {
  return new Fault('busy', 'links.ask', {
    text: 'Too many sites wait for the administrator there. Ask for an invitation, or try again later.',
  })
}
