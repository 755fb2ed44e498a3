import { describe, expect, test } from 'vitest'
import { type Clock, createManualClock, systemClock } from './clock.ts'

describe.each<[string, Clock, (ms: number) => Promise<void>]>([
  ['the system', systemClock, async () => {}],
  ...[createManualClock(1000)].map((clock): [string, Clock, (ms: number) => Promise<void>] => [
    'by hand',
    clock,
    clock.advance,
  ]),
])('the clock of %s', (_name, clock, pass) => {
  test('sleeps as long as it is told', async () => {
    const startedAt = clock.now()
    const slept = clock.sleep(20)
    await pass(20)
    await slept
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(19)
  })

  test('wakes at once, with the reason, when the signal aborts', async () => {
    const stop = new AbortController()
    const slept = clock.sleep(1e12, { signal: stop.signal })
    stop.abort('enough')
    await expect(slept).rejects.toBe('enough')
    await expect(clock.sleep(1, { signal: stop.signal })).rejects.toBe('enough')
  })

  test('calls again and again until disposed, even from within', async () => {
    let calls = 0
    const done = new Promise<void>((resolve) => {
      const ticking = clock.every(2, () => {
        calls++
        if (calls < 3) return
        ticking[Symbol.dispose]()
        resolve()
      })
    })
    await pass(100)
    await done
    const later = clock.sleep(20)
    await pass(20)
    await later
    expect(calls).toBe(3)
  })

  test('calls once after a while, unless disposed before', async () => {
    const heard: string[] = []
    clock.after(1, () => heard.push('kept'))
    clock.after(1, () => heard.push('dropped'))[Symbol.dispose]()
    const later = clock.sleep(20)
    await pass(20)
    await later
    expect(heard).toEqual(['kept'])
  })

  test('a wait longer than a timer can hold does not end at once', async () => {
    let ended = false
    const waiting = clock.after(2 ** 31 + 5, () => {
      ended = true
    })
    const later = clock.sleep(10)
    await pass(10)
    await later
    waiting[Symbol.dispose]()
    expect(ended).toBe(false)
  })

  test('draws as many random bytes as asked, and others the next time', () => {
    expect(clock.random(32)).toHaveLength(32)
    expect(clock.random(32)).not.toEqual(clock.random(32))
  })
})

test('a clock by hand runs what is due in order, each at its own instant', async () => {
  const clock = createManualClock()
  const heard: [string, number][] = []
  clock.after(30, () => heard.push(['late', clock.now()]))
  clock.after(10, () => {
    heard.push(['early', clock.now()])
    clock.after(5, () => heard.push(['from early', clock.now()]))
  })
  await clock.advance(29)
  expect(heard).toEqual([
    ['early', 10],
    ['from early', 15],
  ])
  await clock.advance(1)
  expect(heard.at(-1)).toEqual(['late', 30])
})

test('a clock by hand draws the same bytes for the same seed', () => {
  expect(createManualClock(0, 7).random(16)).toEqual(createManualClock(5, 7).random(16))
  expect(createManualClock(0, 7).random(16)).not.toEqual(createManualClock(0, 8).random(16))
})
