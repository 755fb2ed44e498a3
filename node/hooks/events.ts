/**
 * What a record of the journal means to a program outside: at most a few events, each with a name that
 * is the same however often the record is read. People, datasets and sites are named by ID only; no
 * content, no name of a file, no text of a fault, which may hold one.
 */
import type { hookEvents } from '../../api/hook-events.ts'
import type { Dataset } from '../catalog/dataset.ts'
import type { JournalRecord } from '../journal/journal.ts'
import type { Connection } from '../people/connection.ts'
import type { Link } from '../sites/link.ts'
import type { Transfer } from '../transfers/transfer.ts'
import type { Damage } from '../upkeep/damages.ts'

export type EventType = (typeof hookEvents)[number]

export type Told = {
  /** Without a full stop: it is signed with others between it and the rest. */
  readonly id: string
  readonly type: EventType
  readonly at: number
  readonly data: object
}

/**
 * Records carry the whole new state, also when only a detail of it changed; so what happened is told
 * by its own time, which is then long past, in milliseconds. What is recorded twice within this has
 * the same name, and is told once.
 */
export const freshMs = 60_000
/** Damaged things that one event names; the rest is counted. */
const damagedMax = 100

export function eventsOf(record: JournalRecord): Told[] {
  const { seq, at, kind, data } = record
  const isFresh = (then: number) => at - then < freshMs
  switch (kind) {
    case 'transfer.made':
      return [transferTold('transfer.started', (data as { transfer: Transfer }).transfer, at)]
    case 'transfer.put': {
      const transfer = data as Transfer
      const type = ends[transfer.state.at]
      const isNew = type !== undefined && isFresh(transfer.since)
      // At the destination it is done with the import, which is a record of its own.
      if (!isNew || (type === 'transfer.done' && transfer.direction === 'in')) return []
      return [transferTold(type, transfer, at)]
    }
    case 'transfer.imported': {
      const { transfer, datasets } = data as { transfer: Transfer; datasets?: Dataset[] }
      const told = transferTold('transfer.imported', transfer, at)
      return [told, ...(datasets ?? []).map((dataset) => datasetTold(dataset, at))]
    }
    case 'dataset.put': {
      const dataset = data as Dataset
      const isNew = dataset.at === 'here' && isFresh(dataset.versions.at(-1)!.at)
      return isNew ? [datasetTold(dataset, at)] : []
    }
    case 'link.add':
    case 'link.put':
      return isFresh((data as Link).changedAt) ? [linkTold(data as Link, at)] : []
    case 'invitation.redeem': {
      const { link } = data as { link: Link }
      return isFresh(link.changedAt) ? [linkTold(link, at)] : []
    }
    case 'connection.add':
    case 'connection.put': {
      const connection = data as Connection
      return isFresh(connection.changedAt) ? [connectionTold(connection, at)] : []
    }
    case 'scrub.damaged':
      return [damageTold((data as { found: Damage[] }).found, seq, at)]
    default:
      return []
  }
}

const ends: Readonly<Record<string, EventType>> = {
  done: 'transfer.done',
  refused: 'transfer.failed',
  failed: 'transfer.failed',
  cancelled: 'transfer.cancelled',
}

function transferTold(type: EventType, transfer: Transfer, at: number): Told {
  const { id, direction, site, user, connection, state, counters } = transfer
  const { dataset, workflows, theirDataset, theirWorkflows } = transfer
  return {
    id: `${type.replace('.', '-')}:${id}`,
    type,
    at,
    data: {
      transfer: id,
      ...{ direction, site, user, connection },
      state: state.at,
      ...('fault' in state ? { fault: { kind: state.fault.kind } } : {}),
      ...(dataset === undefined ? {} : { dataset: idsOf(dataset) }),
      workflows: workflows.map(idsOf),
      ...(theirDataset === undefined ? {} : { theirDataset: idsOf(theirDataset) }),
      theirWorkflows: theirWorkflows.map(idsOf),
      ...(counters === undefined
        ? {}
        : { bytes: { sent: counters.sent, received: counters.received } }),
    },
  }
}

const idsOf = ({ id, version }: { id: number; version: number }) => ({ id, version })

function datasetTold({ id, project, versions }: Dataset, at: number): Told {
  const { version, tree, origin } = versions.at(-1)!
  return {
    id: `dataset:${id}:${version}`,
    type: version === 1 ? 'dataset.added' : 'dataset.version',
    at,
    data: {
      ...{ dataset: id, version, project, files: tree.files, bytes: tree.bytes },
      ...(origin === undefined ? {} : { transfer: origin.transfer, site: origin.site }),
    },
  }
}

function linkTold({ id, site, at: state, changedAt }: Link, at: number): Told {
  const data = { link: id, site, state }
  return { id: `link:${id}:${state}:${changedAt}`, type: 'link.changed', at, data }
}

function connectionTold(connection: Connection, at: number): Told {
  const { id, user, site, at: state, changedAt } = connection
  const data = { connection: id, user, site, state }
  return { id: `connection:${id}:${state}:${changedAt}`, type: 'connection.changed', at, data }
}

function damageTold(found: readonly Damage[], seq: number, at: number): Told {
  const things = found.slice(0, damagedMax).map(({ found: how, bytes, owners }) => ({
    found: how,
    bytes,
    owners: owners.map(({ kind, id, version }) => ({
      ...{ kind, id },
      ...(version === undefined ? {} : { version }),
    })),
  }))
  return { id: `damage:${seq}`, type: 'damage.found', at, data: { count: found.length, things } }
}
