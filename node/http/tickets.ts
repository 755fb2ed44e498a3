/**
 * Addresses that open one thing for one person for a short time, for programs that cannot say who asks.
 * What a ticket says is signed with a key that lives as long as the site runs. Whether its person may
 * still have the thing is asked when it is used.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'

/** How long a ticket is good, in milliseconds. */
export const ticketMs = 15 * 60_000
const ticketCharactersMax = 1000

const shape = z.tuple([z.string(), z.number() as unknown as z.ZodType<UserId>, z.number()])

export interface Tickets {
  make(thing: string, user: UserId): string
  /** Whose it is. Faults `gone` for one that is too old, for another thing, or not ours. */
  check(ticket: string, thing: string): UserId
}

export function createTickets(clock: Clock): Tickets {
  const key = clock.random(32)
  const sealOf = (said: string) => createHmac('sha256', key).update(said).digest('base64url')

  return {
    make(thing, user) {
      const fields: z.output<typeof shape> = [thing, user, clock.now() + ticketMs]
      const said = Buffer.from(JSON.stringify(fields)).toString('base64url')
      return `${said}.${sealOf(said)}`
    },
    check(ticket, thing) {
      const [said = '', seal = ''] = ticket.slice(0, ticketCharactersMax).split('.')
      const [mine, theirs] = [Buffer.from(sealOf(said)), Buffer.from(seal)]
      if (mine.byteLength === theirs.byteLength && timingSafeEqual(mine, theirs)) {
        const [of, user, until] = shape.parse(JSON.parse(Buffer.from(said, 'base64url').toString()))
        if (of === thing && clock.now() < until) return user
      }
      throw new Fault('gone', 'http.ticket', {
        text: 'This address was good for a quarter of an hour and one thing. Ask for a new one.',
      })
    },
  }
}
