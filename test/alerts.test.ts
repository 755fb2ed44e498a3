/**
 * The alert rules that come with the site: Prometheus takes them, each fires when it should and not a
 * minute before, and each says what to do. They ask for nothing that the site does not tell.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noPromtool, runPromtool } from './promtool.ts'
import { openSite, top } from './site.ts'

const rulesPath = join(top, 'ops/alerts.yml')
const rules = await readFile(rulesPath, 'utf8')

type Row = {
  alert: string
  /** Metric and labels besides the site's own, and a sample a minute: `0x5` is six of them. */
  series: Record<string, string>
  /** Minutes: the last at which nothing is said, and the first at which it is. */
  quiet: number
  fires: number
  severity: 'page' | 'ticket'
  labels?: Record<string, string>
  summary: string
  /** The sum of several series keeps only what it is summed by. */
  isSum?: boolean
}

const store = '{holds="store"}'

const table: Row[] = [
  {
    // Down from minute 6 on, for three minutes.
    alert: 'CrossloadDown',
    series: { up: '1x5 0x10' },
    quiet: 8,
    fires: 9,
    severity: 'page',
    summary: 'The site at oslo:4680 does not answer, or is in safe mode.',
  },
  {
    alert: 'CrossloadJournalStopped',
    series: { crossload_journal_stopped: '0x5 1x10' },
    quiet: 6,
    fires: 7,
    severity: 'page',
    summary: 'The journal of oslo:4680 takes no more records: nothing can be changed.',
  },
  {
    // Damage is told at once.
    alert: 'CrossloadDamageFound',
    series: { crossload_damaged_objects: '0x5 2x10' },
    quiet: 5,
    fires: 6,
    severity: 'page',
    summary: 'oslo:4680 holds 2 damaged or missing things.',
  },
  {
    // 12 percent free, then 8 from minute 6 on, for ten minutes.
    alert: 'CrossloadDiskAlmostFull',
    series: {
      [`crossload_disk_free_bytes${store}`]: '60e9x5 40e9x20',
      [`crossload_disk_size_bytes${store}`]: '500e9x25',
    },
    quiet: 15,
    fires: 16,
    severity: 'ticket',
    labels: { holds: 'store' },
    summary: 'Under a tenth of the disk of the store of oslo:4680 is free: 8%.',
  },
  {
    // 3 percent free, then 1 from minute 6 on, for two minutes.
    alert: 'CrossloadDiskFull',
    series: {
      [`crossload_disk_free_bytes${store}`]: '15e9x5 5e9x20',
      [`crossload_disk_size_bytes${store}`]: '500e9x25',
    },
    quiet: 7,
    fires: 8,
    severity: 'page',
    labels: { holds: 'store' },
    summary: 'The disk of the store of oslo:4680 is full: 1% is free.',
  },
  {
    // Quiet for more than 15 minutes from minute 16 on, and that for five.
    alert: 'CrossloadTransferStalled',
    series: { 'crossload_transfer_quiet_seconds{direction="out"}': '0+60x40' },
    quiet: 20,
    fires: 21,
    severity: 'ticket',
    labels: { direction: 'out' },
    summary: 'A transfer from oslo:4680 has brought nothing for 21m 0s.',
  },
  {
    // The third one within an hour fails in minute 15.
    alert: 'CrossloadTransfersFailing',
    series: {
      'crossload_transfers_ended_total{link="kyoto",direction="out",state="failed"}':
        '0x5 1 1x7 2x20',
      'crossload_transfers_ended_total{link="kyoto",direction="out",state="refused"}': '0x8 1x20',
      'crossload_transfers_ended_total{link="kyoto",direction="out",state="done"}': '0+3x40',
    },
    quiet: 14,
    fires: 15,
    severity: 'ticket',
    labels: { link: 'kyoto' },
    summary: '3 transfers of oslo:4680 with kyoto failed or were refused within an hour.',
    isSum: true,
  },
  {
    // More than an hour from minute 61 on, and that for five.
    alert: 'CrossloadLinkUnreachable',
    series: { 'crossload_link_unreachable_seconds{link="kyoto"}': '0+60x80' },
    quiet: 65,
    fires: 66,
    severity: 'ticket',
    labels: { link: 'kyoto' },
    summary: 'oslo:4680 has not reached kyoto for 1h 6m 0s.',
  },
  {
    // Due every hour, so late after 90 minutes, and that for an hour.
    alert: 'CrossloadScrubOverdue',
    series: {
      crossload_scrub_interval_seconds: '3600x300',
      crossload_scrub_since_timestamp_seconds: '0x300',
    },
    quiet: 150,
    fires: 151,
    severity: 'ticket',
    summary: 'Not every byte that oslo:4680 holds has been read again in time.',
  },
  {
    alert: 'CrossloadEventLoopSlow',
    series: { nodejs_eventloop_lag_p99_seconds: '0.02x5 0.4x20' },
    quiet: 15,
    fires: 16,
    severity: 'ticket',
    summary: 'oslo:4680 is slow to answer: its event loop is up to 400ms late.',
  },
  {
    // A flush a second, which takes a second from minute 7 on: over ten minutes, 0.6 in minute 12.
    alert: 'CrossloadFlushSlow',
    series: {
      crossload_journal_flush_seconds_sum: '0x5 0+60x40',
      crossload_journal_flush_seconds_count: '0+60x45',
    },
    quiet: 21,
    fires: 22,
    severity: 'ticket',
    summary: 'The disk of oslo:4680 takes 1s to make a record durable.',
  },
  {
    alert: 'CrossloadDepositsFail',
    series: { crossload_deposits_failed_total: '0x5 1x20' },
    quiet: 5,
    fires: 6,
    severity: 'ticket',
    summary: 'oslo:4680 could not lay out what arrived in a project’s folder.',
  },
  {
    alert: 'CrossloadDepositsWait',
    series: { crossload_deposits_waiting: '0x5 1x80' },
    quiet: 65,
    fires: 66,
    severity: 'ticket',
    summary: '1 deposits of oslo:4680 have waited for an hour.',
  },
  {
    alert: 'CrossloadHookPaused',
    series: {
      'crossload_hooks{state="paused"}': '0x5 1x20',
      'crossload_hooks{state="working"}': '2x25',
    },
    quiet: 5,
    fires: 6,
    severity: 'ticket',
    labels: { state: 'paused' },
    summary: '1 webhooks of oslo:4680 rest: their receivers took nothing for too long.',
  },
  {
    alert: 'CrossloadHookBehind',
    series: { crossload_hooks_behind_seconds: '0+60x80' },
    quiet: 65,
    fires: 66,
    severity: 'ticket',
    summary: 'A webhook of oslo:4680 has taken nothing for 1h 6m 0s.',
  },
  {
    // One a minute from minute 7 on; the sixth in minute 12.
    alert: 'CrossloadMistakes',
    series: {
      'crossload_faults_total{kind="internal"}': '0x5 0+1x40',
      'crossload_faults_total{kind="unreachable"}': '0+9x45',
    },
    quiet: 11,
    fires: 12,
    severity: 'ticket',
    labels: { kind: 'internal' },
    summary: 'oslo:4680 made 6 mistakes within an hour.',
  },
]

