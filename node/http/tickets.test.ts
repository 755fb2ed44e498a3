import { expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import { createTickets, ticketMs } from './tickets.ts'

const ana = 1 as UserId

test('a ticket is good for a quarter of an hour, for one thing, and at one site', async () => {
  const clock = createManualClock()
  const tickets = createTickets(clock)
  const ticket = tickets.make('thing', ana)
  await clock.advance(ticketMs - 1)
  expect(tickets.check(ticket, 'thing')).toBe(ana)
  for (const check of [
    () => tickets.check(ticket, 'other'),
    () => tickets.check(`${ticket}x`, 'thing'),
    () => tickets.check('', 'thing'),
    () => tickets.check('e30.', 'thing'),
    () => createTickets(createManualClock(0, 7)).check(ticket, 'thing'),
  ])
    expect(check).toThrow('Ask for a new one')
  await clock.advance(1)
  expect(() => tickets.check(ticket, 'thing')).toThrow('Ask for a new one')
})
