/** The long storm at the API: as test/api/storm.test.ts, with more dice, each seed at a pair of its own. */
import { expect, test } from 'vitest'
import { storm } from '../api/storm.ts'
import { seedsFor } from '../seeds.ts'

test.each(seedsFor('a long storm at the API', 8))(
  'seed %i: every answer is in the document, and none is a mistake of ours',
  async (seed) => {
    expect(await storm({ seed, each: 40, say: console.log })).toEqual([])
  },
)
