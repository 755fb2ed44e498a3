/**
 * What is wrong with questions, on the way or by intent, at the real sockets of a real site: each is told in
 * a problem document what to do, the site goes on, and nothing of it is kept.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { problemShape } from '../../api/problem-shape.ts'
import { openFolder } from '../folder.ts'
import { askRaw, dialRaw, type RawAnswer, readRaw } from '../raw-http.ts'
import { ana, eventually, openSite, type Site } from '../site.ts'

/** How long a question may take here, instead of half a minute. */
const questionMs = 1000
const json = 'Content-Type: application/json'
const text = Buffer.from('0123456789')

let site: Site
let atOslo: Client
let folder: Awaited<ReturnType<typeof openFolder>>
let dataset: number
let before: unknown
/** How much of the site's log was looked at. */
let read = 0

beforeAll(async () => {
  folder = await openFolder()
  site = await openSite('oslo', { config: { questionMs } })
  atOslo = await site.as(ana)
  const path = join(folder.path, 'data')
  await mkdir(path)
  await writeFile(join(path, 'a.txt'), text)
  dataset = (await atOslo.call('datasets.add', { name: 'Ten', path })).id
}, 60_000)

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

// Each case for itself: one that failed is no reason for the next to fail.
beforeEach(async () => {
  before = await kept()
})

afterEach(async () => {
  expect(await kept()).toEqual(before)
  expect(site.process.exitCode).toBe(null)
  const log = site.log().slice(read)
  read += log.length
  expect(log).not.toMatch(/mistake of ours|"level":(50|60)/)
})

/** All that a question could leave behind. */
async function kept() {
  const { records } = await site.admin.call('journal.read', { newest: true, limit: 1 })
  const { startedAt } = await site.admin.call('site.show', {})
  const uploads = await readdir(join(site.home, 'uploads'))
  return { seq: records[0]!.seq, startedAt, uploads }
}

type Head = { host?: string[]; as?: string | null; headers?: string[] }

/** A question as text: its first line, who asks, more headers, and the body as it is. */
function head(line: string, { host, as = ana, headers = [] }: Head = {}): string {
  const hosts = host ?? [`Host: ${new URL(site.admin.url).host}`]
  const who = as === null ? [] : [`Authorization: Bearer ${site.tokens.get(as)}`]
  return `${[line, ...hosts, ...who, ...headers].join('\r\n')}\r\n\r\n`
}
const get = (path: string, o?: Head) => askRaw(site.admin.url, head(`GET ${path} HTTP/1.1`, o))
function post(body: string | Buffer, headers = [json], path = '/api/projects') {
  const all = [...headers, `Content-Length: ${Buffer.byteLength(body)}`]
  return askRaw(site.admin.url, head(`POST ${path} HTTP/1.1`, { headers: all }), body)
}

/** A problem document of this status, with a sentence for what happened and one for what to do. */
function expectProblem(answer: RawAnswer, status: number, says = ''): void {
  expect([answer.status, answer.body.toString()]).toEqual([status, expect.stringContaining(says)])
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  const problem = problemShape.parse(JSON.parse(answer.body.toString()))
  expect(problem.status).toBe(status)
  expect(`${problem.title} ${problem.detail}`).toMatch(/\w.*\. [A-Z].*\./)
  expect(answer.answers).toBe(1)
}

