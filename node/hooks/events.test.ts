import { expect, test } from 'vitest'
import { hookEvents } from '../../api/hook-events.ts'
import { eventsOf, freshMs } from './events.ts'

const now = Date.UTC(2026, 10, 25)
let seq = 0
const record = (kind: string, data: object, at = now) =>
  ({ seq: ++seq, at, kind, by: 'system', data }) as Parameters<typeof eventsOf>[0]
const types = (kind: string, data: object, at?: number) =>
  eventsOf(record(kind, data, at)).map(({ type }) => type)

const transfer = (at: string, more: object = {}) => ({
  ...{
    id: 't1',
    direction: 'out',
    site: 's',
    user: 7,
    connection: 3,
    email: 'a@b.c',
    person: 'd@e.f',
  },
  ...{ since: now, workflows: [], theirWorkflows: [], told: true },
  state: at === 'failed' || at === 'refused' ? { at, fault: secretFault } : { at },
  ...more,
})
const secretFault = {
  kind: 'full',
  op: 'x',
  text: 'no room for /data/jane-doe.fcs',
  about: '/data',
}
const version = (n: number, at: number) => ({
  ...{ version: n, at, by: { user: 7 } },
  tree: { root: 'r', files: 2, bytes: 9 },
})
const dataset = (versions: object[], more: object = {}) => ({
  ...{
    id: 4,
    project: 2,
    name: 'Jane',
    meta: { who: 'Jane' },
    versions,
    inPlace: false,
    at: 'here',
  },
  ...more,
})

test.each([
  ['transfer.made', { transfer: transfer('waiting') }, ['transfer.started']],
  ['transfer.put', transfer('moving'), []],
  ['transfer.put', transfer('done'), ['transfer.done']],
  ['transfer.put', transfer('refused'), ['transfer.failed']],
  ['transfer.put', transfer('failed'), ['transfer.failed']],
  ['transfer.put', transfer('cancelled'), ['transfer.cancelled']],
  // At the destination the import has told it; this one says that the source has heard.
  ['transfer.put', transfer('done', { direction: 'in' }), []],
  ['transfer.imported', { transfer: transfer('done') }, ['transfer.imported']],
  [
    'transfer.imported',
    { transfer: transfer('done'), datasets: [dataset([version(1, 5), version(2, 6)])] },
    ['transfer.imported', 'dataset.version'],
  ],
  ['dataset.put', dataset([version(1, now)]), ['dataset.added']],
  ['dataset.put', dataset([version(1, 5), version(2, now - 10)]), ['dataset.version']],
  ['dataset.put', dataset([version(1, now - freshMs)]), []],
  ['dataset.put', dataset([version(1, now)], { at: 'removed' }), []],
  ['link.add', { id: 1, site: 's', at: 'asked', changedAt: now }, ['link.changed']],
  ['link.put', { id: 1, site: 's', at: 'accepted', changedAt: now - freshMs }, []],
  [
    'connection.put',
    { id: 1, user: 7, site: 's', at: 'removed', changedAt: now },
    ['connection.changed'],
  ],
  ['scrub.damaged', { found: [] }, ['damage.found']],
  ['token.put', { hash: 'x' }, []],
  ['hook.moved', {}, []],
])('%s %#', (kind, data, told) => expect(types(kind, data)).toEqual(told))

test('an end that is recorded again has the same name, and later is not told at all', () => {
  const [first] = eventsOf(record('transfer.put', transfer('failed', { told: false })))
  const [again] = eventsOf(record('transfer.put', transfer('failed'), now + 500))
  expect(again!.id).toBe(first!.id)
  expect(types('transfer.put', transfer('failed'), now + freshMs)).toEqual([])
})

test('nothing in it names a person, a file, a path, or what is in a dataset', () => {
  const owners = [{ kind: 'dataset', id: 4, name: 'Jane', version: 1, path: 'jane.fcs' }]
  const damage = { cid: 'bafy', found: 'changed', bytes: 3, place: '/data/jane.fcs', owners }
  const link = { id: 1, site: 's', at: 'accepted', alias: 'jane', name: 'Jane Lab', changedAt: now }
  const records = [
    record('transfer.made', { transfer: transfer('waiting'), kept: { bundle: 'Jane' } }),
    record('transfer.put', transfer('failed')),
    record('transfer.imported', {
      transfer: transfer('done'),
      datasets: [dataset([version(1, 1)])],
    }),
    record('dataset.put', dataset([version(1, now)])),
    record('link.put', { ...link, addresses: ['/ip4/10.0.0.1/tcp/1'] }),
    record('connection.put', {
      ...{ id: 1, user: 7, email: 'a@b.c', theirs: 'd@e.f', name: 'Jane', site: 's' },
      ...{ at: 'accepted', changedAt: now },
    }),
    record('scrub.damaged', { found: [damage] }),
  ]
  const told = records.flatMap(eventsOf)
  expect(told.length).toBe(8)
  expect(JSON.stringify(told)).not.toMatch(/jane|@|\/data|\/ip4|bafy/i)
})

test('one record of the most damaged things is an event of bounded size', () => {
  const owners = Array.from({ length: 20 }, (_, id) => ({
    kind: 'dataset',
    id,
    version: 1,
    path: 'x',
  }))
  const found = Array.from({ length: 200 }, () => ({ found: 'missing', bytes: 1, owners }))
  const [told] = eventsOf(record('scrub.damaged', { found }))
  expect(told!.data).toMatchObject({ count: 200 })
  expect(JSON.stringify(told).length).toBeLessThan(150_000)
})

test('every type that a person may choose is one that some record gives', () => {
  const all = [
    ...['waiting'].map((at) => record('transfer.made', { transfer: transfer(at) })),
    ...['done', 'failed', 'cancelled'].map((at) => record('transfer.put', transfer(at))),
    record('transfer.imported', { transfer: transfer('done') }),
    record('dataset.put', dataset([version(1, now)])),
    record('dataset.put', dataset([version(1, 1), version(2, now)])),
    record('link.put', { id: 1, changedAt: now }),
    record('connection.put', { id: 1, changedAt: now }),
    record('scrub.damaged', { found: [] }),
  ].flatMap(eventsOf)
  expect(new Set(all.map(({ type }) => type))).toEqual(new Set(hookEvents))
})
