import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WireFault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import {
  isOver,
  type State,
  type StateName,
  step,
  type Transfer,
  type TransferEvent,
  taskOf,
} from './transfer.ts'

const fault: WireFault = { kind: 'missing', op: 'test.fault', text: 'Gone.' }
const receipt = (bytes: string) => ({ bytes, signature: 'signature' })

/** Every event there is, in each way that could matter. */
const events: TransferEvent[] = [
  { type: 'accepted' },
  { type: 'parked' },
  { type: 'refused', fault },
  { type: 'received', receipt: receipt('received') },
  { type: 'imported', receipt: receipt('imported'), workflows: [{ id: 3, version: 1 }] },
  { type: 'failed', fault, by: 'here' },
  { type: 'failed', fault, by: 'there' },
  { type: 'pause' },
  { type: 'resume' },
  { type: 'cancel', by: 'here' },
  { type: 'cancel', by: 'there' },
  { type: 'told' },
]

const states: Record<StateName, State> = {
  waiting: { at: 'waiting' },
  parked: { at: 'parked' },
  moving: { at: 'moving' },
  whole: { at: 'whole' },
  paused: { at: 'paused' },
  done: { at: 'done' },
  refused: { at: 'refused', fault },
  failed: { at: 'failed', fault },
  cancelled: { at: 'cancelled', by: 'there' },
}

function transferIn(direction: 'out' | 'in', state: State, more: Partial<Transfer> = {}): Transfer {
  return {
    id: '000102030405060708090a0b0c0d0e0f' as TransferId,
    direction,
    site: '12D3KooW' as SiteId,
    connection: 1 as ConnectionId,
    user: 1 as UserId,
    email: 'ana@lab.example' as Email,
    person: 'ana@lab.example' as Email,
    dest: 0,
    allow: false,
    bundle: 'hash',
    createdAt: 1,
    since: 1,
    state,
    receipts: [],
    workflows: [],
    theirWorkflows: [],
    told: false,
    ...more,
  }
}

const anyEvent = fc.constantFrom(...events)
const anyTransfer = fc
  .record({
    direction: fc.constantFrom('out' as const, 'in' as const),
    state: fc.constantFrom(...Object.values(states)),
    told: fc.boolean(),
    receipts: fc.subarray([receipt('received'), receipt('imported')]),
  })
  .map(({ direction, state, ...more }) => transferIn(direction, state, more))

/** Enough to come by every state, event and history several times. */
const often = { numRuns: 5000 }

describe('a step of a transfer', () => {
  it('never throws, and never leaves a final state', () => {
    fc.assert(
      fc.property(anyTransfer, anyEvent, fc.nat(), (before, event, at) => {
        const { transfer } = step(before, event, at)
        if (isOver(before.state)) expect(transfer).toEqual({ ...before, told: transfer.told })
        expect(states).toHaveProperty(transfer.state.at)
      }),
      often,
    )
  })

  it('taken twice is the same as taken once', () => {
    fc.assert(
      fc.property(anyTransfer, anyEvent, fc.nat(), fc.nat(), (before, event, at, later) => {
        const once = step(before, event, at).transfer
        expect(step(once, event, later).transfer).toEqual(once)
      }),
      often,
    )
  })

  it('says that it moved exactly when something is to be saved', () => {
    fc.assert(
      fc.property(anyTransfer, anyEvent, fc.nat(), (before, event, at) => {
        const { transfer, moved } = step(before, event, at)
        expect(moved).toBe(transfer !== before)
      }),
      often,
    )
  })

  it('notes the moment of a change of state, and of nothing else', () => {
    fc.assert(
      fc.property(anyTransfer, anyEvent, fc.nat(), (before, event, at) => {
        const { transfer } = step(before, event, at)
        const changed = transfer.state.at !== before.state.at
        expect(transfer.since).toBe(changed ? at : before.since)
      }),
      often,
    )
  })

  it('changes nothing of who sends what to whom, and drops no receipt', () => {
    fc.assert(
      fc.property(anyTransfer, anyEvent, fc.nat(), (before, event, at) => {
        const { transfer } = step(before, event, at)
        const { id, direction, site, user, person, bundle, dest, allow, createdAt } = before
        expect(transfer).toMatchObject({
          ...{ id, direction, site, user, person, bundle, dest, allow, createdAt },
        })
        expect(transfer.receipts).toEqual(expect.arrayContaining([...before.receipts]))
      }),
      often,
    )
  })

  it('is done at the source with a receipt and not otherwise', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (row) => {
        let transfer = transferIn('out', states.waiting)
        for (const event of row) ({ transfer } = step(transfer, event, 2))
        if (transfer.state.at === 'done') {
          expect(transfer.receipts.map(({ bytes }) => bytes)).toContain('imported')
        }
      }),
      often,
    )
  })

  it('notes one receipt that ends nothing, however many are signed', () => {
    let transfer = transferIn('out', states.moving)
    for (const bytes of ['first', 'second', 'third'])
      ({ transfer } = step(transfer, { type: 'received', receipt: receipt(bytes) }, 2))
    expect(transfer.receipts).toEqual([receipt('first')])
    const end: TransferEvent = { type: 'imported', receipt: receipt('imported'), workflows: [] }
    expect(step(transfer, end, 3).transfer.receipts).toEqual([
      receipt('first'),
      receipt('imported'),
    ])
  })

  it('is done at the destination only after every byte was there', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (row) => {
        let transfer = transferIn('in', states.moving)
        for (const event of row) ({ transfer } = step(transfer, event, 2))
        if (transfer.state.at === 'done') {
          expect(transfer.receipts.map(({ bytes }) => bytes)).toEqual(['received', 'imported'])
        }
      }),
      often,
    )
  })
})