describe('a question whose frame is ambiguous', () => {
  const name = '{"name":"Smuggled"}'
  const framed = (headers: string[], body: string) =>
    askRaw(
      site.admin.url,
      head('POST /api/projects HTTP/1.1', { headers: [json, ...headers] }) + body,
    )
  /** What a proxy that reads the other length takes for the next question. */
  const inner = () => head('POST /api/projects HTTP/1.1', { headers: [json] })
  const cases: Record<string, [string[], () => string]> = {
    'two lengths': [['Content-Length: 19', 'Content-Length: 0'], () => name],
    'the same length twice': [['Content-Length: 19', 'Content-Length: 19'], () => name],
    'a list of lengths': [['Content-Length: 19, 19'], () => name],
    'a length and chunks': [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      () => `0\r\n\r\n${inner()}`,
    ],
    'chunks and a length': [
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      () => `0\r\n\r\n${inner()}`,
    ],
    'chunks said twice': [
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
      () => '0\r\n\r\n',
    ],
    'another encoding of the transfer': [['Transfer-Encoding: xchunked'], () => '0\r\n\r\n'],
    'chunks that are not last': [['Transfer-Encoding: chunked, gzip'], () => '0\r\n\r\n'],
    'a space before the colon': [['Transfer-Encoding : chunked'], () => '0\r\n\r\n'],
    'a tab in the name': [['Transfer\tEncoding: chunked'], () => '0\r\n\r\n'],
    'a length with a sign': [['Content-Length: +19'], () => name],
    'a length below nothing': [['Content-Length: -1'], () => name],
    'a length in hexadecimal': [['Content-Length: 0x13'], () => name],
    'a length beyond 2^64': [['Content-Length: 99999999999999999999999'], () => name],
    'a chunk of no size': [['Transfer-Encoding: chunked'], () => `zz\r\n${name}\r\n0\r\n\r\n`],
    'a chunk beyond 2^64': [
      ['Transfer-Encoding: chunked'],
      () => `fffffffffffffffff\r\n${name}\r\n0\r\n\r\n`,
    ],
    'a chunk that is longer than it says': [
      ['Transfer-Encoding: chunked'],
      () => `5\r\n${name}\r\n0\r\n\r\n`,
    ],
    'a header over two lines': [['X-Long: a', ' b', 'Content-Length: 19'], () => name],
    'a return in a header': [['X-Odd: a\rContent-Length: 19'], () => name],
    'lines without returns': [['X-Odd: a\nContent-Length: 19'], () => name],
  }

  test.each(Object.keys(cases))('%s', async (what) => {
    const [headers, body] = cases[what]!
    const answer = await framed(headers, body())
    expectProblem(answer, 400)
  })

  test('a trailer gives nobody a name', async () => {
    const headers = [json, 'Transfer-Encoding: chunked', 'Trailer: Authorization']
    const trailer = `Authorization: Bearer ${site.tokens.get(ana)}`
    const body = `13\r\n${name}\r\n0\r\n${trailer}\r\n\r\n`
    const line = 'POST /api/projects HTTP/1.1'
    expectProblem(await askRaw(site.admin.url, head(line, { as: null, headers }), body), 401)
  })

  test('a body where none belongs', async () => {
    expectProblem(await get('/api/projects', { headers: ['Content-Length: 2'] }), 400, 'address')
  })
})

describe('an address', () => {
  const host = () => new URL(site.admin.url).host
  test.each([
    ['said without a name', () => [], 400],
    ['said by two names', () => [`Host: ${host()}`, 'Host: evil.example'], 400],
    ['said by one name twice', () => [`Host: ${host()}`, `host: ${host()}`], 400],
    ['of another site', () => ['Host: evil.example'], 403],
    ['with somebody in front of the name', () => [`Host: evil.example@${host()}`], 403],
    ['with our name in front of another', () => [`Host: ${host()}@evil.example`], 403],
    ['with a port that is none', () => ['Host: 127.0.0.1:99999'], 403],
    ['with a port that is a name', () => ['Host: 127.0.0.1:80.evil.example'], 403],
    ['that ends in a dot', () => ['Host: 127.0.0.1.'], 403],
    ['with a path in the name', () => ['Host: 127.0.0.1/evil.example'], 403],
    ['in numbers that mean ours', () => ['Host: 2130706433'], 403],
  ] as const)('%s', async (_what, hosts, status) => {
    expectProblem(await get('/api/site', { host: [...hosts()] }), status)
  })

  test.each([
    ['http://evil.example/api/site', 400],
    ['http://evil.example/', 400],
    ['ftp://127.0.0.1/api/site', 400],
    ['*', 400],
    ['api/site', 400],
    ['//api/site', 404],
    ['//evil.example/', 404],
    ['/api//site', 404],
    ['/api/site/', 404],
    ['/API/site', 404],
    ['/./api/site', 404],
    ['/api/../api/site', 404],
    ['/api/%2e%2e/api/site', 404],
    ['/api%2fsite', 404],
    ['/api%2Fsite', 404],
    ['/api%5csite', 404],
    ['/api\\site', 404],
    ['/api/site;a=b', 404],
    ['/api/site%00', 404],
    ['/..%2f..%2fetc/passwd', 404],
    ['/../../etc/passwd', 404],
    ['/assets/../../package.json', 404],
    ['/assets/..%2f..%2fpackage.json', 404],
    ['/assets/%2e%2e/%2e%2e/package.json', 404],
    ['/config.json', 404],
    ['/.git/config', 404],
    ['/%', 400],
    ['/api/%zz', 400],
    ['/api/%ff', 400],
    ['/api/si\0te', 400],
    ['/api/caf\u00e9', 400],
    ['/api/datasets/9007199254740993', 400],
    ['/api/datasets/99999999999999999999', 400],
    ['/api/datasets/1e0', 400],
    ['/api/datasets/-1', 400],
    ['/api/datasets/01', 400],
    ['/api/datasets/1%00', 400],
    ['/api/datasets/%2f', 400],
    ['/api/datasets?limit=9007199254740993', 400],
    ['/api/datasets?limit=1&limit=2', 400],
    ['/api/datasets?__proto__=1', 400],
    ['/api/datasets?constructor=1', 400],
    ['/api/datasets?unknown=1', 400],
    [`/api/datasets/${'1'.repeat(3000)}`, 414],
    [`/api/datasets?search=${'x'.repeat(20_000)}`, 431],
  ])('%s: %i', async (path, status) => {
    expectProblem(await get(path), status)
  })

  test('of a file that climbs is no file of the dataset', async () => {
    for (const path of ['../a.txt', '%2e%2e%2fa.txt', '/a.txt', './a.txt', 'a.txt%00', 'a.txt/']) {
      const answer = await get(`/api/datasets/${dataset}/content?path=${path}`)
      expectProblem(answer, answer.status === 400 ? 400 : 404)
    }
  })

  test('said whole is read like any other', async () => {
    expect((await get(`http://${host()}/api/site`)).status).toBe(200)
  })
})

