/**
 * An institution where people log in: a real OpenID Connect provider on loopback, over real HTTP, which
 * asks nobody for a password. And a browser as far as HTTP goes, that follows it with cookies.
 */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

export type Person = {
  sub: string
  email?: string
  email_verified?: boolean
  name?: string
  groups?: string[]
}

export interface Institution extends AsyncDisposable {
  readonly issuer: string
  /** For `config.json` of a site. */
  readonly config: { issuer: string; clientId: string; clientSecret: string; name: string }
  /** Who sits at the browser, as the institution knows them; undefined declines. */
  person: Person | undefined
  /** Nobody answers from now on, or again. */
  setUp(isUp: boolean): Promise<void>
  /** Every question that it was asked, as METHOD PATH. */
  readonly asked: string[]
}

const clientId = 'crossload'
const clientSecret = 'not for everybody to know'

/** `host`: a browser takes `localhost` and 127.0.0.1 for different sites. */
export async function openInstitution({ host = '127.0.0.1' } = {}): Promise<Institution> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {}
  const asked: string[] = []
  let server: Server
  const listen = async (port: number) => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url!.split('?')[0]}`)
      handle(request, response)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  const port = await listen(0)
  const issuer = `http://${host}:${port}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' }
  const people = new Map<string, Person>()
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        // Native: on loopback any port may be come back to.
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/login/callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    async findAccount(_context, accountId) {
      const claims = async () => ({ ...people.get(accountId)!, sub: accountId })
      return { accountId, claims }
    },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['only for tests'] },
    jwks: { keys: [key as never] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Grant: 600, Session: 600 },
  })
  const institution: Institution = {
    issuer,
    config: { issuer, clientId, clientSecret, name: 'Oslo University' },
    person: undefined,
    asked,
    async setUp(isUp) {
      if (isUp) await listen(port)
      else await close()
    },
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await close()
    },
  }

  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response)
    const { person } = institution
    const merge = { mergeWithLastSubmission: false }
    if (person === undefined) {
      const no = { error: 'access_denied', error_description: 'they said no' }
      return provider.interactionFinished(request, response, no, merge)
    }
    people.set(person.sub, person)
    const grant = new provider.Grant({
      accountId: person.sub,
      clientId: params.client_id as string,
    })
    grant.addOIDCScope('openid email profile groups')
    const grantId = await grant.save()
    const yes = { login: { accountId: person.sub }, consent: { grantId } }
    return provider.interactionFinished(request, response, yes, merge)
  }

  const answer = provider.callback()
  handle = (request, response) => {
    if (!request.url!.startsWith('/interaction/')) return void answer(request, response)
    interact(request, response).catch((thrown) => {
      response.statusCode = 500
      response.end(String(thrown))
    })
  }
  return institution
}

type Answer = { status: number; location: string | null; set: string[]; text: string }

/** One person's browser: cookies of each origin, and it says where a question comes from. */
export function openBrowser() {
  const jars = new Map<string, Map<string, string>>()

  async function ask(
    method: string,
    address: string,
    o: { from?: 'own' | 'other'; body?: object } = {},
  ): Promise<Answer> {
    const url = new URL(address)
    const jar = jars.get(url.origin) ?? new Map<string, string>()
    jars.set(url.origin, jar)
    const isOther = o.from === 'other'
    const cookies = [...jar]
      // As a browser does: what is Strict stays behind when another site leads here.
      .filter(([name]) => !(isOther && name === 'crossload_session'))
      .map(([name, value]) => `${name}=${value}`)
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        ...(isOther ? { 'sec-fetch-site': 'cross-site' } : { origin: url.origin }),
        ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
        ...(o.body && { 'content-type': 'application/json' }),
      },
      ...(o.body && { body: JSON.stringify(o.body) }),
    })
    const set = response.headers.getSetCookie()
    for (const one of set) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(one)!
      if (value === '' || /max-age=0/i.test(one)) jar.delete(name!)
      else jar.set(name!, value!)
    }
    const { status, headers } = response
    return { status, location: headers.get('location'), set, text: await response.text() }
  }

  /** From the provider's address on, until it sends the browser somewhere else: there it stops. */
  async function atInstitution(url: string): Promise<string> {
    const { origin } = new URL(url)
    let next = url
    for (let hops = 0; hops < 10; hops++) {
      const { location, status, text } = await ask('GET', next, { from: 'other' })
      if (location === null) throw new Error(`the institution says ${status}: ${text}`)
      next = new URL(location, next).href
      if (new URL(next).origin !== origin) return next
    }
    throw new Error('the institution goes round in circles')
  }

  return {
    ask,
    /** Begins a login and follows it; where the institution sends the browser in the end. */
    async toReturn(site: string, to?: string): Promise<string> {
      const body = to === undefined ? {} : { to }
      const begun = await ask('POST', `${site}/api/login`, { body })
      if (begun.status !== 200) throw new Error(begun.text)
      return atInstitution((JSON.parse(begun.text) as { url: string }).url)
    },
    /** Comes back to the site with the institution's answer. */
    comeBack: (address: string) => ask('GET', address, { from: 'other' }),
    /** The whole way. */
    async logIn(site: string, to?: string): Promise<Answer> {
      return this.comeBack(await this.toReturn(site, to))
    },
    /** Who the site takes this browser for. */
    async me(site: string): Promise<string | undefined> {
      const { status, text } = await ask('GET', `${site}/api/site`)
      return status === 200 ? (JSON.parse(text) as { you: { email: string } }).you.email : undefined
    },
    /** The words that the page shows for where a failed login led. */
    async trouble(site: string, { location }: Answer): Promise<{ kind: string; text: string }> {
      const tried = new URL(location!, site).searchParams.get('tried')!
      const { text } = await ask('GET', `${site}/api/login?tried=${tried}`)
      return (JSON.parse(text) as { trouble: { kind: string; text: string } }).trouble
    },
  }
}
