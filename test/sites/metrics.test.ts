/**
 * Prometheus asks Oslo how it is, before, while and after it sends Kyoto something; with a token that
 * opens nothing else. What is counted is what crossed, and names nobody.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noPrometheus, noPromtool, openPrometheus, runPromtool, sampleOf } from '../promtool.ts'
import { acceptedPair, eventually, isDone, type Pair, type Site, top, until } from '../site.ts'
import { writeLarge } from '../trees.ts'

const bytes = 5_000_000

let pair: Pair
let folder: string
const tokens = new Map<Site, string>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-metrics-'))
  pair = await acceptedPair()
  for (const site of [pair.oslo, pair.kyoto]) {
    const { token } = await site.admin.call('tokens.add', { label: 'monitor', scope: 'metrics' })
    tokens.set(site, token)
  }
}, 60_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const ask = (site: Site, path: string, token?: string) =>
  fetch(site.admin.url + path, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

async function scrape(site: Site): Promise<string> {
  const answer = await ask(site, '/metrics', tokens.get(site))
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; ?version=0\.0\.4/)
  return answer.text()
}

test('only an administrator’s token opens it, and a monitor’s opens nothing else', async () => {
  const { oslo } = pair
  const monitor = tokens.get(oslo)!
  const { token: reader } = await oslo.admin.call('tokens.add', { scope: 'read' })
  await oslo.as('mo@oslo.example')
  expect((await ask(oslo, '/metrics')).status).toBe(401)
  expect((await ask(oslo, '/metrics', oslo.tokens.get('mo@oslo.example'))).status).toBe(403)
  expect((await ask(oslo, '/metrics', reader)).status).toBe(200)
  for (const path of ['/api/site', '/api/journal', '/api/people', '/api/tokens', '/api/datasets'])
    expect([path, (await ask(oslo, path, monitor)).status]).toEqual([path, 403])
})

describe('what is counted', () => {
  test('bytes, ends and states are those of the transfer, at both ends', async () => {
    const { oslo, kyoto, atOslo, to } = pair
    await writeLarge(join(folder, 'secret-name.bin'), bytes, 3)
    const { id } = await atOslo.call('datasets.add', { name: 'secret-dataset', path: folder })
    const sent = await atOslo.call('transfers.send', { to, dataset: { id } })
    await until(atOslo, sent.id, isDone)
    const [here, there] = [await scrape(oslo), await scrape(kyoto)]
    const out = { link: 'kyoto', direction: 'out' }
    const into = { link: 'oslo', direction: 'in' }
    expect(sampleOf(here, 'crossload_content_bytes_total', out)).toBe(bytes)
    expect(sampleOf(there, 'crossload_content_bytes_total', into)).toBe(bytes)
    const ended = { state: 'done' }
    expect(sampleOf(here, 'crossload_transfers_ended_total', { ...out, ...ended })).toBe(1)
    expect(sampleOf(there, 'crossload_transfers_ended_total', { ...into, ...ended })).toBe(1)
    expect(sampleOf(here, 'crossload_transfers', { direction: 'out', state: 'moving' })).toBe(
      undefined,
    )
    expect(sampleOf(here, 'crossload_links', { state: 'accepted' })).toBe(1)
    expect(sampleOf(here, 'crossload_link_unreachable_seconds', { link: 'kyoto' })).toBe(0)
    expect(sampleOf(here, 'crossload_journal_flush_seconds_count')).toBeGreaterThan(5)
    expect(sampleOf(here, 'crossload_journal_stopped')).toBe(0)
    expect(sampleOf(here, 'crossload_disk_free_bytes', { holds: 'store' })).toBeGreaterThan(0)
    const route = { route: 'transfers.send' }
    expect(sampleOf(here, 'crossload_http_answers_total', { ...route, status: '2xx' })).toBe(1)
    expect(sampleOf(here, 'crossload_http_answer_seconds_count', route)).toBe(1)
    const denied = { route: 'site.metrics', status: '4xx' }
    expect(sampleOf(here, 'crossload_http_answers_total', denied)).toBe(2)
    // Counted once in the background; the dataset's one file and its manifest are in the store.
    await eventually(
      async () => (sampleOf(await scrape(kyoto), 'crossload_store_bytes') ?? 0) >= bytes,
      'the store is counted',
    )
    for (const text of [here, there]) {
      expect(text).not.toMatch(/secret|ana@|lab\.example|\/tmp/)
      expect(text.split('\n').length).toBeLessThan(600)
    }
  })

  test('an address that somebody makes up gets no series of its own', async () => {
    const { oslo } = pair
    for (const path of ['/api/qwerty', '/asdf/up', '/api/transfers/zxcv'])
      await ask(oslo, path, 'crossload_nobody')
    expect(await scrape(oslo)).not.toMatch(/qwerty|asdf|zxcv/)
  })

  test('a limit that holds a transfer back is seen, and such a transfer is not called quiet', async () => {
    const { oslo, atOslo, to } = pair
    await writeLarge(join(folder, 'second.bin'), 2_000_000, 4)
    await oslo.admin.call('limits.set', { out: 400_000 })
    const { id } = await atOslo.call('datasets.add', { name: 'two', path: folder })
    const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
    await eventually(async () => {
      const text = await scrape(oslo)
      return (sampleOf(text, 'crossload_limit_waits_total', { direction: 'out' }) ?? 0) > 0
    }, 'a wait is counted')
    const moving = { direction: 'out', state: 'moving' }
    expect(sampleOf(await scrape(oslo), 'crossload_transfers', moving)).toBe(1)
    await oslo.admin.call('limits.clear', {})
    await until(atOslo, sent.id, isDone)
  })

  test('a site that is gone is seen to be unreachable, and to be back', async () => {
    const { oslo, kyoto, atOslo, to } = pair
    await kyoto.kill()
    const [dataset] = await atOslo.call('datasets.list', {})
    const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset!.id }, dest: 0 })
    const seconds = (text: string) =>
      sampleOf(text, 'crossload_link_unreachable_seconds', { link: 'kyoto' })
    await eventually(async () => seconds(await scrape(oslo))! > 0, 'it is unreachable')
    await atOslo.call('transfers.cancel', { id: sent.id })
    await kyoto.start()
    await eventually(async () => seconds(await scrape(oslo)) === 0, 'it is reached again')
  }, 60_000)
})

describe.skipIf(noPromtool)(`promtool${noPromtool ? ` (skipped: ${noPromtool})` : ''}`, () => {
  test('finds nothing wrong with a scrape', async () => {
    const checked = await runPromtool(['check', 'metrics'], await scrape(pair.oslo))
    expect(checked).toEqual({ code: 0, said: '' })
  })
})

describe.skipIf(noPrometheus)(
  `Prometheus${noPrometheus ? ` (skipped: ${noPrometheus})` : ''}`,
  () => {
    test('reads a real site with the example’s configuration, and its rules are at rest', async () => {
      const { oslo } = pair
      const token = join(folder, 'crossload.token')
      await writeFile(token, tokens.get(oslo)!, { mode: 0o600 })
      const example = await readFile(join(top, 'ops/prometheus.yml'), 'utf8')
      const config = example
        .replace('/etc/prometheus/crossload.token', token)
        .replace('127.0.0.1:4680', new URL(oslo.admin.url).host)
        .replaceAll('15s', '1s')
      await cp(join(top, 'ops/alerts.yml'), join(folder, 'alerts.yml'))
      await writeFile(join(folder, 'prometheus.yml'), config)
      await using prometheus = await openPrometheus(folder)
      const up = await eventually(async () => {
        const found = await prometheus.query('up{job="crossload"}')
        return found[0]?.value[1] === '1' && found
      }, 'Prometheus has read the site')
      expect(up).toHaveLength(1)
      expect(await prometheus.query('crossload_links{state="accepted"}')).toHaveLength(1)
      expect(await prometheus.query('ALERTS')).toEqual([])
    }, 60_000)
  },
)
