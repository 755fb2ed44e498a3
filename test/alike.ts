/** Whether somebody with a clock could tell two answers apart. */
import { expect } from 'vitest'

/** Two ways of asking take the same time, as far as a machine that does other things can tell. */
export function expectAlike(left: number[], right: number[]): void {
  const sorted = [left, right].map((one) => one.toSorted((x, y) => x - y))
  const at = (share: number) => sorted.map((one) => one[Math.floor(one.length * share)]!)
  const [middle, low, high] = [at(0.5), at(0.25), at(0.75)]
  // Half of all answers lie within this: a difference that drowns in it is none.
  const spread = Math.max(high[0]! - low[0]!, high[1]! - low[1]!)
  expect(Math.abs(middle[0]! - middle[1]!)).toBeLessThan(Math.max(1, spread))
}
