/**
 * Site ↔ site. Each side has a stance towards the other; a link is accepted when both are willing.
 * The page is link.md.
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> asked: one side is willing
 *   asked --> accepted: the other side is willing too
 *   accepted --> paused: either side pauses
 *   paused --> accepted: whoever paused resumes
 *   asked --> refused: either side refuses
 *   accepted --> refused
 *   paused --> refused
 *   refused --> accepted: whoever refused accepts, the other still willing
 *   asked --> removed: either side removes
 *   accepted --> removed
 *   paused --> removed
 *   refused --> removed
 *   removed --> asked: one side asks afresh
 *   removed --> accepted: a fresh invitation is redeemed
 * ```
 */
import { z } from 'zod'
import { addressList, nameText } from './hello.ts'
import { isNewer, nextChange, type Stance, stanceShape } from './stance.ts'
import type { FrameCaps } from './wire.ts'

export const linkProtocol = '/crossload/link/1.0.0'

/** A stranger may say this much and no more. In bytes. */
export const linkCaps: FrameCaps = { headBytesMax: 2048, bodyBytesMax: 0 }
/** All addresses of one message together, in bytes, so that it stays under its cap. */
export const linkAddressesBytesMax = 1200
export const invitationSecretBytes = 16

const linkIs = ['none', 'willing', 'paused', 'refused', 'removed'] as const
export type LinkIs = (typeof linkIs)[number]
export type LinkStance = Stance<LinkIs>

const linkStance = stanceShape(linkIs)
/** Of an invitation: whoever holds it was invited. */
export const invitationSecret = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.byteLength === invitationSecretBytes,
  `is not ${invitationSecretBytes} bytes`,
)

export const linkMessage = z.discriminatedUnion('type', [
  /** An administrator wants this link: waits for the other one, or redeems that one's invitation. */
  z.object({
    type: z.literal('ask'),
    name: nameText,
    addresses: addressList,
    stance: stanceShape(['willing']),
    secret: invitationSecret.optional(),
  }),
  /** What the sender has decided, as it stands now. Said until it was answered. */
  z.object({ type: z.literal('tell'), name: nameText, addresses: addressList, stance: linkStance }),
])
export type LinkMessage = z.infer<typeof linkMessage>

/** The answerer's own stance after it has heard. Who it is, it says only to a site it is willing to know. */
export const linkAnswer = z.object({
  stance: linkStance,
  name: nameText.optional(),
  addresses: addressList.optional(),
})
export type LinkAnswer = z.infer<typeof linkAnswer>

export type LinkAt = 'asked' | 'accepted' | 'paused' | 'refused' | 'removed'

export type LinkState = {
  readonly ours: LinkStance
  readonly theirs: LinkStance
  /** Who asked last. */
  readonly asked: 'here' | 'there'
  /** Whether the other side has our present stance. */
  readonly told: boolean
}

export type LinkEvent =
  /** We asked with this very instant, or an invitation was redeemed. */
  | { readonly type: 'want'; readonly changedAt: number }
  | { readonly type: 'accept' | 'refuse' | 'pause' | 'resume' | 'remove'; readonly at: number }
  /** The other side's stance, in a message (`fresh` when its administrator has just asked) or an answer. */
  | {
      readonly type: 'heard'
      readonly stance: LinkStance
      readonly fresh: boolean
      readonly at: number
    }
  /** The other side answered when we had told this. */
  | { readonly type: 'told'; readonly changedAt: number }

export type LinkEffect =
  /** Tell the other side our stance. */
  | { readonly type: 'tell' }
  /** The event does not belong here; the text is for whoever caused it. */
  | { readonly type: 'refused'; readonly text: string }

export type LinkStep = { readonly state: LinkState; readonly effects: readonly LinkEffect[] }

export const newLink: LinkState = {
  ours: { is: 'none', changedAt: 0 },
  theirs: { is: 'none', changedAt: 0 },
  asked: 'there',
  told: true,
}

/** What a person sees. The sterner stance wins; ours before theirs. */
export function linkAt({ ours, theirs }: LinkState): LinkAt {
  if (ours.is === 'removed' || ours.is === 'refused') return ours.is
  if (theirs.is === 'removed' || theirs.is === 'refused') return theirs.is
  if (ours.is === 'none') return theirs.is === 'none' ? 'removed' : 'asked'
  if (theirs.is === 'none') return 'asked'
  return ours.is === 'paused' || theirs.is === 'paused' ? 'paused' : 'accepted'
}

