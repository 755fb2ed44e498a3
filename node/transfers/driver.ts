/**
 * Keeps every unfinished transfer going: asks its state what remains to be done, does it, and tries
 * again with longer and longer pauses while the world is in the way. One run a transfer at a time.
 */

import { asFault, Fault, toWireFault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createBackoff } from '../base/work.ts'
import type { Book } from './book.ts'
import { transferTtlMs } from './outgoing.ts'
import type { Progress } from './progress.ts'
import { isOver, type Task, type Transfer, taskOf } from './transfer.ts'

/** The pause after the first failure and the longest one, in milliseconds. */
export const retryFirstMs = 500
export const retryLastMs = 60_000

export interface Driver extends AsyncDisposable {
  /** Looks at the transfer now: starts a run, or ends the pause of one that waits to try again. */
  wake(transfer: Pick<Transfer, 'id'>): void
  /** Ends what is being done for it; the state decides what comes next. Resolves when it has ended. */
  stop(id: TransferId): Promise<void>
}

type Run = {
  stopping: AbortController
  nudge: AbortController
  again: boolean
  done: Promise<void>
}

export function createDriver(needs: {
  book: Book
  progress: Progress
  clock: Clock
  /** Does one task; resolves when its outcome is saved. Faults that may pass are tried again. */
  perform(task: NonNullable<Task>, transfer: Transfer, signal: AbortSignal): Promise<void>
  /** Faults when what this site's disk says cannot be believed now: then nothing is ended for good. */
  demandFit(): Promise<void>
  /** Our own mistakes, for the log. */
  log(fault: Fault): void
}): Driver {
  const { book, progress, clock } = needs
  const runs = new Map<TransferId, Run>()
  let closed = false

  async function drive(id: TransferId, run: Run): Promise<void> {
    const backoff = createBackoff({ clock, firstMs: retryFirstMs, lastMs: retryLastMs })
    await progress.open(id)
    while (!run.stopping.signal.aborted) {
      run.again = false
      const transfer = await book.need(id)
      const task = isLate(transfer) ? 'expire' : taskOf(transfer)
      if (task === undefined) {
        if (run.again) continue
        break
      }
      const before = (await progress.load(id)).counters.received
      try {
        if (task === 'expire') await expire(transfer)
        else await needs.perform(task, transfer, run.stopping.signal)
        progress.trouble(id, undefined)
        backoff.reset()
      } catch (thrown) {
        if (run.stopping.signal.aborted) break
        const settled = await noted(transfer, asFault(thrown, `transfers.${task}`))
        if (settled && isOver((await book.need(id)).state) && task !== 'tell') continue
        // A line that is cut now and then carries on; only one that carries nothing has to wait longer.
        if ((await progress.load(id)).counters.received > before) backoff.reset()
        await pause(run, backoff.next())
      }
    }
    if (isOver((await book.need(id)).state)) await progress.drop(id)
  }

  /** False when its end could not be written down now: then the task is done again, and fails again. */
  async function noted(transfer: Transfer, fault: Fault): Promise<boolean> {
    try {
      await afterFailure(transfer, fault)
      return true
    } catch (thrown) {
      const why = asFault(thrown, 'transfers.note', transfer.id)
      if (!why.again) throw why
      progress.trouble(transfer.id, why)
      return false
    }
  }

  /** What may pass is shown and tried again; what may not ends the transfer, in words. */
  async function afterFailure(transfer: Transfer, fault: Fault): Promise<void> {
    if (fault.kind === 'internal') needs.log(fault)
    // How it ended must be heard at the other side, whatever it answers meanwhile.
    if (fault.again || isOver(transfer.state)) {
      progress.trouble(transfer.id, fault)
      return
    }
    if (fault.kind === 'gone' && fault.side === 'there') {
      await book.apply(transfer.id, { type: 'cancel', by: 'there' }, { site: transfer.site })
      return
    }
    if (transfer.direction === 'out' && fault.side === 'there') {
      await book.apply(transfer.id, { type: 'refused', fault: toWireFault(fault) }, 'system')
      return
    }
    await needs.demandFit()
    const event = { type: 'failed', fault: toWireFault(fault), by: 'here' } as const
    await book.apply(transfer.id, event, 'system')
  }

  /** Also what waits for the other side, or for a person, ends one day. */
  function isLate(transfer: Transfer): boolean {
    return !isOver(transfer.state) && clock.now() >= transfer.createdAt + transferTtlMs
  }

  async function expire(transfer: Transfer): Promise<void> {
    const fault = new Fault('gone', 'transfers.expire', {
      about: transfer.id,
      text: 'The transfer did not end within 30 days. Send again when both sites are up.',
    })
    await book.apply(
      transfer.id,
      { type: 'failed', fault: toWireFault(fault), by: 'here' },
      'system',
    )
  }

  async function pause(run: Run, ms: number): Promise<void> {
    if (run.again) return
    run.nudge = new AbortController()
    const signal = AbortSignal.any([run.nudge.signal, run.stopping.signal])
    await clock.sleep(ms, { signal }).catch(() => {})
  }

  const driver: Driver = {
    wake({ id }) {
      if (closed) return
      const known = runs.get(id)
      if (known !== undefined) {
        known.again = true
        known.nudge.abort()
        return
      }
      const run: Run = {
        stopping: new AbortController(),
        nudge: new AbortController(),
        again: false,
        done: Promise.resolve(),
      }
      runs.set(id, run)
      run.done = drive(id, run)
        .catch((thrown) => needs.log(asFault(thrown, 'transfers.drive', id)))
        .finally(() => {
          runs.delete(id)
          if (run.again && !closed) driver.wake({ id })
        })
    },
    async stop(id) {
      const run = runs.get(id)
      if (run === undefined) return
      run.again = false
      run.stopping.abort(
        new Fault('gone', 'transfers.stop', { about: id, text: 'It was stopped here.' }),
      )
      await run.done
    },
    async [Symbol.asyncDispose]() {
      closed = true
      await Promise.all([...runs.keys()].map((id) => driver.stop(id)))
    },
  }
  return driver
}
