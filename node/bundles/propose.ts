/**
 * What an arrived bundle becomes here: new values of datasets and workflows, worked out and not yet
 * committed. Trees are whole and verified in the store by now; what the bundle says about them is not
 * believed.
 */
import type { BundleDataset, BundleWorkflow } from '../../protocol/bundle.ts'
import { Fault } from '../../protocol/fault.ts'
import type {
  DatasetId,
  FileCid,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  WorkflowId,
} from '../../protocol/ids.ts'
import type { Entry, Tree } from '../../protocol/manifest.ts'
import { checkPath, comparePaths, isInside } from '../../protocol/paths.ts'
import {
  type BindingReport,
  type Input,
  lacksMax,
  type Ref,
  reportLines,
} from '../../protocol/workflow.ts'
import { checkContent, filesOf, readContent } from '../catalog/contents.ts'
import {
  checkRecord,
  type Dataset,
  type DatasetOrigin,
  type DatasetVersion,
  versionOf,
} from '../catalog/dataset.ts'
import { checkLabel, checkMeta, checkName, formatCharactersMax } from '../catalog/names.ts'
import type { Workflow, WorkflowVersion } from '../catalog/workflow.ts'
import { checkCanonical } from '../rebinding/canonical.ts'
import { readDocument } from '../rebinding/documents.ts'
import { checkSlotLabels, galaxySlots } from '../rebinding/galaxy.ts'
import { checkRefsFit } from '../rebinding/inputs.ts'
import { bindInputs } from '../rebinding/report.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../trees/compare.ts'
import { openTree, type TreeReader } from '../trees/trees.ts'
import { uniteTrees } from '../trees/unite.ts'

/** Of one import: what all its values have in common. */
export type Arrival = {
  readonly store: Store
  readonly site: SiteId
  readonly transfer: TransferId
  readonly by: DatasetVersion['by']
  readonly at: number
  readonly signal?: AbortSignal | undefined
}

export type DatasetProposal = {
  readonly dataset: Dataset
  /** The version that has all that came: the new one, or the latest when nothing is new. */
  readonly version: number
  /** Files. */
  readonly added: number
  readonly replaced: number
  readonly same: number
}

/** A dataset of its own, under an ID that the caller holds. */
export function proposeNewDataset(
  arrival: Arrival,
  incoming: BundleDataset,
  as: { readonly id: DatasetId; readonly project: ProjectId },
): DatasetProposal {
  const tree = incoming.tree as Tree
  const dataset: Dataset = {
    ...as,
    name: checkName(incoming.name, 'import.dataset'),
    meta: checkMeta(incoming.meta, 'import.dataset'),
    versions: [versionFrom(arrival, incoming, 1, tree)],
    inPlace: false,
    at: 'here',
  }
  return { dataset, version: 1, added: tree.files, replaced: 0, same: 0 }
}

/**
 * The next version of a dataset of ours: the union of what is there and what came. A changed path
 * replaces only what came from an earlier version of the same source dataset; otherwise it faults
 * `conflict` with the list of paths. Nothing is removed; name and metadata stay ours. When everything
 * is there and came from there before, the dataset is as it was.
 */
export async function proposeUnion(
  arrival: Arrival,
  incoming: BundleDataset,
  into: Dataset,
): Promise<DatasetProposal> {
  const { store, site, signal } = arrival
  const latest = versionOf(into)
  const tree = incoming.tree as Tree
  const earlier = into.versions
    .map((version) => version.origin)
    .filter(
      (origin): origin is DatasetOrigin => origin?.site === site && origin.dataset === incoming.id,
    )
    .toReversed()
  const cameBefore = earlier.map((origin) => createLookup(store, origin.tree.root))
  const united = await uniteTrees({
    store,
    base: latest.tree,
    incoming: tree,
    async mayReplace(path, current) {
      for (const lookup of cameBefore) if ((await lookup(path)) === current) return true
      return false
    },
    signal,
  })
  if (united.conflictsCount > 0) {
    throw new Fault('conflict', 'import.dataset', {
      about: into.id,
      list: united.conflicts,
      text: `Dataset ${into.id} (${into.name}) has other files at ${united.conflictsCount} of these paths. Import as a new dataset, or move them away first.`,
    })
  }
  const { added, replaced, same } = united
  const isKnown = earlier.some((origin) => origin.tree.root === tree.root)
  if (isKnown && united.tree.root === latest.tree.root) {
    return { dataset: into, version: latest.version, added, replaced, same }
  }
  const next = versionFrom(arrival, incoming, latest.version + 1, united.tree)
  const dataset: Dataset = { ...into, versions: [...into.versions, next] }
  checkRecord(dataset)
  return { dataset, version: next.version, added, replaced, same }
}

function versionFrom(
  arrival: Arrival,
  incoming: BundleDataset,
  version: number,
  tree: Tree,
): DatasetVersion {
  const { site, transfer, by, at } = arrival
  const origin: DatasetOrigin = {
    site,
    transfer,
    dataset: incoming.id as DatasetId,
    version: incoming.version,
    tree: incoming.tree as Tree,
  }
  return { version, tree, at, by, origin }
}

