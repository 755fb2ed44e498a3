/** What a link allows. Asked at every send and every receive, never remembered by whoever asked. */
import { Fault } from '../../protocol/fault.ts'
import type { LinkAt } from '../../protocol/link.ts'

export type LinkPolicy = {
  /** Whether content that this site did not send us may still count as held by us when it offers it. */
  readonly shared: boolean
  /** The most bytes of this site's that we keep; without it, only the disk limits. */
  readonly quotaBytes?: number | undefined
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
  throw new Fault('denied', op, { about: link.alias, text: refusals[link.at](link.alias) })
}

/** Faults `full` when `bytes` more of this site's would pass what it may keep here. */
export function checkQuota(
  link: LinkStanding,
  use: { heldBytes: number; bytes: number },
  op: string,
): void {
  const { quotaBytes } = link.policy
  if (quotaBytes === undefined || use.heldBytes + use.bytes <= quotaBytes) return
  throw new Fault('full', op, {
    about: link.alias,
    text:
      `The other site lets this link keep ${quotaBytes} bytes there; ${use.heldBytes} are used and ` +
      `${use.bytes} more do not fit. Ask its administrator for a larger quota, or send less.`,
  })
}

/** Whether everything we hold may count as held towards this site, or only what it sent us itself. */
export function isShared(link: LinkStanding): boolean {
  return link.at === 'accepted' && link.policy.shared
}
