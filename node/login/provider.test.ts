import { describe, expect, test } from 'vitest'
import { type Liar, openLiar } from '../../test/liar.ts'
import { createManualClock } from '../base/clock.ts'
import type { InstitutionConfig } from './institution.ts'
import { createProvider } from './provider.ts'

const secrets = { state: 's'.repeat(43), nonce: 'n'.repeat(43), verifier: 'v'.repeat(43) }
const redirect = 'http://127.0.0.1:1/login/callback'
const back = new URL(`${redirect}?code=c&state=${secrets.state}`)
/** For whoever does not answer, in milliseconds. */
const patienceMs = 1000

async function openThere(more: Partial<InstitutionConfig> = {}) {
  const there = await openLiar(secrets.nonce)
  const clock = createManualClock(Date.now())
  const config = { issuer: there.issuer, clientId: 'crossload', name: 'Oslo University', ...more }
  const provider = createProvider({ clientSecret: 'x', ...config }, clock, patienceMs)
  return {
    there,
    clock,
    provider,
    whoIs: (answer = back) => provider.whoIs(answer, secrets),
    [Symbol.asyncDispose]: () => there[Symbol.asyncDispose](),
  }
}

test('leads to the provider with everything that binds the answer to the question', async () => {
  await using o = await openThere({ scopes: ['openid', 'email'] })
  const url = new URL(await o.provider.urlFor(redirect, secrets))
  expect(url.origin + url.pathname).toBe(`${o.there.issuer}/auth`)
  expect(Object.fromEntries(url.searchParams)).toEqual({
    client_id: 'crossload',
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid email',
    state: secrets.state,
    nonce: secrets.nonce,
    // The SHA-256 of the verifier, by RFC 7636, as another program computes it.
    code_challenge: '7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM',
    code_challenge_method: 'S256',
  })
})

test('who came back is who the provider says, from the token and from what it tells besides', async () => {
  await using o = await openThere({ groupsClaim: 'roles' })
  o.there.claims = { name: 'Ana', roles: ['staff', 7, 'x'.repeat(201)] }
  expect(await o.whoIs()).toEqual({
    issuer: o.there.issuer,
    sub: 's-1',
    email: 'ana@lab.example',
    isVerified: true,
    name: 'Ana',
    groups: ['staff'],
  })
})

describe('an address', () => {
  test.each<[string, object, Record<string, unknown>, boolean]>([
    ['verified elsewhere than where it is said', { email_verified: true }, {}, false],
    ['that is said to be so in text', {}, { email_verified: 'true' }, true],
    ['that is said not to be', {}, { email_verified: false }, false],
    ['of which nothing is said', {}, {}, false],
  ])('%s', async (_words, claims, userInfo, isVerified) => {
    await using o = await openThere()
    o.there.claims = { ...claims }
    o.there.userInfo = { email_verified: undefined, ...userInfo }
    expect(await o.whoIs()).toMatchObject({ email: 'ana@lab.example', isVerified })
  })

  test('of which nothing is said is believed where the configuration says so, and not against its word', async () => {
    await using o = await openThere({ trustEmail: true })
    o.there.userInfo = { email_verified: undefined }
    expect(await o.whoIs()).toMatchObject({ isVerified: true })
    o.there.userInfo = { email_verified: false }
    expect(await o.whoIs()).toMatchObject({ isVerified: false })
  })
})

describe('groups', () => {
  test.each<[Record<string, unknown>, unknown]>([
    [{ roles: 'staff' }, ['staff']],
    [{}, []],
    [{ roles: [] }, []],
  ])('%j are %j', async (claims, groups) => {
    await using o = await openThere({ groupsClaim: 'roles' })
    o.there.claims = claims
    expect((await o.whoIs()).groups).toEqual(groups)
  })

  test('that are too many, or no list, are a failure in words; what nobody asked for is not read', async () => {
    await using o = await openThere({ groupsClaim: 'roles' })
    for (const claims of [{ _claim_names: { roles: 'elsewhere' } }, { roles: { a: 1 } }]) {
      o.there.claims = claims
      await expect(o.whoIs()).rejects.toMatchObject({ op: 'login.groups' })
    }
    await using other = await openThere()
    other.there.claims = { roles: { a: 1 } }
    expect((await other.whoIs()).groups).toBeUndefined()
  })
})

