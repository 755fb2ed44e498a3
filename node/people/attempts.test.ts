import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { systemClock } from '../base/clock.ts'
import { addressPace, createAttempts, namePace, pairPace } from './attempts.ts'

function open() {
  let now = 1_000_000
  const attempts = createAttempts({ ...systemClock, now: () => now })
  const isLetIn = (address: string, name: string) => {
    try {
      attempts.demand(address, name)
      return true
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.kind === 'busy') return false
      throw thrown
    }
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { attempts, isLetIn, pass }
}

describe('tries at the door', () => {
  test('of one address at one name end after a few, and come back one by one', () => {
    const { isLetIn, pass } = open()
    const tries = Array.from({ length: 20 }, () => isLetIn('192.0.2.1', 'ana'))
    expect(tries.filter(Boolean)).toHaveLength(pairPace.burst)
    pass(pairPace.everyMs)
    expect([isLetIn('192.0.2.1', 'ana'), isLetIn('192.0.2.1', 'ana')]).toEqual([true, false])
  })

  test('lock nobody out who comes from elsewhere', () => {
    const { isLetIn } = open()
    for (let i = 0; i < 1000; i++) isLetIn('192.0.2.1', 'ana')
    expect(isLetIn('192.0.2.2', 'ana')).toBe(true)
  })

  test('of one address at many names end as well', () => {
    const { isLetIn } = open()
    const tries = Array.from({ length: 200 }, (_, i) => isLetIn('192.0.2.1', `n${i}`))
    expect(tries.filter(Boolean)).toHaveLength(addressPace.burst)
  })

  test('of many addresses at one name end as well', () => {
    const { isLetIn } = open()
    const tries = Array.from({ length: 200 }, (_, i) => isLetIn(`192.0.2.${i}`, 'ana'))
    expect(tries.filter(Boolean)).toHaveLength(namePace.burst)
  })

  test('that were followed by the right one count no more', () => {
    const { attempts, isLetIn } = open()
    for (let i = 0; i < pairPace.burst; i++) isLetIn('192.0.2.1', 'ana')
    attempts.right('192.0.2.1', 'ana')
    expect(isLetIn('192.0.2.1', 'ana')).toBe(true)
  })

  test('that are right do not count, however many', () => {
    const { attempts, isLetIn } = open()
    for (let i = 0; i < 500; i++) {
      expect(isLetIn('192.0.2.1', 'ana')).toBe(true)
      attempts.right('192.0.2.1', 'ana')
    }
  })

  test('say how long to wait', () => {
    const { attempts } = open()
    for (let i = 0; i < pairPace.burst; i++) attempts.demand('192.0.2.1', 'ana')
    expect(() => attempts.demand('192.0.2.1', 'ana')).toThrow('Wait 30 seconds')
  })
})
