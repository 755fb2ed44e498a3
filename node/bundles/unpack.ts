/**
 * A bundle from another site → records of ours: first whether it can be taken as it is offered, later,
 * when every byte is here, the values that one record makes visible.
 */
import type { Bundle, BundleDataset } from '../../protocol/bundle.ts'
import { Fault } from '../../protocol/fault.ts'
import type {
  DatasetId,
  FileCid,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  UserId,
  WorkflowId,
} from '../../protocol/ids.ts'
import type { BindingRow } from '../../protocol/offer.ts'
import type { Clock } from '../base/clock.ts'
import { filesOf } from '../catalog/contents.ts'
import { type Dataset, versionOf } from '../catalog/dataset.ts'
import type { Datasets } from '../catalog/datasets.ts'
import {
  type DepositFolder,
  nextDatasetId,
  nextWorkflowId,
  type Projects,
} from '../catalog/projects.ts'
import type { Workflow } from '../catalog/workflow.ts'
import type { Db } from '../db/db.ts'
import type { User, Users } from '../people/users.ts'
import { bindInputs } from '../rebinding/report.ts'
import type { Store } from '../store/store.ts'
import {
  type Arrival,
  checkBinding,
  proposeNewDataset,
  proposeUnion,
  proposeWorkflow,
} from './propose.ts'

export type UnpackNeeds = {
  clock: Clock
  db: Db
  store: Store
  users: Users
  projects: Projects
  datasets: Datasets
}

/** As much of a transfer as an import needs to know. */
export type Arriving = { id: TransferId; site: SiteId; user: UserId; dest: number; allow: boolean }

export type Proposed = {
  dataset?: { id: number; version: number } | undefined
  workflows: { source: number; id: number; version: number }[]
  /** Data of the record `transfer.imported`, for the catalog's folds. */
  records: {
    datasets: Dataset[]
    workflows: Workflow[]
    /** The dataset's project had a folder for what arrives at that moment. */
    deposit?: DepositFolder | undefined
  }
}

export interface Unpacker {
  /**
   * Whether the recipient may have it there and the workflows would bind: `missing` for a dataset ID
   * that is unknown, foreign or removed (one answer for all), `conflict` with the binding report.
   */
  examine(bundle: Bundle, dest: number, user: UserId, allow: boolean): Promise<BindingRow[]>
  /** The import as values; the caller holds the commit's serial and commits them. */
  propose(bundle: Bundle, arriving: Arriving): Promise<Proposed>
}

export function createUnpacker(needs: UnpackNeeds): Unpacker {
  const { clock, db, store, projects, datasets } = needs

  async function recipient(id: UserId): Promise<User> {
    const user = await needs.users.get(id)
    if (user?.at === 'active') return user
    throw new Fault('missing', 'import.recipient', {
      text: 'There is no such person at the destination (any more).',
    })
  }

  /** The dataset of that ID, if this person may do that to it. */
  async function target(
    id: number,
    by: User,
    act: 'dataset.read' | 'dataset.write',
  ): Promise<Dataset> {
    try {
      return await datasets.need(id as DatasetId, by, act)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || !['missing', 'denied', 'gone'].includes(thrown.kind))
        throw thrown
      throw new Fault('missing', 'import.target', {
        about: id,
        text: `There is no dataset ${id} at the destination that ${by.email} may use. Send with 0 for a new dataset, or take the ID from the transfer history; a dataset has one once its own transfer is done.`,
      })
    }
  }

  /** What workflows that come alone are bound to: the typed ID, or a dataset known by its root. */
  async function boundTo(bundle: Bundle, dest: number, by: User): Promise<Dataset> {
    if (dest !== 0) return target(dest, by, 'dataset.read')
    for (const { about } of bundle.workflows) {
      const known = await datasets.knowing(about.root as Root, by)
      const latest = known.at(-1)
      if (latest !== undefined) return target(latest.dataset, by, 'dataset.read')
    }
    throw new Fault('missing', 'import.target', {
      text: 'The destination does not hold the dataset that these workflows are about. Send it first, or with them, or name one with --dest ID.',
    })
  }

  /** Beside the dataset where that project may be written to, else in the recipient's own. */
  async function projectFor(dataset: Dataset, by: User): Promise<ProjectId> {
    try {
      return (await projects.need(dataset.project, by, 'workflow.write')).id
    } catch (thrown) {
      if (thrown instanceof Fault && (thrown.kind === 'denied' || thrown.kind === 'missing'))
        return by.personal
      throw thrown
    }
  }

  async function proposeDataset(arrival: Arrival, incoming: BundleDataset, dest: number, by: User) {
    if (dest !== 0) return proposeUnion(arrival, incoming, await target(dest, by, 'dataset.write'))
    return proposeNewDataset(arrival, incoming, {
      id: await nextDatasetId(db),
      project: by.personal,
    })
  }

  return {
    async examine(bundle, dest, user, allow) {
      const by = await recipient(user)
      if (bundle.dataset !== undefined) {
        if (dest !== 0) await target(dest, by, 'dataset.write')
        // What the workflows read is in the same bundle; that is checked when it is here.
        return []
      }
      const dataset = await boundTo(bundle, dest, by)
      const { tree } = versionOf(dataset)
      const rows: BindingRow[] = []
      for (const { name, refs, inputs } of bundle.workflows) {
        const { report } = await bindInputs({
          refs,
          inputs: inputs.map((input) => ({ ...input, cid: input.cid as FileCid })),
          files: filesOf(store, tree.root),
          allow: allow ? ['changed', 'missing'] : [],
        })
        checkBinding(name, dataset, report)
        rows.push(...report.rows.map((row) => ({ ...row })))
      }
      return rows
    },

    async propose(bundle, { id, site, user, dest, allow }) {
      const by = await recipient(user)
      const arrival: Arrival = { store, site, transfer: id, by: { site }, at: clock.now() }
      const made = bundle.dataset && (await proposeDataset(arrival, bundle.dataset, dest, by))
      const dataset = made?.dataset ?? (await boundTo(bundle, dest, by))
      const project = await projectFor(dataset, by)
      const deposit = made && (await projects.get(made.dataset.project))?.deposit
      let next = await nextWorkflowId(db)
      const workflows: Workflow[] = []
      for (const incoming of bundle.workflows) {
        const to = { dataset, version: made?.version, allow }
        const { workflow, report } = await proposeWorkflow(arrival, incoming, to, {
          id: next++ as WorkflowId,
          project,
        })
        checkBinding(incoming.name, dataset, report)
        workflows.push(workflow)
      }
      return {
        dataset: made && { id: made.dataset.id, version: made.version },
        workflows: workflows.map((workflow, i) => ({
          source: bundle.workflows[i]!.id,
          id: workflow.id,
          version: 1,
        })),
        records: {
          datasets: made === undefined ? [] : [made.dataset],
          workflows,
          ...(deposit && { deposit }),
        },
      }
    },
  }
}
