/** The rows of the table about notices and mail. */
import { z } from 'zod'
import { flag, text, version, whole } from './inputs.ts'
import {
  digests,
  mailedView,
  mailView,
  noticeKinds,
  noticesView,
  preferencesView,
  unreadView,
  watchView,
} from './notices-shapes.ts'
import { events, fields, long, value } from './route.ts'

export const noticesRoutes = {
  'notices.list': value('GET /api/notices', 'session.use', {
    says: 'What happened that concerns me, newest first.',
    input: fields({
      /** Those that are older than this one. */
      after: version.optional(),
      /** Only what I have not read. */
      unread: flag.optional(),
      limit: whole(100).default(50),
    }),
    output: noticesView,
  }),
  'notices.read': value('POST /api/notices/:id/read', 'session.use', {
    says: 'Marks a notice of mine as read.',
    input: fields({ id: version }),
    output: unreadView,
  }),
  'notices.read-all': value('POST /api/notices/read', 'session.use', {
    says: 'Marks every notice of mine as read, up to and with one: what came later stays unread.',
    input: fields({ through: version }),
    output: unreadView,
  }),
  'notices.preferences': value('GET /api/notices/preferences', 'session.use', {
    says: 'Of what I hear, and how.',
    output: preferencesView,
  }),
  'notices.prefer': value('PUT /api/notices/preferences', 'session.use', {
    says: 'Changes of what I hear, and how; what is left out stays.',
    input: fields({
      choices: z
        .array(
          z.strictObject({
            kind: z.enum(noticeKinds),
            centre: z.boolean().optional(),
            mail: z.boolean().optional(),
          }),
        )
        .max(noticeKinds.length)
        .optional(),
      digest: z.enum(digests).optional(),
      hour: z.int().min(0).max(23).optional(),
      /** Of the hour: `Europe/Oslo`. */
      zone: text(64).optional(),
    }),
    output: preferencesView,
  }),
  'notices.watch': events('GET /api/notices/events', 'session.use', {
    says: 'What concerns me as it happens: transfers that move, and how many notices are unread.',
    output: watchView,
  }),
  'mail.show': value('GET /api/mail', 'site.administer', {
    says: 'Whether this site sends mail, by which server, and how that goes.',
    output: mailView,
  }),
  'mail.test': long('POST /api/mail/test', 'site.administer', {
    says: 'Sends a mail to me, once, and tells how it went.',
    output: mailedView,
    kinds: ['conflict'],
  }),
}
