import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type LinkAt,
  type LinkEvent,
  type LinkIs,
  type LinkState,
  linkAt,
  newLink,
  stepLink,
} from './link.ts'

const everyIs: LinkIs[] = ['none', 'willing', 'paused', 'refused', 'removed']

const willing = (changedAt: number) => ({ is: 'willing' as const, changedAt })
const accepted: LinkState = { ours: willing(1), theirs: willing(1), asked: 'there', told: true }

function stepped(state: LinkState, ...events: LinkEvent[]): LinkState {
  return events.reduce((now, event) => stepLink(now, event).state, state)
}

describe('what a person sees of a link', () => {
  const table: [LinkIs, LinkIs, LinkAt][] = [
    ['none', 'none', 'removed'],
    ['none', 'willing', 'asked'],
    ['willing', 'none', 'asked'],
    ['willing', 'willing', 'accepted'],
    ['paused', 'willing', 'paused'],
    ['willing', 'paused', 'paused'],
    ['paused', 'paused', 'paused'],
    ['refused', 'willing', 'refused'],
    ['willing', 'refused', 'refused'],
    ['willing', 'removed', 'removed'],
    ['removed', 'willing', 'removed'],
    ['refused', 'removed', 'refused'],
  ]
  it.each(table)('ours %s, theirs %s: %s', (ours, theirs, at) => {
    expect(
      linkAt({
        ...newLink,
        ours: { is: ours, changedAt: 1 },
        theirs: { is: theirs, changedAt: 1 },
      }),
    ).toBe(at)
  })

  it('is accepted only where both are willing', () => {
    for (const ours of everyIs) {
      for (const theirs of everyIs) {
        const at = linkAt({
          ...newLink,
          ours: { is: ours, changedAt: 1 },
          theirs: { is: theirs, changedAt: 1 },
        })
        expect(at === 'accepted').toBe(ours === 'willing' && theirs === 'willing')
      }
    }
  })
})

describe('steps of a link', () => {
  it('asks that cross make it accepted', () => {
    const crossed = stepped(
      newLink,
      { type: 'heard', stance: willing(5), fresh: true, at: 6 },
      { type: 'want', changedAt: 5 },
    )
    expect(linkAt(crossed)).toBe('accepted')
    expect(crossed.ours).toEqual(willing(5))
  })

  it('a site that we refused does not come back by asking', () => {
    const state = stepped(
      accepted,
      { type: 'refuse', at: 10 },
      { type: 'heard', stance: willing(20), fresh: true, at: 21 },
    )
    expect(linkAt(state)).toBe('refused')
  })

  it('a site that we removed does not come back by an old or repeated word, and waits when it asks afresh', () => {
    const removed = stepped(accepted, { type: 'remove', at: 10 })
    expect(
      linkAt(stepped(removed, { type: 'heard', stance: willing(1), fresh: true, at: 11 })),
    ).toBe('removed')
    expect(
      linkAt(stepped(removed, { type: 'heard', stance: willing(20), fresh: false, at: 21 })),
    ).toBe('removed')
    const asking = stepped(removed, { type: 'heard', stance: willing(20), fresh: true, at: 21 })
    expect(linkAt(asking)).toBe('asked')
    expect(asking.asked).toBe('there')
    expect(asking.ours.is).toBe('none')
  })

  it('a site that removed us has to be asked afresh, and so have we', () => {
    const state = stepped(accepted, {
      type: 'heard',
      stance: { is: 'removed', changedAt: 10 },
      fresh: false,
      at: 11,
    })
    expect(linkAt(state)).toBe('removed')
    expect(
      linkAt(stepped(state, { type: 'heard', stance: willing(20), fresh: true, at: 21 })),
    ).toBe('asked')
    expect(stepLink(state, { type: 'accept', at: 12 }).effects).toMatchObject([{ type: 'refused' }])
  })

  it('a refusal taken back accepts again, the other still being willing', () => {
    expect(linkAt(stepped(accepted, { type: 'refuse', at: 10 }, { type: 'accept', at: 11 }))).toBe(
      'accepted',
    )
  })

  it('only who paused can resume', () => {
    const paused = stepped(accepted, {
      type: 'heard',
      stance: { is: 'paused', changedAt: 9 },
      fresh: false,
      at: 9,
    })
    expect(stepLink(paused, { type: 'resume', at: 10 }).effects).toMatchObject([
      { type: 'refused' },
    ])
    expect(linkAt(stepped(accepted, { type: 'pause', at: 10 }))).toBe('paused')
    expect(linkAt(stepped(accepted, { type: 'pause', at: 10 }, { type: 'resume', at: 11 }))).toBe(
      'accepted',
    )
  })

  it('is told only when its present stance was answered', () => {
    const paused = stepped(accepted, { type: 'pause', at: 10 })
    expect(paused.told).toBe(false)
    expect(stepped(paused, { type: 'told', changedAt: 9 }).told).toBe(false)
    expect(stepped(paused, { type: 'told', changedAt: 10 }).told).toBe(true)
  })

  it('what was decided here while we asked is the later word, and is told', () => {
    const refusedMeanwhile = stepped({ ...newLink, theirs: willing(1) }, { type: 'refuse', at: 50 })
    const state = stepped(
      refusedMeanwhile,
      { type: 'want', changedAt: 40 },
      { type: 'told', changedAt: 40 },
    )
    expect(state).toEqual(refusedMeanwhile)
    expect(state.told).toBe(false)
  })

  it('a clock set back does not make a new stance look old', () => {
    const state = stepped({ ...accepted, ours: willing(1000) }, { type: 'pause', at: 5 })
    expect(state.ours).toEqual({ is: 'paused', changedAt: 1001 })
  })
})

