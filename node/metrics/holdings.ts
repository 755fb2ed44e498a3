/**
 * What the store holds. Nobody keeps the sum, so it is counted: in the background, at most once an
 * hour, and only where somebody asks for it.
 */
import { Gauge, type Registry } from 'prom-client'
import { createBreath } from '../base/breath.ts'
import type { Clock } from '../base/clock.ts'

/** Between two counts, in milliseconds. */
const countEveryMs = 3_600_000

export type Holdings = AsyncDisposable & { gather(): void }

export function countHoldings(
  registry: Registry,
  o: {
    clock: Clock
    list(): AsyncIterable<{ readonly bytes: number }>
    failed(thrown: unknown): void
  },
): Holdings {
  const registers = [registry]
  const bytes = new Gauge({
    name: 'crossload_store_bytes',
    help: 'Bytes that the store itself holds, each thing once, as of the last count.',
    registers,
  })
  const things = new Gauge({
    name: 'crossload_store_objects',
    help: 'Things that the store itself holds, as of the last count.',
    registers,
  })
  const countedAt = new Gauge({
    name: 'crossload_store_counted_timestamp_seconds',
    help: 'When the store was counted last; 0 before the first count has ended.',
    registers,
  })
  let counting: Promise<void> | undefined
  let startedAt = Number.NEGATIVE_INFINITY
  let closing = false

  async function count(): Promise<void> {
    const breath = createBreath()
    const sum = { bytes: 0, things: 0 }
    for await (const one of o.list()) {
      if (closing) return
      sum.bytes += one.bytes
      sum.things++
      await breath()
    }
    bytes.set(sum.bytes)
    things.set(sum.things)
    countedAt.set(o.clock.now() / 1000)
  }

  return {
    gather() {
      const now = o.clock.now()
      if (counting !== undefined || now < startedAt + countEveryMs) return
      startedAt = now
      counting = count()
        .catch(o.failed)
        .finally(() => {
          counting = undefined
        })
    },
    async [Symbol.asyncDispose]() {
      closing = true
      await counting
    },
  }
}
