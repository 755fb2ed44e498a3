/** What people see of notices: what happened, and how each person wants to hear of it. */
import { z } from 'zod'
import { count, instant, transferView } from './shapes.ts'

/** What a notice can be about. Their names only ever grow in number. */
export const noticeKinds = [
  'arrived',
  'sent',
  'failed',
  'waiting',
  'stalled',
  'connection-asked',
  'connection-accepted',
  'link-asked',
  'damage',
  'hook-paused',
  'mail-failed',
] as const

export type NoticeKind = (typeof noticeKinds)[number]

/** `each`: a mail at once. `daily`: one mail a day with everything. `off`: none. */
export const digests = ['each', 'daily', 'off'] as const

export const noticeView = z.object({
  id: count,
  kind: z.enum(noticeKinds),
  at: instant,
  read: z.boolean(),
  /** One line; names of people and things as they are now. */
  title: z.string(),
  /** What to do next, where there is something. */
  text: z.string().optional(),
  /** The page of the console that is about it. */
  path: z.string(),
})

export const noticesView = z.object({
  unread: count,
  notices: z.array(noticeView),
})

/** How many are still unread. */
export const unreadView = z.object({ unread: count })

export const preferencesView = z.object({
  choices: z.array(
    z.object({
      kind: z.enum(noticeKinds),
      says: z.string(),
      centre: z.boolean(),
      mail: z.boolean(),
      /** False where no mail is ever sent of it. */
      mailed: z.boolean(),
    }),
  ),
  digest: z.enum(digests),
  /** Of the daily mail, 0 to 23, on the wall of `zone`. */
  hour: count,
  zone: z.string(),
  /** Whether this site sends mail at all. */
  hasMail: z.boolean(),
})

/** Whether the site sends mail, and how that goes. */
export const mailView = z.object({
  state: z.enum(['off', 'working', 'failing']),
  host: z.string().optional(),
  port: count.optional(),
  security: z.enum(['tls', 'starttls', 'none']).optional(),
  from: z.string().optional(),
  /** Notices that are to be mailed now or with the next digest. */
  waiting: count,
  lastSentAt: instant.optional(),
  /** What the last try ended in, when it failed. */
  problem: z.string().optional(),
})

/** What became of a mail that was sent while somebody waited. */
export const mailedView = z.object({
  sent: z.boolean(),
  problem: z.string().optional(),
})

/** What happens to the asker's own: a transfer as it is now, or how many notices are unread. */
export const watchView = z.object({
  transfer: transferView.optional(),
  unread: count.optional(),
})
