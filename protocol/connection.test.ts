import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ConnectionEvent,
  type ConnectionIs,
  type ConnectionState,
  connectionAt,
  emailText,
  newConnection,
  stepConnection,
} from './connection.ts'

const willing = (changedAt: number) => ({ is: 'willing' as const, changedAt })
const accepted: ConnectionState = {
  ours: willing(1),
  theirs: willing(1),
  asked: 'here',
  told: true,
}

function stepped(state: ConnectionState, ...events: ConnectionEvent[]): ConnectionState {
  return events.reduce((now, event) => stepConnection(now, event).state, state)
}

describe('steps of a connection', () => {
  it('is asked, then accepted, on both sides', () => {
    const there = stepped(newConnection, { type: 'heard', stance: willing(5), fresh: true, at: 6 })
    expect([connectionAt(there), there.asked]).toEqual(['asked', 'there'])
    expect(connectionAt(stepped(there, { type: 'accept', at: 7 }))).toBe('accepted')
    const here = stepped(newConnection, { type: 'want', changedAt: 5 })
    expect([connectionAt(here), here.asked]).toEqual(['asked', 'here'])
    expect(
      connectionAt(stepped(here, { type: 'heard', stance: willing(7), fresh: false, at: 8 })),
    ).toBe('accepted')
  })

  it('asks that cross make it accepted', () => {
    const state = stepped(
      newConnection,
      { type: 'heard', stance: willing(5), fresh: true, at: 6 },
      { type: 'want', changedAt: 4 },
    )
    expect(connectionAt(state)).toBe('accepted')
  })

  it('nobody accepts what nobody asks', () => {
    expect(stepConnection(newConnection, { type: 'accept', at: 1 }).effects).toMatchObject([
      { type: 'refused' },
    ])
    const withdrawn = stepped(
      newConnection,
      { type: 'heard', stance: willing(5), fresh: true, at: 6 },
      { type: 'heard', stance: { is: 'removed', changedAt: 7 }, fresh: false, at: 8 },
    )
    expect(stepConnection(withdrawn, { type: 'accept', at: 9 }).effects).toMatchObject([
      { type: 'refused' },
    ])
  })

  it('once removed by either it needs a fresh ask and a fresh yes', () => {
    const byUs = stepped(accepted, { type: 'remove', at: 10 })
    expect(
      connectionAt(stepped(byUs, { type: 'heard', stance: willing(1), fresh: true, at: 11 })),
    ).toBe('removed')
    expect(
      connectionAt(stepped(byUs, { type: 'heard', stance: willing(20), fresh: true, at: 21 })),
    ).toBe('asked')
    const byThem = stepped(accepted, {
      type: 'heard',
      stance: { is: 'removed', changedAt: 10 },
      fresh: false,
      at: 11,
    })
    expect(connectionAt(byThem)).toBe('removed')
    expect(
      connectionAt(stepped(byThem, { type: 'heard', stance: willing(20), fresh: true, at: 21 })),
    ).toBe('asked')
  })
})

const everyIs: ConnectionIs[] = ['none', 'willing', 'removed']
const stance = fc.record({ is: fc.constantFrom(...everyIs), changedAt: fc.nat(50) })
const event: fc.Arbitrary<ConnectionEvent> = fc.oneof(
  fc.record({ type: fc.constant('want' as const), changedAt: fc.nat(50) }),
  fc.record({
    type: fc.constantFrom('accept' as const, 'remove' as const),
    at: fc.nat(50),
  }),
  fc.record({ type: fc.constant('heard' as const), stance, fresh: fc.boolean(), at: fc.nat(50) }),
  fc.record({ type: fc.constant('told' as const), changedAt: fc.nat(50) }),
)

describe('laws of a connection', () => {
  it('hears the same thing once, and nothing heard makes us willing', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let state = newConnection
        for (const next of events) {
          const was = state
          state = stepConnection(state, next).state
          expect(state.ours.changedAt).toBeGreaterThanOrEqual(was.ours.changedAt)
          if (next.type !== 'heard') continue
          expect(stepConnection(state, next).state).toEqual(state)
          if (state.ours.is === 'willing') expect(was.ours).toEqual(state.ours)
        }
      }),
    )
  })

  it('two sides that have told each other agree, whatever was lost or repeated before', () => {
    const act = fc.record({
      side: fc.constantFrom(0, 1),
      do: fc.constantFrom('want', 'accept', 'remove', 'tell', 'late'),
      pick: fc.nat(1000),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const sides: [ConnectionState, ConnectionState] = [newConnection, newConnection]
        const said: ConnectionState['ours'][][] = [[newConnection.ours], [newConnection.ours]]
        let clock = 0
        const move = (who: 0 | 1, next: ConnectionEvent) => {
          sides[who] = stepConnection(sides[who], next).state
          said[who]!.push(sides[who].ours)
        }
        const tell = (from: 0 | 1) => {
          const to = from === 0 ? 1 : 0
          const sent = sides[from].ours
          move(to, { type: 'heard', stance: sent, fresh: false, at: ++clock })
          move(from, { type: 'heard', stance: sides[to].ours, fresh: false, at: ++clock })
          move(from, { type: 'told', changedAt: sent.changedAt })
        }
        for (const one of acts) {
          const who = one.side as 0 | 1
          clock++
          const old = said[1 - who]![one.pick % said[1 - who]!.length]!
          if (one.do === 'tell') tell(who)
          else if (one.do === 'late')
            move(who, { type: 'heard', stance: old, fresh: old.is === 'willing', at: clock })
          else if (one.do === 'want') move(who, { type: 'want', changedAt: clock })
          else move(who, { type: one.do as 'accept', at: clock })
        }
        for (let round = 0; round < 6 && !(sides[0].told && sides[1].told); round++) {
          if (!sides[0].told) tell(0)
          if (!sides[1].told) tell(1)
        }
        expect(sides[0].theirs).toEqual(sides[1].ours)
        expect(sides[1].theirs).toEqual(sides[0].ours)
      }),
      { numRuns: 500 },
    )
  })
})

it('an e-mail address on the wire is exactly its text form', () => {
  expect(emailText.safeParse('ana@lab.example').success).toBe(true)
  for (const bad of [
    'Ana@lab.example',
    ' ana@lab.example',
    'ana',
    'a@b@c',
    'a\u200b@b',
    `${'a'.repeat(65)}@b`,
  ]) {
    expect(emailText.safeParse(bad).success, bad).toBe(false)
  }
})
