import { describe, expect, it } from 'vitest'
import { routes } from '../../api/routes.ts'
import { Fault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import { ana, askStubs as open, root, stub } from '../../test/doors.ts'
import type { Doors } from './doors.ts'

const somewhere = (path: string) =>
  path
    .replace(':email', 'a@b.example')
    .replace(':id', path.includes('transfers') ? 'f'.repeat(32) : '1')

describe('who may ask', () => {
  it('answers only what is anybody’s without a token, and nothing at all with a wrong one', async () => {
    const facts = () => ({ version: '0.1.0' }) as never
    const begin = async () => {
      throw new Fault('invalid', 'login.begin')
    }
    const login = { name: 'Oslo University', begin }
    const { ask } = open({ login, site: { health: () => ({ state: 'ok' }), facts } })
    for (const as of [null, '', 'wrong', 'ana x']) {
      for (const [name, { method, path }] of Object.entries(routes)) {
        const { status, json, headers } = await ask(`${method} ${somewhere(path)}`, { as })
        // Whoever needs no token is told what is missing in the question, if it is one with words.
        const isOpen = routes[name as keyof typeof routes].permission === 'anyone'
        const should = !isOpen ? 401 : method === 'GET' ? 200 : 400
        expect([name, status]).toEqual([name, should])
        if (status === 401) {
          expect(json).toMatchObject({ kind: 'denied', status: 401 })
          expect(headers['www-authenticate']).toBe('Bearer')
        }
      }
    }
  })

  it('takes a token from the Authorization header only', async () => {
    const { ask } = open()
    expect((await ask('GET /api/people?token=root', { as: null })).status).toBe(401)
    const cookie = { cookie: 'token=root', authorization: 'Basic root' }
    expect((await ask('GET /api/people', { as: null, headers: cookie })).status).toBe(401)
  })

  it('keeps what is the administrators’ from members, before their words are read', async () => {
    const { ask } = open()
    const theirs = Object.values(routes).filter(({ permission }) =>
      ['site.administer', 'people.manage', 'link.manage'].includes(permission),
    )
    expect(theirs.length).toBeGreaterThan(10)
    for (const { method, path } of theirs) {
      const { status, json } = await ask(`${method} ${somewhere(path)}?nonsense=1`, { as: 'ana' })
      expect([path, status, json.kind]).toEqual([path, 403, 'denied'])
    }
  })

  it('lets a token that may only read change nothing', async () => {
    const { ask } = open({ projects: { list: async () => [] } })
    expect((await ask('GET /api/projects', { as: 'reader' })).status).toBe(200)
    for (const [name, { method, path, permission }] of Object.entries(routes)) {
      if (method === 'GET' || permission === 'anyone') continue
      const { status, json } = await ask(`${method} ${somewhere(path)}`, { as: 'reader' })
      expect([name, status, json.kind]).toEqual([name, 403, 'denied'])
    }
  })

  it('does not start with a route that says no permission', () => {
    const { permission: _, ...bare } = routes['people.list']
    expect(() => open({}, {}, { 'people.list': bare })).toThrow('people.list has no permission')
    const odd = { ...bare, permission: 'constructor' }
    expect(() => open({}, {}, { 'people.list': odd })).toThrow('people.list has no permission')
  })

  it('answers alike for another’s transfer and for none', async () => {
    const { ask } = open({
      transfers: {
        need: async (id) => {
          if (id.startsWith('a')) return { user: root.id }
          throw new Fault('missing', 'book.get', { about: id, text: 'Something else.' })
        },
      },
    })
    const [foreign, unknown] = ['a', 'b'].map((c) => c.repeat(32) as TransferId)
    for (const [method, after] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/pause'],
      ['POST', '/resume'],
      ['POST', '/cancel'],
      ['DELETE', '/limits'],
    ]) {
      const one = await ask(`${method} /api/transfers/${foreign}${after}`, { as: 'ana' })
      const other = await ask(`${method} /api/transfers/${unknown}${after}`, { as: 'ana' })
      expect(one.status).toBe(404)
      expect(one.text.replaceAll(foreign!, unknown!)).toBe(other.text)
    }
  })
})

