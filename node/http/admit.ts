/** Who asks, and whether they may ask this at all: the same for every address of the site. */
import type { FastifyRequest } from 'fastify'
import type { Permission } from '../../api/route.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { acts, may } from '../people/permissions.ts'
import type { User } from '../people/users.ts'
import { Unknown } from './answers.ts'
import type { Doors } from './doors.ts'
import { left } from './presence.ts'
import { demandOwnPage, secretOf, type Visit, whoAsks } from './visit.ts'

/** An address without a permission does not start. */
export function demandPermission(name: string, permission: Permission): void {
  if (permission === 'anyone' || Object.hasOwn(acts, permission)) return
  throw new Fault('internal', 'http.open', { about: name, text: `${name} has no permission.` })
}

/** How often it is asked whether somebody who hears events is still let in, in milliseconds. */
export const askedAgainMs = 15_000

const reading = ['GET', 'HEAD', 'OPTIONS']

/**
 * The person who asks; nobody where anyone may. Asked before a body is read. Faults `denied`, as
 * `Unknown` when it is not known who asks.
 */
export async function admit(
  request: FastifyRequest,
  visit: Visit,
  {
    name,
    permission,
    doors,
    isReturn = false,
  }: {
    name: string
    permission: Permission
    doors: Doors
    /** The browser is sent here from another site, on purpose; the address proves itself otherwise. */
    isReturn?: boolean | undefined
  },
): Promise<User | undefined> {
  if (permission === 'anyone') {
    if (!isReturn) demandOwnPage(request, 'opening')
    return undefined
  }
  const known = await whoAsks(request, visit, doors)
  if (known === undefined) throw doors.accounts.hasLeft(secretOf(request)) ? left() : new Unknown()
  const { user: by, scope } = known
  if (scope === 'read' && !reading.includes(request.method)) {
    throw new Fault('denied', `http.${name}`, {
      text: 'This token may only read. Use one that may do everything its person may.',
    })
  }
  if (scope === 'metrics' && permission !== 'metrics.read') {
    throw new Fault('denied', `http.${name}`, {
      text: 'This token only opens /metrics. Use one that may do what its person may.',
    })
  }
  if (acts[permission].on === 'site' && !may(by, permission, 'site')) {
    throw new Fault('denied', `http.${name}`)
  }
  return by
}

/**
 * Aborts with why when the asker would not be let in any more: the token has ended, the session, the
 * account, or the right.
 */
export function whileAdmitted(
  request: FastifyRequest,
  visit: Visit,
  asked: { name: string; permission: Permission; doors: Doors },
  clock: Clock,
): { readonly signal: AbortSignal; [Symbol.dispose](): void } {
  const out = new AbortController()
  // The answer has begun, so it can bring no new secret.
  const late = { ...visit, isLate: true }
  const again = clock.every(askedAgainMs, () => {
    admit(request, late, asked).catch((thrown) => out.abort(thrown))
  })
  return { signal: out.signal, [Symbol.dispose]: () => again[Symbol.dispose]() }
}
