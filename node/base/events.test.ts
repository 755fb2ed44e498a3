import { expect, test } from 'vitest'
import { faultOf } from '../../test/folder.ts'
import { createEvents } from './events.ts'

type Event = { type: 'tick'; n: number }
const tick = (n: number): Event => ({ type: 'tick', n })

test('every listener hears, in the order they came, until it leaves', () => {
  const events = createEvents<Event>()
  const heard: string[] = []
  const first = events.on(({ n }) => heard.push(`first ${n}`))
  events.on(({ n }) => heard.push(`second ${n}`))
  events.emit(tick(1))
  first[Symbol.dispose]()
  events.emit(tick(2))
  expect(heard).toEqual(['first 1', 'second 1', 'second 2'])
})

test('until resolves with the first event that fits', async () => {
  const events = createEvents<Event>()
  const found = events.until(({ n }) => n > 1)
  for (const n of [1, 2, 3]) events.emit(tick(n))
  expect(await found).toEqual(tick(2))
})

test('until rejects with the reason of an abort, and with what its question throws', async () => {
  const events = createEvents<Event>()
  const stop = new AbortController()
  const found = events.until(() => false, { signal: stop.signal })
  const broken = events.until(() => {
    throw new Error('a bad question')
  })
  events.emit(tick(1))
  stop.abort('enough')
  await expect(found).rejects.toBe('enough')
  await expect(broken).rejects.toThrow('a bad question')
  await expect(events.until(() => true, { signal: stop.signal })).rejects.toBe('enough')
})

test('a stream has every event from the call on, not from the first read', async () => {
  const events = createEvents<Event>()
  events.emit(tick(0))
  const stream = events.stream()
  events.emit(tick(1))
  events.emit(tick(2))
  expect((await stream.next()).value).toEqual(tick(1))
  expect((await stream.next()).value).toEqual(tick(2))
  const third = stream.next()
  events.emit(tick(3))
  expect((await third).value).toEqual(tick(3))
  await stream.return(undefined)
  expect((await stream.next()).done).toBe(true)
})

test('a slow reader of a stream is ended with busy, and others are not', async () => {
  const events = createEvents<Event>()
  const slow = events.stream({ limit: 2 })
  const patient = events.stream({ limit: 3 })
  for (const n of [1, 2, 3]) events.emit(tick(n))
  expect(await faultOf(slow.next())).toMatchObject({ kind: 'busy', op: 'events.stream' })
  expect((await patient.next()).value).toEqual(tick(1))
})

test('a stream ends with the reason of an abort, also while it waits', async () => {
  const events = createEvents<Event>()
  const stop = new AbortController()
  const stream = events.stream({ signal: stop.signal })
  const waiting = stream.next()
  stop.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  expect((await stream.next()).done).toBe(true)
  await expect(events.stream({ signal: stop.signal }).next()).rejects.toBe('enough')
})