describe('the drawing in the header', () => {
  const header = readFileSync(new URL('./transfer.ts', import.meta.url), 'utf8')
  const drawings = [...header.matchAll(/\(`(out|in)`\):[^`]*```mermaid([^`]*)```/g)]

  it('is there for both directions', () => {
    expect(drawings.map(([, direction]) => direction)).toEqual(['out', 'in'])
  })

  it.each(drawings.map(([, direction, lines]) => [direction as 'out' | 'in', lines!] as const))(
    'has the very arrows that step makes: %s',
    (direction, lines) => {
      const arrows = [...lines.matchAll(/(\w+) --> (\w+): (\w+)/g)]
      const start = /\[\*\] --> (\w+)/.exec(lines)![1] as StateName
      const drawn = arrows.map(([arrow]) => arrow)
      expect(new Set(drawn).size).toBe(drawn.length)
      expect(drawn.sort()).toEqual(arrowsFrom(direction, start))
    },
  )

  function arrowsFrom(direction: 'out' | 'in', start: StateName): string[] {
    const arrows = new Set<string>()
    const found = new Set<StateName>([start])
    // A set grows while it is walked, so this ends when nothing new is reached.
    for (const at of found) {
      for (const event of events) {
        const to = step(transferIn(direction, states[at]), event, 2).transfer.state.at
        if (to === at) continue
        arrows.add(`${at} --> ${to}: ${event.type}`)
        found.add(to)
      }
    }
    return [...arrows].sort()
  }
})

describe('what remains to be done', () => {
  it.each([
    ['out', 'waiting', 'offer'],
    ['out', 'parked', undefined],
    ['out', 'moving', undefined],
    ['out', 'paused', undefined],
    ['in', 'moving', 'pull'],
    ['in', 'whole', 'import'],
    ['in', 'paused', undefined],
    ['in', 'done', 'tell'],
    ['in', 'failed', 'tell'],
    ['out', 'cancelled', 'tell'],
  ] as const)('%s, %s: %s', (direction, at, task) => {
    expect(taskOf(transferIn(direction, states[at]))).toBe(task)
  })

  it('of one that is over and told is nothing', () => {
    for (const state of Object.values(states).filter(isOver)) {
      for (const direction of ['out', 'in'] as const) {
        expect(taskOf(transferIn(direction, state, { told: true }))).toBeUndefined()
      }
    }
  })

  it('of what was heard from the other side is not told back to it', () => {
    const moving = transferIn('out', states.moving)
    for (const event of events) {
      const by = 'by' in event ? event.by : event.type === 'imported' ? 'there' : undefined
      if (by === undefined) continue
      expect(taskOf(step(moving, event, 2).transfer)).toBe(by === 'there' ? undefined : 'tell')
    }
  })
})