describe('how it is asked', () => {
  it.each([
    ['127.0.0.1:7', 200],
    ['localhost', 200],
    ['LOCALHOST:80', 200],
    ['[::1]:99', 200],
    ['data.oslo.example', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost:80:80', 403],
  ])('by the name %s: %i', async (host, status) => {
    const site = { health: () => ({ state: 'ok' as const }) }
    const { ask } = open({ site }, { url: 'https://data.oslo.example' })
    expect((await ask('GET /api/health', { headers: { host } })).status).toBe(status)
  })

  it('refuses fields that nobody named, in body, query and address', async () => {
    const { ask } = open()
    const wrong = [
      ['POST /api/people', { email: 'a@b.example', isAdmin: true }, 'isAdmin'],
      ['POST /api/people?role=administrator', { email: 'a@b.example' }, 'in the body'],
      ['GET /api/links?all=1', undefined, 'all'],
      ['GET /api/datasets?limit=1&limit=2', undefined, 'limit'],
      ['GET /api/datasets?limit=1001', undefined, 'limit'],
      ['POST /api/people/a@b.example/tokens', { email: 'root@b.example' }, 'email is said twice'],
      ['GET /api/datasets/0', undefined, 'id'],
      ['GET /api/datasets/1e3', undefined, 'id'],
      ['GET /api/datasets/9007199254740993', undefined, 'id'],
      ['POST /api/people', '[]', 'JSON object'],
      ['POST /api/people', '"x"', 'JSON object'],
      ['POST /api/people', '{"email":"a@b.example","__proto__":{"role":"x"}}', undefined],
      ['POST /api/people', '{', undefined],
      ['POST /api/people', { email: 'not an address' }, 'e-mail'],
    ] as const
    for (const [line, body, says] of wrong) {
      const { status, json, headers } = await ask(line, { body })
      expect([line, status, json.kind]).toEqual([line, 400, 'invalid'])
      expect(headers['content-type']).toContain('application/problem+json')
      if (says !== undefined) expect(json.detail).toContain(says)
    }
  })

  it('caps the body and takes nothing but JSON', async () => {
    const { ask } = open()
    const large = { email: 'a@b.example', name: 'x'.repeat(2 * 1024 * 1024) }
    expect((await ask('POST /api/people', { body: large })).status).toBe(413)
    const headers = { 'content-type': 'text/plain' }
    const form = await ask('POST /api/people', { body: '{"email":"a@b.example"}', headers })
    expect([form.status, form.json.kind]).toEqual([415, 'invalid'])
  })

  it('says what there is no question for', async () => {
    const { ask } = open()
    const { status, json, headers } = await ask('GET /api/nonsense')
    expect([status, json.kind, headers['cache-control']]).toEqual([404, 'missing', 'no-store'])
  })
})

describe('how it is answered', () => {
  it('tells instants as ISO text, and no field that the table does not name', async () => {
    const record = { ...ana, secret: 'x' }
    const { ask } = open({
      users: { list: async () => [record] },
      links: { invite: async ({ expiresMs }) => ({ text: 'crossload1x', expiresAt: expiresMs! }) },
    })
    const { json, headers } = await ask('GET /api/people')
    expect(json).toEqual([
      {
        id: 1,
        email: 'ana@lab.example',
        name: 'Ana',
        role: 'member',
        personal: 1,
        state: 'active',
      },
    ])
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    const invited = await ask('POST /api/invitations', { body: { expiresMs: 1000 } })
    expect(invited.json).toEqual({
      invitation: 'crossload1x',
      expiresAt: '1970-01-01T00:00:01.000Z',
    })
  })

  it('lets no other origin in', async () => {
    const { ask } = open({ site: { health: () => ({ state: 'ok' }) } })
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'GET' }
    for (const line of ['GET /api/health', 'OPTIONS /api/health', 'OPTIONS /api/people']) {
      const { headers: answered } = await ask(line, { headers })
      expect(Object.keys(answered).join()).not.toContain('access-control')
    }
  })

  it('tells a fault as it is', async () => {
    const list = ['a/b', 'c']
    const { ask } = open({
      users: {
        list: async () => {
          throw new Fault('full', 'x.y', { about: '/data', text: 'No room.', list, side: 'there' })
        },
      },
    })
    const { status, json } = await ask('GET /api/people')
    expect(status).toBe(507)
    expect(json).toEqual({
      type: 'urn:crossload:problem:full',
      title: expect.stringContaining('no room'),
      status: 507,
      detail: 'No room.',
      kind: 'full',
      op: 'x.y',
      side: 'there',
      again: true,
      about: '/data',
      list,
    })
  })

  it('keeps its own mistakes to itself, but for a number that its log has too', async () => {
    const { ask, logged } = open({
      users: {
        list: async () => {
          throw new TypeError('cannot read /secret/place of undefined')
        },
      },
    })
    const { status, json, text } = await ask('GET /api/people')
    expect([status, json.kind]).toEqual([500, 'internal'])
    expect(text).not.toContain('secret')
    expect(json.reference).toMatch(/^[0-9a-f]{12}$/)
    expect(json.detail).toContain(json.reference)
    expect(logged).toEqual([{ reference: json.reference, err: expect.any(TypeError) }])
  })

  it('in safe mode answers everything with the reason', async () => {
    const text = 'Record 17 of the journal is damaged.'
    const fault = { kind: 'corrupt', op: 'journal.open', about: 17, text } as const
    const { ask } = open(
      {},
      { doors: { site: stub<Doors['site']>({ health: () => ({ state: 'safe', fault }) }) } },
    )
    const health = await ask('GET /api/health', { as: null })
    expect(health.json).toEqual({ state: 'safe', fault })
    for (const [name, { method, path }] of Object.entries(routes)) {
      if (name === 'site.health') continue
      const { json } = await ask(`${method} ${somewhere(path)}`)
      expect([name, json.kind, json.about, json.detail]).toEqual([name, 'corrupt', 17, text])
    }
  })
})
