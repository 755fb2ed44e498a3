import { expect, it } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { createManualClock } from './clock.ts'
import { createOutbox } from './outbox.ts'

function world(answers: (Fault | 'told')[]) {
  const clock = createManualClock()
  const untold = new Set<string>()
  const tries: number[] = []
  const failures: string[] = []
  const outbox = createOutbox<string>({
    clock,
    pending: (key) => untold.has(key),
    async deliver(key) {
      tries.push(clock.now())
      const answer = answers.shift() ?? 'told'
      if (answer !== 'told') throw answer
      untold.delete(key)
    },
    failed: (_key, fault) => failures.push(fault.kind),
  })
  return { clock, untold, tries, failures, outbox }
}

const unreachable = () => new Fault('unreachable', 'test.deliver')

it('tries until told, waiting longer each time', async () => {
  const { clock, untold, tries, outbox } = world([unreachable(), unreachable(), unreachable()])
  untold.add('kyoto')
  outbox.wake('kyoto')
  await clock.advance(60_000)
  expect(tries).toHaveLength(4)
  const waits = tries.slice(1).map((at, i) => at - tries[i]!)
  expect(waits[0]).toBeGreaterThanOrEqual(500)
  expect(waits[0]).toBeLessThanOrEqual(1000)
  expect(waits[2]).toBeGreaterThanOrEqual(2000)
  await clock.advance(3_600_000)
  expect(tries).toHaveLength(4)
})

it('tries at once when woken', async () => {
  const { clock, untold, tries, outbox } = world(Array.from({ length: 20 }, unreachable))
  untold.add('kyoto')
  outbox.wake('kyoto')
  await clock.advance(20_000)
  const before = tries.length
  outbox.wake('kyoto')
  await clock.advance(0)
  expect(tries).toHaveLength(before + 1)
})

it('rests after a fault that is not to be tried again, until woken', async () => {
  const { clock, untold, tries, failures, outbox } = world([new Fault('denied', 'test.deliver')])
  untold.add('kyoto')
  outbox.wake('kyoto')
  await clock.advance(3_600_000)
  expect(tries).toHaveLength(1)
  expect(failures).toEqual(['denied'])
  outbox.wake('kyoto')
  await clock.advance(0)
  expect(tries).toHaveLength(2)
  expect(untold.size).toBe(0)
})

it('does nothing when nothing is pending, and ends when closed', async () => {
  const { clock, untold, tries, outbox } = world([unreachable()])
  outbox.wake('kyoto')
  await clock.advance(10_000)
  expect(tries).toHaveLength(0)
  untold.add('kyoto')
  outbox.wake('kyoto')
  await clock.advance(0)
  expect(tries).toHaveLength(1)
  await outbox[Symbol.asyncDispose]()
  await clock.advance(3_600_000)
  expect(tries).toHaveLength(1)
})
