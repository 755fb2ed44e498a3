/** Beginning and ending a session. The cookie is the browser's: no script ever sees it. */
import { queries, site } from './site.ts'

export async function logIn(email: string, password: string): Promise<void> {
  await site.call('session.open', { email, password })
  await begin()
}

/**
 * At the institution: the browser leaves, and comes back to where it is now with a session. Never
 * resolves, unless it is refused.
 */
export async function logInElsewhere(): Promise<void> {
  const { pathname, search } = window.location
  const to = pathname === '/login' ? '/' : pathname + search
  const { url } = await site.call('login.begin', { to })
  window.location.assign(url)
  await new Promise(() => {})
}

/** With the secret of a one-time link, which ends with this. */
export async function welcome(secret: string, password: string, name: string): Promise<void> {
  await site.call('session.welcome', { secret, password, ...(name === '' ? {} : { name }) })
  await begin()
}

export async function logOut(): Promise<void> {
  await site.call('session.close', {})
  // Nothing of what one person saw stays for the next.
  queries.clear()
  window.location.assign('/login')
}

async function begin(): Promise<void> {
  queries.removeQueries({ predicate: ({ queryKey: [name] }) => name !== 'site.show' })
  await queries.refetchQueries({ queryKey: ['site.show'] })
}
