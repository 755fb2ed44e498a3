/**
 * The transfers of this site as they are kept: loaded, stepped, saved. The only place that commits
 * `transfer.*` records, except the import, which is one record with what it makes visible.
 */

import { Fault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import { createSerial, type Serial } from '../base/work.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit, Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { Counters } from './progress.ts'
import {
  type KeptBundle,
  openBundle,
  openTransfer,
  type SealedBundle,
  type SealedTransfer,
  sealBundle,
  sealTransfer,
  type TransferSeals,
} from './sealed.ts'
import { isOver, step, type Transfer, type TransferEvent } from './transfer.ts'

export type Moved = { type: 'moved'; transfer: Transfer }

export interface Book {
  readonly events: Events<Moved>
  get(id: TransferId): Promise<Transfer | undefined>
  /** Faults `missing`. */
  need(id: TransferId): Promise<Transfer>
  /** Faults `missing`. */
  bundle(id: TransferId): Promise<KeptBundle>
  /** A new transfer; faults `exists` when the id is taken. */
  make(transfer: Transfer, kept: KeptBundle, by: Actor): Promise<void>
  /** One event, one record: saved before anybody acts on it. Unmoved when it does not belong. */
  apply(id: TransferId, event: TransferEvent, by: Actor): Promise<Transfer>
  /**
   * As `apply`, but `save` commits the stepped transfer, as it is kept, together with more, in one
   * record. Used by the import. Nothing is saved when the event does not belong.
   */
  applyWith(
    id: TransferId,
    event: TransferEvent,
    save: (stepped: SealedTransfer) => Promise<unknown>,
  ): Promise<Transfer>
  /** Newest first; with `after`, what is older than that one. */
  list(options?: { after?: Transfer | undefined }): AsyncGenerator<Transfer>
  /** Of those that have not ended, as `list`. */
  running(after?: Transfer): AsyncGenerator<Transfer>
  /** Everything that is not over, or is over and not told. */
  unfinished(): Promise<Transfer[]>
  /**
   * Seals what was kept in clear before there were seals, once. The old records stay as they are, for
   * the chain of the journal holds them.
   */
  sealOld(): Promise<void>
}

/** Records of old transfers that are written together. */
const sealedTogether = 100

export function transferChanges(transfer: SealedTransfer): Change[] {
  return [
    { put: keys.transfer(transfer.id), value: transfer },
    { put: keys.transferAt(transfer.createdAt, transfer.id), value: transfer.id },
    isOver(transfer.state) && transfer.told
      ? { del: keys.unfinished(transfer.id) }
      : { put: keys.unfinished(transfer.id), value: transfer.id },
  ]
}

export const transferFolds: Folds = {
  'transfer.made': ({ data }) => [
    ...transferChanges(data.transfer),
    { put: keys.bundle(data.transfer.id), value: data.kept },
  ],
  'transfer.put': ({ data }) => transferChanges(data),
  /** What was kept in clear, sealed. */
  'transfer.sealed': ({ data }) => [
    ...transferChanges(data.transfer),
    ...(data.kept === null ? [] : [{ put: keys.bundle(data.transfer.id), value: data.kept }]),
  ],
}

export function openBook(needs: {
  commit: Commit
  db: Db
  clock: Clock
  seals: TransferSeals
  /** What has crossed so far: kept in the record of the end, so that a history outlives the index. */
  count(id: TransferId): Promise<Counters>
}): Book {
  const { commit, db, clock, seals } = needs
  const events = createEvents<Moved>()
  const lines = new Map<TransferId, { serial: Serial; users: number }>()

  async function inLine<T>(id: TransferId, run: () => Promise<T>): Promise<T> {
    const line = lines.get(id) ?? { serial: createSerial(), users: 0 }
    lines.set(id, line)
    line.users++
    try {
      return await line.serial(run)
    } finally {
      if (--line.users === 0) lines.delete(id)
    }
  }

  const get = async (id: TransferId) => {
    const kept = await db.get<SealedTransfer>(keys.transfer(id))
    return kept === undefined ? undefined : openTransfer(seals, kept)
  }
  const need = async (id: TransferId) => {
    const found = await get(id)
    if (found !== undefined) return found
    throw new Fault('missing', 'transfers.get', { about: id, text: 'There is no such transfer.' })
  }
  async function unfinished(): Promise<Transfer[]> {
    const found: Transfer[] = []
    for await (const { value } of db.list<TransferId>(keys.unfinishedAll()))
      found.push(await need(value))
    return found
  }
  const applyWith: Book['applyWith'] = (id, event, save) =>
    inLine(id, async () => {
      const before = await need(id)
      const { transfer: stepped, moved } = step(before, event, clock.now())
      if (!moved) return before
      const ends = isOver(stepped.state) && !isOver(before.state)
      const transfer = ends ? { ...stepped, counters: await needs.count(id) } : stepped
      await save(sealTransfer(seals, transfer))
      events.emit({ type: 'moved', transfer })
      return transfer
    })

  return {
    events,
    get,
    need,
    applyWith,
    async bundle(id) {
      const kept = await db.get<SealedBundle>(keys.bundle(id))
      if (kept === undefined) throw new Fault('missing', 'transfers.bundle', { about: id })
      return openBundle(seals, await need(id), kept)
    },
    make: (transfer, kept, by) =>
      inLine(transfer.id, async () => {
        if ((await get(transfer.id)) !== undefined) {
          throw new Fault('exists', 'transfers.make', { about: transfer.id })
        }
        await commit('transfer.made', by, {
          transfer: sealTransfer(seals, transfer),
          kept: sealBundle(seals, transfer, kept),
        })
        events.emit({ type: 'moved', transfer })
      }),
    apply: (id, event, by) =>
      applyWith(id, event, (stepped) => commit('transfer.put', by, stepped)),
    async *list({ after } = {}) {
      const from = after === undefined ? {} : { after: keys.transferAt(after.createdAt, after.id) }
      const newestFirst = { reverse: true, ...from }
      for await (const { value } of db.list<TransferId>(keys.transfersAt(), newestFirst)) {
        const transfer = await get(value)
        if (transfer !== undefined) yield transfer
      }
    },
    async *running(after) {
      const going = (await unfinished()).filter(({ state }) => !isOver(state))
      const isOlder = (a: Transfer, b: Transfer) =>
        a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)
      for (const one of going.toSorted((a, b) => isOlder(b, a)))
        if (after === undefined || (one.id !== after.id && isOlder(one, after) < 0)) yield one
    },
    unfinished,
    async sealOld() {
      if ((await db.get(keys.meta('transfers-sealed'))) !== undefined) return
      let group: Promise<unknown>[] = []
      for await (const { value } of db.list<SealedTransfer>(keys.transfers())) {
        if (value.email === undefined || !seals.has(value.user)) continue
        group.push(sealOne(value))
        if (group.length < sealedTogether) continue
        await Promise.all(group)
        group = []
      }
      await Promise.all(group)
      await db.write([{ put: keys.meta('transfers-sealed'), value: true }])
    },
  }

  async function sealOne(old: SealedTransfer): Promise<void> {
    const transfer = openTransfer(seals, old)
    const bundle = await db.get<SealedBundle>(keys.bundle(old.id))
    await commit('transfer.sealed', 'system', {
      transfer: sealTransfer(seals, transfer),
      kept:
        bundle === undefined
          ? null
          : sealBundle(seals, transfer, openBundle(seals, transfer, bundle)),
    })
  }
}
