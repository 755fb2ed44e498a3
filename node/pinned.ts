/** Which trees the records of this site need, and which other sites have them: told to the upkeep. */
import { type BundleTree, treesOf } from '../protocol/bundle.ts'
import { Fault } from '../protocol/fault.ts'
import type { Root, SiteId, TransferId } from '../protocol/ids.ts'
import type { Tree } from '../protocol/manifest.ts'
import type { Dataset } from './catalog/dataset.ts'
import type { Workflow } from './catalog/workflow.ts'
import type { Db } from './db/db.ts'
import { keys } from './db/keys.ts'
import type { JournalRecord } from './journal/journal.ts'
import type { Store } from './store/store.ts'
import type { SealedBundle, SealedTransfer } from './transfers/sealed.ts'
import { isOver } from './transfers/transfer.ts'
import { openTree } from './trees/trees.ts'
import type { Owner } from './upkeep/damages.ts'
import type { Pin } from './upkeep/pins.ts'
import type { Asked, Source } from './upkeep/upkeep.ts'

/** Transfers that are looked through for whoever has something, newest first. */
const transfersMax = 10_000

export async function* pinsOf(db: Db): AsyncGenerator<Pin> {
  for await (const { value } of db.list<Dataset>(keys.datasets())) yield* datasetPins(value)
  for await (const { value } of db.list<Workflow>(keys.workflows())) yield* workflowPins(value)
  for await (const { value } of db.list<TransferId>(keys.unfinishedAll())) {
    const transfer = await db.get<SealedTransfer>(keys.transfer(value))
    const kept = await db.get<SealedBundle>(keys.bundle(value))
    if (transfer !== undefined && kept !== undefined) yield* transferPins(transfer, kept.bundle)
  }
}

/** What a record pins that nothing pinned before. */
export function pinsIn({ kind, data }: JournalRecord): Pin[] {
  const told = data as {
    transfer?: SealedTransfer
    kept?: SealedBundle
    datasets?: Dataset[]
    workflows?: Workflow[]
  }
  if (kind === 'dataset.put') return [...datasetPins(data as Dataset)]
  if (kind === 'workflow.put') return [...workflowPins(data as Workflow)]
  if (kind === 'transfer.made') return [...transferPins(told.transfer!, told.kept!.bundle)]
  if (kind !== 'transfer.imported') return []
  return [
    ...(told.datasets ?? []).flatMap((one) => [...datasetPins(one)]),
    ...(told.workflows ?? []).flatMap((one) => [...workflowPins(one)]),
  ]
}

/** Whether a record may leave something that nothing pins any more. */
export function frees({ kind, data }: JournalRecord): boolean {
  if (kind === 'dataset.put' || kind === 'workflow.put')
    return (data as Dataset | Workflow).at === 'removed'
  return kind === 'transfer.put' && isOver((data as SealedTransfer).state)
}

export async function isArriving(db: Db): Promise<boolean> {
  for await (const { value } of db.list<TransferId>(keys.unfinishedAll())) {
    const transfer = await db.get<SealedTransfer>(keys.transfer(value))
    if (transfer?.direction === 'in' && !isOver(transfer.state)) return true
  }
  return false
}

const treePin = ({ root, times }: Tree | BundleTree) =>
  ({ root, times }) as { root: Root; times: Root | null }

function* datasetPins({ id, name, at, versions }: Dataset): Generator<Pin> {
  if (at === 'removed') return
  for (const { version, tree, origin } of versions) {
    const pin = { kind: 'dataset', id, name, version, arriving: false } as const
    yield { ...pin, tree: treePin(tree), latest: version === versions.length }
    // What once came into it says which of its paths may be replaced by what comes next.
    if (origin !== undefined && origin.tree.root !== tree.root)
      yield { ...pin, tree: treePin(origin.tree), latest: false }
  }
}

function* workflowPins({ id, name, at, versions }: Workflow): Generator<Pin> {
  if (at === 'removed') return
  for (const { version, tree } of versions) {
    const latest = version === versions.length
    yield { kind: 'workflow', id, name, version, tree: treePin(tree), arriving: false, latest }
  }
}

function* transferPins(
  { id, state, direction }: SealedTransfer,
  bundle: SealedBundle['bundle'],
): Generator<Pin> {
  if (isOver(state)) return
  const name = bundle.dataset?.name ?? ''
  for (const tree of treesOf(bundle)) {
    const arriving = direction === 'in'
    yield { kind: 'transfer', id, name, tree: treePin(tree), arriving, latest: true }
  }
}

type Names = { of(site: SiteId): { alias?: string; name: string } }

/**
 * For each of these, the sites that sent it or have signed that they imported it, newest first.
 * Transfers are looked through once for all of them.
 */
export async function sourcesOf(
  { db, store }: { db: Db; store: Store },
  names: Names,
  asked: readonly Asked[],
): Promise<Source[][]> {
  const found = asked.map(() => new Map<string, Source>())
  if (asked.length === 0) return []
  let left = transfersMax
  for await (const { value } of db.list<TransferId>(keys.transfersAt(), { reverse: true })) {
    if (left-- <= 0) break
    const transfer = await db.get<SealedTransfer>(keys.transfer(value))
    if (transfer?.state.at !== 'done') continue
    for (const [i, one] of asked.entries()) {
      for (const crossed of crossings(transfer, one.owner)) {
        const { site } = transfer
        const key = `${site} ${crossed.theirs.id}`
        if (found[i]!.has(key) || !(await isIn(db, store, transfer, crossed, one))) continue
        found[i]!.set(key, { site, ...names.of(site), ...crossed.theirs })
      }
    }
  }
  return found.map((sources) => [...sources.values()])
}

type Crossing = {
  ours: { id: number; version: number }
  theirs: { id: number; version: number }
  /** Among the workflows of the bundle; undefined for its dataset. */
  index?: number
}

/** What this transfer brought to, or took from, this owner. */
function crossings(
  { dataset, theirDataset, workflows, theirWorkflows }: SealedTransfer,
  owner: Owner,
) {
  const found: Crossing[] = []
  if (owner.kind === 'dataset' && dataset?.id === owner.id && theirDataset !== undefined)
    found.push({ ours: dataset, theirs: theirDataset })
  if (owner.kind === 'workflow') {
    for (const [index, ours] of workflows.entries()) {
      const theirs = theirWorkflows[index]
      if (ours.id === owner.id && theirs !== undefined) found.push({ ours, theirs, index })
    }
  }
  return found
}

/** Whether what crossed had it: by the tree of the bundle, or if that cannot be read, by the version. */
async function isIn(
  db: Db,
  store: Store,
  transfer: SealedTransfer,
  { ours, index }: Crossing,
  { owner, cid }: Asked,
): Promise<boolean> {
  const kept = await db.get<SealedBundle>(keys.bundle(transfer.id))
  const part = index === undefined ? kept?.bundle.dataset : kept?.bundle.workflows[index]
  if (part === undefined) return false
  try {
    const reader = await openTree(store, part.tree.root as Root)
    const entry = await reader.find(owner.path)
    if (entry?.kind === 'file') return (await reader.cid(entry)) === cid
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
  }
  return ours.version === owner.version && !('part' in part && part.part)
}
