/**
 * The institution's provider of identities, asked as OpenID Connect has it: an authorization code with
 * PKCE, state and nonce, and an ID token whose signature is checked. The only file that asks it
 * anything. Every question is tried once, with a deadline, and its answer has a limit.
 */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
} from 'openid-client'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { readIfThere } from '../base/files.ts'
import { isLoopback } from '../base/loopback.ts'
import type { InstitutionConfig, Told } from './institution.ts'
import { readTold } from './told.ts'
import { troubleOf } from './trouble.ts'

/** How long one answer may take in milliseconds, and how many bytes it may have. */
const answerMs = 10_000
const answerBytesMax = 1024 * 1024
/** How long what was discovered is good, in milliseconds; after a failure it is discovered anew. */
const discoveredMs = 3_600_000
/** How far the clocks may be apart, in seconds. */
const skewSeconds = 60
const secretBytesMax = 4096
/** Failures that say nothing of the provider. */
const aboutPerson = ['login.declined', 'login.expired', 'login.groups']

export type Secrets = { readonly state: string; readonly nonce: string; readonly verifier: string }

export interface Provider {
  /** Where the browser goes. Faults in words: `unreachable` when the provider is. */
  urlFor(redirect: string, secrets: Secrets): Promise<string>
  /** Who came back from there; `answer` is the whole address that the browser came to. */
  whoIs(answer: URL, secrets: Secrets): Promise<Told>
}

export function createProvider(
  institution: InstitutionConfig,
  clock: Clock,
  /** Of tests: instead of `answerMs`. */
  patienceMs = answerMs,
): Provider {
  const { issuer, clientId, name } = institution
  const isLocal = isLoopback(new URL(issuer))
  let known: { config: Promise<Configuration>; until: number } | undefined

  async function ask(url: string, options: object): Promise<Response> {
    const to = new URL(url)
    // What a discovery document names is another's word: in clear text only what is on this machine.
    if (to.protocol !== 'https:' && !(isLocal && isLoopback(to)))
      throw new Fault('denied', 'login.provider', {
        about: to.origin,
        text: `${name} names an address without encryption. Ask an administrator to look at the issuer in config.json.`,
      })
    const response = await fetch(url, options as RequestInit)
    const bytes = await readAtMost(response, name)
    const { status, headers } = response
    return new Response(bytes.byteLength === 0 ? null : bytes, { status, headers })
  }

  async function secretOf(): Promise<string | undefined> {
    const { clientSecret, clientSecretFile: file } = institution
    if (file === undefined) return clientSecret
    const bytes = await readIfThere(file)
    const text = bytes && new TextDecoder().decode(bytes.subarray(0, secretBytesMax)).trim()
    if (text) return text
    throw new Fault('missing', 'login.secret', {
      text: `This site cannot read its secret for ${name}. Ask an administrator to look at clientSecretFile in config.json.`,
    })
  }

  async function discover(): Promise<Configuration> {
    const secret = await secretOf()
    const found = await discovery(
      new URL(issuer),
      clientId,
      { [clockTolerance]: skewSeconds },
      (as, client, body, headers) => {
        if (secret === undefined) return None()(as, client, body, headers)
        // The standard's own default, unless the provider says that it takes only the other.
        const taken = as.token_endpoint_auth_methods_supported
        const isBasic = taken === undefined || taken.includes('client_secret_basic')
        const way = isBasic ? ClientSecretBasic(secret) : ClientSecretPost(secret)
        return way(as, client, body, headers)
      },
      {
        [customFetch]: ask,
        timeout: patienceMs / 1000,
        execute: [enableNonRepudiationChecks, ...(isLocal ? [allowInsecureRequests] : [])],
      },
    )
    return found
  }

  /** Once for all who ask at the same time; a failure is remembered by nobody. */
  function discovered(): Promise<Configuration> {
    if (known === undefined || known.until <= clock.now()) {
      const config = discover()
      const mine = { config, until: clock.now() + discoveredMs }
      known = mine
      config.catch(() => {
        if (known === mine) known = undefined
      })
    }
    return known.config
  }

  /** What fails may have changed there: keys, addresses. The next login discovers them anew. */
  async function tried<T>(run: (config: Configuration) => Promise<T>): Promise<T> {
    try {
      return await run(await discovered())
    } catch (thrown) {
      const fault = troubleOf(thrown, name)
      if (!aboutPerson.includes(fault.op)) known = undefined
      throw fault
    }
  }

  return {
    urlFor: (redirect, { state, nonce, verifier }) =>
      tried(async (config) => {
        const url = buildAuthorizationUrl(config, {
          redirect_uri: redirect,
          scope: (institution.scopes ?? ['openid', 'email', 'profile']).join(' '),
          ...{ state, nonce },
          code_challenge: await calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        })
        return url.href
      }),
    whoIs: (answer, { state, nonce, verifier }) =>
      tried(async (config) => {
        const tokens = await authorizationCodeGrant(config, answer, {
          ...{ expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier },
          idTokenExpected: true,
        })
        const idToken = tokens.claims()!
        const userInfo =
          config.serverMetadata().userinfo_endpoint === undefined
            ? undefined
            : await fetchUserInfo(config, tokens.access_token, idToken.sub)
        return readTold(institution, { idToken, userInfo })
      }),
  }
}

async function readAtMost(response: Response, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength
    if (bytes > answerBytesMax)
      throw new Fault('conflict', 'login.answer', {
        text: `${name} answered with more than ${answerBytesMax} bytes.`,
      })
    pieces.push(piece)
  }
  return new Uint8Array(Buffer.concat(pieces))
}
