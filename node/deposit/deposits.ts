/**
 * The door of the room: what has arrived in a project with a folder of its own lies there as ordinary
 * files. An import neither waits for this nor fails with it: what is due is kept with the import, and
 * tried until it is made, also after a crash, and when a folder that was gone is there again.
 */
import { asFault, Fault, type FaultKind, toWireFault } from '../../protocol/fault.ts'
import type { DatasetId, TransferId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import { createOutbox } from '../base/outbox.ts'
import { createSerial } from '../base/work.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Store } from '../store/store.ts'
import {
  type Deposit,
  type Deposited,
  type Due,
  dueOf,
  folderOf,
  type Laid,
  type Settled,
} from './deposit.ts'
import { lay } from './lay.ts'
import { checkPlace, sweepAsides } from './place.ts'

/** As much of a dataset as a deposit needs to know. */
export type Known = {
  readonly name: string
  /** Of the version that was asked for. */
  readonly tree: Tree
  /** What its project wants by now. */
  readonly deposit?: { readonly folder: string; readonly link: boolean } | undefined
}

export type DepositsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly store: Store
  readonly clock: Clock
  /** Undefined once it was removed. */
  find(dataset: DatasetId, version: number): Promise<Known | undefined>
  log(fault: Fault): void
}

/** `waiting`: not made yet; with a fault it was tried, and is tried again. */
export type DepositView = Omit<Deposit, 'state'> & { readonly state: 'waiting' | 'made' | 'failed' }

export interface Deposits extends AsyncDisposable {
  readonly events: Events<{ type: 'changed'; id: TransferId }>
  /** Of what this transfer brought; undefined when nothing was to be laid out. */
  of(transfer: TransferId): Promise<DepositView | undefined>
  /** The newest of a dataset. */
  ofDataset(dataset: DatasetId): Promise<DepositView | undefined>
  /** How many are due and not made yet. */
  waiting(): number
  /** Whether the site can lay files there; faults say what to do. */
  check(folder: string): Promise<void>
  /** Tries at once whatever waits, and once more what had failed and `isWanted`. */
  again(isWanted: (dataset: DatasetId) => Promise<boolean>, by: Actor): Promise<void>
}

/** What no waiting mends: the rest is tried until it is made. */
const ends: ReadonlySet<FaultKind> = new Set([
  'unsupported',
  'corrupt',
  'gone',
  'invalid',
  'internal',
])

export async function openDeposits(needs: DepositsNeeds): Promise<Deposits> {
  const { commit, db, clock } = needs
  const dues = new Map<DatasetId, Due[]>()
  const troubles = new Map<DatasetId, Fault>()
  const events = createEvents<{ type: 'changed'; id: TransferId }>()
  // One at a time: a disk is not faster for two.
  const inTurn = createSerial()
  const outbox = createOutbox<DatasetId>({
    clock,
    pending: (dataset) => dues.has(dataset),
    deliver: (dataset, { signal }) => inTurn(() => make(dataset, signal)),
    failed: (_, fault) => needs.log(fault),
  })

  function add(due: Due): void {
    dues.set(due.dataset, [...(dues.get(due.dataset) ?? []), due])
    events.emit({ type: 'changed', id: due.transfer })
  }

  function tell(all: readonly Due[]): void {
    for (const { transfer } of all) events.emit({ type: 'changed', id: transfer })
  }

  async function make(dataset: DatasetId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const all = dues.get(dataset) ?? []
    const newest = all.reduce((a, b) => (b.version > a.version ? b : a))
    try {
      const made = await layOut(newest, signal)
      const settled = all.map((due) => ({ ...due, folder: made.deposited.folder }))
      await settle('deposit.made', dataset, { dues: settled, ...made })
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const fault = asFault(thrown, 'deposit.make', dataset)
      if (ends.has(fault.kind)) {
        needs.log(fault)
        const laid: Laid = { files: 0, bytes: 0, conflicts: [], conflictsCount: 0 }
        await settle('deposit.failed', dataset, { dues: all, laid, fault: toWireFault(fault) })
        return
      }
      troubles.set(dataset, fault)
      tell(all)
      throw waits(fault)
    }
  }

  async function layOut(due: Due, signal: AbortSignal) {
    const { dataset: id, version } = due
    const known = await needs.find(id, version)
    if (known?.deposit === undefined) throw unwanted(id, known)
    await checkPlace(known.deposit.folder)
    const folder = folderOf(known.deposit.folder, { id, name: known.name })
    const last = await db.get<Deposited>(keys.deposited(id))
    const there = last?.folder === folder ? last : undefined
    await sweepAsides(folder)
    const { store } = needs
    const { tree } = known
    const before = there?.tree
    const laid = await lay({ store, tree, before, folder, link: known.deposit.link, signal })
    return { laid, deposited: { folder, version, tree } }
  }

  async function settle(
    kind: 'deposit.made' | 'deposit.failed',
    dataset: DatasetId,
    settled: Settled,
  ): Promise<void> {
    await commit(kind, 'system', settled)
    const done = new Set(settled.dues.map(({ transfer }) => transfer))
    const left = (dues.get(dataset) ?? []).filter(({ transfer }) => !done.has(transfer))
    if (left.length > 0) dues.set(dataset, left)
    else dues.delete(dataset)
    troubles.delete(dataset)
    tell(settled.dues)
  }

  async function of(transfer: TransferId): Promise<DepositView | undefined> {
    const deposit = await db.get<Deposit>(keys.deposit(transfer))
    if (deposit === undefined) return undefined
    if (deposit.state !== 'due') return { ...deposit, state: deposit.state }
    const trouble = troubles.get(deposit.dataset)
    return {
      ...deposit,
      state: 'waiting',
      ...(trouble === undefined ? {} : { fault: toWireFault(trouble) }),
    }
  }

  for await (const { value } of db.list<Due>(keys.depositsDue())) add(value)
  const listening = commit.on(({ kind, data }) => {
    if (kind !== 'transfer.imported') return
    const due = dueOf(data as Parameters<typeof dueOf>[0])
    if (due === undefined) return
    add(due)
    outbox.wake(due.dataset)
  })
  for (const dataset of dues.keys()) outbox.wake(dataset)

  return {
    events,
    of,
    waiting: () => [...dues.values()].reduce((sum, all) => sum + all.length, 0),
    check: checkPlace,
    async ofDataset(dataset) {
      const newest = await db.get<TransferId>(keys.depositOf(dataset))
      return newest === undefined ? undefined : of(newest)
    },
    async again(isWanted, by) {
      for await (const { value: deposit } of db.list<Deposit>(keys.deposits())) {
        if (deposit.state !== 'failed' || !(await isWanted(deposit.dataset))) continue
        if ((await db.get(keys.depositOf(deposit.dataset))) !== deposit.transfer) continue
        const { transfer, dataset, version, folder } = deposit
        const due: Due = { transfer, dataset, version, folder }
        await commit('deposit.again', by, due)
        add(due)
      }
      for (const dataset of dues.keys()) outbox.wake(dataset)
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      await outbox[Symbol.asyncDispose]()
    },
  }
}

function unwanted(dataset: DatasetId, known: Known | undefined): Fault {
  const text =
    known === undefined
      ? `Dataset ${dataset} was removed before it was laid out in its folder.`
      : `The project of dataset ${dataset} has no deposit folder any more. Name one, and it is laid out there.`
  return new Fault('gone', 'deposit.make', { about: dataset, text })
}

/** The outbox tries again what may be tried again; a person reads the reason itself. */
function waits(cause: Fault): Fault {
  return new Fault('busy', 'deposit.make', { about: cause.about, cause, text: cause.message })
}
