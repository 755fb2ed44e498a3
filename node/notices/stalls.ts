/**
 * Which transfers do not move. Told by the transfers themselves what crosses; each that goes on has one
 * timer, which looks again only when it falls due, so a fast transfer costs a number written down.
 */
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Events } from '../base/events.ts'
import { isOver, type Transfer } from '../transfers/transfer.ts'
import type { TransferEvents } from '../transfers/transfers.ts'
import type { Stalled } from './notice.ts'
import { stallMs } from './words.ts'

/** `movedAt` is 0 for what has not moved since the start. */
type Entry = { from: number; movedAt: number; timer: Disposable | undefined }

export type StallsNeeds = {
  readonly clock: Clock
  readonly events: Pick<Events<TransferEvents>, 'on'>
  /** Undefined when there is no such transfer any more. */
  transfer(id: TransferId): Promise<Transfer | undefined>
  /** A record of it is on the disk when it resolves. */
  stalled(what: Stalled): Promise<unknown>
  log(fault: Fault): void
}

/** `going`: those that have not ended yet. Each is told once, until it moves again. */
export function watchStalls(needs: StallsNeeds, going: readonly TransferId[]): Disposable {
  const { clock } = needs
  const entries = new Map<TransferId, Entry>()

  function enter(id: TransferId): Entry {
    const entry: Entry = { from: clock.now(), movedAt: 0, timer: undefined }
    entries.set(id, entry)
    wait(id, entry, stallMs)
    return entry
  }

  function leave(id: TransferId): void {
    entries.get(id)?.timer?.[Symbol.dispose]()
    entries.delete(id)
  }

  function wait(id: TransferId, entry: Entry, ms: number): void {
    entry.timer = clock.after(ms, () => {
      look(id, entry).catch((thrown) => {
        needs.log(asFault(thrown, 'notices.stall', id))
        if (entries.get(id) === entry) wait(id, entry, stallMs)
      })
    })
  }

  async function look(id: TransferId, entry: Entry): Promise<void> {
    const transfer = await needs.transfer(id)
    if (entries.get(id) !== entry) return
    if (transfer === undefined || isOver(transfer.state)) return leave(id)
    const since = Math.max(entry.movedAt, transfer.since)
    const quietMs = clock.now() - Math.max(entry.from, since)
    const { at } = transfer.state
    // Somebody wanted it so, or has yet to decide.
    const rests = at === 'paused' || at === 'parked'
    if (rests || quietMs < stallMs) return wait(id, entry, rests ? stallMs : stallMs - quietMs)
    // Until it moves there is nothing new to say.
    entry.timer = undefined
    await needs.stalled({ transfer: id, user: transfer.user, since })
  }

  const listening = needs.events.on(({ id, over, more }) => {
    if (over) return leave(id)
    const entry = entries.get(id) ?? enter(id)
    if (!more?.sent && !more?.received) return
    entry.movedAt = clock.now()
    if (entry.timer === undefined) wait(id, entry, stallMs)
  })
  for (const id of going) if (!entries.has(id)) enter(id)

  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      for (const id of [...entries.keys()]) leave(id)
    },
  }
}
