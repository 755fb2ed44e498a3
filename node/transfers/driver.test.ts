import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import { createEvents } from '../base/events.ts'
import type { Book, Moved } from './book.ts'
import { createDriver } from './driver.ts'
import { transferTtlMs } from './outgoing.ts'
import type { Progress } from './progress.ts'
import { isOver, type State, step, type Task, type Transfer } from './transfer.ts'

const id = '000102030405060708090a0b0c0d0e0f' as TransferId
const startAt = 1_000_000

function transferIn(direction: 'out' | 'in', state: State): Transfer {
  return {
    id,
    direction,
    site: '12D3KooW' as SiteId,
    connection: 1 as ConnectionId,
    user: 1 as UserId,
    email: 'ana@lab.example' as Email,
    person: 'ana@lab.example' as Email,
    dest: 0,
    allow: false,
    bundle: 'hash',
    createdAt: startAt,
    since: startAt,
    state,
    receipts: [],
    workflows: [],
    theirWorkflows: [],
    told: false,
  }
}

/** One transfer, kept in memory; each `full` is a save that the disk has no room for. */
function openDriver(
  transfer: Transfer,
  o: {
    perform?: (task: NonNullable<Task>) => void
    full?: number
    demandFit?: () => void
  } = {},
) {
  let kept = transfer
  let full = o.full ?? 0
  const clock = createManualClock(startAt)
  const events = createEvents<Moved>()
  const apply: Book['apply'] = async (_, event) => {
    const { transfer: stepped, moved } = step(kept, event, clock.now())
    if (moved && full-- > 0) throw new Fault('full', 'journal.append')
    kept = stepped
    if (moved) events.emit({ type: 'moved', transfer: kept })
    return kept
  }
  const book = { events, apply, need: async () => kept } as Partial<Book> as Book
  const troubles: string[] = []
  const progress = {
    open: async () => {},
    drop: async () => {},
    load: async () => ({ counters: { received: 0 } }),
    trouble: (_: TransferId, fault: Fault | undefined) => {
      if (fault !== undefined) troubles.push(fault.kind)
    },
  } as unknown as Progress
  const tasks: string[] = []
  const logged: Fault[] = []
  const driver = createDriver({
    book,
    progress,
    clock,
    perform: async (task) => {
      tasks.push(task)
      if (task === 'tell') await apply(id, { type: 'told' }, 'system')
      else o.perform?.(task)
    },
    demandFit: async () => o.demandFit?.(),
    log: (fault) => void logged.push(fault),
  })
  return { driver, clock, tasks, troubles, logged, kept: () => kept }
}

describe('what does not end within 30 days', () => {
  test.each([
    ['out', 'moving'],
    ['out', 'parked'],
    ['out', 'paused'],
    ['in', 'paused'],
  ] as const)('fails, although nothing is to be done for it: %s, %s', async (direction, at) => {
    const { driver, clock, tasks, kept } = openDriver(transferIn(direction, { at }))
    driver.wake({ id })
    await clock.advance(transferTtlMs - 1)
    driver.wake({ id })
    await clock.advance(0)
    expect(kept().state).toEqual({ at })
    await clock.advance(1)
    driver.wake({ id })
    await clock.advance(0)
    expect(kept()).toMatchObject({ state: { at: 'failed', fault: { kind: 'gone' } }, told: true })
    expect(tasks).toEqual(['tell'])
  })

  test('fails later, when there was no room to write it down', async () => {
    const one = openDriver(transferIn('out', { at: 'moving' }), { full: 3 })
    await one.clock.advance(transferTtlMs)
    one.driver.wake({ id })
    await one.clock.advance(0)
    expect(one.kept().state.at).toBe('moving')
    expect(one.troubles).toEqual(['full'])
    await one.clock.advance(60_000)
    expect(one.kept().state.at).toBe('failed')
  })
})

describe('a failure of ours', () => {
  const fails = () => {
    throw new Fault('missing', 'store.write', { text: 'The store is not there.' })
  }

  test('ends the transfer', async () => {
    const { driver, clock, kept } = openDriver(transferIn('in', { at: 'moving' }), {
      perform: fails,
    })
    driver.wake({ id })
    await clock.advance(0)
    expect(kept().state).toMatchObject({ at: 'failed', fault: { kind: 'missing' } })
  })

  test('ends nothing while the disk cannot be believed, and says so', async () => {
    const demandFit = () => {
      throw new Fault('gone', 'store.marker', { text: 'Its volume may not be mounted.' })
    }
    const { driver, clock, kept, logged } = openDriver(transferIn('in', { at: 'moving' }), {
      perform: fails,
      demandFit,
    })
    driver.wake({ id })
    await clock.advance(120_000)
    expect(isOver(kept().state)).toBe(false)
    expect(logged.map(({ op }) => op)).toEqual(['store.marker'])
  })
})
