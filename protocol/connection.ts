/**
 * Person ↔ person over an accepted link. Two stances, one of each person; a connection is accepted
 * when both are willing, and has no direction. The page is connection.md.
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> asked: one person asks
 *   asked --> accepted: the other accepts, or asks too
 *   asked --> removed: either removes
 *   accepted --> removed: either removes
 *   removed --> asked: one person asks afresh
 * ```
 */
import { z } from 'zod'
import { nameText } from './hello.ts'
import { type Email, parseEmail } from './ids.ts'
import { isNewer, nextChange, type Stance, stanceShape } from './stance.ts'
import type { FrameCaps } from './wire.ts'

export const connectionProtocol = '/crossload/connection/1.0.0'

/** In bytes. */
export const connectionCaps: FrameCaps = { headBytesMax: 2048, bodyBytesMax: 0 }

const connectionIs = ['none', 'willing', 'removed'] as const
export type ConnectionIs = (typeof connectionIs)[number]
export type ConnectionStance = Stance<ConnectionIs>

const stance = stanceShape(connectionIs)

/** Exactly the text form in which people are named: an address that needs mending is refused. */
export const emailText = z
  .string()
  .max(254)
  .refine(isEmail, 'is not an e-mail address in small letters')
  .transform((text) => text as Email)

function isEmail(text: string): boolean {
  try {
    return parseEmail(text) === text
  } catch {
    return false
  }
}

const people = {
  /** The sender's person. */
  from: emailText,
  /** The receiver's person; may be the same address. */
  to: emailText,
  /** What the sender's person is called. */
  name: nameText,
}

export const connectionMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ask'), ...people, stance: stanceShape(['willing']) }),
  z.object({ type: z.literal('tell'), ...people, stance }),
])
export type ConnectionMessage = z.infer<typeof connectionMessage>

export const connectionAnswer = z.object({ stance, name: nameText.optional() })
export type ConnectionAnswer = z.infer<typeof connectionAnswer>

export type ConnectionAt = 'asked' | 'accepted' | 'removed'

export type ConnectionState = {
  readonly ours: ConnectionStance
  readonly theirs: ConnectionStance
  /** Who asked last. */
  readonly asked: 'here' | 'there'
  /** Whether the other side has our present stance. */
  readonly told: boolean
}

export type ConnectionEvent =
  /** Our person asked with this very instant. */
  | { readonly type: 'want'; readonly changedAt: number }
  | { readonly type: 'accept' | 'remove'; readonly at: number }
  | {
      readonly type: 'heard'
      readonly stance: ConnectionStance
      readonly fresh: boolean
      readonly at: number
    }
  | { readonly type: 'told'; readonly changedAt: number }

export type ConnectionEffect =
  | { readonly type: 'tell' }
  | { readonly type: 'refused'; readonly text: string }

export type ConnectionStep = {
  readonly state: ConnectionState
  readonly effects: readonly ConnectionEffect[]
}

export const newConnection: ConnectionState = {
  ours: { is: 'none', changedAt: 0 },
  theirs: { is: 'none', changedAt: 0 },
  asked: 'there',
  told: true,
}

export function connectionAt({ ours, theirs }: ConnectionState): ConnectionAt {
  if (ours.is === 'removed' || theirs.is === 'removed') return 'removed'
  if (ours.is === 'none' && theirs.is === 'none') return 'removed'
  return ours.is === 'willing' && theirs.is === 'willing' ? 'accepted' : 'asked'
}

/** Pure and total. Time comes in with the event; a step never throws. */
export function stepConnection(state: ConnectionState, event: ConnectionEvent): ConnectionStep {
  switch (event.type) {
    case 'want': {
      const { ours, theirs } = state
      // What was decided here while the other site was being asked is the later word; `none` is no decision.
      if (event.changedAt <= ours.changedAt && ours.is !== 'none') return still(state)
      const asked = theirs.is === 'willing' ? state.asked : 'here'
      const stance: ConnectionStance = {
        is: 'willing',
        changedAt: nextChange(event.changedAt, ours),
      }
      return telling({ ...state, ours: stance, asked, told: false })
    }
    case 'accept':
      if (state.ours.is === 'willing') return still(state)
      if (connectionAt(state) !== 'asked') {
        return refused(state, 'Nobody is asking (any more). Ask from here.')
      }
      return decide(state, 'willing', event.at)
    case 'remove':
      return state.ours.is === 'removed' ? still(state) : decide(state, 'removed', event.at)
    case 'heard':
      return heard(state, event)
    case 'told':
      return still({ ...state, told: state.told || state.ours.changedAt === event.changedAt })
  }
}

function heard(
  state: ConnectionState,
  event: Extract<ConnectionEvent, { type: 'heard' }>,
): ConnectionStep {
  if (!isNewer(event.stance, state.theirs)) return still(state)
  const { ours } = state
  const heardNow = { ...state, theirs: event.stance }
  const none: ConnectionStance = { is: 'none', changedAt: nextChange(event.at, ours) }
  // As for a link: gone at both ends, so that a later ask waits for a person again.
  if (event.stance.is === 'removed' && ours.is === 'willing') {
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

function decide(state: ConnectionState, is: ConnectionIs, at: number): ConnectionStep {
  const ours: ConnectionStance = { is, changedAt: nextChange(at, state.ours) }
  return telling({ ...state, ours, told: false })
}

function still(state: ConnectionState): ConnectionStep {
  return { state, effects: [] }
}

function telling(state: ConnectionState): ConnectionStep {
  return { state, effects: [{ type: 'tell' }] }
}

function refused(state: ConnectionState, text: string): ConnectionStep {
  return { state, effects: [{ type: 'refused', text }] }
}
