/** What the API answers: how often, how, how fast, and who listens to events. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type Answers = {
  /** One answer is out. `route` is a name of our table, never an address that somebody made up. */
  /** `ms` is left out where it would say nothing. */
  answered(o: { route: string; status: number; ms: number | undefined }): void
  /** A reader of events, until it is disposed of. */
  reading(route: string): Disposable
  /** A mistake of ours was told as one. */
  mistaken(): void
  /** One that took nothing for too long. */
  readerDropped(): void
}

/** Seconds: from what the index answers at once to what waits for another site. */
const buckets = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

export function countAnswers(registry: Registry, mistaken: () => void): Answers {
  const registers = [registry]
  const answers = new Counter({
    name: 'crossload_http_answers_total',
    help: 'Answers of the API and the console, by route and class of status.',
    labelNames: ['route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'crossload_http_answer_seconds',
    help: 'From the question to the end of its answer; streams of events are not among them.',
    labelNames: ['route'],
    buckets,
    registers,
  })
  const readers = new Gauge({
    name: 'crossload_event_streams',
    help: 'Readers of events now, by route.',
    labelNames: ['route'],
    registers,
  })
  const dropped = new Counter({
    name: 'crossload_slow_readers_dropped_total',
    help: 'Readers of events that took nothing for too long and were dropped.',
    registers,
  })
  return {
    answered({ route, status, ms }) {
      answers.inc({ route, status: `${Math.floor(status / 100)}xx` })
      if (ms !== undefined) durations.observe({ route }, ms / 1000)
    },
    reading(route) {
      readers.inc({ route })
      return { [Symbol.dispose]: () => readers.dec({ route }) }
    },
    mistaken,
    readerDropped: () => dropped.inc(),
  }
}
