/**
 * Whom a record of the journal concerns, and how: pure, and by IDs only. A record holds the whole new
 * state, also when only a detail of it changed, so what happened is told by its own time and has a
 * name that is the same however often it is recorded.
 */
import type { NoticeKind } from '../../api/notices-shapes.ts'
import type { DatasetId, UserId, WorkflowId } from '../../protocol/ids.ts'
import type { Hook } from '../hooks/hook.ts'
import type { JournalRecord } from '../journal/journal.ts'
import type { Connection } from '../people/connection.ts'
import type { Link } from '../sites/link.ts'
import type { Transfer } from '../transfers/transfer.ts'
import type { About, MailEnd, Stalled } from './notice.ts'

export type Concern = {
  readonly whom: UserId | 'administrators'
  readonly kind: NoticeKind
  readonly name: string
  readonly about: About
}

/** What changed longer ago than this was told by an earlier record, in milliseconds. */
const freshMs = 60_000
const dayMs = 24 * 3_600_000

export function concernOf(record: JournalRecord): Concern | undefined {
  const { seq, at, kind, data } = record
  const isFresh = (then: number) => at - then < freshMs
  switch (kind) {
    case 'transfer.put': {
      const transfer = data as Transfer
      return isFresh(transfer.since) ? ofTransfer(transfer) : undefined
    }
    case 'transfer.imported': {
      const { transfer } = data as { transfer: Transfer }
      const { id, user, dataset, workflows } = transfer
      const about = {
        transfer: id,
        ...(dataset === undefined ? {} : { dataset: dataset.id as DatasetId }),
        ...(workflows[0] === undefined ? {} : { workflow: workflows[0].id as WorkflowId }),
      }
      return { whom: user, kind: 'arrived', name: `arrived:${id}`, about }
    }
    case 'transfer.stalled': {
      const { transfer, user, since } = data as Stalled
      const name = `stalled:${transfer}:${since}`
      return { whom: user, kind: 'stalled', name, about: { transfer } }
    }
    case 'connection.add':
    case 'connection.put': {
      const connection = data as Connection
      return isFresh(connection.changedAt) ? ofConnection(connection) : undefined
    }
    case 'link.add':
    case 'link.put': {
      const { id, at: is, asked, changedAt } = data as Link
      if (is !== 'asked' || asked !== 'there' || !isFresh(changedAt)) return undefined
      const name = `link-asked:${id}:${changedAt}`
      return { whom: 'administrators', kind: 'link-asked', name, about: { link: id } }
    }
    case 'scrub.damaged': {
      const count = (data as { found: unknown[] }).found.length
      return { whom: 'administrators', kind: 'damage', name: `damage:${seq}`, about: { count } }
    }
    case 'hook.moved': {
      const { id, paused } = (data as { hook: Hook }).hook
      if (paused === undefined) return undefined
      const about = { hook: id }
      return {
        whom: 'administrators',
        kind: 'hook-paused',
        name: `hook-paused:${id}:${seq}`,
        about,
      }
    }
    case 'mail.ended': {
      const { user, end } = data as { user: UserId; end: MailEnd }
      if (end !== 'failed') return undefined
      // One a day for each whom nothing reaches: every mail to them fails alike.
      const name = `mail-failed:${user}:${Math.floor(at / dayMs)}`
      return { whom: 'administrators', kind: 'mail-failed', name, about: { person: user } }
    }
    default:
      return undefined
  }
}

function ofTransfer({ id, user, direction, state }: Transfer): Concern | undefined {
  const told = (kind: NoticeKind) =>
    ({ whom: user, kind, name: `${kind}:${id}`, about: { transfer: id } }) as const
  switch (state.at) {
    case 'done':
      // At the destination it is done with the import, which is a record of its own.
      return direction === 'out' ? told('sent') : undefined
    case 'parked':
      return told('waiting')
    case 'refused':
    case 'failed':
      return told('failed')
    case 'cancelled':
      return state.by === 'there' ? told('failed') : undefined
    default:
      return undefined
  }
}

function ofConnection({ id, user, at, asked, changedAt }: Connection): Concern | undefined {
  const told = (kind: 'connection-asked' | 'connection-accepted') =>
    ({ whom: user, kind, name: `${kind}:${id}:${changedAt}`, about: { connection: id } }) as const
  if (at === 'asked' && asked === 'there') return told('connection-asked')
  // Whoever accepted it here knows.
  if (at === 'accepted' && asked === 'here') return told('connection-accepted')
  return undefined
}
