/** Something that many may wait for and that happens again and again; nobody waits without an end. */
import type { Clock } from '../base/clock.ts'

export type Bell = {
  ring(): void
  /**
   * Resolves at the next ring. `late` is called when that takes longer than `ms`, and has to ring.
   * Rejects with the signal's reason when that aborts, or has.
   */
  next(o: { ms: number; late: () => void; signal?: AbortSignal | undefined }): Promise<void>
}

export function createBell(clock: Clock): Bell {
  let waiting: (() => void)[] = []
  return {
    ring() {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    next({ ms, late, signal }) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const timer = clock.after(ms, late)
        const leave = () => {
          timer[Symbol.dispose]()
          signal?.removeEventListener('abort', stop)
        }
        const stop = () => {
          leave()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', stop, { once: true })
        waiting.push(() => {
          leave()
          resolve()
        })
      })
    },
  }
}
