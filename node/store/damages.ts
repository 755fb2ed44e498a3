/** How often something that was held went: a number that only grows, in a file of the store. */

import { systemClock } from '../base/clock.ts'
import { readIfThere, writeDurably } from '../base/files.ts'
import { createSerial } from '../base/work.ts'

export interface Damages {
  readonly count: number
  /** Durable when it resolves. */
  grow(): Promise<void>
}

export async function openDamages(path: string): Promise<Damages> {
  const inTurn = createSerial()
  const found = await readIfThere(path)
  const read = found === undefined ? 0 : Number(Buffer.from(found).toString())
  // A file that says nothing sensible may have said any number before, but never one as large as this.
  let count = Number.isSafeInteger(read) && read >= 0 ? read : systemClock.now()
  return {
    get count() {
      return count
    },
    grow: () =>
      inTurn(async () => {
        await writeDurably(path, String(count + 1))
        count++
      }),
  }
}
