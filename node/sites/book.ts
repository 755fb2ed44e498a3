/**
 * All links and invitations in memory, as they stand in the index, and the one way they change. There
 * are tens of them, rarely thousands, and `isAccepted` is asked for every stream, so it must not wait.
 */

import { Fault } from '../../protocol/fault.ts'
import { type LinkId, parseAlias, type SiteId } from '../../protocol/ids.ts'
import type { LinkAt } from '../../protocol/link.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { aliasFrom, createLink, type Invitation, isDecided, type Link } from './link.ts'

export type LinkNews =
  /** Something about a link is different from now on. `was` is where it stood before. */
  | { readonly type: 'link'; readonly link: Link; readonly was: LinkAt | undefined }
  /** The site has just talked to us or answered us: whatever waits for it may go now. */
  | { readonly type: 'reached'; readonly site: SiteId }
  /** It could not be told something; tried again if the fault's kind allows it. */
  | { readonly type: 'undelivered'; readonly site: SiteId; readonly fault: Fault }

/** What one turn decides: the link as it shall be, or `drop` to forget one that nobody decided on. */
export type Decision =
  | { link: Link; invitation?: Invitation | undefined }
  | { drop: Link }
  | undefined

export interface LinkBook {
  readonly events: Events<LinkNews>
  all(): Link[]
  get(id: LinkId): Link | undefined
  bySite(site: SiteId): Link | undefined
  /** Of the links our side has decided on; the alias of any other is only a proposal. */
  byAlias(alias: string): Link | undefined
  invitation(hash: string): Invitation | undefined
  invitations(): Invitation[]
  addInvitation(invitation: Invitation): Promise<void>
  /** Now, but later than everything this side has decided: what came first stays first when a clock is set. */
  instant(): number
  /**
   * Reads, decides and commits in one turn, so that two who race see each other. `decide` gets the
   * present link with this site, or undefined; what it throws changes nothing. Resolves when the
   * record is flushed and everybody here already goes by it. The news is emitted, or given to `hold`.
   */
  change(
    site: SiteId,
    by: Actor,
    decide: (link: Link | undefined, fresh: Fresh) => Decision,
    hold?: (news: LinkNews) => void,
  ): Promise<Link | undefined>
}

/** Makes a link that is not there yet, under an alias that is made of its name. */
export type Fresh = (name: string) => Link

export async function openBook(o: { commit: Commit; db: Db; clock: Clock }): Promise<LinkBook> {
  const events = createEvents<LinkNews>()
  const bySite = new Map<SiteId, Link>()
  const invitations = new Map<string, Invitation>()
  for await (const { value } of o.db.list<Link>(keys.links())) bySite.set(value.site, value)
  for await (const { value } of o.db.list<Invitation>(keys.invitations()))
    invitations.set(value.hash, value)
  let latestAt = 0
  for (const { ours } of bySite.values()) latestAt = Math.max(latestAt, ours.changedAt)
  for (const { madeAt } of invitations.values()) latestAt = Math.max(latestAt, madeAt)
  let lastId = (await o.db.get<number>(keys.counter('link'))) ?? 0

  async function keep(
    decision: Exclude<Decision, undefined>,
    by: Actor,
  ): Promise<Link | undefined> {
    if ('drop' in decision) {
      const { id, site } = decision.drop
      await o.commit('link.drop', by, { id, site })
      bySite.delete(site)
      return undefined
    }
    const { link, invitation } = decision
    const was = bySite.get(link.site)
    const added = was === undefined
    if (invitation !== undefined) {
      await o.commit('invitation.redeem', by, { invitation, link, added })
      invitations.set(invitation.hash, invitation)
    } else if (was !== link) await o.commit(added ? 'link.add' : 'link.put', by, link)
    bySite.set(link.site, link)
    latestAt = Math.max(latestAt, link.ours.changedAt)
    lastId = Math.max(lastId, link.id)
    return link
  }

  const book: LinkBook = {
    events,
    all: () => [...bySite.values()].sort((a, b) => a.id - b.id),
    get: (id) => bySite.values().find((link) => link.id === id),
    bySite: (site) => bySite.get(site),
    byAlias: (alias) => bySite.values().find((link) => link.alias === alias && isDecided(link)),
    invitation: (hash) => invitations.get(hash),
    invitations: () => [...invitations.values()],

    async addInvitation(invitation) {
      await o.commit('invitation.put', invitation.by, invitation)
      invitations.set(invitation.hash, invitation)
      latestAt = Math.max(latestAt, invitation.madeAt)
    },
    instant: () => Math.max(o.clock.now(), latestAt + 1),

    async change(site, by, decide, hold = events.emit) {
      const { was, link } = await o.commit.serial(async () => {
        const present = bySite.get(site)
        const fresh: Fresh = (name) => {
          const alias = aliasFrom(name, (text) => book.byAlias(text) !== undefined)
          return createLink({ id: (lastId + 1) as LinkId, site, alias, name, at: book.instant() })
        }
        const decision = decide(present, fresh)
        return { was: present, link: decision === undefined ? present : await keep(decision, by) }
      })
      if (link !== undefined && link !== was) hold({ type: 'link', link, was: was?.at })
      return link
    },
  }
  return book
}

/** Refuses an alias that is not one (`invalid`), or that another link has (`exists`). */
export function checkAlias(
  book: LinkBook,
  alias: string | undefined,
  site: SiteId | undefined,
): void {
  if (alias === undefined) return
  const holder = book.byAlias(parseAlias(alias))
  if (holder === undefined || holder.site === site) return
  throw new Fault('exists', 'links.alias', {
    about: alias,
    text: `Link ${holder.id} is called ${alias} already. Choose another alias.`,
  })
}

/** The link under the alias asked for; else under its own, with `keep`; else under one made of its name. */
export function nameLink(
  book: LinkBook,
  link: Link,
  alias: string | undefined,
  keep: boolean,
): Link {
  checkAlias(book, alias, link.site)
  if (alias !== undefined) return { ...link, alias }
  const isTaken = (text: string) => (book.byAlias(text)?.site ?? link.site) !== link.site
  return keep && !isTaken(link.alias) ? link : { ...link, alias: aliasFrom(link.name, isTaken) }
}
