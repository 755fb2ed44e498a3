/** Questions about people: how they come in, and who they are. Part of the table in `routes.ts`. */
import { z } from 'zod'
import { email, name, password, text } from './inputs.ts'
import { mailedView } from './notices-shapes.ts'
import { fields, long, nothing, value } from './route.ts'
import * as shapes from './shapes.ts'

const newToken = {
  label: name.optional(),
  /** `read`: what changes nothing. */
  scope: z.enum(['all', 'read', 'metrics']).optional(),
  /** Milliseconds from now; without it the token lasts until it is removed. */
  expiresMs: z
    .int()
    .min(1000)
    .max(5 * 365 * 24 * 3600 * 1000)
    .optional(),
}
const tokenId = z.string().regex(/^[0-9a-f]{16}$/, 'is not an ID of 16 hexadecimal digits')

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
  'login.show': value('GET /api/login', 'anyone', {
    says: 'How one can log in here, and why a login at the institution did not work.',
    input: fields({
      /** What the institution’s answer left in the address of the page. */
      tried: text(100).optional(),
    }),
    output: shapes.loginView,
  }),
  'login.begin': value('POST /api/login', 'anyone', {
    says: 'Begins a login at the institution; the browser goes to the address, and comes back with an answer.',
    input: fields({
      /** Where in the console the person goes on. */
      to: text(2000).optional(),
    }),
    output: z.object({ url: z.string() }),
    kinds: ['unreachable', 'conflict'],
  }),
  'session.close': value('DELETE /api/session', 'session.use', {
    says: 'Ends the session that the cookie names.',
    output: nothing,
  }),
  'session.list': value('GET /api/sessions', 'session.use', {
    says: 'My sessions at browsers, by what opens nothing.',
    output: z.array(shapes.shownSessionView),
  }),
  'session.end': value('DELETE /api/sessions/:session', 'session.use', {
    says: 'Ends a session of mine; one that is over already stays so.',
    input: fields({ session: tokenId }),
    output: z.array(shapes.shownSessionView),
  }),
  'session.end-others': value('DELETE /api/sessions', 'session.use', {
    says: 'Ends every session of mine but the one that asks.',
    output: z.array(shapes.shownSessionView),
  }),
  'session.password': value('PUT /api/session/password', 'session.use', {
    says: 'Changes my password; every other session of mine ends.',
    input: fields({ old: password, password }),
    output: shapes.sessionView,
  }),

  'session.rename': value('PUT /api/session/name', 'session.use', {
    says: 'Changes my name, as others at this site see it.',
    input: fields({ name }),
    output: shapes.userView,
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
    input: fields({ email, ...newToken }),
    output: shapes.tokenView,
    kinds: ['conflict'],
  }),
  'people.tokens': value('GET /api/people/:email/tokens', 'people.manage', {
    says: 'The tokens of a person, by what opens nothing.',
    input: fields({ email }),
    output: z.array(shapes.shownTokenView),
  }),
  'people.remove-token': value('DELETE /api/people/:email/tokens/:token', 'people.manage', {
    says: 'Ends a token of a person.',
    input: fields({ email, token: tokenId }),
    output: shapes.shownTokenView,
  }),
  'tokens.list': value('GET /api/tokens', 'session.use', {
    says: 'My tokens, by what opens nothing.',
    output: z.array(shapes.shownTokenView),
  }),
  'tokens.add': value('POST /api/tokens', 'session.use', {
    says: 'Makes a token for a program of mine; it is shown this once.',
    input: fields(newToken),
    output: shapes.tokenView,
    kinds: ['conflict'],
  }),
  'tokens.remove': value('DELETE /api/tokens/:token', 'session.use', {
    says: 'Ends a token of mine.',
    input: fields({ token: tokenId }),
    output: shapes.shownTokenView,
  }),
  'people.link': long('POST /api/people/:email/links', 'people.manage', {
    says: 'Makes a one-time link by which a person chooses a password; it is shown this once, and mailed to them with `mail`.',
    input: fields({ email, mail: z.boolean().optional() }),
    output: shapes.welcomeView.extend({ mail: mailedView.optional() }),
    kinds: ['conflict'],
  }),
  'people.logins': value('GET /api/people/:email/logins', 'people.manage', {
    says: 'Where a person is known who logs in elsewhere.',
    input: fields({ email }),
    output: z.array(shapes.bindingView),
  }),
  'people.remove-logins': value('DELETE /api/people/:email/logins', 'people.manage', {
    says: 'Ends what an account is elsewhere; the next login there may bind it anew.',
    input: fields({ email }),
    output: z.array(shapes.bindingView),
  }),
  'people.remove': value('DELETE /api/people/:email', 'people.manage', {
    says: 'Ends a person’s account and every token of it.',
    input: fields({ email }),
    output: shapes.userView,
    kinds: ['conflict'],
  }),
}
