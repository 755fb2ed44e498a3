/**
 * A provider of identities that says what it is told to say, be it true or not: on loopback, over real
 * HTTP, with tokens that are really signed.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answers = (response: ServerResponse, body: string) => void

export interface Liar extends AsyncDisposable {
  readonly issuer: string
  /** Laid over what the discovery document says. */
  discovery: object
  /** Laid over the claims of the ID token; undefined takes one away. */
  claims: Record<string, unknown>
  userInfo: Record<string, unknown>
  /** Signs with another key than it publishes. */
  forges: boolean
  /** Instead of the answer to a path. */
  readonly instead: Map<string, Answers>
  readonly asked: string[]
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(claims: object, key: KeyObject): string {
  const text = `${base64({ alg: 'RS256', kid: 'one' })}.${base64(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

/** `nonce` is the one that every ID token has unless `claims` says another. */
export async function openLiar(nonce: string): Promise<Liar> {
  const [mine, other] = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }))
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    liar.asked.push(path)
    let body = ''
    request.on('data', (data) => {
      body += data
    })
    request.on('end', () => {
      const instead = liar.instead.get(path)
      if (instead !== undefined) return instead(response, body)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer(path)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function answer(path: string): object {
    switch (path) {
      case '/.well-known/openid-configuration':
        return {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          userinfo_endpoint: `${issuer}/me`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          ...liar.discovery,
        }
      case '/keys':
        return {
          keys: [{ ...mine!.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }],
        }
      case '/token': {
        const now = Math.floor(Date.now() / 1000)
        const claims = {
          iss: issuer,
          aud: 'crossload',
          sub: 's-1',
          iat: now,
          exp: now + 300,
          nonce,
        }
        const key = (liar.forges ? other : mine)!.privateKey
        const id_token = signed({ ...claims, ...liar.claims }, key)
        return { access_token: 'x', token_type: 'Bearer', expires_in: 300, id_token }
      }
      default:
        return { sub: 's-1', email: 'ana@lab.example', email_verified: true, ...liar.userInfo }
    }
  }

  const liar: Liar = {
    ...{ issuer, discovery: {}, claims: {}, userInfo: {}, forges: false },
    ...{ instead: new Map(), asked: [] },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return liar
}
