/** A transfer as a person sees it, on either side: one shape for the API, the history and `--json`. */
import type { TransferView } from '../../api/shapes.ts'
import { sizeText } from '../../api/words.ts'
import { type Bundle, neverTravels, treesOf } from '../../protocol/bundle.ts'
import type { DatasetId, SiteId, WorkflowId } from '../../protocol/ids.ts'
import { foldPath } from '../../protocol/paths.ts'
import { decodeReceipt } from '../../protocol/receipt.ts'
import type { Live } from './progress.ts'
import { isOver, type KeptReceipt, type Transfer } from './transfer.ts'

export type SiteNames = {
  me: { site: SiteId; name: string }
  of(site: SiteId): { alias?: string; name: string }
}

export function viewTransfer(
  transfer: Transfer,
  bundle: Bundle,
  live: Live,
  names: SiteNames,
): TransferView {
  const out = transfer.direction === 'out'
  const ours = {
    site: names.me.site,
    name: names.me.name,
    person: transfer.email,
    ...idsOf(transfer.dataset, transfer.workflows),
  }
  const theirs = {
    site: transfer.site,
    ...names.of(transfer.site),
    person: transfer.person,
    ...idsOf(transfer.theirDataset, transfer.theirWorkflows),
  }
  const trees = treesOf(bundle)
  const bytes = trees.reduce((sum, tree) => sum + tree.bytes, 0)
  const files = trees.reduce((sum, tree) => sum + tree.files, 0)
  const counters = transfer.counters ?? live.counters
  const over = isOver(transfer.state)
  const done = transfer.state.at === 'done'
  // What went wrong on the way counts as long as it is on its way.
  const passing = over ? undefined : live.fault
  const fault = 'fault' in transfer.state ? transfer.state.fault : passing
  return {
    id: transfer.id,
    direction: transfer.direction,
    state: transfer.state.at,
    source: out ? ours : theirs,
    destination: out ? theirs : ours,
    ...(bundle.dataset === undefined ? {} : { dataset: bundle.dataset.name }),
    workflows: bundle.workflows.map(({ name }) => name),
    bytes: {
      chosen: bytes,
      // A source hears of what is held over the content stream, which nobody opens when all of it is.
      held: done && counters.sent === 0 && counters.received === 0 ? bytes : counters.held,
      sent: counters.sent,
      received: counters.received,
      there: done ? bytes : counters.there,
      dataset: counters.dataset,
    },
    files: { chosen: files, held: counters.heldFiles, done: done ? files : counters.doneFiles },
    manifest: { nodes: counters.nodes, pages: counters.pages },
    bytesPerSecond: over ? 0 : live.bytesPerSecond,
    receipts: transfer.receipts.map(viewReceipt),
    ...(fault === undefined ? {} : { fault }),
    will: willTravel(bundle),
    willNot: [...neverTravels],
    createdAt: transfer.createdAt,
    ...(over ? { endedAt: transfer.since } : {}),
  }
}

/** Whether a person who types this means that transfer. */
export function isFound(view: TransferView, search: string): boolean {
  const { id, dataset = '', workflows, source, destination } = view
  const text = foldPath(search)
  const ends = [source, destination].flatMap((end) => [end.person, end.alias ?? '', end.name])
  const numbers = [source.dataset, destination.dataset].map(String)
  return (
    id === search ||
    numbers.includes(search) ||
    [dataset, ...workflows, ...ends].some((name) => foldPath(name).includes(text))
  )
}

function idsOf(
  dataset: { id: number; version: number } | undefined,
  workflows: readonly { id: number }[],
) {
  return {
    ...(dataset === undefined
      ? {}
      : { dataset: dataset.id as DatasetId, version: dataset.version }),
    workflows: workflows.map(({ id }) => id as WorkflowId),
  }
}

function viewReceipt(kept: KeptReceipt): TransferView['receipts'][number] {
  const receipt = decodeReceipt(Buffer.from(kept.bytes, 'base64'))
  return {
    kind: receipt.kind,
    at: receipt.at,
    ...(receipt.dataset === undefined ? {} : { dataset: receipt.dataset.id as DatasetId }),
    workflows: receipt.workflows.map(({ id }) => id as WorkflowId),
    trees: receipt.trees as TransferView['receipts'][number]['trees'],
    signature: Buffer.from(kept.signature, 'base64').toString('hex'),
  }
}

/** What a person reads before sending. */
export function willTravel(bundle: Bundle): string[] {
  const { dataset, workflows } = bundle
  const will: string[] = []
  if (dataset !== undefined) {
    const part = dataset.part ? ' (chosen files)' : ''
    will.push(
      `dataset "${dataset.name}"${part}: ${many(dataset.tree.files, 'file')}, ${sizeText(dataset.tree.bytes)}`,
      'its name, metadata and modification times',
    )
  }
  for (const { name, tree, inputs } of workflows) {
    will.push(
      `workflow "${name}": its document, ${many(tree.files - 1, 'result file')}, ${many(inputs.length, 'input')}`,
    )
  }
  return will
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
