/**
 * The states of a transfer, for both sides, as a pure machine. At the source (`out`):
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> waiting
 *   waiting --> moving: accepted
 *   waiting --> parked: parked
 *   parked --> moving: accepted
 *   waiting --> refused: refused
 *   waiting --> paused: pause
 *   moving --> paused: pause
 *   paused --> waiting: resume
 *   waiting --> done: imported
 *   moving --> done: imported
 *   parked --> done: imported
 *   paused --> done: imported
 *   waiting --> failed: failed
 *   moving --> failed: failed
 *   parked --> failed: failed
 *   paused --> failed: failed
 *   waiting --> cancelled: cancel
 *   moving --> cancelled: cancel
 *   parked --> cancelled: cancel
 *   paused --> cancelled: cancel
 * ```
 *
 * At the destination (`in`):
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> moving
 *   moving --> whole: received
 *   moving --> paused: pause
 *   paused --> moving: resume
 *   whole --> done: imported
 *   moving --> failed: failed
 *   paused --> failed: failed
 *   whole --> failed: failed
 *   moving --> cancelled: cancel
 *   paused --> cancelled: cancel
 *   whole --> cancelled: cancel
 * ```
 *
 * `imported` at the source is a signed receipt; at the destination it is the one record that makes
 * versions, bindings and IDs visible. Nothing leaves `done`, `refused`, `failed` or `cancelled`.
 */
import type { WireFault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import type { Counters } from './progress.ts'

export type StateName =
  | 'waiting'
  | 'parked'
  | 'moving'
  | 'whole'
  | 'paused'
  | 'done'
  | 'refused'
  | 'failed'
  | 'cancelled'

export type State =
  /** Source: to be offered as soon as the destination answers. */
  | { at: 'waiting' }
  /** Source: a person at the destination has yet to decide. */
  | { at: 'parked' }
  /** Source: the destination pulls. Destination: pulling. */
  | { at: 'moving' }
  /** Destination: every byte is durable and verified; not yet visible. */
  | { at: 'whole' }
  | { at: 'paused' }
  | { at: 'done' }
  /** Source: the destination would not have it. */
  | { at: 'refused'; fault: WireFault }
  | { at: 'failed'; fault: WireFault }
  | { at: 'cancelled'; by: 'here' | 'there' }

/** A receipt as it is kept: what was signed, word for word. */
export type KeptReceipt = { bytes: string; signature: string }

export type Transfer = {
  readonly id: TransferId
  readonly direction: 'out' | 'in'
  /** The other site. */
  readonly site: SiteId
  readonly connection: ConnectionId
  /** Our person. */
  readonly user: UserId
  /** Empty, as the other one, when our person was removed (`sealed.ts`). */
  readonly email: Email
  /** Theirs. */
  readonly person: Email
  /** Both, and the words of a fault, as they are kept; nobody but `sealed.ts` looks at it. */
  readonly sealed?: string | undefined
  /** The dataset ID at the destination that was typed; 0 for a new one. */
  readonly dest: number
  /** Bind although inputs changed or are missing. */
  readonly allow: boolean
  /** SHA-256 of the bundle's bytes, hexadecimal. */
  readonly bundle: string
  readonly createdAt: number
  /** When it came into this state. */
  readonly since: number
  readonly state: State
  readonly receipts: readonly KeptReceipt[]
  /** Local IDs: what was sent (out), or what it became (in, once done). */
  readonly dataset?: { id: number; version: number } | undefined
  readonly workflows: readonly { id: number; version: number }[]
  /** IDs at the other side, from the bundle (in) or from the receipt (out). */
  readonly theirDataset?: { id: number; version: number } | undefined
  readonly theirWorkflows: readonly { id: number; version: number }[]
  /** What had crossed when it ended. Before that it is counted elsewhere; it is only shown. */
  readonly counters?: Counters | undefined
  /** False while the other side has yet to hear of how it ended here. */
  readonly told: boolean
}

export type TransferEvent =
  | { type: 'accepted' }
  | { type: 'parked' }
  | { type: 'refused'; fault: WireFault }
  | { type: 'received'; receipt: KeptReceipt }
  | {
      type: 'imported'
      receipt: KeptReceipt
      dataset?: { id: number; version: number } | undefined
      workflows: readonly { id: number; version: number }[]
    }
  | { type: 'failed'; fault: WireFault; by: 'here' | 'there' }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'cancel'; by: 'here' | 'there' }
  | { type: 'told' }

/** What remains to be done for a transfer in this state; doing it again changes nothing. */
export type Task = 'offer' | 'pull' | 'import' | 'tell' | undefined

export const isOver = (state: { readonly at: StateName }): boolean =>
  state.at === 'done' || state.at === 'refused' || state.at === 'failed' || state.at === 'cancelled'

/** Derived from the state alone, so that a crash between saving and doing is mended by asking again. */
export function taskOf(transfer: Transfer): Task {
  const { direction, state, told } = transfer
  if (isOver(state)) return told ? undefined : 'tell'
  if (direction === 'out') return state.at === 'waiting' ? 'offer' : undefined
  if (state.at === 'moving') return 'pull'
  return state.at === 'whole' ? 'import' : undefined
}

export type Step = { transfer: Transfer; moved: boolean }

/** Pure and total: an event that does not belong to the state leaves it as it was (`moved: false`). */
export function step(transfer: Transfer, event: TransferEvent, at: number): Step {
  const to = (state: State, more: Partial<Transfer> = {}): Step => ({
    transfer: { ...transfer, ...more, state, since: at },
    moved: true,
  })
  const stay: Step = { transfer, moved: false }
  const was = transfer.state.at
  const out = transfer.direction === 'out'
  if (event.type === 'told') {
    return isOver(transfer.state) && !transfer.told
      ? { transfer: { ...transfer, told: true }, moved: true }
      : stay
  }
  if (isOver(transfer.state)) return stay
  switch (event.type) {
    case 'accepted':
      return out && (was === 'waiting' || was === 'parked') ? to({ at: 'moving' }) : stay
    case 'parked':
      return out && was === 'waiting' ? to({ at: 'parked' }) : stay
    case 'refused':
      return out && was === 'waiting'
        ? to({ at: 'refused', fault: event.fault }, { told: true })
        : stay
    case 'received':
      // It ends nothing, so one is enough: each is a record, and the other side could sign for ever.
      if (out && transfer.receipts.length > 0) return stay
      if (out) return { transfer: withReceipt(transfer, event.receipt), moved: true }
      return was === 'moving' ? to({ at: 'whole' }, withReceipt(transfer, event.receipt)) : stay
    case 'imported': {
      const ids = out
        ? { theirDataset: event.dataset, theirWorkflows: event.workflows }
        : { dataset: event.dataset, workflows: event.workflows }
      if (!out && was !== 'whole') return stay
      return to({ at: 'done' }, { ...withReceipt(transfer, event.receipt), ...ids, told: out })
    }
    case 'failed':
      return to({ at: 'failed', fault: event.fault }, { told: event.by === 'there' })
    case 'pause':
      return was === 'paused' || was === 'whole' || was === 'parked' ? stay : to({ at: 'paused' })
    case 'resume':
      return was === 'paused' ? to({ at: out ? 'waiting' : 'moving' }) : stay
    case 'cancel':
      return to({ at: 'cancelled', by: event.by }, { told: event.by === 'there' })
  }
}

function withReceipt(transfer: Transfer, receipt: KeptReceipt): Transfer {
  const known = transfer.receipts.some((kept) => kept.bytes === receipt.bytes)
  return known ? transfer : { ...transfer, receipts: [...transfer.receipts, receipt] }
}
