/** The records of a link and of an invitation: what is kept, and how it gets into the index. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../../protocol/fault.ts'
import { addressesMax } from '../../protocol/hello.ts'
import { type LinkId, parseAlias, type SiteId } from '../../protocol/ids.ts'
import {
  type LinkAt,
  type LinkEvent,
  type LinkState,
  linkAt,
  newLink,
  stepLink,
} from '../../protocol/link.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { defaultPolicy, type LinkPolicy } from './policy.ts'

export type Link = LinkState & {
  readonly id: LinkId
  readonly site: SiteId
  /** What our administrator calls it. Only a proposal until our side has decided. */
  readonly alias: string
  /** What it calls itself. Text from afar: show it escaped, never decide by it. */
  readonly name: string
  /** Where to dial, best first. */
  readonly addresses: readonly string[]
  /** The address that our administrator typed: known to work once, so it is kept and tried last. */
  readonly dialled: string | null
  readonly at: LinkAt
  readonly changedAt: number
  readonly policy: LinkPolicy
}

export type Invitation = {
  /** SHA-256 of the secret, hexadecimal. The secret itself is in nobody's keeping but the holder's. */
  readonly hash: string
  readonly madeAt: number
  readonly expiresAt: number
  readonly by: Actor
  readonly used: { readonly by: SiteId; readonly at: number } | null
}

function putLink(link: Link): Change[] {
  return [
    { put: keys.link(link.id), value: link },
    { put: keys.linkBySite(link.site), value: link.id },
  ]
}

function addLink(link: Link): Change[] {
  return [...putLink(link), { put: keys.counter('link'), value: link.id }]
}

function putInvitation(invitation: Invitation): Change {
  return { put: keys.invitation(invitation.hash), value: invitation }
}

export const linkFolds: Folds = {
  /** A link with a new ID. */
  'link.add': ({ data }) => addLink(data as Link),
  'link.put': ({ data }) => putLink(data as Link),
  /** A stranger took back what nobody here had decided on. */
  'link.drop': ({ data }) => {
    const { id, site } = data as { id: LinkId; site: SiteId }
    return [{ del: keys.link(id) }, { del: keys.linkBySite(site) }]
  },
}

export const invitationFolds: Folds = {
  'invitation.put': ({ data }) => [putInvitation(data as Invitation)],
  /** Used up and accepted in one record, so that neither can be without the other. */
  'invitation.redeem': ({ data }) => {
    const { invitation, link, added } = data as {
      invitation: Invitation
      link: Link
      added: boolean
    }
    return [putInvitation(invitation), ...(added ? addLink(link) : putLink(link))]
  },
}

/** A link that nothing has happened to yet. */
export function createLink(o: {
  id: LinkId
  site: SiteId
  alias: string
  name: string
  at: number
}): Link {
  const { id, site, alias, name } = o
  return {
    ...newLink,
    id,
    site,
    alias,
    name,
    addresses: [],
    dialled: null,
    at: linkAt(newLink),
    changedAt: o.at,
    policy: defaultPolicy,
  }
}

/** The link after `events`, the same object when they changed nothing. Faults `conflict` when one does not belong. */
export function moveLink(link: Link, now: number, events: readonly LinkEvent[]): Link {
  const { ours, theirs, asked, told } = link
  let state: LinkState = { ours, theirs, asked, told }
  for (const event of events) {
    const step = stepLink(state, event)
    for (const effect of step.effects) {
      if (effect.type === 'refused') {
        throw new Fault('conflict', 'links.move', { about: link.alias, text: effect.text })
      }
    }
    state = step.state
  }
  const at = linkAt(state)
  return changed(link, { ...link, ...state, at, changedAt: at === link.at ? link.changedAt : now })
}

/** What the other site says of itself. An empty list of addresses leaves us those that we have. */
export function learnAbout(
  link: Link,
  about: { name?: string | undefined; addresses?: readonly string[] | undefined },
): Link {
  const announced = about.addresses ?? []
  const typed = link.dialled === null ? [] : [link.dialled]
  const addresses = announced.length === 0 ? link.addresses : [...new Set([...announced, ...typed])]
  return changed(link, {
    ...link,
    name: about.name ?? link.name,
    addresses: addresses.slice(0, addressesMax + 1),
  })
}

function changed(was: Link, is: Link): Link {
  return isDeepStrictEqual(was, is) ? was : is
}

/** Whether our side has ever decided on it, and so has given it an alias of its own. */
export function isDecided(link: Link): boolean {
  return link.ours.is === 'willing' || link.ours.is === 'paused' || link.ours.is === 'refused'
}

const aliasCharactersMax = 32

/** A free alias made of a site's name: `Oslo Cytometry` → `oslo-cytometry`, then `oslo-cytometry-2`. */
export function aliasFrom(name: string, isTaken: (alias: string) => boolean): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}+/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
  const trim = (text: string) => text.replaceAll(/^-+|-+$/g, '')
  const stem = trim(trim(plain).slice(0, aliasCharactersMax)) || 'site'
  for (let n = 1; ; n++) {
    const tail = n === 1 ? '' : `-${n}`
    const alias = parseAlias(trim(stem.slice(0, aliasCharactersMax - tail.length)) + tail)
    if (!isTaken(alias)) return alias
  }
}
