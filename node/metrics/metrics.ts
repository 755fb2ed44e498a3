/**
 * The door of the room: what happens in the site, as numbers that Prometheus reads. One function for
 * each thing that happens; what is not an event is read when somebody asks. Labels are few and their
 * values bounded: a link's alias, a direction, a state, a kind, a route of our table. Never a person,
 * a dataset or a path.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { type FaultKind, faultKinds } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { OpenLogFile } from '../journal/log-file.ts'
import { type Answers, countAnswers } from './answers.ts'
import { timeFlushes } from './flushes.ts'
import { countHoldings } from './holdings.ts'
import { countMoving, type Moving } from './moving.ts'
import { processRegistry } from './process.ts'
import { countReach, type LinkAt, type Reach } from './reach.ts'
import { type State, showState } from './state.ts'

export interface Metrics {
  readonly answers: Answers
  readonly transfers: Omit<Moving, 'gather'>
  readonly links: Omit<Reach, 'gather'>
  timeFlushes(open: OpenLogFile): OpenLogFile
  faultSeen(kind: FaultKind): void
  depositFailed(): void
  hookTried(outcome: 'delivered' | 'failed'): void
  mailed(outcome: 'sent' | 'failed'): void
  /** What is read when somebody asks, as soon as there is a site to read it of. Dispose before it closes. */
  watch(o: State & { store(): AsyncIterable<{ readonly bytes: number }> }): AsyncDisposable
  /** In the text format of Prometheus; `media` says its version. Whoever asks meanwhile shares it. */
  expose(): Promise<{ media: string; text: string }>
}

export function openMetrics(o: {
  clock: Clock
  version: string
  links(): readonly LinkAt[]
  failed(thrown: unknown): void
}): Metrics {
  const { clock, failed } = o
  const registry = new Registry()
  const gathered: (() => void | Promise<void>)[] = []
  let exposing: Promise<{ media: string; text: string }> | undefined

  const transfers = countMoving(registry, { clock, links: o.links })
  const links = countReach(registry, { clock, links: o.links })
  gathered.push(transfers.gather, links.gather)

  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `crossload_${name}`, help, labelNames, registers: [registry] })
  const faults = counter('faults_total', 'What went wrong and was logged, by kind.', ['kind'])
  const deposits = counter('deposits_failed_total', 'Deposits that no waiting mends.')
  const tries = counter('hook_deliveries_total', 'Deliveries to webhooks that were tried.', [
    'outcome',
  ])
  const mails = counter('mails_total', 'Mails that were tried.', ['outcome'])
  // What has not happened yet is told as 0, so that its first time is seen as an increase.
  for (const kind of Object.keys(faultKinds)) faults.inc({ kind }, 0)
  for (const outcome of ['delivered', 'failed']) tries.inc({ outcome }, 0)
  for (const outcome of ['sent', 'failed']) mails.inc({ outcome }, 0)
  new Gauge({
    name: 'crossload_info',
    help: 'Which version runs.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: o.version }, 1)

  async function render() {
    for (const gather of gathered) {
      try {
        await gather()
      } catch (thrown) {
        // What cannot be read is told as it was; that it cannot, the log and `faults_total` say.
        failed(thrown)
      }
    }
    const all = Registry.merge([registry, processRegistry()])
    return { media: all.contentType, text: await all.metrics() }
  }

  return {
    answers: countAnswers(registry, () => faults.inc({ kind: 'internal' })),
    transfers,
    links,
    timeFlushes: (open) => timeFlushes(registry, open),
    faultSeen: (kind) => faults.inc({ kind }),
    depositFailed: () => deposits.inc(),
    mailed: (outcome) => mails.inc({ outcome }),
    hookTried: (outcome) => tries.inc({ outcome }),
    watch({ store, ...state }) {
      gathered.push(showState(registry, state).gather)
      const holdings = countHoldings(registry, { clock, list: store, failed })
      gathered.push(holdings.gather)
      return holdings
    },
    expose() {
      exposing ??= render().finally(() => {
        exposing = undefined
      })
      return exposing
    },
  }
}
