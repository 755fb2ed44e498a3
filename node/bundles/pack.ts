/**
 * Records and trees of ours → a bundle for a person at a linked site. Only what its owner sends gets
 * in, and of that only what the bundle's schema has a place for.
 */
import type { SendInput } from '../../api/shapes.ts'
import type { Bundle, BundleWorkflow } from '../../protocol/bundle.ts'
import { bundleShape, workflowsMax } from '../../protocol/bundle.ts'
import { Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, TransferId, WorkflowId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { flagPath } from '../../protocol/paths.ts'
import { check } from '../../protocol/wire.ts'
import type { Clock } from '../base/clock.ts'
import { type Dataset, versionOf } from '../catalog/dataset.ts'
import type { Datasets } from '../catalog/datasets.ts'
import type { Workflow, WorkflowVersion } from '../catalog/workflow.ts'
import type { Workflows } from '../catalog/workflows.ts'
import type { User } from '../people/users.ts'
import type { Store } from '../store/store.ts'
import { chooseTree } from '../trees/choose.ts'
import { openTree } from '../trees/trees.ts'
import { createChoice } from './choice.ts'

export type Packed = {
  site: SiteId
  connection: ConnectionId
  person: Email
  bundle: Bundle
  dest: number
  allow: boolean
  dataset?: { id: number; version: number } | undefined
  workflows: { id: number; version: number }[]
  /** Names that other systems cannot hold. Reads the whole manifest, so only who shows them asks. */
  flagged(): Promise<string[]>
}

export type PackNeeds = {
  me: SiteId
  clock: Clock
  store: Store
  datasets: Datasets
  workflows: Workflows
  /** The accepted connection to that person; faults `missing`, `denied` or `busy` in words. */
  addressee(
    by: User,
    to: SendInput['to'],
  ): Promise<{ site: SiteId; person: Email; connection: ConnectionId }>
}

/** How many names that other systems cannot hold are listed; more are counted by their presence. */
const flaggedMax = 100

export async function pack(
  needs: PackNeeds,
  input: SendInput,
  by: User,
  id: TransferId,
): Promise<Packed> {
  const { site, person, connection } = await needs.addressee(by, input.to)
  const workflows = await ownWorkflows(needs, input.workflows ?? [], by)
  const dataset = await ownDataset(needs, input, workflows, by)
  if (dataset === undefined && workflows.length === 0) {
    throw new Fault('invalid', 'send', { text: 'Name a dataset or at least one workflow to send.' })
  }
  const version = dataset && versionOf(dataset)
  const chosen = version && (await choose(needs.store, version.tree, globsOf(input)))
  const bundle: Bundle = {
    v: 1,
    transfer: id,
    from: { site: needs.me, person: by.email },
    to: { site, person },
    createdAt: needs.clock.now(),
    ...(dataset === undefined || version === undefined || chosen === undefined
      ? {}
      : {
          dataset: {
            id: dataset.id,
            version: version.version,
            name: dataset.name,
            meta: { ...dataset.meta },
            tree: chosen,
            part: chosen.root !== version.tree.root,
          },
        }),
    workflows: workflows.map(({ workflow, latest }) => bundled(workflow, latest)),
  }
  return {
    site,
    connection,
    person,
    // What we would refuse from others is not sent to them either.
    bundle: check(bundle, bundleShape, 'send'),
    dest: input.dest,
    allow: input.allow ?? false,
    dataset: dataset && version && { id: dataset.id, version: version.version },
    workflows: workflows.map(({ workflow, latest }) => ({
      id: workflow.id,
      version: latest.version,
    })),
    flagged: async () => (chosen === undefined ? [] : flaggedIn(needs.store, chosen)),
  }
}

type OwnWorkflow = { workflow: Workflow; latest: WorkflowVersion }

async function ownWorkflows(
  needs: PackNeeds,
  ids: readonly WorkflowId[],
  by: User,
): Promise<OwnWorkflow[]> {
  if (ids.length > workflowsMax) {
    throw new Fault('invalid', 'send', {
      text: `At most ${workflowsMax} workflows go in one transfer.`,
    })
  }
  const found: OwnWorkflow[] = []
  for (const id of new Set(ids)) {
    const workflow = await needs.workflows.need(id, by, 'workflow.send')
    found.push({ workflow, latest: versionOf(workflow) })
  }
  return found
}

/** The dataset that goes along: the one that was named, or that all the workflows are about. */
async function ownDataset(
  needs: PackNeeds,
  input: SendInput,
  workflows: readonly OwnWorkflow[],
  by: User,
): Promise<Dataset | undefined> {
  const about = new Set(workflows.map(({ latest }) => latest.binding.dataset))
  const named = input.dataset?.id ?? (input.withFiles ? [...about][0] : undefined)
  if (named === undefined) {
    if (globsOf(input).length > 0)
      throw new Fault('invalid', 'send', {
        text: 'Files are chosen of a dataset: send one, or add --with-files.',
      })
    return undefined
  }
  if (about.size > 1 || (about.size === 1 && !about.has(named))) {
    throw new Fault('invalid', 'send', {
      list: workflows.map(
        ({ workflow, latest }) =>
          `workflow ${workflow.id} is about dataset ${latest.binding.dataset}`,
      ),
      text: 'Workflows that travel with their files must all be about the same dataset. Send them in one transfer a dataset.',
    })
  }
  return needs.datasets.need(named, by, 'dataset.send')
}

const globsOf = (input: SendInput) => input.dataset?.files ?? input.files ?? []

async function choose(store: Store, tree: Tree, globs: readonly string[]): Promise<Tree> {
  if (globs.length === 0) return tree
  const chosen = await chooseTree({ store, tree, match: createChoice(globs) })
  if (chosen.entries > 0) return chosen
  throw new Fault('invalid', 'send.choose', {
    about: globs.join(' '),
    text: 'No file of the dataset matches. Look at its paths with: crossload dataset files ID',
  })
}

async function flaggedIn(store: Store, tree: Tree): Promise<string[]> {
  const found: string[] = []
  const reader = await openTree(store, tree.root)
  for await (const { path } of reader.entries()) {
    const why = flagPath(path)
    if (why !== undefined) found.push(`${path}: ${why}`)
    if (found.length >= flaggedMax) break
  }
  return found
}

function bundled(workflow: Workflow, latest: WorkflowVersion): BundleWorkflow {
  return {
    id: workflow.id,
    version: latest.version,
    name: workflow.name,
    format: latest.format,
    tree: latest.tree,
    document: latest.document,
    refs: latest.refs.map((ref) => ({ ...ref })),
    inputs: latest.inputs.map((input) => ({ ...input })),
    about: {
      dataset: latest.binding.dataset,
      version: latest.binding.version,
      root: latest.binding.root,
    },
  }
}