const own = { instance: 'oslo:4680', job: 'crossload' }
const withOwn = (series: string) => {
  const [, metric, labels = ''] = /^([a-z0-9_]+)(?:\{(.*)\})?$/.exec(series)!
  return `${metric}{instance="${own.instance}",job="${own.job}"${labels && `,${labels}`}}`
}

/** What promtool reads; JSON is YAML. */
function testOf({ alert, series, quiet, fires, severity, labels = {}, summary, isSum }: Row) {
  const kept = isSum ? { instance: own.instance } : own
  return {
    interval: '1m',
    name: alert,
    input_series: Object.entries(series).map(([name, values]) => ({
      series: withOwn(name),
      values,
    })),
    alert_rule_test: [
      { eval_time: `${quiet}m`, alertname: alert, exp_alerts: [] },
      {
        eval_time: `${fires}m`,
        alertname: alert,
        exp_alerts: [
          { exp_labels: { ...kept, severity, ...labels }, exp_annotations: { summary } },
        ],
      },
    ],
  }
}

const words = noPromtool ? ` (skipped: ${noPromtool})` : ''

test('every rule is tried here, and says what happened and what to do', () => {
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1])
  expect(table.map(({ alert }) => alert)).toEqual(alerts)
  for (const part of rules.split('- alert: ').slice(1)) {
    expect(part).toMatch(/severity: (page|ticket)\n/)
    expect(part).toMatch(/summary: ".{20,}"\n/)
    expect(part).toMatch(/action: ".{20,}"\n/)
  }
})

test.skipIf(noPromtool)(`promtool takes the rules and the example${words}`, async () => {
  const checked = await runPromtool(['check', 'rules', rulesPath])
  expect(checked.said).toContain(`${table.length} rules found`)
  expect(checked.code).toBe(0)
  const whole = ['check', 'config', '--syntax-only', join(top, 'ops/prometheus.yml')]
  expect(await runPromtool(whole)).toMatchObject({ code: 0 })
})

test.skipIf(noPromtool)(`each fires when it should and not a minute before${words}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crossload-alerts-'))
  try {
    // What to do is the same sentence each time; what happened is worded with its numbers.
    await writeFile(join(folder, 'rules.yml'), rules.replaceAll(/\n +action: .*/g, ''))
    const path = join(folder, 'tests.json')
    const tests = table.map(testOf)
    const asked = { rule_files: ['rules.yml'], evaluation_interval: '1m', tests }
    await writeFile(path, JSON.stringify(asked))
    const { code, said } = await runPromtool(['test', 'rules', path])
    expect(said).not.toContain('FAILED')
    expect(code).toBe(0)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a real site tells every number that the rules ask for', async () => {
  await using oslo = await openSite('oslo')
  const { token } = await oslo.admin.call('tokens.add', { scope: 'metrics' })
  const headers = { authorization: `Bearer ${token}` }
  const scrape = await (await fetch(`${oslo.admin.url}/metrics`, { headers })).text()
  const asked = new Set(
    [...rules.matchAll(/expr: (.*)/g)].flatMap(
      ([, expr]) => expr!.match(/(crossload|nodejs)_\w+/g) ?? [],
    ),
  )
  const missing = [...asked].filter((name) => {
    const family = name.replace(/_(sum|count)$/, '')
    return !scrape.includes(`# TYPE ${name} `) && !scrape.includes(`# TYPE ${family} histogram`)
  })
  expect(asked.size).toBeGreaterThan(12)
  expect(missing).toEqual([])
}, 60_000)
