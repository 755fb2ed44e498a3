import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { createLedger, type Ledger, repeatBurstBytes, repeatBytesPerSecond } from './ledger.ts'

const blockBytes = 1024 * 1024
const burst = repeatBurstBytes / blockBytes
const busy = expect.objectContaining({ kind: 'busy', op: 'content.want', again: true })

describe('what was served under one grant', () => {
  let now: number
  let ledger: Ledger
  beforeEach(() => {
    now = 1_000_000
    ledger = createLedger([burst * 2, 9], () => now)
  })

  /** Serves the same block until it is refused; how often it was served. */
  function repeats(): number {
    for (let times = 0; ; times++) {
      try {
        ledger.spend(0, 0, blockBytes)
      } catch (thrown) {
        expect(thrown).toEqual(busy)
        return times
      }
    }
  }

  it('every block once is free, however many there are', () => {
    for (let index = 0; index < burst * 2; index++) ledger.spend(0, index, blockBytes)
    for (let index = 0; index < 9; index++) ledger.spend(1, index, blockBytes)
    expect(repeats()).toBe(burst)
  })

  it('a repeat comes out of an allowance, and then the answer is busy', () => {
    expect(repeats()).toBe(1 + burst)
    expect(repeats()).toBe(0)
  })

  it('a block that was not served yet is free although the allowance is used up', () => {
    repeats()
    ledger.spend(0, 1, blockBytes)
    ledger.spend(1, 8, blockBytes)
    expect(() => ledger.spend(1, 8, blockBytes)).toThrow(busy)
  })

  it('the same place in another tree is another block', () => {
    ledger.spend(0, 3, blockBytes)
    ledger.spend(1, 3, blockBytes)
    expect(repeats()).toBe(1 + burst)
  })

  it('the allowance refills with time, never above a burst', () => {
    repeats()
    now += 3000
    expect(repeats()).toBe((3 * repeatBytesPerSecond) / blockBytes)
    now += 3_600_000
    expect(repeats()).toBe(burst)
  })

  it('a clock that is set back takes nothing away', () => {
    ledger.spend(0, 0, blockBytes)
    now -= 3_600_000
    expect(repeats()).toBe(burst)
  })

  it('nodes are counted by name, out of the same allowance', () => {
    ledger.spendNode('0 root 0', blockBytes)
    ledger.spendNode('0 page 0', blockBytes)
    ledger.spendNode('0 root 0', blockBytes)
    expect(repeats()).toBe(burst)
    expect(() => ledger.spendNode('0 root 0', 1)).toThrow(busy)
    ledger.spendNode('0 page 1', blockBytes)
  })

  it('what is refused is not counted, so that it can be asked for later', () => {
    repeats()
    for (let i = 0; i < 100; i++) expect(() => ledger.spend(0, 0, blockBytes)).toThrow(busy)
    now += 1000
    expect(repeats()).toBe(repeatBytesPerSecond / blockBytes)
  })

  it('whatever is asked, repeats stay within burst and rate', () => {
    const ask = fc.record({ index: fc.nat(8), bytes: fc.integer({ min: 1, max: blockBytes * 32 }) })
    fc.assert(
      fc.property(fc.array(fc.record({ ask, after: fc.nat(500) }), { maxLength: 80 }), (asks) => {
        now = 0
        ledger = createLedger([9], () => now)
        const once = new Set<number>()
        let repeated = 0
        for (const { ask, after } of asks) {
          now += after
          try {
            ledger.spend(0, ask.index, ask.bytes)
            if (once.has(ask.index)) repeated += ask.bytes
            once.add(ask.index)
          } catch (thrown) {
            expect(thrown).toEqual(busy)
            expect(once).toContain(ask.index)
          }
        }
        const allowed = repeatBurstBytes + (now / 1000) * repeatBytesPerSecond
        expect(repeated).toBeLessThanOrEqual(allowed + 1)
      }),
    )
  })
})
