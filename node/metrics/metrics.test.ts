import { expect, test } from 'vitest'
import type { SiteId, TransferId } from '../../protocol/ids.ts'
import { noPromtool, runPromtool, sampleOf } from '../../test/promtool.ts'
import { createManualClock } from '../base/clock.ts'
import { openMetrics } from './metrics.ts'

const kyoto = 'kyoto-key' as SiteId
const gone = 'gone-key' as SiteId
const id = (name: string) => name as TransferId

function open(o: { state?: object } = {}) {
  const clock = createManualClock(1_000_000)
  const links = [
    { site: kyoto, alias: 'kyoto', at: 'accepted' },
    { site: 'asking-key' as SiteId, alias: 'no-name-of-ours', at: 'asked' },
  ]
  const failures: unknown[] = []
  const metrics = openMetrics({
    ...{ clock, version: '9.9.9', links: () => links },
    failed: (thrown) => void failures.push(thrown),
  })
  const counted = { store: 0 }
  metrics.watch({
    async *store() {
      counted.store++
      yield* [{ bytes: 40 }, { bytes: 2 }]
    },
    disks: async () => ({ store: { free: 10, size: 100 }, home: { free: 20, size: 50 } }),
    journal: () => ({ records: 7, isStopped: false }),
    damages: () => 3,
    scrub: () => ({ days: 30, percent: 12.5, since: 500_000 }),
    depositsWaiting: () => 4,
    connections: () => ({ control: 2, bulk: 1 }),
    lanes: () => 5,
    mailWaiting: () => 3,
    hooks: () => ({ states: { working: 1, failing: 0, paused: 0 }, behindMs: 0 }),
    ...o.state,
  })
  const ask = async (name: string, labels?: Record<string, string>) =>
    sampleOf((await metrics.expose()).text, `crossload_${name}`, labels)
  const transfer = (name: string, at: string, direction: 'out' | 'in' = 'in', site = kyoto) => ({
    ...{ id: id(name), direction, site, state: { at } },
  })
  return { metrics, clock, ask, transfer, failures, counted, links }
}

test('transfers by state and direction, and their ends once each', async () => {
  const { metrics, ask, transfer } = open()
  const { moved } = metrics.transfers
  moved(transfer('a', 'waiting', 'out'), false)
  moved(transfer('b', 'moving'), false)
  moved(transfer('c', 'moving'), false)
  moved(transfer('a', 'moving', 'out'), false)
  expect(await ask('transfers', { direction: 'out', state: 'waiting' })).toBeUndefined()
  expect(await ask('transfers', { direction: 'out', state: 'moving' })).toBe(1)
  expect(await ask('transfers', { direction: 'in', state: 'moving' })).toBe(2)
  const ended = { link: 'kyoto', direction: 'in', state: 'failed' }
  expect(await ask('transfers_ended_total', ended)).toBe(0)
  // Recorded once when it ends and once more when the other side has heard of it.
  moved(transfer('b', 'failed'), true)
  moved(transfer('b', 'failed'), true)
  expect(await ask('transfers_ended_total', ended)).toBe(1)
  expect(await ask('transfers', { direction: 'in', state: 'moving' })).toBe(1)
})

test('bytes by link; those of a link that is no more are not lost and have no name', async () => {
  const { metrics, ask, transfer } = open()
  metrics.transfers.moved(transfer('a', 'moving', 'out'), false)
  metrics.transfers.moved(transfer('b', 'moving', 'in', gone), false)
  metrics.transfers.crossed(id('a'), { sent: 10 })
  metrics.transfers.crossed(id('a'), { sent: 5 })
  metrics.transfers.crossed(id('b'), { received: 7 })
  metrics.transfers.crossed(id('nobody'), { received: 1000 })
  expect(await ask('content_bytes_total', { link: 'kyoto', direction: 'out' })).toBe(15)
  expect(await ask('content_bytes_total', { link: 'removed', direction: 'in' })).toBe(7)
  metrics.transfers.crossed(id('a'), { sent: 1 })
  expect(await ask('content_bytes_total', { link: 'kyoto', direction: 'out' })).toBe(16)
})

test('the quietest moving transfer, and not one that a limit holds back or that is paused', async () => {
  const { metrics, ask, transfer, clock } = open()
  const quiet = () => ask('transfer_quiet_seconds', { direction: 'in' })
  metrics.transfers.moved(transfer('a', 'moving'), false)
  metrics.transfers.moved(transfer('b', 'moving'), false)
  await clock.advance(30_000)
  metrics.transfers.crossed(id('a'), { nodes: 1 })
  await clock.advance(10_000)
  expect(await quiet()).toBe(40)
  metrics.transfers.crossed(id('b'), { received: 1 })
  expect(await quiet()).toBe(10)
  const goOn = metrics.transfers.heldBack(id('a'), 'in')
  await clock.advance(60_000)
  expect(await quiet()).toBe(60)
  metrics.transfers.crossed(id('b'), { received: 1 })
  expect(await quiet()).toBe(0)
  goOn()
  await clock.advance(1000)
  expect(await quiet()).toBe(1)
  expect(await ask('limit_waits_total', { direction: 'in' })).toBe(1)
  expect(await ask('limit_wait_seconds_total', { direction: 'in' })).toBe(60)
  metrics.transfers.moved(transfer('a', 'paused'), false)
  metrics.transfers.moved(transfer('b', 'done'), true)
  await clock.advance(5000)
  expect(await quiet()).toBe(0)
})

