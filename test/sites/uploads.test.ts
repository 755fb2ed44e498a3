/**
 * Uploads over real sockets: a person sends files piece by piece, the line is cut, the site is killed, the
 * disk is full, somebody else tries; and the dataset that is made of them is what was sent.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { uploadBytesMax } from '../../node/uploads/upload.ts'
import { openFolder } from '../folder.ts'
import { ana, diff, eventually, openSite, type Site, top } from '../site.ts'
import { openSmallDisk } from '../small-disk.ts'

const ben = 'ben@oslo.example'
const real = join(top, 'test/data')
const offsetType = 'application/offset+octet-stream'

let site: Site
let atOslo: Client
let folder: Awaited<ReturnType<typeof openFolder>>

beforeAll(async () => {
  folder = await openFolder()
  site = await openSite('oslo')
  atOslo = await site.as(ana)
  await site.as(ben)
}, 60_000)

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

type Sent = {
  method: string
  at?: string
  as?: string
  headers?: Record<string, string>
  body?: Uint8Array
  to?: Site
}

function tus({ method, at = '/api/uploads', as = ana, headers = {}, body, to = site }: Sent) {
  return fetch(to.admin.url + at, {
    method,
    headers: {
      authorization: `Bearer ${to.tokens.get(as)}`,
      'tus-resumable': '1.0.0',
      ...(body === undefined ? {} : { 'content-type': offsetType }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: body as BodyInit }),
  })
}

async function begun(size: number, more: Partial<Sent> = {}): Promise<string> {
  const headers = { 'upload-length': String(size), ...more.headers }
  const response = await tus({ method: 'POST', ...more, headers })
  expect([response.status, await response.text()]).toEqual([201, ''])
  return response.headers.get('location')!
}

const patch = (at: string, offset: number, body: Uint8Array, more: Partial<Sent> = {}) =>
  tus({
    method: 'PATCH',
    at,
    body,
    ...more,
    headers: { 'upload-offset': String(offset), ...more.headers },
  })
const offsetOf = async (at: string, more: Partial<Sent> = {}) => {
  const response = await tus({ method: 'HEAD', at, ...more })
  return response.status === 200 ? Number(response.headers.get('upload-offset')) : response.status
}
const idOf = (at: string) => at.split('/').at(-1)!
const bytesOf = (size: number, seed = 1) => {
  const bytes = Buffer.alloc(size)
  for (let i = 0, x = seed; i < size; i++) bytes[i] = x = (x * 1_103_515_245 + 12_345) & 0xff
  return bytes
}
const contentOf = async (id: number, path: string) =>
  Buffer.from(await (await atOslo.bytes('datasets.content', { id, path })).arrayBuffer())

/** A question that is said byte by byte, as somebody with a bad line does. */
async function dial(lines: string[], to = site): Promise<Socket> {
  const { hostname, port, host } = new URL(to.admin.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  const all = [...lines, `Host: ${host}`, `Authorization: Bearer ${to.tokens.get(ana)}`]
  socket.write(`${all.join('\r\n')}\r\nTus-Resumable: 1.0.0\r\n\r\n`)
  return socket
}
const patchLines = (at: string, offset: number, length: number) => [
  `PATCH ${at} HTTP/1.1`,
  `Upload-Offset: ${offset}`,
  `Content-Type: ${offsetType}`,
  `Content-Length: ${length}`,
]

describe('a folder of real files', () => {
  test('becomes a dataset that is the folder', async () => {
    const uploads: { upload: string; path: string; modifiedAt: string }[] = []
    const entries = await readdir(real, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const body = await readFile(file)
      const at = await begun(body.byteLength, { body })
      const modifiedAt = (await stat(file)).mtime.toISOString()
      uploads.push({ upload: idOf(at), path: relative(real, file), modifiedAt })
    }
    expect(uploads.length).toBeGreaterThan(30)
    const made = await atOslo.call('datasets.add-uploaded', { name: 'All', uploads })
    expect(made.files).toBe(uploads.length)
    const into = join(folder.path, 'exported')
    await atOslo.call('datasets.export', { id: made.id, folder: into })
    expect(await diff(real, into)).toBe('')
    for (const { path, modifiedAt } of uploads)
      expect((await stat(join(into, path))).mtime.toISOString()).toBe(modifiedAt)
    expect(await readdir(join(site.home, 'uploads'))).toEqual([])
    // The same content by either door has the same root.
    const added = await atOslo.call('datasets.add', { name: 'Same', path: real })
    expect(added.root).toBe(made.root)
  })

  test('makes the next version of one', async () => {
    const { id } = await atOslo.call('datasets.add', {
      name: 'Next',
      path: join(real, 'workflows'),
    })
    const body = bytesOf(3_000_000)
    const named = async () => [
      { upload: idOf(await begun(body.byteLength, { body })), path: 'a/b.bin' },
    ]
    const next = await atOslo.call('datasets.update-uploaded', { id, uploads: await named() })
    expect([next.version, next.files]).toEqual([2, 1])
    expect((await contentOf(id, 'a/b.bin')).equals(body)).toBe(true)
    const same = atOslo.call('datasets.update-uploaded', { id, uploads: await named() })
    await expect(same).rejects.toMatchObject({ kind: 'exists' })
  })

  test('of no bytes at all is one too', async () => {
    const uploads = [{ upload: idOf(await begun(0)), path: 'empty' }]
    const { id, bytes } = await atOslo.call('datasets.add-uploaded', { name: 'Empty', uploads })
    expect([bytes, (await contentOf(id, 'empty')).byteLength]).toEqual([0, 0])
  })
})

describe('a line', () => {
  test('that is cut loses nothing that came, and the rest follows', async () => {
    const body = bytesOf(6_000_000)
    const at = await begun(body.byteLength)
    const socket = await dial(patchLines(at, 0, body.byteLength))
    socket.write(body.subarray(0, 4_000_000))
    // The record counts it when the line is gone; until then it is just bytes.
    const data = join(site.home, 'uploads', idOf(at))
    await eventually(async () => (await stat(data)).size === 4_000_000, 'the bytes came')
    socket.resetAndDestroy()
    await eventually(async () => (await offsetOf(at)) === 4_000_000, 'the bytes count')
    expect((await patch(at, 4_000_000, body.subarray(4_000_000))).status).toBe(204)
    const uploads = [{ upload: idOf(at), path: 'cut.bin' }]
    const { id } = await atOslo.call('datasets.add-uploaded', { name: 'Cut', uploads })
    expect((await contentOf(id, 'cut.bin')).equals(body)).toBe(true)
  })

  test('that hangs gives way to whoever comes again', async () => {
    const body = bytesOf(2_000_000)
    const at = await begun(body.byteLength)
    const socket = await dial(patchLines(at, 0, body.byteLength))
    socket.write(body.subarray(0, 1_000_000))
    const data = join(site.home, 'uploads', idOf(at))
    await eventually(async () => (await stat(data)).size === 1_000_000, 'the bytes came')
    expect(await offsetOf(at)).toBe(1_000_000)
    expect((await patch(at, 1_000_000, body.subarray(1_000_000))).status).toBe(204)
    socket.destroy()
    expect(await offsetOf(at)).toBe(2_000_000)
  })

  test('and a site that is killed between and during two pieces go on after the start', async () => {
    const body = bytesOf(80_000_000, 7)
    const at = await begun(body.byteLength, { headers: { 'upload-metadata': 'filename YS5iaW4=' } })
    expect((await patch(at, 0, body.subarray(0, 1_000_000))).status).toBe(204)
    await site.kill('SIGKILL')
    await site.start()
    expect(await offsetOf(at)).toBe(1_000_000)
    const socket = await dial(patchLines(at, 1_000_000, body.byteLength - 1_000_000))
    socket.write(body.subarray(1_000_000, 70_000_000))
    const record = join(site.home, 'uploads', `${idOf(at)}.json`)
    const counted = async () => JSON.parse(await readFile(record, 'utf8')).offset
    await eventually(async () => (await counted()) > 1_000_000, 'some of it counts')
    await site.kill('SIGKILL')
    socket.destroy()
    await site.start()
    const from = await offsetOf(at)
    expect(from).toBe(await counted())
    expect(from).toBeGreaterThan(32_000_000)
    expect((await tus({ method: 'HEAD', at })).headers.get('upload-metadata')).toBe(
      'filename YS5iaW4=',
    )
    expect((await patch(at, from, body.subarray(from))).status).toBe(204)
    const uploads = [{ upload: idOf(at), path: 'killed.bin' }]
    const { id } = await atOslo.call('datasets.add-uploaded', { name: 'Killed', uploads })
    expect((await contentOf(id, 'killed.bin')).equals(body)).toBe(true)
  }, 60_000)
})

describe('bytes that are not those announced', () => {
  const body = bytesOf(100_000)
  const sums = (of: Uint8Array) => ({
    'upload-checksum sha1': {
      'upload-checksum': `sha1 ${createHash('sha1').update(of).digest('base64')}`,
    },
    'upload-checksum sha256': {
      'upload-checksum': `sha256 ${createHash('sha256').update(of).digest('base64')}`,
    },
    'content-digest': {
      'content-digest': `sha-256=:${createHash('sha256').update(of).digest('base64')}:`,
    },
  })

  test.each(Object.keys(sums(body)))('by %s are thrown away with 460', async (name) => {
    const at = await begun(body.byteLength)
    const [half, rest] = [body.subarray(0, 50_000), body.subarray(50_000)]
    const right = (of: Uint8Array) => sums(of)[name as keyof ReturnType<typeof sums>]
    expect((await patch(at, 0, half, { headers: right(half) })).status).toBe(204)
    const wrong = await patch(at, 50_000, rest, { headers: right(half) })
    expect([wrong.status, wrong.headers.get('tus-resumable')]).toEqual([460, '1.0.0'])
    expect(await wrong.json()).toMatchObject({
      kind: 'corrupt',
      detail: expect.stringContaining('again'),
    })
    expect(await offsetOf(at)).toBe(50_000)
    expect((await patch(at, 50_000, rest, { headers: right(rest) })).status).toBe(204)
    expect(await offsetOf(at)).toBe(100_000)
  })

  test('as a whole begin again', async () => {
    const digest = createHash('sha256').update(body).digest('base64')
    const at = await begun(body.byteLength, { headers: { 'repr-digest': `sha-256=:${digest}:` } })
    const other = bytesOf(100_000, 9)
    expect((await patch(at, 0, other.subarray(0, 70_000))).status).toBe(204)
    expect((await patch(at, 70_000, other.subarray(70_000))).status).toBe(460)
    expect(await offsetOf(at)).toBe(0)
    expect((await patch(at, 0, body)).status).toBe(204)
  })

  test('by an algorithm that nobody knows are refused', async () => {
    const at = await begun(3)
    const headers = { 'upload-checksum': 'crc32 AAAA' }
    expect((await patch(at, 0, Buffer.from('abc'), { headers })).status).toBe(400)
    const packed = { 'content-encoding': 'gzip' }
    expect((await patch(at, 0, Buffer.from('abc'), { headers: packed })).status).toBe(400)
    expect(await offsetOf(at)).toBe(0)
  })
})

describe('what does not fit', () => {
  test('is told before a byte of it comes', async () => {
    for (const [size, status] of [
      [String(uploadBytesMax + 1), 413],
      ['9007199254740993', 400],
      ['-1', 400],
      ['1e3', 400],
    ] as const) {
      const response = await tus({ method: 'POST', headers: { 'upload-length': size } })
      expect([size, response.status]).toEqual([size, status])
      await response.body?.cancel()
    }
  })

  test('more bytes than were announced', async () => {
    const at = await begun(10)
    expect((await patch(at, 0, Buffer.alloc(11))).status).toBe(413)
    expect(await offsetOf(at)).toBe(0)
  })

  test('a second writer at the same place', async () => {
    const body = bytesOf(500_000)
    const at = await begun(body.byteLength)
    const both = await Promise.all([patch(at, 0, body), patch(at, 0, body)])
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409])
    expect((await patch(at, 7, body.subarray(7))).status).toBe(409)
    expect(await offsetOf(at)).toBe(500_000)
  })

  test.each([
    [['../a'], 'climbs'],
    [['/etc/passwd'], 'absolute'],
    [['a/../b'], 'climbs'],
    [['a\u0000'], 'control'],
    [['a', 'a'], 'twice'],
    [['a', 'a/b'], 'lies in'],
    [['good', 'x'.repeat(300)], '255'],
  ])('paths that no dataset can have: %j', async (paths, says) => {
    const uploads: { upload: string; path: string }[] = []
    for (const path of paths)
      uploads.push({ upload: idOf(await begun(1, { body: Buffer.from('x') })), path })
    const before = await atOslo.call('datasets.list', {})
    const refused = atOslo.call('datasets.add-uploaded', { name: 'Odd', uploads })
    await expect(refused).rejects.toMatchObject({
      kind: 'invalid',
      list: [expect.stringContaining(says)],
    })
    expect(await atOslo.call('datasets.list', {})).toEqual(before)
    // They are still there, and can be used under better names.
    for (const { upload } of uploads) expect(await offsetOf(`/api/uploads/${upload}`)).toBe(1)
    const good = uploads.map(({ upload }, i) => ({ upload, path: `${i}` }))
    expect(
      (await atOslo.call('datasets.add-uploaded', { name: 'Good', uploads: good })).files,
    ).toBe(paths.length)
  })

  test('an upload that is not finished, or named twice, and all the others stay', async () => {
    const done = idOf(await begun(1, { body: Buffer.from('x') }))
    const open = idOf(await begun(5))
    const ask = (ids: string[]) =>
      atOslo.call('datasets.add-uploaded', {
        name: 'Half',
        uploads: ids.map((upload, i) => ({ upload, path: `${i}` })),
      })
    await expect(ask([done, open])).rejects.toMatchObject({ kind: 'conflict' })
    await expect(ask([done, done])).rejects.toMatchObject({ kind: 'invalid' })
    const both = await Promise.allSettled([ask([done]), ask([done])])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('whose it is', () => {
  test('nobody else finds it', async () => {
    const at = await begun(3, { body: Buffer.from('abc') })
    const none = `/api/uploads/${'0'.repeat(32)}`
    for (const where of [at, none]) {
      for (const method of ['HEAD', 'DELETE']) {
        const response = await tus({ method, at: where, as: ben })
        expect([where, method, response.status]).toEqual([where, method, 404])
      }
      expect((await patch(where, 0, Buffer.from('x'), { as: ben })).status).toBe(404)
    }
    const atBen = await site.as(ben)
    const uploads = [{ upload: idOf(at), path: 'a' }]
    const stolen = atBen.call('datasets.add-uploaded', { name: 'Stolen', uploads })
    await expect(stolen).rejects.toMatchObject({ kind: 'missing' })
    expect(await offsetOf(at)).toBe(3)
  })

  test('its owner ends it', async () => {
    const at = await begun(3)
    expect((await tus({ method: 'DELETE', at })).status).toBe(204)
    expect(await offsetOf(at)).toBe(404)
    const options = await tus({ method: 'OPTIONS' })
    expect(options.headers.get('tus-extension')).toContain('checksum')
    expect(options.headers.get('tus-checksum-algorithm')).toBe('sha1,sha256')
    expect(options.headers.get('access-control-allow-origin')).toBe(null)
    expect((await fetch(`${site.admin.url}/api/uploads`, { method: 'POST' })).status).toBe(401)
  })

  test('somebody who is removed comes no further, and what they sent goes', async () => {
    const gone = 'gone@oslo.example'
    await site.as(gone)
    const at = await begun(6, { as: gone, body: Buffer.from('abc') })
    const path = join(site.home, 'uploads', idOf(at))
    expect((await stat(path)).size).toBe(3)
    await site.admin.call('people.remove', { email: gone as never })
    expect((await patch(at, 3, Buffer.from('def'), { as: gone })).status).toBe(401)
    const isGone = async () => !(await readdir(join(site.home, 'uploads'))).includes(idOf(at))
    await eventually(isGone, 'what they sent is gone')
    const asked = Date.now()
    await site.kill('SIGTERM')
    // Nothing that was refused or given up keeps it from ending.
    expect(Date.now() - asked).toBeLessThan(15_000)
    await site.start()
  })
})

test('a disk that is full says so, keeps what came, and takes the rest when there is room', async (t) => {
  await using disk = await openSmallDisk(64)
  if (disk === null) return t.skip('this account may not mount a small disk')
  await using small = await openSite('lima', { home: join(disk.path, 'home') })
  await small.as(ana)
  const to = { to: small }
  const large = await tus({ method: 'POST', headers: { 'upload-length': '80000000' }, ...to })
  expect([large.status, (await large.json()).kind]).toEqual([507, 'full'])
  const body = bytesOf(20_000_000)
  const at = await begun(body.byteLength, to)
  expect((await patch(at, 0, body.subarray(0, 5_000_000), to)).status).toBe(204)
  const filler = join(disk.path, 'filler')
  await writeFile(filler, Buffer.alloc(64 * 1024 * 1024)).catch(() => {})
  const full = await patch(at, 5_000_000, body.subarray(5_000_000), to)
  expect([full.status, (await full.json()).kind]).toEqual([507, 'full'])
  const from = await offsetOf(at, to)
  expect(from).toBeGreaterThanOrEqual(5_000_000)
  await rm(filler)
  expect((await patch(at, from, body.subarray(from), to)).status).toBe(204)
  const client = await small.as(ana)
  const uploads = [{ upload: idOf(at), path: 'a.bin' }]
  const { id } = await client.call('datasets.add-uploaded', { name: 'A', uploads })
  const response = await client.bytes('datasets.content', { id, path: 'a.bin' })
  expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
}, 60_000)
