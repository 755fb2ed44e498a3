/**
 * The deposit of one dataset as it is kept. That one is due is decided by the record of the import
 * itself, so no crash can lose it; what became of it is a record of its own.
 *
 *     due ──> made        every file is an ordinary one, or somebody else's is in its way and is named
 *       └───> failed      what no waiting mends; due again when a person names the folder anew
 */
import { join } from 'node:path'
import type { WireFault } from '../../protocol/fault.ts'
import type { DatasetId, TransferId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { fileNameOf } from '../../protocol/paths.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'

/** What a transfer brought, and where it is to lie. */
export type Due = {
  readonly transfer: TransferId
  readonly dataset: DatasetId
  readonly version: number
  /** Of the dataset, in the project's folder. */
  readonly folder: string
}

/** Of files: what lies there as it came. */
export type Laid = {
  readonly files: number
  readonly bytes: number
  /** Paths that somebody else's files hold; at most a hundred lines. */
  readonly conflicts: readonly string[]
  readonly conflictsCount: number
}

export type Deposit = Due &
  Laid & {
    readonly state: 'due' | 'made' | 'failed'
    readonly fault?: WireFault | undefined
  }

/** What lies in a dataset's folder: the next version changes only that. */
export type Deposited = Pick<Due, 'folder' | 'version'> & { readonly tree: Tree }

/** One laying out settles all transfers that were due for the dataset. */
export type Settled = {
  readonly dues: readonly Due[]
  readonly laid: Laid
  readonly fault?: WireFault | undefined
  /** When it was made. */
  readonly deposited?: Deposited | undefined
}

/** The ID keeps apart what people call the same. */
export function folderOf(
  folder: string,
  dataset: { readonly id: DatasetId; readonly name: string },
): string {
  return join(folder, `${fileNameOf(dataset.name, 'dataset')}-${dataset.id}`)
}

const nothing: Laid = { files: 0, bytes: 0, conflicts: [], conflictsCount: 0 }

function changesOf(deposit: Deposit): Change[] {
  const { transfer, dataset, version, folder } = deposit
  const due: Due = { transfer, dataset, version, folder }
  return [
    { put: keys.deposit(transfer), value: deposit },
    deposit.state === 'due'
      ? { put: keys.depositDue(transfer), value: due }
      : { del: keys.depositDue(transfer) },
    { put: keys.depositOf(dataset), value: transfer },
  ]
}

const dueChanges = (due: Due) => changesOf({ ...due, ...nothing, state: 'due' })

type Imported = {
  readonly transfer: {
    readonly id: TransferId
    readonly dataset?: { readonly id: number; readonly version: number } | undefined
  }
  readonly datasets?: readonly { readonly id: DatasetId; readonly name: string }[] | undefined
  readonly deposit?: { readonly folder: string } | undefined
}

/** What an import makes due; nothing where its project had no folder. */
export function dueOf({ transfer, datasets, deposit }: Imported): Due | undefined {
  const dataset = datasets?.find(({ id }) => id === transfer.dataset?.id)
  if (deposit === undefined || dataset === undefined || transfer.dataset === undefined) return
  return {
    transfer: transfer.id,
    dataset: dataset.id,
    version: transfer.dataset.version,
    folder: folderOf(deposit.folder, dataset),
  }
}

/** For the fold of `transfer.imported`: one batch with the import. */
export function depositDueChanges(data: Imported): Change[] {
  const due = dueOf(data)
  return due === undefined ? [] : dueChanges(due)
}

export const depositFolds: Folds = {
  'deposit.made': ({ data }) => settledChanges(data, 'made'),
  'deposit.failed': ({ data }) => settledChanges(data, 'failed'),
  /** A person named the folder again. */
  'deposit.again': ({ data }) => dueChanges(data),
}

function settledChanges({ dues, laid, fault, deposited }: Settled, state: 'made' | 'failed') {
  return [
    ...dues.flatMap((due) => changesOf({ ...due, ...laid, state, ...(fault && { fault }) })),
    ...(deposited === undefined
      ? []
      : [{ put: keys.deposited(dues[0]!.dataset), value: deposited } satisfies Change]),
  ]
}
