import { describe, expect, it } from 'vitest'
import { ana, askStubs as open } from '../../test/doors.ts'
import { sessionCookie } from './visit.ts'

const cookie = { cookie: `theme=dark; ${sessionCookie}=ana-secret` }
const host = '127.0.0.1:4680'

/** Ana has a session; everything else answers as little as it can. */
function openWithSession(next?: { secret: string; expiresAt: number }) {
  return open({
    accounts: {
      sessions: {
        who: async (secret: string) =>
          secret === 'ana-secret' ? { user: ana, ...(next && { next }) } : undefined,
        end: async () => {},
      } as never,
      enter: async () => ({ user: ana, secret: 'new-secret', expiresAt: Date.now() + 60_000 }),
    },
    projects: {
      list: async () => [],
      add: async () => {
        throw new Error('reached')
      },
    },
  })
}

describe('a session', () => {
  it('is known by its cookie, and a token beside it counts alone', async () => {
    const { ask } = openWithSession()
    const get = (headers: Record<string, string>) =>
      ask('GET /api/projects', { as: null, headers: { host, ...headers } })
    expect((await get(cookie)).status).toBe(200)
    expect((await get({ cookie: `${sessionCookie}=other` })).status).toBe(401)
    expect((await get({ cookie: `x${sessionCookie}=ana-secret` })).status).toBe(401)
    expect((await get({ ...cookie, authorization: 'Bearer wrong' })).status).toBe(401)
  })

  it.each([
    ['of this site, by its origin', { origin: `http://${host}` }, true],
    ['of this site behind a proxy', { origin: `https://${host}` }, true],
    ['of this site, by its fetch metadata', { 'sec-fetch-site': 'same-origin' }, true],
    ['of another site', { origin: 'http://evil.example' }, false],
    ['of another port', { origin: 'http://127.0.0.1:9' }, false],
    ['of nowhere', { origin: 'null' }, false],
    ['of another site, by its fetch metadata', { 'sec-fetch-site': 'cross-site' }, false],
    ['of a sibling, by its fetch metadata', { 'sec-fetch-site': 'same-site' }, false],
    ['that says nothing', {}, false],
  ])('changes things from a page %s: %s', async (_what, headers, mayPass) => {
    const { ask } = openWithSession()
    const more = { host, ...cookie, ...headers } as Record<string, string>
    const { status, json } = await ask('POST /api/projects', { as: null, headers: more, body: {} })
    // Whoever passes is told that the body is wrong, which was not looked at before.
    expect([status, json.kind]).toEqual(mayPass ? [400, 'invalid'] : [403, 'denied'])
  })

  it('is not read by a page of another site', async () => {
    const { ask } = openWithSession()
    const headers = { host, ...cookie, 'sec-fetch-site': 'cross-site' }
    expect((await ask('GET /api/projects', { as: null, headers })).status).toBe(403)
  })

  it('is not opened by a page of another site', async () => {
    const { ask } = openWithSession()
    const body = { email: 'ana@lab.example', password: 'x' }
    const from = (headers: Record<string, string>) =>
      ask('POST /api/session', { as: null, body, headers: { host, ...headers } })
    expect((await from({ origin: 'http://evil.example' })).status).toBe(403)
    expect((await from({})).status).toBe(200)
    const { headers } = await from({ origin: `http://${host}` })
    expect(headers['set-cookie']).toMatch(
      /^crossload_session=new-secret; HttpOnly; Max-Age=\d\d; Path=\/; SameSite=Strict$/,
    )
  })

  it('is kept to TLS where a proxy speaks it', async () => {
    const { ask } = openWithSession()
    const body = { email: 'ana@lab.example', password: 'x' }
    const headers = { host, 'x-forwarded-proto': 'https' }
    const told = await ask('POST /api/session', { as: null, body, headers })
    expect(told.headers['set-cookie']).toMatch(/; Secure$/)
  })

  it('is opened from where the proxy of our own machine says, when there is one', async () => {
    const seen: string[] = []
    for (const url of [undefined, 'https://data.oslo.example']) {
      const enter = async (_email: string, _password: string, from: string) => {
        seen.push(from)
        return { user: ana, secret: 's', expiresAt: 1 }
      }
      const { ask } = open({ accounts: { enter } as never }, { url })
      const body = { email: 'ana@lab.example', password: 'x' }
      const headers = { host, 'x-forwarded-for': '192.0.2.7' }
      await ask('POST /api/session', { as: null, body, headers })
    }
    expect(seen).toEqual(['127.0.0.1', '192.0.2.7'])
  })

  it('tells the new secret with a stream too, at its beginning', async () => {
    const { ask } = openWithSession({ secret: 'next', expiresAt: Date.now() + 60_000 })
    const headers = { host, ...cookie, origin: `http://${host}`, accept: 'text/event-stream' }
    const body = { name: 'a', path: '/a' }
    const told = await ask('POST /api/datasets', { as: null, headers, body })
    expect(told.headers['content-type']).toContain('text/event-stream')
    expect(String(told.headers['set-cookie'])).toContain('crossload_session=next;')
    expect(told.headers['x-content-type-options']).toBe('nosniff')
  })

  it('has no new secret with an upload, whose answer comes when it has come', async () => {
    const asked: unknown[] = []
    const who = async (_secret: string, options: unknown) => {
      asked.push(options)
      return { user: ana }
    }
    const { ask } = open({
      accounts: { sessions: { who } as never },
      projects: { list: async () => [] },
    })
    const headers = { host, ...cookie, origin: `http://${host}` }
    await ask('OPTIONS /api/uploads', { as: null, headers })
    await ask('GET /api/projects', { as: null, headers })
    expect(asked).toEqual([{ keep: true }, { keep: false }])
  })

  it('tells the browser its new secret, and to forget it in the end', async () => {
    const { ask } = openWithSession({ secret: 'next', expiresAt: Date.now() + 60_000 })
    const get = await ask('GET /api/projects', { as: null, headers: { host, ...cookie } })
    expect(get.headers['set-cookie']).toContain('crossload_session=next;')
    const headers = { host, ...cookie, origin: `http://${host}` }
    const left = await ask('DELETE /api/session', { as: null, headers })
    expect(String(left.headers['set-cookie'])).toContain(
      'crossload_session=; HttpOnly; Max-Age=0; Path=/; SameSite=Strict',
    )
  })
})
