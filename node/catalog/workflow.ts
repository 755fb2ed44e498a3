/**
 * A workflow as it is kept: the analysis of one dataset, as a canonical document, what the document
 * says about the dataset, and its results. It is bound to a version of a local dataset by record; the
 * document for that dataset is rendered whenever it is asked for.
 */
import type {
  DatasetId,
  FileCid,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  WorkflowId,
} from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import type { Input, Ref } from '../../protocol/workflow.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import { render } from '../rebinding/canonical.ts'

/** The version of a local dataset that a version of a workflow is about. */
export type WorkflowBinding = {
  readonly dataset: DatasetId
  readonly version: number
  readonly root: Root
  /** From the path that the document or an input names to the path in this dataset, where they differ. */
  readonly renamed: readonly (readonly [string, string])[]
}

export type WorkflowOrigin = {
  readonly site: SiteId
  readonly transfer: TransferId
  /** Its ID and version there. */
  readonly workflow: WorkflowId
  readonly version: number
}

export type WorkflowVersion = {
  readonly version: number
  /** `document`, canonical, and `results/…`. */
  readonly tree: Tree
  readonly document: FileCid
  readonly format: string
  readonly refs: readonly Ref[]
  readonly inputs: readonly Input[]
  readonly binding: WorkflowBinding
  readonly at: number
  readonly by: Actor
  readonly origin?: WorkflowOrigin | undefined
}

export type Workflow = {
  readonly id: WorkflowId
  readonly project: ProjectId
  readonly name: string
  /** Oldest first, never empty; version n is the n-th. */
  readonly versions: readonly WorkflowVersion[]
  readonly at: 'here' | 'removed'
}

export function workflowChanges(workflow: Workflow): Change[] {
  return [{ put: keys.workflow(workflow.id), value: workflow }]
}

export const workflowFolds: Folds = {
  'workflow.put': ({ data }) => workflowChanges(data),
}

/** The document of a version for the dataset it is bound to. */
export function renderVersion(version: WorkflowVersion, canonical: Uint8Array): Uint8Array {
  const { dataset, renamed } = version.binding
  return render(canonical, version.refs, dataset, new Map(renamed))
}
