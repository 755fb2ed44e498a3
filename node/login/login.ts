/**
 * Login at the institution: there somebody is known already, and there they prove who they are. What
 * the provider tells leads to one of our accounts, and from there on a session is as every other.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import { type Email, parseEmail, type UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createPaced, TooMany } from '../people/attempts.ts'
import { newSecret } from '../people/secret.ts'
import type { Secret } from '../people/sessions.ts'
import type { User } from '../people/users.ts'
import type { Bindings } from './bindings.ts'
import type { InstitutionConfig, Told } from './institution.ts'
import { createPendings } from './pending.ts'
import { createProvider, type Provider } from './provider.ts'

/** Logins begun from one address: at once after a quiet time, and one more each so many milliseconds. */
export const loginPace = { burst: 30, everyMs: 3_000 }
/** Failures whose words wait for their page, and how long, in milliseconds. */
const failuresMax = 1_000
const failureMs = 10 * 60_000

export interface Login {
  /** As people call the institution. */
  readonly name: string
  /**
   * Where the browser goes, and what it keeps until it is back. `to` is where in the console the person
   * goes on; another site's is as none. Faults in words, `busy` after too many tries.
   */
  begin(o: {
    from: string
    redirect: string
    to?: string | undefined
  }): Promise<{ url: string; kept: Secret }>
  /**
   * Who came back with this answer, with an account of ours that may be new, in the groups that the
   * institution tells. Faults in words.
   */
  finish(o: { answer: URL; kept: string | undefined; from: string }): Promise<{
    user: User
    to: string
  }>
  /** Keeps the words of a failure for the page that shows it; the name under which it asks for them. */
  failed(thrown: unknown): string
  /** Undefined when there is none of that name any more. */
  failure(name: string): Fault | undefined
}

export type LoginNeeds = {
  readonly institution: InstitutionConfig
  readonly clock: Clock
  readonly bindings: Bindings
  readonly users: {
    get(id: UserId): Promise<User | undefined>
    byEmail(email: Email): Promise<User | undefined>
    add(input: { email: Email; name: string; by: 'system' }): Promise<User>
  }
  readonly groups: {
    takeOver(user: UserId, told: readonly string[]): Promise<{ full: readonly { name: string }[] }>
  }
  readonly log: (fault: Fault) => void
  /** Of tests: instead of the real one. */
  readonly provider?: Provider
}

export function openLogin(needs: LoginNeeds): Login {
  const { institution, clock, bindings, users, groups, log } = needs
  const { name, create = false, domains } = institution
  const provider = needs.provider ?? createProvider(institution, clock)
  const pendings = createPendings(clock)
  const pace = createPaced(loginPace, clock)
  const failures = new Map<string, { fault: Fault; until: number }>()

  /** Their account here, bound from now on to who they are there. */
  async function accountOf(told: Told): Promise<User> {
    const bound = bindings.find(told)
    const known = bound === undefined ? undefined : await users.get(bound)
    if (known?.at === 'active') return known
    const email = verifiedOf(told)
    const user = (await users.byEmail(email)) ?? (await newAccount(email, told))
    await bindings.bind(user.id, told)
    return user
  }

  function verifiedOf({ email, isVerified }: Told): Email {
    if (email === undefined)
      throw new Fault('denied', 'login.email', {
        text: `${name} did not tell your e-mail address. Ask an administrator to look at the scopes in config.json.`,
      })
    if (!isVerified)
      throw new Fault('denied', 'login.unverified', {
        text: `${name} has not verified that your e-mail address is yours. Have it verified there, then log in again.`,
      })
    const address = parseEmail(email)
    const domain = address.slice(address.lastIndexOf('@') + 1)
    if (domains === undefined || domains.some((one) => one.toLowerCase() === domain)) return address
    throw new Fault('denied', 'login.domain', {
      text: `This site believes ${name} only addresses of ${domains.join(', ')}. Ask an administrator.`,
    })
  }

  async function newAccount(email: Email, told: Told): Promise<User> {
    if (create) return users.add({ email, name: told.name, by: 'system' })
    throw new Fault('denied', 'login.unknown', {
      text: `${name} knows you, but you have no account at this site, or not any more. Ask an administrator for one.`,
    })
  }

  return {
    name,
    async begin({ from, redirect, to }) {
      const wait = pace.take(from)
      if (wait > 0) throw new TooMany(Math.ceil(wait / 1000))
      const { kept, pending } = pendings.begin(redirect, placeInside(to))
      const url = await provider.urlFor(redirect, pending.secrets)
      return { url, kept: { secret: kept, expiresAt: pending.expiresAt } }
    },

    async finish({ answer, kept, from }) {
      const { secrets, redirect, to } = pendings.take(answer.searchParams.get('state') ?? '', kept)
      // At the address that it was told, whatever the browser calls us.
      const told = await provider.whoIs(new URL(answer.search, redirect), secrets)
      const user = await accountOf(told)
      if (told.groups !== undefined) {
        const { full } = await groups.takeOver(user.id, told.groups)
        for (const group of full)
          log(
            new Fault('full', 'login.groups', {
              about: group.name,
              text: `The group ${group.name} is full: somebody whom ${name} tells to be in it is not.`,
            }),
          )
      }
      pace.giveBack(from)
      return { user, to }
    },

    failed(thrown) {
      const fault = asFault(thrown, 'login.finish')
      for (const [old, { until }] of failures) {
        if (until > clock.now() && failures.size < failuresMax) break
        failures.delete(old)
      }
      const id = newSecret(clock)
      failures.set(id, { fault, until: clock.now() + failureMs })
      return id
    },
    failure(id) {
      const found = failures.get(id)
      return found !== undefined && found.until > clock.now() ? found.fault : undefined
    },
  }
}

/** A place in the console and nothing else: never another site's, however it is written. */
export function placeInside(to: string | undefined): string {
  const here = 'http://here.invalid'
  if (to === undefined || /[\p{Cc}\\]/u.test(to)) return '/'
  const url = to.startsWith('/') ? URL.parse(to, here) : null
  if (url === null || url.origin !== here) return '/'
  // Dots that were taken out may leave two slashes at the beginning, which is another site again.
  return url.pathname.startsWith('//') ? '/' : `${url.pathname}${url.search}${url.hash}`
}
