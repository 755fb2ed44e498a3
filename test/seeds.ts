/**
 * Seeds of tests that are decided by dice. They are printed, and the name of a test holds its own:
 * `SEED=7 npx vitest run test/sites/cut.test.ts` runs that one alone.
 */

/** `count` seeds from 1, or the one that was asked for. */
export function seedsFor(what: string, count: number): number[] {
  const asked = process.env.SEED
  const seeds =
    asked === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(asked)]
  const range = seeds.length === 1 ? `${seeds[0]}` : `${seeds[0]} to ${seeds.at(-1)}`
  console.log(`${what}: seeds ${range}; one of them alone with SEED=N`)
  return seeds
}