describe('headers', () => {
  test.each([
    ['too long', [`X-Long: ${'x'.repeat(20_000)}`], 431],
    ['too many', Array.from({ length: 3000 }, (_, i) => `X-${i}: 1`), 431],
    ['with a null byte', ['X-Null: a\0b'], 400],
    ['without a colon', ['X-Odd'], 400],
    ['with conditions', ['Expect: 200-maybe', 'Content-Length: 0'], 417],
    ['of a key that has spaces', ['Idempotency-Key: a b', json, 'Content-Length: 2'], 400],
  ] as const)('%s', async (_what, headers, status) => {
    const line = 'POST /api/projects HTTP/1.1'
    expectProblem(await askRaw(site.admin.url, head(line, { headers: [...headers] }), '{}'), status)
  })

  test.each(['TRACE', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'FOO', 'get', 'CONNECT'])(
    'the method %s where there is none',
    async (method) => {
      const answer = await askRaw(site.admin.url, head(`${method} /api/site HTTP/1.1`))
      expectProblem(answer, answer.status)
      expect([400, 404, 405]).toContain(answer.status)
      expect(answer.body.toString()).not.toContain(site.tokens.get(ana))
    },
  )

  test('no HTTP at all', async () => {
    for (const bytes of [
      '\x16\x03\x01\x02\x00\x01\x00',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'hello\r\n',
    ])
      expectProblem(await askRaw(site.admin.url, bytes), 400)
  })
})

