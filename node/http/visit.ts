/**
 * Who asks: a program with a token, or a person's browser with the cookie of a session. A browser sends
 * the cookie along whoever made it ask; so with one, whatever changes something must come from a page
 * of this very site, and the browser says so itself in headers that no page can forge.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Accounts } from '../people/accounts.ts'
import type { Secret } from '../people/sessions.ts'
import type { Scope, Tokens } from '../people/tokens.ts'
import type { User } from '../people/users.ts'

export const sessionCookie = 'crossload_session'
export const loginCookie = 'crossload_login'
/** Where the institution sends the browser back to; the cookie of a login goes nowhere else. */
export const returnPath = '/login/callback'

/** What a handler may know of the asker's session, and change in it. */
export interface Visit {
  /** The address that the question came from. */
  readonly from: string
  /** By what address people reach this site, for links to it. */
  readonly site: string
  /** The session's secret, when the asker came with one. */
  readonly secret: string | undefined
  /** The answer may come hours after the question, and a new secret only with it. */
  readonly isLate: boolean
  /** The browser keeps this secret from now on; or none. */
  keep(secret: Secret | undefined): void
  /** By what the browser is known that began a login at the institution. */
  readonly login: string | undefined
  keepLogin(secret: Secret | undefined): void
}

export function createVisit(
  request: FastifyRequest,
  reply: FastifyReply,
  clock: Clock,
  { isLate = false, url }: { isLate?: boolean; url?: string | undefined } = {},
): Visit {
  const secret = hasToken(request) ? undefined : cookieOf(request, sessionCookie)
  const isTls = request.headers['x-forwarded-proto'] === 'https'
  function set(name: string, next: Secret | undefined, ...more: string[]): void {
    const maxAge = next === undefined ? 0 : Math.floor((next.expiresAt - clock.now()) / 1000)
    const parts = [`${name}=${next?.secret ?? ''}`, 'HttpOnly', `Max-Age=${Math.max(0, maxAge)}`]
    // Behind a proxy that speaks TLS. Whoever lies about it only makes their own browser forget.
    if (isTls) more.push('Secure')
    reply.header('set-cookie', [...parts, ...more].join('; '))
  }
  return {
    from: request.ip,
    site: url ?? `${isTls ? 'https' : 'http'}://${request.headers.host}`,
    secret,
    isLate,
    keep: (next) => set(sessionCookie, next, 'Path=/', 'SameSite=Strict'),
    login: cookieOf(request, loginCookie),
    // Lax: it comes along when the institution sends the browser back, and with nothing else from there.
    keepLogin: (next) => set(loginCookie, next, `Path=${returnPath}`, 'SameSite=Lax'),
  }
}

/** Whether a browser says that it has a session. It proves nothing. */
export const hasSession = (request: FastifyRequest): boolean =>
  cookieOf(request, sessionCookie) !== undefined

/** The active person who asks and how far that goes, or undefined. A session's secret may be changed on the way. */
export async function whoAsks(
  request: FastifyRequest,
  visit: Visit,
  { tokens, accounts }: { tokens: Tokens; accounts: Accounts },
): Promise<{ user: User; scope: Scope } | undefined> {
  if (hasToken(request)) return tokens.who(bearer(request))
  if (visit.secret === undefined) return undefined
  demandOwnPage(request, ['GET', 'HEAD'].includes(request.method) ? 'reading' : 'changing')
  const found = await accounts.sessions.who(visit.secret, { keep: visit.isLate })
  if (found?.next !== undefined) visit.keep(found.next)
  return found === undefined ? undefined : { user: found.user, scope: 'all' }
}

/**
 * `opening`: no session yet, so a program may ask without saying where it is; a page of another site
 * may not, or it could let somebody work in a session that is not theirs. Faults `denied`.
 */
export function demandOwnPage(
  { headers }: FastifyRequest,
  what: 'reading' | 'changing' | 'opening',
): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const said =
    origin !== undefined
      ? isOrigin(origin, host)
      : site !== undefined
        ? site === 'same-origin' || site === 'none'
        : what !== 'changing'
  if (said) return
  throw new Fault('denied', 'http.origin', {
    text: 'The question came from a page of another site. Open the console of this one and ask there.',
  })
}

function isOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

/** What the asker shows of themselves: a token, or a session's secret. */
export const secretOf = (request: FastifyRequest): string =>
  hasToken(request) ? bearer(request) : (cookieOf(request, sessionCookie) ?? '')

const hasToken = ({ headers }: FastifyRequest) => headers.authorization !== undefined

function bearer({ headers }: FastifyRequest): string {
  return /^Bearer +([\w.~+/=-]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}

function cookieOf({ headers }: FastifyRequest, wanted: string): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=')
    if (name === wanted && value) return value
  }
  return undefined
}
