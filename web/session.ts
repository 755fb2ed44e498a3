/** Beginning and ending a session. The cookie is the browser's: no script ever sees it. */
import { fromProblem } from '../api/problem.ts'
import { Fault } from '../protocol/fault.ts'
import { queries } from './site.ts'

export type OneTimeLink = { email: string; link: string; expiresAt: string }

export async function logIn(email: string, password: string): Promise<void> {
  await ask('POST', '/api/session', { email, password })
  await begin()
}

/** With the secret of a one-time link, which ends with this. */
export async function welcome(secret: string, password: string, name: string): Promise<void> {
  await ask('POST', '/api/welcome', { secret, password, ...(name === '' ? {} : { name }) })
  await begin()
}

export async function logOut(): Promise<void> {
  await ask('DELETE', '/api/session')
  // Nothing of what one person saw stays for the next.
  queries.clear()
  window.location.assign('/login')
}

/** For an administrator: lets a person choose a password once. */
export function makeLink(email: string): Promise<OneTimeLink> {
  return ask('POST', `/api/people/${encodeURIComponent(email)}/links`, {}) as Promise<OneTimeLink>
}

async function begin(): Promise<void> {
  queries.removeQueries({ predicate: ({ queryKey: [name] }) => name !== 'site.show' })
  await queries.refetchQueries({ queryKey: ['site.show'] })
}

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new Fault('unreachable', 'session', {
      side: 'between',
      text: 'The site does not answer. Check that it runs and that you are on its network.',
      cause,
    })
  }
  const value: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw fromProblem(value, response.status)
  return value
}
