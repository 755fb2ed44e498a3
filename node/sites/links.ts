/**
 * Other sites: asked → accepted → paused | refused | removed. Our administrators move a link here, the
 * other side's in `hearing.ts`; what the other side still has to learn is told until it has answered,
 * after a restart too, because what is untold stands in the link itself.
 */

import { Fault } from '../../protocol/fault.ts'
import { fittingAddresses, helloAnswer, helloProtocol, plainName } from '../../protocol/hello.ts'
import { type LinkId, parseAlias, type SiteId } from '../../protocol/ids.ts'
import { formatInvitation, parseInvitation } from '../../protocol/invitation.ts'
import {
  invitationSecretBytes,
  type LinkAnswer,
  type LinkEvent,
  type LinkMessage,
  linkAddressesBytesMax,
  linkAnswer,
  linkProtocol,
} from '../../protocol/link.ts'
import { nextChange } from '../../protocol/stance.ts'
import { call, type Handler, type Open } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { Events } from '../base/events.ts'
import { createOutbox } from '../base/outbox.ts'
import type { Db } from '../db/db.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { type LinkNews, openBook } from './book.ts'
import { createHearing, secretHash } from './hearing.ts'
import { aliasFrom, isDecided, type Link, learnAbout, moveLink } from './link.ts'
import type { LinkPolicy } from './policy.ts'

/** How long an invitation stands unless asked otherwise, and at most. */
export const invitationMs = 48 * 60 * 60_000
export const invitationMsMax = 30 * 24 * 60 * 60_000
/** Invitations that may stand open at one time. */
export const invitationsMax = 1000
/** How far two sites' clocks may be apart before ours alone calls an invitation expired. */
const clocksApartMs = 10 * 60_000
/** A decision that could not be told for so long is not told any more; the next contact shows it anyway. */
const tellForMs = 30 * 24 * 60 * 60_000
/** How often sites that we wait for are asked again: they may have no way of dialling us. */
const waitingMs = 10 * 60_000

type ByAdministrator = { by: Actor }
type Waiting = { signal?: AbortSignal | undefined }

export interface Links extends AsyncDisposable {
  /** Faults `invalid` (expiry), `conflict` (no address to give), `busy` (too many open ones). */
  invite(
    o: { expiresMs?: number | undefined } & ByAdministrator,
  ): Promise<{ text: string; expiresAt: number }>
  /**
   * Both ends are accepted when this resolves. Faults `invalid` (mangled, or our own), `gone` (used
   * or expired), `missing` (never made there), `exists` (alias), `unreachable`. After a fault it may
   * be tried again: the same site redeeming twice is one redemption.
   */
  redeem(text: string, o: { alias?: string | undefined } & ByAdministrator & Waiting): Promise<Link>
  /**
   * Asks the site at `address` and waits for its administrator: `asked`, or `accepted` when that one
   * has asked us. What did not reach it is not kept. Faults `denied` (it has refused us), `busy` (its
   * queue is full, or it was asked within the hour), `exists` (alias), `unreachable`.
   */
  ask(address: string, o: { alias?: string | undefined } & ByAdministrator & Waiting): Promise<Link>
  /** Accepts whoever asked, or takes back a refusal; with `alias` it also renames. Faults `conflict`, `exists`. */
  accept(id: LinkId, o: { alias?: string | undefined } & ByAdministrator): Promise<Link>
  /** Each is in force here when it resolves, and told to the other side as soon as that can be reached. */
  refuse(id: LinkId, o: ByAdministrator): Promise<Link>
  pause(id: LinkId, o: ByAdministrator): Promise<Link>
  resume(id: LinkId, o: ByAdministrator): Promise<Link>
  remove(id: LinkId, o: ByAdministrator): Promise<Link>
  setPolicy(id: LinkId, policy: LinkPolicy, o: ByAdministrator): Promise<Link>
  /** All but those that we removed, in the order of their IDs. */
  list(): Link[]
  /** Faults `missing`. */
  get(id: LinkId): Link
  byAlias(alias: string): Link | undefined
  bySite(site: SiteId): Link | undefined
  isAccepted(site: SiteId): boolean
  /** Refused, knows it, and can hold no newer invitation of ours: not even the door is open to it. */
  isRefused(site: SiteId): boolean
  /** Our present addresses to an accepted site, and its to us. Faults as the call does. */
  hello(site: SiteId, o?: Waiting): Promise<void>
  /**
   * Says hello to every accepted site and tells what is untold, each until it is answered. Called when
   * the network is up, and again whenever our addresses or name change; nothing is dialled before.
   */
  announce(): void
  readonly events: Events<LinkNews>
  readonly handlers: readonly Handler[]
}