const stance = fc.record({ is: fc.constantFrom(...everyIs), changedAt: fc.nat(50) })
const event: fc.Arbitrary<LinkEvent> = fc.oneof(
  fc.record({ type: fc.constant('want' as const), changedAt: fc.nat(50) }),
  fc.record({
    type: fc.constantFrom(
      'accept' as const,
      'refuse' as const,
      'pause' as const,
      'resume' as const,
      'remove' as const,
    ),
    at: fc.nat(50),
  }),
  fc.record({ type: fc.constant('heard' as const), stance, fresh: fc.boolean(), at: fc.nat(50) }),
  fc.record({ type: fc.constant('told' as const), changedAt: fc.nat(50) }),
)

describe('laws of a link', () => {
  it('never throws, never lets its own instant go back, and hears the same thing once', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let state = newLink
        for (const next of events) {
          const was = state
          state = stepLink(state, next).state
          expect(state.ours.changedAt).toBeGreaterThanOrEqual(was.ours.changedAt)
          expect(state.theirs.changedAt).toBeGreaterThanOrEqual(was.theirs.changedAt)
          if (next.type === 'heard') expect(stepLink(state, next).state).toEqual(state)
        }
      }),
    )
  })

  it('nothing heard makes us willing', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        stance,
        fc.boolean(),
        (events, heard, fresh) => {
          const state = stepped(newLink, ...events)
          const next = stepped(state, { type: 'heard', stance: heard, fresh, at: 60 })
          if (next.ours.is === 'willing') expect(state.ours).toEqual(next.ours)
        },
      ),
    )
  })

  it('two sides that have told each other agree, whatever was lost, repeated or reordered before', () => {
    const side = fc.constantFrom(0, 1)
    const act = fc.record({
      side,
      do: fc.constantFrom('want', 'accept', 'refuse', 'pause', 'resume', 'remove', 'tell', 'late'),
      pick: fc.nat(1000),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const sides: [LinkState, LinkState] = [newLink, newLink]
        const said: LinkState['ours'][][] = [[newLink.ours], [newLink.ours]]
        let clock = 0
        const move = (who: 0 | 1, next: LinkEvent) => {
          sides[who] = stepLink(sides[who], next).state
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
          const other = who === 0 ? 1 : 0
          clock++
          if (one.do === 'tell') tell(who)
          else if (one.do === 'late') {
            // Anything the other ever said may turn up again, as an ask or as a tell.
            const old = said[other]![one.pick % said[other]!.length]!
            move(who, {
              type: 'heard',
              stance: old,
              fresh: one.pick % 2 === 0 && old.is === 'willing',
              at: clock,
            })
          } else if (one.do === 'want') move(who, { type: 'want', changedAt: clock })
          else move(who, { type: one.do as 'accept', at: clock })
        }
        for (let round = 0; round < 6 && !(sides[0].told && sides[1].told); round++) {
          if (!sides[0].told) tell(0)
          if (!sides[1].told) tell(1)
        }
        expect([sides[0].told, sides[1].told]).toEqual([true, true])
        expect(sides[0].theirs).toEqual(sides[1].ours)
        expect(sides[1].theirs).toEqual(sides[0].ours)
        expect(linkAt(sides[0]) === 'accepted').toBe(linkAt(sides[1]) === 'accepted')
      }),
      { numRuns: 500 },
    )
  })
})
