/** What people see of webhooks: where the site tells other programs what happened. */
import { z } from 'zod'
import { hookEvents } from './hook-events.ts'
import { count, instant } from './shapes.ts'

export const deliveryView = z.object({
  /** The same however often it is tried, so that a receiver can drop repeats. */
  event: z.string(),
  type: z.string(),
  at: instant,
  /** How often it had been tried by then. */
  tries: count,
  /** Of the answer, when there was one. */
  status: count.optional(),
  /** Why it was not taken. */
  problem: z.string().optional(),
})

export const hookView = z.object({
  id: count,
  url: z.string(),
  events: z.array(z.enum(hookEvents)),
  /** `failing`: tried again by itself. `paused`: only when somebody resumes it. */
  state: z.enum(['working', 'failing', 'paused']),
  /** Why it is paused. */
  problem: z.string().optional(),
  failingSince: instant.optional(),
  nextTryAt: instant.optional(),
  madeAt: instant,
  /** Newest first. */
  deliveries: z.array(deliveryView),
})

/** With the secret, shown this once. */
export const newHookView = hookView.extend({ secret: z.string() })