describe('a body', () => {
  const deep = (open: string, close: string) => `${open.repeat(50_000)}1${close.repeat(50_000)}`
  const big = '9007199254740993'
  test.each([
    ['that is cut', '{"name":', 'JSON'],
    ['that is empty', '', 'no body'],
    ['of two values', '{"name":"a"}{}', 'JSON'],
    ['that is a list', '[]', 'object'],
    ['that is text', '"name"', 'object'],
    ['that is null', 'null', 'name'],
    ['with a field that nobody named', '{"name":"a","admin":true}', 'admin'],
    ['with a key twice', '{"name":"a","name":"b"}', 'twice'],
    ['with a key twice in two spellings', '{"n\\u0061me":"a","name":"b"}', 'twice'],
    ['with a key for prototypes', '{"name":"a","__proto__":{"x":1}}', '__proto__'],
    ['that nests lists without end', deep('[', ']'), 'deeper'],
    ['that nests objects without end', `{"name":${deep('{"a":', '}')}}`, 'deeper'],
    ['with a null byte in a name', '{"name":"a\\u0000b"}', 'control'],
    ['with half a character', '{"name":"\\ud800"}', 'name'],
    ['with a number for a name', `{"name":${big}}`, 'name'],
    ['with a name of nothing', '{"name":""}', 'name'],
    ['with a name without end', `{"name":"${'x'.repeat(100_000)}"}`, 'name'],
  ])('%s', async (_what, body, says) => {
    expectProblem(await post(body), 400, says)
  })

  test('that is not UTF-8', async () => {
    for (const bytes of [
      [0xff, 0xfe],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xe2, 0x82],
    ]) {
      const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')])
      expectProblem(await post(body), 400, 'UTF-8')
    }
    expectProblem(await post(Buffer.from('{"name":"a"}', 'utf16le')), 400)
  })

  test.each([
    ['a dataset', `{"to":{"email":"x@y.example","alias":"kyoto"},"dataset":{"id":${big}}}`],
    ['a destination', `{"to":{"email":"x@y.example","alias":"kyoto"},"dest":${big}}`],
    ['half a dataset', '{"to":{"email":"x@y.example","alias":"kyoto"},"dataset":{"id":1.5}}'],
    ['endless', '{"to":{"email":"x@y.example","alias":"kyoto"},"dest":1e400}'],
    ['below', '{"to":{"email":"x@y.example","alias":"kyoto"},"dest":-1}'],
    ['twice below', '{"to":{"email":"x@y.example","email":"z@y.example","alias":"kyoto"}}'],
  ])('with a number that no dataset has: %s', async (_what, body) => {
    expectProblem(await post(body, [json], '/api/transfers'), 400)
  })

  test.each([
    [],
    ['Content-Type: text/plain'],
    ['Content-Type: application/x-www-form-urlencoded'],
    ['Content-Type: multipart/form-data; boundary=x'],
    ['Content-Type: application/jsonx'],
    ['Content-Type: application/json, text/plain'],
    ['Content-Type: application/json; charset=utf-16'],
    ['Content-Type: ;;;'],
    [json, 'Content-Encoding: gzip'],
    [json, 'Content-Encoding: identity'],
  ])('of another kind: %s %s', async (...headers) => {
    expectProblem(await post('{"name":"a"}', headers), 415, 'application/json')
  })

  test('that is too large, said before or only seen', async () => {
    const said = [json, 'Content-Length: 1100000']
    const line = 'POST /api/projects HTTP/1.1'
    // Nothing of it is waited for.
    expectProblem(await askRaw(site.admin.url, head(line, { headers: said })), 413)
    const chunk = `80000\r\n${' '.repeat(0x80000)}\r\n`
    const chunked = [json, 'Transfer-Encoding: chunked']
    const answer = await askRaw(site.admin.url, head(line, { headers: chunked }), chunk.repeat(3))
    expectProblem(answer, 413)
  })

  test('that is not what its digest says', async () => {
    const other = createHash('sha256').update('other').digest('base64')
    const wrong = await post('{"name":"a"}', [json, `Content-Digest: sha-256=:${other}:`])
    expectProblem(wrong, 400, 'Content-Digest')
    for (const digest of ['sha-256=:AAAA:', 'sha-256=x', 'sha-256'])
      expectProblem(await post('{"name":"a"}', [json, `Content-Digest: ${digest}`]), 400, 'digest')
  })

  test('that comes letter by letter is not waited for, and neither are headers', async () => {
    for (const start of [
      head('POST /api/projects HTTP/1.1', { headers: [json, 'Content-Length: 5000'] }),
      head('POST /api/projects HTTP/1.1', { headers: [json, 'Transfer-Encoding: chunked'] }),
      head('GET /api/site HTTP/1.1').slice(0, -2),
    ]) {
      const socket = await dialRaw(site.admin.url)
      const told = readRaw(socket)
      socket.write(start)
      const isHead = !start.endsWith('\r\n\r\n')
      const drip = setInterval(() => socket.write(isHead ? 'x' : '1\r\n \r\n'), questionMs / 20)
      const answer = await told.finally(() => clearInterval(drip))
      expectProblem(answer, 408, 'in time')
      socket.destroy()
    }
  })

  test('whose asker leaves in the middle of it', async () => {
    const headers = [json, 'Content-Length: 5000']
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const socket = await dialRaw(site.admin.url)
      socket.write(`${head('POST /api/projects HTTP/1.1', { headers })}{"name":`)
      // So long that its beginning was read.
      expect((await get('/api/health')).status).toBe(200)
      socket.resume()
      const closed = once(socket, 'close')
      socket[leave]()
      await closed
      expect((await get('/api/health')).status).toBe(200)
    }
  })
})

