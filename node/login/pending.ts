/**
 * Logins that have left for the institution and not come back. Each is good once, for a while, in the
 * one browser that began it. They live in memory: after a restart one begins again.
 */
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { hashOf, newSecret } from '../people/secret.ts'
import type { Secrets } from './provider.ts'

/** How long somebody may take at the institution, in milliseconds. */
export const pendingMs = 10 * 60_000
/** How many may be under way; past it the oldest is forgotten. */
export const pendingMax = 1_000

export type Pending = {
  readonly secrets: Secrets
  /** The hash of what the browser keeps. */
  readonly browser: string
  /** Where the institution sends the browser, as it was told. */
  readonly redirect: string
  /** Where in the console the person goes on. */
  readonly to: string
  readonly expiresAt: number
}

export interface Pendings {
  /** What the browser is to keep, and the login. */
  begin(redirect: string, to: string): { kept: string; pending: Pending }
  /**
   * The login that this browser began, once. Faults `gone` when there is none any more, and `denied`
   * for another browser, in which case it stays.
   */
  take(state: string, kept: string | undefined): Pending
}

export function createPendings(clock: Clock): Pendings {
  const all = new Map<string, Pending>()

  function sweep(): void {
    for (const [state, { expiresAt }] of all) {
      if (expiresAt > clock.now() && all.size < pendingMax) break
      all.delete(state)
    }
  }

  return {
    begin(redirect, to) {
      sweep()
      const [kept, state] = [newSecret(clock), newSecret(clock)]
      const secrets = { state, nonce: newSecret(clock), verifier: newSecret(clock) }
      const expiresAt = clock.now() + pendingMs
      const pending = { secrets, browser: hashOf(kept), redirect, to, expiresAt }
      all.set(state, pending)
      return { kept, pending }
    },
    take(state, kept) {
      const pending = all.get(state)
      if (pending === undefined || pending.expiresAt <= clock.now()) {
        all.delete(state)
        throw new Fault('gone', 'login.expired', {
          text: 'That login was used already, or took too long. Begin again.',
        })
      }
      if (kept === undefined || hashOf(kept) !== pending.browser) {
        throw new Fault('denied', 'login.browser', {
          text: 'That login was begun in another browser, or another one was begun in this since. Begin again.',
        })
      }
      all.delete(state)
      return pending
    },
  }
}
