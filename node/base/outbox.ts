/**
 * What others still have to be told, tried until they were. It keeps no messages: the owner's state
 * says whether something is pending for a key, and what is delivered is the state of that moment.
 */
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { Clock } from './clock.ts'
import { createBackoff, createPool } from './work.ts'

export interface Outbox<K> extends AsyncDisposable {
  /** Something is pending for `key`, or it can be reached now: try at once. Safe to call at any time. */
  wake(key: K): void
}

/** Deliveries at one time. */
const atOnceMax = 8

/** First and last wait between tries, in milliseconds. */
export const outboxFirstMs = 1000
export const outboxLastMs = 10 * 60_000

export function createOutbox<K>(o: {
  clock: Clock
  pending(key: K): boolean
  /** Tells what is pending now and, when it was answered, makes it no longer pending. */
  deliver(key: K, options: { signal: AbortSignal }): Promise<void>
  /** Each try that failed. What is not to be tried again rests until the next `wake`. */
  failed?: ((key: K, fault: Fault) => void) | undefined
}): Outbox<K> {
  const closing = new AbortController()
  const pool = createPool({ limit: atOnceMax })
  const running = new Map<K, { done: Promise<void>; woken: boolean; nap: AbortController }>()

  async function attend(key: K, entry: { woken: boolean; nap: AbortController }): Promise<void> {
    const backoff = createBackoff({ clock: o.clock, firstMs: outboxFirstMs, lastMs: outboxLastMs })
    const signal = closing.signal
    while (!signal.aborted && o.pending(key)) {
      entry.woken = false
      let again = true
      try {
        await pool.run(() => o.deliver(key, { signal }), { signal })
        backoff.reset()
      } catch (thrown) {
        if (signal.aborted) return
        const fault = asFault(thrown, 'outbox.deliver')
        again = fault.again
        o.failed?.(key, fault)
      }
      if (entry.woken || !o.pending(key)) continue
      if (!again) return
      await nap(entry, backoff.next())
    }
  }

  async function nap(entry: { nap: AbortController }, ms: number): Promise<void> {
    entry.nap = new AbortController()
    const signal = AbortSignal.any([entry.nap.signal, closing.signal])
    try {
      await o.clock.sleep(ms, { signal })
    } catch (thrown) {
      // Woken early, or closing; the loop looks which.
      if (!signal.aborted) throw thrown
    }
  }

  function wake(key: K): void {
    if (closing.signal.aborted) return
    const present = running.get(key)
    if (present !== undefined) {
      present.woken = true
      present.nap.abort()
      return
    }
    if (!o.pending(key)) return
    const entry = { done: Promise.resolve(), woken: false, nap: new AbortController() }
    running.set(key, entry)
    entry.done = attend(key, entry).finally(() => {
      running.delete(key)
      // A wake that came between the last look and this line must not be lost.
      if (entry.woken) wake(key)
    })
  }

  return {
    wake,
    async [Symbol.asyncDispose]() {
      closing.abort()
      await Promise.all([...running.values()].map((entry) => entry.done))
    },
  }
}
