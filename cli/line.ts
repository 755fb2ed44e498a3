/**
 * A line that tells how far something is. In a terminal it is one line, drawn again and again;
 * elsewhere a line for each change, and in between at most one every few seconds.
 */
import { cut } from './show.ts'
import type { Output } from './world.ts'

/** Between two lines of the same state where nothing can be redrawn, in milliseconds. */
export const quietMs = 5000
/** Between two drawings in a terminal, in milliseconds. */
const redrawMs = 100

export interface Line {
  /** `change`: this must be seen. */
  show(text: string, change: boolean): void
  /** Leaves what was shown last standing, or takes it away. */
  end(o?: { clear?: boolean }): void
}

export function createLine(out: Output, now: () => number): Line {
  const drawn = out.isTTY === true
  const beganAt = now()
  let last: { text: string; at: number } | undefined
  let pending: string | undefined

  function write(text: string): void {
    last = { text, at: now() }
    pending = undefined
    out.write(drawn ? `\r\x1b[K${cut(text, (out.columns || 80) - 1)}` : `${text}\n`)
  }

  return {
    show(text, change) {
      if (text === last?.text) return
      // Where nothing can be redrawn, quick work says nothing at all.
      const due = drawn
        ? last === undefined || now() - last.at >= redrawMs
        : now() - (last?.at ?? beganAt) >= quietMs
      if (change || due) write(text)
      else pending = text
    },
    end({ clear = false } = {}) {
      if (clear) {
        if (drawn && last !== undefined) out.write('\r\x1b[K')
      } else {
        if (pending !== undefined) write(pending)
        if (drawn && last !== undefined) out.write('\n')
      }
      last = undefined
      pending = undefined
    },
  }
}
