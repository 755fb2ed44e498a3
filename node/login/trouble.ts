/** Why a login at the institution did not work, in words: what its package throws becomes a fault here. */
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { Fault, type FaultKind } from '../../protocol/fault.ts'

/** What the provider says when its person, or it itself, said no. */
const declined = ['access_denied', 'consent_required', 'interaction_required', 'login_required']
const passing = ['server_error', 'temporarily_unavailable']

export function troubleOf(thrown: unknown, name: string): Fault {
  if (thrown instanceof Fault) return thrown
  const fault = (kind: FaultKind, what: string, text: string) =>
    new Fault(kind, `login.${what}`, { text, cause: thrown })
  const away = () =>
    fault('unreachable', 'provider', `${name} does not answer. Try again in a few minutes.`)
  const odd = (what: string) =>
    fault(
      'conflict',
      'provider',
      `${name} does not take this site's question (${what}). Ask an administrator to look at "login" in config.json.`,
    )

  if (thrown instanceof AuthorizationResponseError) {
    if (declined.includes(thrown.error))
      return fault(
        'denied',
        'declined',
        `${name} did not let this site know who you are. Log in there and allow it, or use a password.`,
      )
    return passing.includes(thrown.error) ? away() : odd(plain(thrown.error))
  }
  if (thrown instanceof ResponseBodyError) {
    if (thrown.error === 'invalid_grant')
      return fault('gone', 'expired', `That login at ${name} is over. Begin again.`)
    return thrown.status >= 500 ? away() : odd(plain(thrown.error))
  }
  if (thrown instanceof WWWAuthenticateChallengeError) return odd(`status ${thrown.status}`)
  // Of the platform's fetch: nobody there, cut off, a name that leads nowhere.
  if (thrown instanceof TypeError) return away()
  if (!(thrown instanceof ClientError)) return fault('internal', 'provider', 'The login failed.')
  // Ours, thrown while it asked.
  if (thrown.cause instanceof Fault) return thrown.cause
  switch (thrown.code) {
    case 'OAUTH_TIMEOUT':
    case 'OAUTH_ABORT':
    case undefined:
      return away()
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM': {
      const status = thrown.cause instanceof Response ? thrown.cause.status : 0
      return status >= 500 ? away() : odd(`status ${status}`)
    }
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return fault(
        'conflict',
        'clock',
        `The clocks of ${name} and of this site do not agree. Ask an administrator to set this machine's clock.`,
      )
    case 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED':
      return fault(
        'denied',
        'issuer',
        `What answers for ${name} says that it is somebody else. Ask an administrator to look at the issuer in config.json.`,
      )
    default:
      return fault(
        'conflict',
        'answer',
        `${name} answered in a way that this site does not believe. Begin again; if it stays so, ask an administrator.`,
      )
  }
}

/** Another's word, in a sentence of ours. */
const plain = (text: string) => text.replaceAll(/[^\w -]/g, '').slice(0, 60)
