/** A short storm: every row of the table, each asker, a few questions. The long one is in test/faults. */
import { expect, test } from 'vitest'
import { seedsFor } from '../seeds.ts'
import { storm } from './storm.ts'

test.each(seedsFor('a storm at the API', 1))(
  'seed %i: every answer is in the document, and none is a mistake of ours',
  async (seed) => {
    const findings = await storm({ seed, each: 4, say: console.log })
    expect(findings).toEqual([])
  },
  120_000,
)