describe('what is not believed:', () => {
  const now = Math.floor(Date.now() / 1000)
  test.each<[string, Partial<Liar>, object]>([
    ['another nonce', { claims: { nonce: 'other' } }, { op: 'login.answer' }],
    ['no nonce', { claims: { nonce: undefined } }, { op: 'login.answer' }],
    ['for another program', { claims: { aud: 'other' } }, { op: 'login.answer' }],
    ['from another issuer', { claims: { iss: 'http://127.0.0.1:1' } }, { op: 'login.answer' }],
    ['signed by another', { forges: true }, { op: 'login.answer' }],
    ['about somebody else', { userInfo: { sub: 's-2' } }, {}],
    ['expired', { claims: { iat: now - 900, exp: now - 600 } }, { op: 'login.clock' }],
    ['from the future', { claims: { nbf: now + 600 } }, { op: 'login.clock' }],
    [
      'discovered elsewhere',
      { discovery: { issuer: 'http://127.0.0.1:1' } },
      { op: 'login.issuer' },
    ],
    ['in clear text', { discovery: { token_endpoint: 'http://192.0.2.1/t' } }, { kind: 'denied' }],
  ])('%s', async (_what, lies, fault) => {
    await using o = await openThere()
    Object.assign(o.there, lies)
    await expect(o.whoIs()).rejects.toMatchObject(fault)
  })

  test('another state, which the question did not have', async () => {
    await using o = await openThere()
    const answer = new URL(`${redirect}?code=c&state=other`)
    await expect(o.whoIs(answer)).rejects.toMatchObject({ op: 'login.answer' })
    expect(o.there.asked).not.toContain('/token')
  })

  test('clocks that are a minute apart are forgiven', async () => {
    await using o = await openThere()
    o.there.claims = { iat: now - 300, exp: Math.floor(Date.now() / 1000) - 20 }
    expect(await o.whoIs()).toMatchObject({ sub: 's-1' })
  })
})

describe('a provider that does not work', () => {
  const discoveryPath = '/.well-known/openid-configuration'

  test('is asked once, for as long as people wait, and then discovered anew', async () => {
    await using o = await openThere()
    await o.whoIs()
    o.there.instead.set('/token', () => {})
    await expect(o.whoIs()).rejects.toMatchObject({ kind: 'unreachable', op: 'login.provider' })
    expect(o.there.asked.filter((path) => path === '/token')).toHaveLength(2)
    o.there.instead.clear()
    await o.whoIs()
    expect(o.there.asked.filter((path) => path === discoveryPath)).toHaveLength(2)
  })

  test('is discovered once for many who ask, and again after an hour', async () => {
    await using o = await openThere()
    await Promise.all([1, 2, 3].map(() => o.provider.urlFor(redirect, secrets)))
    await o.provider.urlFor(redirect, secrets)
    expect(o.there.asked).toEqual([discoveryPath])
    await o.clock.advance(3_600_000)
    await o.provider.urlFor(redirect, secrets)
    expect(o.there.asked).toEqual([discoveryPath, discoveryPath])
  })

  test.each<[string, (path: string, there: Liar) => void, object]>([
    [
      'that is broken',
      (path, { instead }) => instead.set(path, (r) => r.writeHead(503).end('later')),
      { kind: 'unreachable' },
    ],
    [
      'that hangs up',
      (path, { instead }) => instead.set(path, (r) => r.destroy()),
      { kind: 'unreachable' },
    ],
    [
      'that says too much',
      (path, { instead }) =>
        instead.set(path, (r) => {
          r.setHeader('content-type', 'application/json')
          r.end(`{"a":"${'x'.repeat(1024 * 1024)}"}`)
        }),
      { kind: 'conflict', message: expect.stringContaining('bytes') },
    ],
    [
      'that leads elsewhere',
      (path, { instead }) => instead.set(path, (r) => r.writeHead(302, { location: '/x' }).end()),
      { kind: 'conflict' },
    ],
    [
      'that answers with a page',
      (path, { instead }) =>
        instead.set(path, (r) => r.setHeader('content-type', 'text/html').end('<html>')),
      { kind: 'conflict' },
    ],
    [
      'that does not know the secret',
      (path, { instead }) =>
        instead.set(path, (r) => {
          r.writeHead(401, { 'content-type': 'application/json' })
          r.end('{"error":"invalid_client"}')
        }),
      { kind: 'conflict', message: expect.stringContaining('config.json') },
    ],
  ])('%s', async (_what, spoil, fault) => {
    await using o = await openThere()
    spoil('/token', o.there)
    await expect(o.whoIs()).rejects.toMatchObject(fault)
  })

  test('a secret in a file is read when it is needed, and lacked in words', async () => {
    await using o = await openThere({
      clientSecret: undefined,
      clientSecretFile: '/nowhere/secret',
    })
    await expect(o.whoIs()).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('clientSecretFile'),
    })
  })
})
