/**
 * Other sites: asked → accepted → paused | refused | removed. Our administrators move a link here, the
 * other side's in `hearing.ts`; what the other side still has to learn is told until it has answered,
 * after a restart too, because what is untold stands in the link itself.
 */

import { Fault } from '../../protocol/fault.ts'
import { fittingAddresses, plainName } from '../../protocol/hello.ts'
import type { LinkId, SiteId } from '../../protocol/ids.ts'
import { formatInvitation, parseInvitation } from '../../protocol/invitation.ts'
import { invitationSecretBytes, linkAddressesBytesMax } from '../../protocol/link.ts'
import type { Handler, Open } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { Events } from '../base/events.ts'
import { createOutbox } from '../base/outbox.ts'
import type { Db } from '../db/db.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { type LinkNews, nameLink, openBook } from './book.ts'
import { findSite, placeOf } from './find.ts'
import { createHearing, secretHash } from './hearing.ts'
import { isDecided, type Link, moveLink } from './link.ts'
import { defaultPolicy, type LinkPolicy } from './policy.ts'
import { createSaying } from './saying.ts'

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
const pollMs = 10 * 60_000

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
   * Asks the site at `address`, or the one that is found by its own name (`find.ts`), and waits for its administrator: `asked`, or `accepted` when that one
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
  /** Under another alias. Faults `invalid`, and `exists` when another link has it. */
  rename(id: LinkId, alias: string, o: ByAdministrator): Promise<Link>
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
  const speaks = () => o.speaks?.() ?? []
  function me(addressesBytesMax = linkAddressesBytesMax) {
    const { name, addresses } = o.me()
    return {
      name: plainName(name, 'Crossload'),
      addresses: fittingAddresses(addresses, addressesBytesMax),
    }
  }
  const saying = createSaying({ ...o, book, me, speaks })
  const handlers = createHearing({ book, clock, me, speaks, isAsking: saying.isAsking })

  /** Accepted sites that have not had our present addresses, and sites whose word we wait for. */
  const greet = new Set<SiteId>()
  const poll = new Set<SiteId>()
  let announced = false
  const outbox = createOutbox<SiteId>({
    clock,
    pending: (site) => announced && (isUntold(site) || poll.has(site) || isUngreeted(site)),
    async deliver(site, options) {
      if (isUntold(site) || poll.has(site))
        await taking(poll, site, () => saying.tell(site, options))
      if (isUngreeted(site)) await taking(greet, site, () => saying.hello(site, options))
    },
    failed: (site, fault) => book.events.emit({ type: 'undelivered', site, fault }),
  })
  const listening = book.events.on((news) => {
    if (news.type === 'undelivered') return
    if (news.type === 'reached') return outbox.wake(news.site)
    if (news.link.at === 'accepted' && news.was !== 'accepted') greet.add(news.link.site)
    outbox.wake(news.link.site)
  })
  const polling = clock.every(pollMs, () => {
    for (const link of book.all()) {
      if (!isWaiting(link)) continue
      poll.add(link.site)
      outbox.wake(link.site)
    }
  })

  function isAccepted(site: SiteId): boolean {
    return book.bySite(site)?.at === 'accepted'
  }

  function isUngreeted(site: SiteId): boolean {
    return greet.has(site) && isAccepted(site)
  }

  function isUntold(site: SiteId): boolean {
    const link = book.bySite(site)
    return link !== undefined && !link.told && clock.now() - link.ours.changedAt < tellForMs
  }

  function linkOf(id: LinkId): Link {
    const link = book.get(id)
    if (link !== undefined) return link
    throw new Fault('missing', 'links.get', {
      about: id,
      text: `There is no link ${id} here. See them with crossload links.`,
    })
  }

  async function act(
    id: LinkId,
    type: 'accept' | 'refuse' | 'pause' | 'resume' | 'remove',
    options: { alias?: string | undefined } & ByAdministrator,
  ): Promise<Link> {
    const { site } = linkOf(id)
    const link = await book.change(site, options.by, (present) => {
      if (present === undefined) return undefined
      const now = book.instant()
      const moved = moveLink(present, now, [{ type, at: now }])
      // Should it come back one day, it comes back with nothing special allowed.
      if (type === 'remove')
        return { link: moved === present ? present : { ...moved, policy: defaultPolicy } }
      return { link: nameLink(book, moved, options.alias, isDecided(present)) }
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
      const madeAt = book.instant()
      const open = book
        .invitations()
        .filter((one) => one.used === null && one.expiresAt >= clock.now())
      if (open.length >= invitationsMax) {
        throw new Fault('busy', 'links.invite', {
          text: `${open.length} invitations are open. Wait until some expire.`,
        })
      }
      const secret = clock.random(invitationSecretBytes)
      const expiresAt = clock.now() + expiresMs
      await book.addInvitation({ hash: secretHash(secret), madeAt, expiresAt, by, used: null })
      return {
        text: await formatInvitation({ site: identity.site, name, addresses, secret, expiresAt }),
        expiresAt,
      }
    },

    async redeem(text, options) {
      const { site, name, addresses, secret, expiresAt } = await parseInvitation(text)
      if (clock.now() > expiresAt + clocksApartMs) {
        throw new Fault('gone', 'links.redeem', {
          text: `This invitation expired at ${new Date(expiresAt).toISOString()}. Ask the other administrator for a new one.`,
        })
      }
      return saying.ask({ to: { site, addresses }, secret, name, addresses, ...options }, options)
    },

    async ask(address, options) {
      const place = placeOf(address)
      if (place !== undefined) {
        const { site, name, addresses } = await findSite(place, { clock, ...options })
        return saying.ask({ to: { site, addresses }, name, addresses, ...options }, options)
      }
      const asking = {
        to: { address },
        name: hostOf(address),
        addresses: [address],
        dialled: address,
      }
      return saying.ask({ ...asking, ...options }, options)
    },
    accept: (id, options) => act(id, 'accept', options),
    refuse: (id, options) => act(id, 'refuse', options),
    pause: (id, options) => act(id, 'pause', options),
    resume: (id, options) => act(id, 'resume', options),
    remove: (id, options) => act(id, 'remove', options),

    async rename(id, alias, { by }) {
      await book.change(
        linkOf(id).site,
        by,
        (present) => present && { link: nameLink(book, present, alias, true) },
      )
      return linkOf(id)
    },

    async setPolicy(id, policy, { by }) {
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
    hello: (site, options = {}) => taking(greet, site, () => saying.hello(site, options)),
    announce() {
      announced = true
      for (const link of book.all()) {
        if (link.at === 'accepted') greet.add(link.site)
        if (isWaiting(link)) poll.add(link.site)
        outbox.wake(link.site)
      }
    },
    events: book.events,
    handlers,
    async [Symbol.asyncDispose]() {
      polling[Symbol.dispose]()
      listening[Symbol.dispose]()
      await outbox[Symbol.asyncDispose]()
    },
  }
}

/** Takes the site off the list before it is told, so that what changes meanwhile is told again. */
async function taking(list: Set<SiteId>, site: SiteId, run: () => Promise<void>): Promise<void> {
  const was = list.delete(site)
  try {
    await run()
  } catch (thrown) {
    if (was) list.add(site)
    throw thrown
  }
}

/** Whether the next word is the other side's: its yes, or the end of its pause. */
function isWaiting({ ours, theirs }: Link): boolean {
  return ours.is === 'willing' && (theirs.is === 'none' || theirs.is === 'paused')
}

/** What to call a site that has not told its name: the host in its address. */
function hostOf(address: string): string {
  return /^\/(?:ip[46]|dns(?:4|6|addr)?)\/([^/]+)/.exec(address)?.[1] ?? address
}
