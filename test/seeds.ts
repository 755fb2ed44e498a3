/**
 * Seeds of tests that are decided by dice. They are printed, and the name of a test holds its own:
 * `SEED=7 npx vitest run test/sites/cut.test.ts` runs that one alone, `SEED=7-12` these six.
 */

/** `count` seeds from 1, or those that were asked for. */
export function seedsFor(what: string, count: number): number[] {
  const [first, last = first] = (process.env.SEED ?? `1-${count}`).split('-').map(Number)
  console.log(`${what}: seeds ${first} to ${last}; some of them alone with SEED=N or SEED=N-M`)
  return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
}
