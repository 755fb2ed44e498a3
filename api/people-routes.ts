/** Questions about people: how they come in, and who they are. Part of the table in `routes.ts`. */
import { z } from 'zod'
import { email, name, password, text } from './inputs.ts'
import { fields, nothing, value } from './route.ts'
import * as shapes from './shapes.ts'

export const peopleRoutes = {
  // ── sessions
  'session.open': value('POST /api/session', 'anyone', {
    says: 'Opens a session for a browser; the answer sets its cookie.',
    input: fields({ email, password }),
    output: shapes.sessionView,
  }),
  'session.welcome': value('POST /api/welcome', 'anyone', {
    says: 'Sets a password with a one-time link, and opens a session.',
    input: fields({ secret: text(100), password, name: name.optional() }),
    output: shapes.sessionView,
    kinds: ['gone'],
  }),
  'session.close': value('DELETE /api/session', 'session.use', {
    says: 'Ends the session that the cookie names.',
    output: nothing,
  }),
  'session.password': value('PUT /api/session/password', 'session.use', {
    says: 'Changes my password; every other session of mine ends.',
    input: fields({ old: password, password }),
    output: shapes.sessionView,
  }),

  // ── people
  'people.list': value('GET /api/people', 'people.manage', {
    says: 'The people of this site.',
    output: z.array(shapes.userView),
  }),
  'people.add': value('POST /api/people', 'people.manage', {
    says: 'Gives a person an account and a personal project.',
    input: fields({
      email,
      name: name.optional(),
      role: z.enum(['administrator', 'member']).optional(),
    }),
    output: shapes.userView,
    kinds: ['exists'],
  }),
  'people.token': value('POST /api/people/:email/tokens', 'people.manage', {
    says: 'Makes a token for a person; it is shown this once.',
    input: fields({ email, label: name.optional() }),
    output: shapes.tokenView,
    kinds: ['conflict'],
  }),
  'people.link': value('POST /api/people/:email/links', 'people.manage', {
    says: 'Makes a one-time link by which a person chooses a password; it is shown this once.',
    input: fields({ email }),
    output: shapes.welcomeView,
  }),
  'people.remove': value('DELETE /api/people/:email', 'people.manage', {
    says: 'Ends a person’s account and every token of it.',
    input: fields({ email }),
    output: shapes.userView,
    kinds: ['conflict'],
  }),
}
