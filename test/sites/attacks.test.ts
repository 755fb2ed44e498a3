/**
 * Somebody with a token of their own, or none, tries the side doors of the API of a real site: other
 * people's things by their IDs, names that become headers, and what a browser could be made to do.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { openFolder } from '../folder.ts'
import { askRaw } from '../raw-http.ts'
import { ana, openSite, type Site } from '../site.ts'

const ben = 'ben@oslo.example'
const page = '<script>alert(1)</script>'

let site: Site
let atAna: Client
let folder: Awaited<ReturnType<typeof openFolder>>
let dataset: number
let cid: string

beforeAll(async () => {
  folder = await openFolder()
  site = await openSite('oslo')
  atAna = await site.as(ana)
  await site.as(ben)
  const path = join(folder.path, 'data')
  await mkdir(path)
  await writeFile(join(path, 'x.html'), page)
  await writeFile(join(path, 'a";b=c; .svg'), page)
  const name = 'Evil"; filename=x.exe; \\ ../ é'
  dataset = (await atAna.call('datasets.add', { name, path })).id
  const { files } = await atAna.call('datasets.files', { id: dataset })
  cid = files.find(({ path }) => path === 'x.html')!.cid
}, 60_000)

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

type Asked = {
  as?: string | null
  method?: string
  headers?: Record<string, string>
  body?: unknown
}

function ask(path: string, { as = ben, method = 'GET', headers = {}, body }: Asked = {}) {
  return fetch(site.admin.url + path, {
    method,
    headers: {
      ...(as === null ? {} : { authorization: `Bearer ${site.tokens.get(as)}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

describe('what is another’s', () => {
  test('is not there by any side door, as what is nowhere is not', async () => {
    const none = `${cid.slice(0, -6)}aaaaaa`
    const doors = (id: number, cid: string) => [
      `/api/datasets/${id}`,
      `/api/datasets/${id}/files`,
      `/api/datasets/${id}/content?path=x.html`,
      `/api/datasets/${id}/archive`,
      `/ga4gh/drs/v1/objects/${cid}`,
      `/ga4gh/drs/v1/objects/${cid}/access/https`,
    ]
    const theirs = doors(dataset, cid)
    const nowhere = doors(999, none)
    const plain = (text: string) => text.replaceAll(String(dataset), '#').replaceAll('999', '#')
    for (const [i, path] of theirs.entries()) {
      const [one, other] = await Promise.all([ask(path), ask(nowhere[i]!)])
      expect([path, one.status]).toEqual([path, 404])
      expect(plain(await one.text())).toBe(plain(await other.text()))
      expect((await ask(path, { as: null })).status).toBe(401)
    }
  })

  test('an address that was made for one opens nothing else, and nothing once the right is gone', async () => {
    const project = (await atAna.call('projects.add', { name: 'Shared' })).id
    const path = join(folder.path, 'shared')
    await mkdir(path)
    await writeFile(join(path, 'b.txt'), 'only here')
    const { id } = await atAna.call('datasets.add', { name: 'Shared', path, project })
    const shared = (await atAna.call('datasets.files', { id })).files[0]!.cid
    const member = { id: project, email: ben as never }
    await atAna.call('projects.set-member', { ...member, role: 'viewer' })
    const { url } = await (await ask(`/ga4gh/drs/v1/objects/${shared}/access/https`)).json()
    const own = new URL(url)
    const open = (path: string) => ask(path, { as: null }).then(({ status }) => status)
    expect(await open(own.pathname + own.search)).toBe(200)
    expect(await open(own.pathname.replace(shared, cid) + own.search)).toBe(410)
    const [said, seal] = own.searchParams.get('ticket')!.split('.')
    const forged = Buffer.from(
      Buffer.from(said!, 'base64url').toString().replace(shared, cid),
    ).toString('base64url')
    const address = `/ga4gh/drs/v1/content/${cid}?ticket=`
    for (const ticket of [`${forged}.${seal}`, `${said}.`, '.', '', `${said}.${seal}.x`])
      expect([ticket, await open(address + encodeURIComponent(ticket))]).toEqual([ticket, 410])
    await atAna.call('projects.remove-member', member)
    expect(await open(own.pathname + own.search)).toBe(404)
  })

  test('an answer that was given to one is not repeated to another with the same key', async () => {
    const add = (as: string) =>
      ask('/api/tokens', { as, method: 'POST', headers: { 'idempotency-key': 'same' }, body: {} })
    const [first, second] = [await (await add(ana)).json(), await (await add(ben)).json()]
    expect([first.email, second.email]).toEqual([ana, ben])
    expect(second.token).not.toBe(first.token)
  })
})

describe('a name that would be a header', () => {
  test('is data, and what has it is kept and never shown', async () => {
    const paths = ['x.html', 'a";b=c; .svg'].map((p) => `content?path=${encodeURIComponent(p)}`)
    for (const path of [...paths, 'archive']) {
      const { headers, status } = await ask(`/api/datasets/${dataset}/${path}`, { as: ana })
      expect(status).toBe(200)
      expect(headers.get('content-disposition')).toMatch(
        /^attachment; filename="[^"\\\r\n]*"; filename\*=UTF-8''[\w.!#$&+^`|~%-]+$/,
      )
      expect(headers.get('content-type')).toMatch(/^application\/(octet-stream|x-tar)$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('set-cookie')).toBe(null)
    }
  })
})

test('every answer is private, is what it says, and is in nobody’s frame', async () => {
  const questions: [path: string, asked: Asked][] = [
    ['/', { as: null }],
    ['/datasets/1', { as: null }],
    ['/healthz', { as: null }],
    ['/api/health', { as: null }],
    ['/api/openapi', { as: null }],
    ['/.well-known/crossload', { as: null }],
    ['/ga4gh/drs/v1/service-info', { as: null }],
    ['/api/site', { as: null }],
    ['/metrics', { as: null }],
    ['/nowhere.js', { as: null }],
    ['/api/nowhere', {}],
    ['/api/site', {}],
    ['/api/datasets', {}],
    ['/api/projects', { method: 'POST', body: { nonsense: 1 } }],
    [`/api/datasets/${dataset}/content?path=x.html`, { as: ana }],
    [`/api/datasets/${dataset}/content?path=x.html`, { as: ana, headers: { range: 'bytes=1-2' } }],
    [`/api/datasets/${dataset}/archive`, { as: ana }],
    [`/ga4gh/drs/v1/objects/${cid}`, { as: ana }],
  ]
  for (const [path, asked] of questions) {
    const { headers } = await ask(path, asked)
    const policy = headers.get('content-security-policy')
    expect([path, policy]).toEqual([path, expect.stringContaining("default-src 'none'")])
    expect([path, policy]).toEqual([path, expect.stringContaining("frame-ancestors 'none'")])
    expect(headers.get('cache-control')).toMatch(/^no-(store|cache)$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    for (const name of ['access-control-allow-origin', 'server', 'x-powered-by'])
      expect([path, headers.get(name)]).toEqual([path, null])
  }
})

test('no page of another origin is let in by a preflight, and no method hides behind another', async () => {
  const origin = { origin: 'http://evil.example', 'access-control-request-method': 'POST' }
  for (const path of ['/api/projects', '/api/uploads', '/api/session', '/metrics', '/']) {
    for (const as of [null, ben]) {
      const { headers } = await ask(path, { as, method: 'OPTIONS', headers: origin })
      const said = [...headers.keys()].filter((name) => name.startsWith('access-control-'))
      expect([path, said]).toEqual([path, []])
    }
  }
  const before = await site.admin.call('people.list', {})
  for (const header of ['x-http-method-override', 'x-method-override', 'x-original-url'])
    for (const value of ['DELETE', `/api/people/${ana}`])
      await ask(`/api/projects`, { headers: { [header]: value } })
  await ask(`/api/projects?_method=DELETE`)
  expect(await site.admin.call('people.list', {})).toEqual(before)
})

test('guessing is counted by the line it comes over, whatever headers say; and tells nobody who has an account', async () => {
  const tried: { status: number; body: string }[] = []
  for (let i = 0; i < 8; i++) {
    const response = await ask('/api/session', {
      as: null,
      method: 'POST',
      headers: { 'x-forwarded-for': `10.0.0.${i}`, 'x-real-ip': `10.1.0.${i}` },
      body: { email: ana, password: `guess ${i} of many` },
    })
    tried.push({ status: response.status, body: await response.text() })
  }
  expect(tried.map(({ status }) => status).slice(-2)).toEqual([429, 429])
  const unknown = await ask('/api/session', {
    as: null,
    method: 'POST',
    body: { email: 'nobody@oslo.example', password: 'guess 0 of many' },
  })
  expect([unknown.status, await unknown.text()]).toEqual([401, tried[0]!.body])
})

test('a question that follows another on one line is its own, with its own right', async () => {
  const { host } = new URL(site.admin.url)
  const one = `GET /api/site HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${site.tokens.get(ana)}\r\n\r\n`
  const two = `GET /api/site HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
  const first = await askRaw(site.admin.url, two)
  expect(first.status).toBe(401)
  const both = await askRaw(site.admin.url, one + two)
  expect(both.status).toBe(200)
})