/** Pure and total. Time comes in with the event; a step never throws. */
export function stepLink(state: LinkState, event: LinkEvent): LinkStep {
  switch (event.type) {
    case 'want':
      return want(state, event.changedAt)
    case 'heard':
      return heard(state, event)
    case 'told':
      return still({ ...state, told: state.told || state.ours.changedAt === event.changedAt })
    case 'accept':
      return accept(state, event.at)
    case 'refuse':
      if (state.ours.is === 'refused') return still(state)
      if (state.ours.is === 'removed')
        return refused(state, 'The link is removed; there is nothing to refuse.')
      return decide(state, 'refused', event.at)
    case 'pause':
      if (state.ours.is === 'paused') return still(state)
      if (linkAt(state) !== 'accepted' && linkAt(state) !== 'paused') {
        return refused(state, 'Only an accepted link can be paused.')
      }
      return decide(state, 'paused', event.at)
    case 'resume':
      if (state.ours.is === 'willing' && linkAt(state) === 'accepted') return still(state)
      if (state.ours.is === 'paused') return decide(state, 'willing', event.at)
      return refused(
        state,
        linkAt(state) === 'paused'
          ? 'The other site has paused this link; only it can resume.'
          : 'This link is not paused.',
      )
    case 'remove':
      return state.ours.is === 'removed' ? still(state) : decide(state, 'removed', event.at)
  }
}

function accept(state: LinkState, at: number): LinkStep {
  if (state.ours.is === 'willing') return still(state)
  if (state.ours.is === 'paused') return refused(state, 'The link is paused; resume it.')
  const { is } = state.theirs
  const standing =
    is === 'willing' || is === 'paused' || (is === 'refused' && state.ours.is === 'refused')
  if (state.ours.is === 'removed' || !standing) {
    return refused(
      state,
      'The other site is not asking (any more). Ask it, or send it an invitation.',
    )
  }
  return decide(state, 'willing', at)
}

function want(state: LinkState, changedAt: number): LinkStep {
  const { ours, theirs } = state
  // What was decided here while the other side was being asked is the later word; `none` is no decision.
  if (changedAt <= ours.changedAt && ours.is !== 'none') return still(state)
  const asked = theirs.is === 'willing' || theirs.is === 'paused' ? state.asked : 'here'
  const stance: LinkStance = { is: 'willing', changedAt: nextChange(changedAt, ours) }
  return telling({ ...state, ours: stance, asked, told: false })
}

function heard(state: LinkState, event: Extract<LinkEvent, { type: 'heard' }>): LinkStep {
  if (!isNewer(event.stance, state.theirs)) return still(state)
  const { ours } = state
  const heardNow = { ...state, theirs: event.stance }
  const none: LinkStance = { is: 'none', changedAt: nextChange(event.at, ours) }
  if (event.stance.is === 'removed' && (ours.is === 'willing' || ours.is === 'paused')) {
    // Gone at both ends, so that a later ask of theirs waits for our administrator again.
    return telling({ ...heardNow, ours: none, told: false })
  }
  if (event.stance.is === 'willing' && ours.is === 'removed' && event.fresh) {
    return telling({ ...heardNow, ours: none, asked: 'there', told: false })
  }
  if (event.stance.is === 'willing' && ours.is === 'none')
    return still({ ...heardNow, asked: 'there' })
  if (event.stance.is === 'none' && ours.is === 'willing')
    return still({ ...heardNow, asked: 'here' })
  return still(heardNow)
}

function decide(state: LinkState, is: LinkIs, at: number): LinkStep {
  const ours: LinkStance = { is, changedAt: nextChange(at, state.ours) }
  return telling({ ...state, ours, told: false })
}

function still(state: LinkState): LinkStep {
  return { state, effects: [] }
}

function telling(state: LinkState): LinkStep {
  return { state, effects: [{ type: 'tell' }] }
}

function refused(state: LinkState, text: string): LinkStep {
  return { state, effects: [{ type: 'refused', text }] }
}
