/** What a link allows. Asked at every send and every receive, never remembered by whoever asked. */
import { Fault } from '../../protocol/fault.ts'
import type { LinkAt } from '../../protocol/link.ts'

export type LinkPolicy = {
  /** Whether content that this site did not send us may still count as held by us when it offers it. */
  readonly shared: boolean
}

/** Tells nothing by what we skip, and leaves the limit to the disk. */
export const defaultPolicy: LinkPolicy = { shared: false }

/** As much of a link as its policy is about. */
export type LinkStanding = {
  readonly alias: string
  readonly at: LinkAt
  readonly policy: LinkPolicy
}

const refusals: Record<Exclude<LinkAt, 'accepted'>, (alias: string) => string> = {
  asked: (alias) =>
    `The link with ${alias} is asked for and not accepted yet. An administrator has to accept it.`,
  paused: (alias) =>
    `The link with ${alias} is paused. It goes on when the side that paused it resumes.`,
  refused: (alias) => `The link with ${alias} is refused. Only an administrator can change that.`,
  removed: (alias) =>
    `The link with ${alias} has been removed. It takes a new invitation or a new ask.`,
}

/** The link itself when data may cross it now. Otherwise `missing` (there is none) or `denied`, with words. */
export function openLink<L extends LinkStanding>(link: L | undefined, op: string): L {
  if (link === undefined) {
    throw new Fault('missing', op, {
      text: 'There is no link with this site. Invite it, or ask it for a link.',
    })
  }
  if (link.at === 'accepted') return link
  const kind = link.at === 'paused' ? 'busy' : 'denied'
  throw new Fault(kind, op, { about: link.alias, text: refusals[link.at](link.alias) })
}

/** Whether everything we hold may count as held towards this site, or only what it sent us itself. */
export function isShared(link: LinkStanding): boolean {
  return link.at === 'accepted' && link.policy.shared
}
