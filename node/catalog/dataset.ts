/**
 * A dataset as it is kept: a name, metadata and a row of versions, each the root of a tree. A version
 * never changes; what is new makes the next one. What is removed keeps its record, so that history can
 * be read.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId, ProjectId, Root, SiteId, TransferId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Meta } from './names.ts'

/** Where a version came from, when another site sent it. */
export type DatasetOrigin = {
  readonly site: SiteId
  readonly transfer: TransferId
  /** Its ID and version there. */
  readonly dataset: DatasetId
  readonly version: number
  /** What came; the version itself may hold more. */
  readonly tree: Tree
}

export type DatasetVersion = {
  readonly version: number
  readonly tree: Tree
  readonly at: number
  readonly by: Actor
  readonly origin?: DatasetOrigin | undefined
}

export type Dataset = {
  readonly id: DatasetId
  readonly project: ProjectId
  readonly name: string
  readonly meta: Meta
  /** Oldest first, never empty; version n is the n-th. */
  readonly versions: readonly DatasetVersion[]
  /** Its files are left where they are, so an update does the same unless told otherwise. */
  readonly inPlace: boolean
  readonly at: 'here' | 'removed'
}

/** A record holds all versions of a thing and is at most 4 MiB; this leaves room for what is around. */
export const recordCharactersMax = 3_500_000
/** A dataset that holds a root, as its own content or as what once came into it. */
export type KnownRoot = { readonly dataset: DatasetId; readonly version: number }

/** `known-root` keeps a version; of several the latest. */
export function datasetChanges(dataset: Dataset): Change[] {
  const roots = new Map<Root, number>()
  for (const { version, tree, origin } of dataset.versions) {
    if (origin !== undefined) roots.set(origin.tree.root, version)
    roots.set(tree.root, version)
  }
  return [
    { put: keys.dataset(dataset.id), value: dataset },
    ...[...roots].map(([root, version]): Change => {
      const key = keys.knownRoot(root, dataset.id)
      return dataset.at === 'removed'
        ? { del: key }
        : { put: key, value: { dataset: dataset.id, version } }
    }),
  ]
}

export const datasetFolds: Folds = {
  'dataset.put': ({ data }) => datasetChanges(data),
}

/** A version by its number, or the latest. Faults `missing`. */
export function versionOf<V extends { readonly version: number }>(
  thing: { readonly id: number; readonly versions: readonly V[] },
  version?: number,
): V {
  const found = version === undefined ? thing.versions.at(-1) : thing.versions[version - 1]
  if (found !== undefined) return found
  throw new Fault('missing', 'catalog.version', {
    about: version,
    text: `There is no version ${version} of it: it has 1 to ${thing.versions.length}. Name one of these.`,
  })
}

/** Faults `unsupported` when the record of a thing would grow over what the journal takes. */
export function checkRecord(thing: { readonly id: number }): void {
  if (JSON.stringify(thing).length <= recordCharactersMax) return
  throw new Fault('unsupported', 'catalog.put', {
    about: thing.id,
    text: `${thing.id} has too many versions for one record. Add it anew instead.`,
  })
}