test('a link is unreachable since the first try that failed, until one does not', async () => {
  const { metrics, ask, clock, links } = open()
  const seconds = () => ask('link_unreachable_seconds', { link: 'kyoto' })
  expect(await seconds()).toBe(0)
  metrics.links.notReached(kyoto)
  await clock.advance(20_000)
  metrics.links.notReached(kyoto)
  await clock.advance(5000)
  expect(await seconds()).toBe(25)
  metrics.links.reached(kyoto)
  expect(await seconds()).toBe(0)
  metrics.links.notReached(kyoto)
  links[0]!.at = 'paused'
  expect(await seconds()).toBeUndefined()
  expect((await metrics.expose()).text).not.toContain('no-name-of-ours')
})

test('answers by route and class, streams while they last', async () => {
  const { metrics, ask } = open()
  const { answered, reading, readerDropped, mistaken } = metrics.answers
  answered({ route: 'site.show', status: 200, ms: 3 })
  answered({ route: 'site.show', status: 204, ms: 300 })
  answered({ route: 'site.show', status: 404, ms: 3 })
  answered({ route: 'transfers.watch', status: 200, ms: undefined })
  const ok = { route: 'site.show', status: '2xx' }
  expect(await ask('http_answers_total', ok)).toBe(2)
  expect(await ask('http_answer_seconds_count', { route: 'site.show' })).toBe(3)
  expect(await ask('http_answer_seconds_bucket', { le: '0.005' })).toBe(2)
  expect(await ask('http_answer_seconds_count', { route: 'transfers.watch' })).toBeUndefined()
  const route = { route: 'transfers.watch' }
  {
    using _one = reading('transfers.watch')
    expect(await ask('event_streams', route)).toBe(1)
  }
  expect(await ask('event_streams', route)).toBe(0)
  readerDropped()
  expect(await ask('slow_readers_dropped_total')).toBe(1)
  mistaken()
  expect(await ask('faults_total', { kind: 'internal' })).toBe(1)
})

test('how the site is: disks, scrub, deposits, lanes', async () => {
  const { ask } = open()
  const wanted: [string, number, Record<string, string>?][] = [
    ['disk_free_bytes', 10, { holds: 'store' }],
    ['disk_size_bytes', 50, { holds: 'home' }],
    ['journal_records', 7],
    ['journal_stopped', 0],
    ['damaged_objects', 3],
    ['scrub_interval_seconds', 30 * 86_400],
    ['scrub_progress_ratio', 0.125],
    ['scrub_since_timestamp_seconds', 500],
    ['deposits_waiting', 4],
    ['connections', 2, { kind: 'control' }],
    ['lanes', 5],
    ['mail_waiting', 3],
    ['hooks', 1, { state: 'working' }],
    ['info', 1, { version: '9.9.9' }],
  ]
  for (const [name, value, labels] of wanted)
    expect([name, await ask(name, labels)]).toEqual([name, value])
})

test('the store is counted in the background, at most once an hour', async () => {
  const { ask, clock, counted, metrics } = open()
  expect(await ask('store_bytes')).toBe(0)
  await clock.advance(1000)
  expect([await ask('store_bytes'), await ask('store_objects'), counted.store]).toEqual([42, 2, 1])
  await clock.advance(3_600_000)
  await metrics.expose()
  expect(counted.store).toBe(2)
})

test('what cannot be read is said, and the rest is told all the same', async () => {
  const broken = new Error('the volume is not there')
  const { ask, failures } = open({ state: { disks: () => Promise.reject(broken) } })
  expect(await ask('transfer_quiet_seconds', { direction: 'in' })).toBe(0)
  expect(failures).toEqual([broken])
})

test('whoever asks meanwhile shares one reading', async () => {
  let asked = 0
  const disks = async () => {
    asked++
    return {}
  }
  const { metrics } = open({ state: { disks } })
  await Promise.all(Array.from({ length: 20 }, () => metrics.expose()))
  expect(asked).toBe(1)
})

test.skipIf(noPromtool)(
  `promtool finds nothing wrong, whatever a link is called${noPromtool ? ` (skipped: ${noPromtool})` : ''}`,
  async () => {
    const { metrics, transfer, links } = open()
    links[0]!.alias = 'a "quoted"\\ name\nof two lines'
    metrics.transfers.moved(transfer('a', 'moving'), false)
    metrics.transfers.crossed(id('a'), { received: 5 })
    const { text } = await metrics.expose()
    expect(await runPromtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' })
  },
)