export type LinksNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly identity: { readonly site: SiteId }
  /** Our name and present addresses, best first. */
  readonly me: () => { name: string; addresses: readonly string[] }
  /** The protocols we answer. */
  readonly speaks?: (() => string[]) | undefined
  readonly open: Open
}

export async function openLinks(o: LinksNeeds): Promise<Links> {
  const { clock, identity } = o
  const book = await openBook(o)
  const asking = new Set<SiteId>()
  const greet = new Set<SiteId>()
  const again = new Set<SiteId>()
  let announced = false

  const speaks = () => o.speaks?.() ?? []
  function me(addressesBytesMax = linkAddressesBytesMax) {
    const { name, addresses } = o.me()
    return {
      name: plainName(name, 'Crossload'),
      addresses: fittingAddresses(addresses, addressesBytesMax),
    }
  }

  const handlers = createHearing({ book, clock, me, speaks, isAsking: (site) => asking.has(site) })
  const outbox = createOutbox<SiteId>({
    clock,
    pending: (site) =>
      announced && (isUntold(site) || again.has(site) || (greet.has(site) && isAccepted(site))),
    async deliver(site, options) {
      if (isUntold(site) || again.has(site)) await tell(site, options)
      if (greet.has(site) && isAccepted(site)) await hello(site, options)
    },
    failed: (site, fault) => book.events.emit({ type: 'undelivered', site, fault }),
  })
  book.events.on((news) => {
    if (news.type === 'link' && news.link.at === 'accepted' && news.was !== 'accepted')
      greet.add(news.link.site)
    if (news.type === 'link') outbox.wake(news.link.site)
    if (news.type === 'reached') outbox.wake(news.site)
  })
  const polling = clock.every(waitingMs, () => {
    for (const link of book.all()) if (isWaiting(link)) pokeAgain(link.site)
  })

  function isAccepted(site: SiteId): boolean {
    return book.bySite(site)?.at === 'accepted'
  }

  function isUntold(site: SiteId): boolean {
    const link = book.bySite(site)
    return link !== undefined && !link.told && clock.now() - link.ours.changedAt < tellForMs
  }

  function pokeAgain(site: SiteId): void {
    again.add(site)
    outbox.wake(site)
  }

  function linkOf(id: LinkId): Link {
    const link = book.get(id)
    if (link !== undefined) return link
    throw new Fault('missing', 'links.get', {
      about: id,
      text: `There is no link ${id} here. List the links.`,
    })
  }

  /** Refuses an alias that is not one or that another link has. */
  function checkAlias(alias: string | undefined, site?: SiteId): void {
    if (alias === undefined) return
    const holder = book.byAlias(parseAlias(alias))
    if (holder === undefined || holder.site === site) return
    throw new Fault('exists', 'links.alias', {
      about: alias,
      text: `Link ${holder.id} is called ${alias} already. Choose another alias.`,
    })
  }

  /** The link under the alias asked for, or under its own, or one made of its name, that no other has. */
  function named(link: Link, alias: string | undefined, keep: boolean): Link {
    checkAlias(alias, link.site)
    if (alias !== undefined) return { ...link, alias }
    const isTaken = (text: string) => (book.byAlias(text)?.site ?? link.site) !== link.site
    return keep && !isTaken(link.alias) ? link : { ...link, alias: aliasFrom(link.name, isTaken) }
  }

  async function tell(site: SiteId, options: Waiting): Promise<void> {
    const link = book.bySite(site)
    if (link === undefined) return
    const { ours } = link
    const message: LinkMessage = { type: 'tell', ...me(), stance: ours }
    const to = { site, addresses: link.addresses }
    const { answer } = await call({
      ...o,
      ...options,
      to,
      protocol: linkProtocol,
      message: () => message,
      answer: linkAnswer,
    })
    again.delete(site)
    await book.change(site, { site }, (present) => {
      if (present === undefined) return undefined
      const events: LinkEvent[] = [
        heard(answer, clock.now()),
        { type: 'told', changedAt: ours.changedAt },
      ]
      return { link: learnAbout(moveLink(present, clock.now(), events), answer) }
    })
  }

  async function hello(site: SiteId, options: Waiting = {}): Promise<void> {
    const link = book.bySite(site)
    if (link?.at !== 'accepted') {
      throw new Fault('denied', 'links.hello', {
        about: site,
        text: 'There is no accepted link with this site.',
      })
    }
    const message = () => ({ ...me(Number.POSITIVE_INFINITY), speaks: speaks() })
    // What changes from here on has to be said in the next one.
    greet.delete(site)
    try {
      const to = { site, addresses: link.addresses }
      const { answer } = await call({
        ...o,
        ...options,
        to,
        protocol: helloProtocol,
        message,
        answer: helloAnswer,
      })
      await book.change(site, { site }, (present) =>
        present === undefined ? undefined : { link: learnAbout(present, answer) },
      )
    } catch (thrown) {
      greet.add(site)
      throw thrown
    }
    book.events.emit({ type: 'reached', site })
  }

  /** Says `ask` and keeps what came of it; nothing is kept when the answer did not arrive. */
  async function askAt(
    to: { address: string } | { site: SiteId; addresses: string[] },
    secret: Uint8Array | undefined,
    about: { name?: string; addresses?: string[]; dialled?: string },
    options: { alias?: string | undefined } & ByAdministrator & Waiting,
  ): Promise<Link> {
    checkAlias(options.alias, 'site' in to ? to.site : undefined)
    const sent = { changedAt: 0, site: undefined as SiteId | undefined }
    const message = (site: SiteId): LinkMessage => {
      checkReached(site)
      checkAlias(options.alias, site)
      const link = book.bySite(site)
      const isRepeat =
        link !== undefined &&
        link.at === 'asked' &&
        link.ours.is === 'willing' &&
        secret === undefined
      sent.changedAt = isRepeat
        ? link.ours.changedAt
        : nextChange(clock.now(), link?.ours ?? neverYet)
      sent.site = site
      asking.add(site)
      const stance = { is: 'willing', changedAt: sent.changedAt } as const
      return { type: 'ask', ...me(), stance, ...(secret === undefined ? {} : { secret }) }
    }
    try {
      const { site, answer } = await call({
        ...o,
        ...options,
        to,
        protocol: linkProtocol,
        message,
        answer: linkAnswer,
      })
      const link = await book.change(site, options.by, (present, fresh) => {
        // A refusal is news only for a link that we have.
        if (present === undefined && answer.stance.is === 'refused') return undefined
        const now = clock.now()
        const name = answer.name ?? about.name ?? 'site'
        const was = present ?? fresh({ alias: aliasFrom(name, () => false), name })
        const events: LinkEvent[] = [
          { type: 'want', changedAt: sent.changedAt },
          heard(answer, now),
          { type: 'told', changedAt: sent.changedAt },
        ]
        const dialled = { ...moveLink(was, now, events), dialled: about.dialled ?? was.dialled }
        const learnt = learnAbout(learnAbout(dialled, about), answer)
        return { link: named(learnt, options.alias, isDecided(was)) }
      })
      if (link !== undefined && link.theirs.is !== 'refused') return link
      throw new Fault('denied', 'links.ask', {
        about: site,
        side: 'there',
        text: 'The other site has refused a link with us. Its administrator can accept it, or send an invitation.',
      })
    } finally {
      if (sent.site !== undefined) asking.delete(sent.site)
    }
  }

  function checkReached(site: SiteId): void {
    if (site !== identity.site) return
    throw new Fault('invalid', 'links.ask', {
      about: site,
      text: 'That is this very site. Name another one.',
    })
  }

  async function act(
    id: LinkId,
    type: 'accept' | 'refuse' | 'pause' | 'resume' | 'remove',
    options: { alias?: string | undefined } & ByAdministrator,
  ): Promise<Link> {
    const { site } = linkOf(id)
    const link = await book.change(site, options.by, (present) => {
      if (present?.id !== id) return undefined
      const moved = moveLink(present, clock.now(), [{ type, at: clock.now() }])
      if (!isDecided(moved)) return { link: moved }
      return { link: named(moved, options.alias, isDecided(present)) }
    })
    return link ?? linkOf(id)
  }

  return {
    async invite({ expiresMs = invitationMs, by }) {
      if (!Number.isSafeInteger(expiresMs) || expiresMs <= 0 || expiresMs > invitationMsMax) {
        throw new Fault('invalid', 'links.invite', {
          text: 'An invitation stands for at most 30 days. Choose less.',
        })
      }
      const { name, addresses } = me()
      if (addresses.length === 0) {
        throw new Fault('conflict', 'links.invite', {
          text: 'This site has no address that others could reach. Start it with an address to listen on.',
        })
      }
      const madeAt = clock.now()
      const open = [...book.invitations()].filter(
        (one) => one.used === null && one.expiresAt >= madeAt,
      )
      if (open.length >= invitationsMax) {
        throw new Fault('busy', 'links.invite', {
          text: `${open.length} invitations are open. Wait until some expire.`,
        })
      }
      const secret = clock.random(invitationSecretBytes)
      const expiresAt = madeAt + expiresMs
      await book.addInvitation({ hash: secretHash(secret), madeAt, expiresAt, by, used: null })
      return {
        text: await formatInvitation({ site: identity.site, name, addresses, secret, expiresAt }),
        expiresAt,
      }
    },

    async redeem(text, options) {
      const { site, name, addresses, secret, expiresAt } = await parseInvitation(text)
      checkReached(site)
      if (clock.now() > expiresAt + clocksApartMs) {
        throw new Fault('gone', 'links.redeem', {
          text: `This invitation expired at ${new Date(expiresAt).toISOString()}. Ask the other administrator for a new one.`,
        })
      }
      return askAt({ site, addresses }, secret, { name, addresses }, options)
    },

    ask: (address, options) =>
      askAt({ address }, undefined, { addresses: [address], dialled: address }, options),
    accept: (id, options) => act(id, 'accept', options),
    refuse: (id, options) => act(id, 'refuse', options),
    pause: (id, options) => act(id, 'pause', options),
    resume: (id, options) => act(id, 'resume', options),
    remove: (id, options) => act(id, 'remove', options),

    async setPolicy(id, { shared, quotaBytes }, { by }) {
      if (quotaBytes !== undefined && !(Number.isSafeInteger(quotaBytes) && quotaBytes >= 0)) {
        throw new Fault('invalid', 'links.policy', {
          text: 'A quota is a whole number of bytes, 0 or more.',
        })
      }
      const policy = { shared, ...(quotaBytes === undefined ? {} : { quotaBytes }) }
      await book.change(
        linkOf(id).site,
        by,
        (present) => present && { link: { ...present, policy } },
      )
      return linkOf(id)
    },

    list: () => book.all().filter((link) => link.ours.is !== 'removed'),
    get: linkOf,
    byAlias: book.byAlias,
    bySite: book.bySite,
    isAccepted,
    isRefused(site) {
      const link = book.bySite(site)
      if (link?.ours.is !== 'refused' || !link.told) return false
      const now = clock.now()
      return !book
        .invitations()
        .some(
          (one) => one.used === null && one.expiresAt >= now && one.madeAt > link.ours.changedAt,
        )
    },
    hello,
    announce() {
      announced = true
      for (const link of book.all()) {
        if (link.at === 'accepted') greet.add(link.site)
        if (isWaiting(link)) again.add(link.site)
        outbox.wake(link.site)
      }
    },
    events: book.events,
    handlers,
    async [Symbol.asyncDispose]() {
      polling[Symbol.dispose]()
      await outbox[Symbol.asyncDispose]()
    },
  }
}

const neverYet = { is: 'none', changedAt: -1 } as const

function heard(answer: LinkAnswer, at: number): LinkEvent {
  return { type: 'heard', stance: answer.stance, fresh: false, at }
}

/** Whether the next word is the other side's: its yes, or the end of its pause. */
function isWaiting({ ours, theirs }: Link): boolean {
  return ours.is === 'willing' && (theirs.is === 'none' || theirs.is === 'paused')
}
