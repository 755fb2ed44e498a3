/**
 * What a source has already served under one grant. Distinct blocks are bounded by the bundle
 * itself; repeats, which a resumed transfer needs, come out of an allowance that refills with time,
 * so a hostile destination cannot make us read our disk for ever.
 */
import { Fault } from '../../protocol/fault.ts'

/** Repeated bytes that may be served at once: thirty-two interrupted windows. */
export const repeatBurstBytes = 256 * 1024 * 1024
/** How fast the allowance for repeats refills, in bytes a second. */
export const repeatBytesPerSecond = 8 * 1024 * 1024

export interface Ledger {
  /**
   * Notes that block `index` of `tree` (counted over the whole tree) is served, and tells whether it
   * was before. Faults `busy` when that has happened too often.
   */
  spend(tree: number, index: number, bytes: number): boolean
  /** The same for a metadata node, by a name of its own. */
  spendNode(name: string, bytes: number): void
}

export function createLedger(blocksOf: readonly number[], now: () => number): Ledger {
  const served = blocksOf.map((blocks) => new Uint8Array(Math.ceil(blocks / 8)))
  const nodes = new Set<string>()
  let allowance = repeatBurstBytes
  let refilledAt = now()

  function repeat(bytes: number): void {
    const at = now()
    allowance = Math.min(
      repeatBurstBytes,
      allowance + (Math.max(0, at - refilledAt) / 1000) * repeatBytesPerSecond,
    )
    refilledAt = at
    if (allowance < bytes) {
      throw new Fault('busy', 'content.want', {
        text: 'The same blocks were asked for too often. Wait a minute and go on.',
      })
    }
    allowance -= bytes
  }

  return {
    spend(tree, index, bytes) {
      const bits = served[tree]!
      const mask = 1 << (index & 7)
      const again = (bits[index >> 3]! & mask) !== 0
      if (again) repeat(bytes)
      bits[index >> 3]! |= mask
      return again
    },
    spendNode(name, bytes) {
      if (nodes.has(name)) repeat(bytes)
      else nodes.add(name)
    },
  }
}
