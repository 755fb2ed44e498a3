/** What the metrics are told of answers: names of routes, never addresses. */
import { expect, test } from 'vitest'
import { askStubs } from '../../test/doors.ts'

function counting() {
  const told: unknown[] = []
  let mistakes = 0
  const counts = {
    answered: ({ route, status, ms }: { route: string; status: number; ms: number | undefined }) =>
      void told.push([route, status, typeof ms]),
    mistaken: () => void mistakes++,
    reading: () => ({ [Symbol.dispose]() {} }),
    readerDropped() {},
  }
  const stubs = {
    site: {
      health: () => ({ state: 'ok' as const }),
      verifyJournal: () => Promise.reject(new Error('a mistake')),
    },
    links: { list: () => [] },
    metrics: { expose: async () => ({ media: 'text/plain; version=0.0.4', text: 'a 1\n' }) },
  }
  return { ...askStubs(stubs, { counts }), told, mistakes: () => mistakes }
}

test('every answer is told once, by the name of its route', async () => {
  const { ask, told, mistakes } = counting()
  await ask('GET /api/health', { as: null })
  await ask('GET /healthz', { as: null })
  await ask('GET /api/links')
  await ask('GET /api/links', { as: null })
  await ask('GET /metrics')
  await ask('GET /metrics', { as: 'ben' })
  await ask('GET /api/made-up/7')
  await ask('POST /api/journal/verify', { body: {} })
  expect(told).toEqual([
    ['site.health', 200, 'number'],
    ['site.healthz', 200, 'number'],
    ['links.list', 200, 'number'],
    ['links.list', 401, 'number'],
    ['site.metrics', 200, 'number'],
    ['site.metrics', 401, 'number'],
    ['page', 404, 'number'],
    ['journal.verify', 500, 'number'],
  ])
  expect(mistakes()).toBe(1)
})

test('a token for metrics opens them and nothing else', async () => {
  const { ask } = counting()
  const answer = await ask('GET /metrics')
  expect([answer.status, answer.text]).toEqual([200, 'a 1\n'])
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4')
})