test.each([
  'bytes=abc',
  'bytes=',
  'bytes=5-2',
  'bytes=-',
  'bytes=0-1,4-5',
  'bytes=0x1-0x2',
  'items=0-1',
  'bytes 0-1',
  'bytes=00000000000000000000000000-1',
  `bytes=${'0-1,'.repeat(2000)}0-1`,
])('a range that is none is passed over: %.30s', async (range) => {
  const address = `/api/datasets/${dataset}/content?path=a.txt`
  const answer = await get(address, { headers: [`Range: ${range}`] })
  expect([answer.status, answer.body.equals(text)]).toEqual([200, true])
})

test.each(['bytes=10-', 'bytes=999999999999999-', 'bytes=-0', 'bytes=10-10'])(
  'a range of what is not there is a problem: %s',
  async (range) => {
    const address = `/api/datasets/${dataset}/content?path=a.txt`
    const answer = await get(address, { headers: [`Range: ${range}`] })
    expectProblem(answer, 416, '10 bytes')
    expect(answer.headers.get('content-range')).toBe('bytes */10')
  },
)

describe('an upload', () => {
  const tus = 'Tus-Resumable: 1.0.0'
  const octets = 'Content-Type: application/offset+octet-stream'
  const bytes = Buffer.alloc(3_000_001)
  for (let i = 0, x = 9; i < bytes.length; i++) bytes[i] = x = (x * 1_103_515_245 + 12_345) & 0xff

  async function begun(size = bytes.length): Promise<string> {
    const headers = [tus, `Upload-Length: ${size}`, 'Content-Length: 0']
    const answer = await askRaw(site.admin.url, head('POST /api/uploads HTTP/1.1', { headers }))
    expect(answer.status).toBe(201)
    return answer.headers.get('location')!
  }
  const patched = (at: string, headers: string[], body: Uint8Array, from = 0) => {
    const all = [
      tus,
      octets,
      `Upload-Offset: ${from}`,
      `Content-Length: ${body.length}`,
      ...headers,
    ]
    return askRaw(site.admin.url, head(`PATCH ${at} HTTP/1.1`, { headers: all }), body)
  }
  const offsetOf = async (at: string) => {
    const answer = await askRaw(site.admin.url, head(`HEAD ${at} HTTP/1.1`, { headers: [tus] }))
    return Number(answer.headers.get('upload-offset'))
  }
  const ended = async (at: string) => {
    const line = `DELETE ${at} HTTP/1.1`
    expect((await askRaw(site.admin.url, head(line, { headers: [tus] }))).status).toBe(204)
  }

  test('that is cut again and again goes on at each place, and is byte for byte what was sent', async () => {
    const at = await begun()
    const cuts = [0, 1, 65_535, 65_536, 1_048_576, 1_048_577, bytes.length - 1]
    let from = 0
    for (const [i, cut] of cuts.entries()) {
      const headers = [
        tus,
        octets,
        `Upload-Offset: ${from}`,
        `Content-Length: ${bytes.length - from}`,
      ]
      const socket = await dialRaw(site.admin.url)
      socket.write(head(`PATCH ${at} HTTP/1.1`, { headers }))
      socket.write(bytes.subarray(from, cut))
      await eventually(async () => (await sizeOf(at)) === cut, `${cut} bytes came`)
      // Half are ended, half are torn.
      if (i % 2 === 0) socket.end()
      else socket.resetAndDestroy()
      from = await eventually(async () => {
        const now = await offsetOf(at)
        return now === cut ? now : undefined
      }, `${cut} bytes count`)
      socket.destroy()
      // Neither a gap nor an overlap is taken.
      for (const wrong of [cut + 1, cut - 1, bytes.length]) {
        if (wrong < 0) continue
        expectProblem(await patched(at, [], bytes.subarray(wrong), wrong), 409, 'Upload-Offset')
      }
      expect(await offsetOf(at)).toBe(cut)
    }
    expect((await patched(at, [], bytes.subarray(from), from)).status).toBe(204)
    const uploads = [{ upload: at.split('/').at(-1)!, path: 'cut.bin' }]
    const { id } = await atOslo.call('datasets.add-uploaded', { name: 'Cut', uploads })
    const response = await atOslo.bytes('datasets.content', { id, path: 'cut.bin' })
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    const sum = createHash('sha256').update(bytes).digest('base64')
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${sum}:`)
    before = await kept()
  })

  const sizeOf = async (at: string) => {
    return (await stat(join(site.home, 'uploads', at.split('/').at(-1)!))).size
  }

  test.each([
    ['wrong by Upload-Checksum', `Upload-Checksum: sha256 ${'A'.repeat(43)}=`, 460],
    ['wrong by Content-Digest', `Content-Digest: sha-256=:${'A'.repeat(43)}=:`, 460],
    ['of no algorithm by Upload-Checksum', 'Upload-Checksum: md5 AAAA', 400],
    ['of no form by Upload-Checksum', 'Upload-Checksum: sha256', 400],
    ['of no form by Content-Digest', 'Content-Digest: sha-256=:AAAA:', 400],
    ['packed', 'Content-Encoding: gzip', 400],
  ])('that is %s counts for nothing', async (_what, header, status) => {
    const at = await begun(10)
    expectProblem(await patched(at, [header], text), status)
    expect(await offsetOf(at)).toBe(0)
    await ended(at)
  })

  test.each([
    ['of another size than a number', ['Upload-Length: 1e3'], 400],
    ['of a size beyond 2^53', ['Upload-Length: 9007199254740993'], 400],
    ['of a size below nothing', ['Upload-Length: -1'], 400],
    ['of no size', [], 400],
    ['of more than a site takes', ['Upload-Length: 9007199254740991'], 413],
    [
      'with metadata without end',
      [`Upload-Length: 1`, `Upload-Metadata: a ${'A'.repeat(9000)}`],
      400,
    ],
    ['with a digest that is none', ['Upload-Length: 1', 'Repr-Digest: sha-256=:AAAA:'], 400],
  ])('%s is not begun', async (_what, headers, status) => {
    const all = [tus, 'Content-Length: 0', ...headers]
    const answer = await askRaw(
      site.admin.url,
      head('POST /api/uploads HTTP/1.1', { headers: all }),
    )
    expectProblem(answer, status)
  })

  test('at an address that climbs, or of another version, or of another kind, is none', async () => {
    for (const id of ['..%2f..%2fconfig.json', '%2e%2e', 'x', '0'.repeat(33), '%00'])
      expectProblem(await patched(`/api/uploads/${id}`, [], text), 404)
    const at = await begun(10)
    const old = [octets, 'Tus-Resumable: 0.2.2', 'Upload-Offset: 0', 'Content-Length: 10']
    const odd = [tus, json, 'Upload-Offset: 0', 'Content-Length: 10']
    for (const headers of [old, odd]) {
      const answer = await askRaw(site.admin.url, head(`PATCH ${at} HTTP/1.1`, { headers }), text)
      expect([400, 412, 415]).toContain(answer.status)
      expectProblem(answer, answer.status)
    }
    expectProblem(await patched(at, [], Buffer.alloc(11)), 413)
    expect(await offsetOf(at)).toBe(0)
    await ended(at)
  })
})

test('a key that was used for one question is none for another', async () => {
  const key = 'Idempotency-Key: one-of-a-kind'
  const first = await post('{"name":"Once"}', [json, key])
  expect(first.status).toBe(200)
  before = await kept()
  expectProblem(await post('{"name":"Other"}', [json, key]), 409, 'Idempotency-Key')
  expectProblem(await post(`{"name":"Once"}`, [json, key], '/api/datasets'), 400)
  const again = await post('{ "name": "Once" }', [json, key])
  expect([again.status, again.body.toString()]).toEqual([200, first.body.toString()])
})

test('the session of somebody who was removed opens nothing, and neither does their token', async () => {
  const gone = 'gone@oslo.example'
  await site.as(gone)
  const { link } = await site.admin.call('people.link', { email: gone as never })
  const secret = link.slice(link.indexOf('#') + 1)
  const entered = await post(
    JSON.stringify({ secret, password: 'four words in a row' }),
    [json],
    '/api/welcome',
  )
  const cookie = `Cookie: ${entered.headers.get('set-cookie')!.split(';')[0]}`
  const withCookie = (path: string) => get(path, { as: null, headers: [cookie] })
  expect((await withCookie('/api/site')).status).toBe(200)
  await site.admin.call('people.remove', { email: gone as never })
  before = await kept()
  for (const path of ['/api/site', '/api/datasets', '/api/events', '/api/uploads']) {
    for (const ask of [() => withCookie(path), () => get(path, { as: gone })]) {
      const answer = await ask()
      // What has no GET says so to everybody.
      expectProblem(answer, path === '/api/uploads' ? 404 : 401)
    }
  }
})
