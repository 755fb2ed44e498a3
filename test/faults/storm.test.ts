/** The long storm at the API: as test/api/storm.test.ts, with more dice, each seed at a pair of its own. */
import { expect, test } from 'vitest'
import { type RouteName, routes } from '../../api/routes.ts'
import { storm } from '../api/storm.ts'
import { seedsFor } from '../seeds.ts'

/** Rows that want what dice do not throw, and what that is. Whoever adds a row looks here for it. */
const unthrown: Partial<Record<RouteName, string>> = {
  'datasets.content': 'the path of a file in it',
  'workflows.content': 'the path of a file in it',
  'groups.remove-member': 'somebody who is in that group',
  'projects.remove-member': 'somebody who is in that project',
  'projects.remove-group': 'a group that is in that project',
  'hooks.resume': 'one that has come to rest',
  'hooks.remove': 'the ID of one',
  'notices.read': 'the ID of one',
  'transfers.cancel': 'one under way, which by then has ended',
  'session.open': 'a password',
  'session.password': 'a password',
  'session.welcome': 'the secret of a link',
  'login.begin': 'an institution',
}

const answered = new Set<RouteName>()
const seeds = seedsFor('a long storm at the API', 8)

test.each(seeds)(
  'seed %i: every answer is in the document, and none is a mistake of ours',
  async (seed) => {
    const weathered = await storm({ seed, each: 40, say: console.log })
    expect(weathered.findings).toEqual([])
    for (const name of weathered.answered) answered.add(name)
  },
)

test.skipIf(process.env.SEED)('every row did what it was asked at least once', () => {
  const not = (Object.keys(routes) as RouteName[]).filter((name) => !answered.has(name))
  expect(not.toSorted()).toEqual(Object.keys(unthrown).toSorted())
})