/** The content at a path of a tree, asked for in the order of paths: the page at hand is kept. */
function createLookup(store: Store, root: Root): (path: string) => Promise<FileCid | undefined> {
  let reader: TreeReader | undefined
  let page: { index: number; entries: Map<string, Entry> } | undefined
  return async (path) => {
    reader ??= await openTree(store, root)
    const index = reader.node.pages.findIndex((link) => comparePaths(link.last, path) >= 0)
    if (index < 0) return undefined
    if (page?.index !== index) {
      const { entries } = await reader.page(index)
      page = { index, entries: new Map(entries.map((entry) => [entry.path, entry])) }
    }
    const entry = page.entries.get(path)
    return entry?.kind === 'file' ? reader.cid(entry) : undefined
  }
}

export type WorkflowProposal = { readonly workflow: Workflow; readonly report: BindingReport }

/**
 * A workflow bound to a version of a local dataset (the latest unless given): one of ours, or one
 * proposed a moment ago. Faults `invalid` when document, refs and inputs do not fit each other. Whether
 * a report that is not `ok` is refused is for the caller: see `checkBinding`.
 */
export async function proposeWorkflow(
  arrival: Arrival,
  incoming: BundleWorkflow,
  to: {
    readonly dataset: Dataset
    readonly version?: number | undefined
    readonly allow?: boolean | undefined
  },
  as: { readonly id: WorkflowId; readonly project: ProjectId },
): Promise<WorkflowProposal> {
  const { store, site, transfer, by, at, signal } = arrival
  const refs: readonly Ref[] = incoming.refs
  const inputs = incoming.inputs.map((input): Input => ({ ...input, cid: input.cid as FileCid }))
  await checkArrived(store, incoming, refs, inputs)
  const bound = versionOf(to.dataset, to.version)
  const lacks = await lacksOf(arrival, to.dataset, bound, incoming.about.root as Root)
  signal?.throwIfAborted()
  const { report, renamed } = await bindInputs({
    refs,
    inputs,
    files: filesOf(store, bound.tree.root),
    lacks,
    allow: to.allow ? ['changed', 'missing'] : [],
  })
  const version: WorkflowVersion = {
    version: 1,
    tree: incoming.tree as Tree,
    document: incoming.document as FileCid,
    format: checkLabel(incoming.format, 'import.workflow', formatCharactersMax),
    refs,
    inputs,
    binding: {
      dataset: to.dataset.id,
      version: bound.version,
      root: bound.tree.root,
      renamed: [...renamed],
    },
    at,
    by,
    origin: { site, transfer, workflow: incoming.id as WorkflowId, version: incoming.version },
  }
  const name = checkName(incoming.name, 'import.workflow')
  return { workflow: { ...as, name, versions: [version], at: 'here' }, report }
}

/** Faults `conflict` with what is changed or missing, unless the report is `ok`. */
export function checkBinding(name: string, dataset: Dataset, report: BindingReport): void {
  if (report.ok) return
  const unfit = report.rows.filter(({ state }) => state === 'changed' || state === 'missing')
  throw new Fault('conflict', 'import.workflow', {
    about: dataset.id,
    list: reportLines({ ...report, rows: unfit }),
    text: `The workflow «${name}» reads ${unfit.length === 1 ? 'a file' : `${unfit.length} files`} that dataset ${dataset.id} (${dataset.name}) does not have, or has changed. Send what is missing to it first, or send the workflow with --allow.`,
  })
}

/** A document, its refs and its inputs, from afar: all that rendering and the job file rely on. */
async function checkArrived(
  store: Store,
  incoming: BundleWorkflow,
  refs: readonly Ref[],
  inputs: readonly Input[],
): Promise<void> {
  await checkContent(store, incoming.tree.root as Root)
  const bytes = await readContent(store, incoming.tree as Tree, incoming.document as FileCid)
  const document = readDocument(bytes, incoming.format)
  checkCanonical(bytes, refs)
  checkRefsFit(refs, inputs)
  for (const { path } of inputs) checkPath(path, 'import.workflow')
  if (document.kind === 'galaxy') {
    checkSlotLabels(
      galaxySlots(document.text),
      inputs.map((input) => input.label),
    )
  }
  const files = new Set(inputs.map((input) => input.path))
  for (const { path } of refs) {
    if (path === undefined || files.has(path)) continue
    // Else a path would be rendered that no report speaks of.
    if (inputs.some((input) => isInside(input.path, path))) continue
    throw new Fault('invalid', 'import.workflow', {
      about: path,
      text: `The document names ${path}, and the workflow does not say what that is.`,
    })
  }
}

/**
 * What the version lacks of the tree that the workflow was made on. Known only where that very tree
 * came into this dataset once: another's tree is none of the sender's business.
 */
async function lacksOf(
  { store, signal }: Arrival,
  dataset: Dataset,
  bound: DatasetVersion,
  source: Root,
): Promise<BindingReport['lacks']> {
  const isKnown = dataset.versions.some(
    ({ tree, origin }) => tree.root === source || origin?.tree.root === source,
  )
  if (!isKnown) return undefined
  if (bound.tree.root === source) return { count: 0, paths: [] }
  const { missing, changed } = await compareTrees(store, { root: source }, bound.tree, { signal })
  const paths = [...missing.list, ...changed.list].slice(0, lacksMax)
  return { count: missing.count + changed.count, paths }
}
