/** Changes of what lies where, and work that can bear none: a copy of the store's files. */
import { Fault } from '../../protocol/fault.ts'

export interface Stillness {
  /** A change: `busy` at once while anybody holds still. */
  change<T>(run: () => Promise<T>): Promise<T>
  /** `run` once the changes that have begun are done; a long one asks `isWanted` and ends early. */
  hold<T>(run: () => Promise<T>): Promise<T>
  readonly isWanted: boolean
}

export function createStillness(): Stillness {
  let holders = 0
  const changes = new Set<Promise<unknown>>()
  return {
    get isWanted() {
      return holders > 0
    },
    async change(run) {
      if (holders > 0) {
        throw new Fault('busy', 'store.change', {
          about: 'the store',
          text: 'A backup of the store is being made. Try again when it is done.',
        })
      }
      const change = run()
      changes.add(change)
      try {
        return await change
      } finally {
        changes.delete(change)
      }
    },
    async hold(run) {
      holders++
      try {
        await Promise.allSettled(changes)
        return await run()
      } finally {
        holders--
      }
    },
  }
}
