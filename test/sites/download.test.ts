/**
 * The bytes of a file over HTTP, from a real site: whole, ranges, resumed, with what the standards say in
 * the headers; and never a byte that is not the file's.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { Fault } from '../../protocol/fault.ts'
import { openFolder } from '../folder.ts'
import { ana, diff, openSite, run, type Site, top } from '../site.ts'
import { openProxy } from '../tcp-proxy.ts'

const real = join(top, 'test/data/flow-cytometry')
/** More than one block, and no whole number of them. */
const largeBytes = 5_000_003
const odd = 'plate 1/é "quoted"; x=%41 \u202e.fcs'

let site: Site
let folder: Awaited<ReturnType<typeof openFolder>>
let atOslo: Client
let dataset: number
let large: Buffer

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

beforeAll(async () => {
  folder = await openFolder()
  const data = join(folder.path, 'data')
  await mkdir(join(data, 'plate 1'), { recursive: true })
  large = Buffer.alloc(largeBytes)
  for (let i = 0; i < largeBytes; i += 4)
    large.writeUInt32LE((i * 2_654_435_761) >>> 0, Math.min(i, largeBytes - 4))
  await writeFile(join(data, 'large.bin'), large)
  await writeFile(join(data, 'empty'), '')
  await writeFile(join(data, odd), 'odd')
  for (const name of await readdir(real, { withFileTypes: true }))
    if (name.isFile()) await writeFile(join(data, name.name), await readFile(join(real, name.name)))
  site = await openSite('oslo')
  atOslo = await site.as(ana)
  dataset = (await atOslo.call('datasets.add', { name: 'Plate', path: data })).id
}, 60_000)

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

const get = (path: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  fetch(`${site.admin.url}/api/datasets/${dataset}/content?${new URLSearchParams({ path })}`, {
    method,
    headers: { authorization: `Bearer ${site.tokens.get(ana)}`, ...headers },
  })
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe('a file', () => {
  test('comes byte for byte, with its length, its CID and its digest', async () => {
    const { files } = await atOslo.call('datasets.files', { id: dataset })
    expect(files.length).toBeGreaterThan(5)
    for (const { path, size, cid } of files) {
      const response = await get(path)
      const bytes = await bytesOf(response)
      expect([path, response.status, bytes.byteLength]).toEqual([path, 200, size])
      expect(bytes.equals(await readFile(join(folder.path, 'data', path)))).toBe(true)
      const { headers } = response
      expect(headers.get('etag')).toBe(`"${cid}"`)
      expect(headers.get('content-length')).toBe(String(size))
      expect(headers.get('repr-digest')).toBe(`sha-256=:${sha256(bytes)}:`)
      expect(headers.get('content-type')).toBe('application/octet-stream')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('accept-ranges')).toBe('bytes')
    }
  })

  test('has a name that is data', async () => {
    const response = await get(odd)
    await response.body?.cancel()
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="_ _quoted_; x=_41 _.fcs"; filename*=UTF-8''%C3%A9%20%22quoted%22%3B%20x%3D%2541%20%E2%80%AE.fcs`,
    )
  })

  test('is described without its bytes to HEAD', async () => {
    const response = await get('large.bin', { range: 'bytes=0-9' }, 'HEAD')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe(String(largeBytes))
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${sha256(large)}:`)
  })

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-', 0, largeBytes],
    ['bytes=1048575-1048576', 1_048_575, 1_048_577],
    ['bytes=2000000-4200000', 2_000_000, 4_200_001],
    ['bytes=5000002-9999999', 5_000_002, largeBytes],
    ['bytes=-1', largeBytes - 1, largeBytes],
    ['bytes=-99999999', 0, largeBytes],
  ])('in the range %s', async (range, from, to) => {
    const response = await get('large.bin', { range })
    const bytes = await bytesOf(response)
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${largeBytes}`)
    expect(bytes.equals(large.subarray(from, to))).toBe(true)
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${sha256(large)}:`)
  })

  test.each(['bytes=0-1,4-5', 'lines=0-1', 'bytes=5-2', 'bytes=-', 'bytes=a-b'])(
    'comes whole for what is not one range: %s',
    async (range) => {
      const response = await get('large.bin', { range })
      expect([response.status, (await bytesOf(response)).byteLength]).toEqual([200, largeBytes])
    },
  )

  test.each([
    ['large.bin', 'bytes=5000003-', largeBytes],
    ['large.bin', 'bytes=-0', largeBytes],
    ['empty', 'bytes=0-', 0],
  ])('of %s, %s is none of it', async (path, range, size) => {
    const response = await get(path, { range })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe(`bytes */${size}`)
    expect(await response.json()).toMatchObject({ kind: 'invalid', status: 416 })
  })

  test('is not sent again to whoever has it, and whole to whoever has another', async () => {
    const tag = (await get('large.bin', {}, 'HEAD')).headers.get('etag')!
    for (const has of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const response = await get('large.bin', { 'if-none-match': has })
      expect([has, response.status, (await bytesOf(response)).byteLength]).toEqual([has, 304, 0])
    }
    const range = 'bytes=10-19'
    expect((await bytesOf(await get('large.bin', { range, 'if-range': tag }))).byteLength).toBe(10)
    for (const other of ['"x"', `W/${tag}`, 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      const response = await get('large.bin', { range, 'if-range': other })
      expect([response.status, (await bytesOf(response)).byteLength]).toEqual([200, largeBytes])
    }
  })

  test.each(['none.fcs', '../data/large.bin', '/etc/passwd', 'plate 1', 'large.bin/'])(
    'that is not there is missing: %s',
    async (path) => {
      const response = await get(path)
      expect([response.status, (await response.json()).kind]).toEqual([404, 'missing'])
    },
  )

  test('of a version and of a workflow', async () => {
    const document = join(top, 'test/data/workflows/segmentation-and-counting.ga')
    const { id } = await atOslo.call('workflows.add', { name: 'Count', document, dataset })
    const response = await atOslo.bytes('workflows.content', { id, path: 'document' })
    expect((await bytesOf(response)).equals(await readFile(document))).toBe(true)
    const gone = atOslo.bytes('datasets.content', { id: dataset, path: 'empty', version: 2 })
    await expect(gone).rejects.toMatchObject({ kind: 'missing' })
  })
})

describe('the command line', () => {
  const into = (name: string) => join(folder.path, name)
  const fetched = (...args: string[]) =>
    site.cli(['dataset', 'download', String(dataset), 'large.bin', ...args, '--json'], {
      token: site.tokens.get(ana)!,
    })

  test('fetches a file, and refuses to write over one', async () => {
    const ran = await fetched(into('a.bin'))
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    expect(JSON.parse(ran.stdout)).toMatchObject({ bytes: largeBytes, resumedAt: 0 })
    expect(large.equals(await readFile(into('a.bin')))).toBe(true)
    expect((await fetched(into('a.bin'))).code).toBe(5)
  })

  test('goes on where the line was cut', async () => {
    const port = Number(new URL(site.admin.url).port)
    let passed = 0
    await using proxy = await openProxy({
      to: { port },
      through(data, way) {
        if (way === 'back') passed += data.byteLength
        return passed > 2_500_000 ? { data, end: 'close' } : { data }
      },
    })
    const url = `http://127.0.0.1:${proxy.port}`
    const cut = await fetched(into('b.bin'), '--url', url)
    expect([cut.code, cut.stderr]).toEqual([9, expect.stringContaining('goes on')])
    await expect(stat(into('b.bin'))).rejects.toMatchObject({ code: 'ENOENT' })
    passed = -Infinity
    const again = await fetched(into('b.bin'), '--url', url)
    expect([again.code, again.stderr]).toEqual([0, ''])
    const { resumedAt } = JSON.parse(again.stdout)
    expect(resumedAt).toBeGreaterThan(1_000_000)
    expect(large.equals(await readFile(into('b.bin')))).toBe(true)
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  test('does not keep a file that another hand has begun', async () => {
    const cid = (await get('large.bin', {}, 'HEAD')).headers.get('etag')!.replaceAll('"', '')
    const part = join(folder.path, `.c.bin.${cid}.part`)
    await writeFile(part, Buffer.alloc(1_500_000))
    const ran = await fetched(into('c.bin'))
    expect(ran.code).toBe(10)
    await expect(stat(part)).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await fetched(into('c.bin'))).code).toBe(0)
  })
})

describe('a whole dataset', () => {
  const archive = (id: number, query = '') =>
    fetch(`${site.admin.url}/api/datasets/${id}/archive${query}`, {
      headers: { authorization: `Bearer ${site.tokens.get(ana)}` },
    })

  test('is one tar, which is unpacked to what was added', async () => {
    const data = join(folder.path, 'to-pack')
    const deep = join(data, 'a folder with a long name '.repeat(4), 'and another one that is long')
    await mkdir(deep, { recursive: true })
    await mkdir(join(data, 'empty folder'))
    await writeFile(join(deep, 'ünï – 試料.fcs'), 'odd')
    await writeFile(join(data, 'x'.repeat(200)), Buffer.alloc(70_000, 'x'))
    await writeFile(join(data, 'large.bin'), large)
    await writeFile(join(data, 'record'), Buffer.alloc(512, 'r'))
    await writeFile(join(data, 'empty'), '')
    const { id } = await atOslo.call('datasets.add', { name: 'Plate 1/A: é', path: data })
    const response = await archive(id)
    expect(response.headers.get('content-type')).toBe('application/x-tar')
    expect(response.headers.get('content-disposition')).toContain('Plate%201-A-%20%C3%A9.tar')
    const packed = join(folder.path, 'packed.tar')
    await writeFile(packed, await bytesOf(response))
    const into = join(folder.path, 'unpacked')
    await mkdir(into)
    const ran = await run('tar', ['-xf', packed, '-C', into], { env: { LC_ALL: 'C.UTF-8' } })
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' })
    const [top] = await readdir(into)
    expect([top, await diff(data, join(into, top!))]).toEqual(['Plate 1-A- é', ''])
    const [was, is] = await Promise.all(
      [data, join(into, top!)].map((at) => stat(join(at, 'record'))),
    )
    expect(is!.mtimeMs).toBeCloseTo(was!.mtimeMs, -1)
  })

  test('of no version that there is, or with odd questions, is a problem', async () => {
    expect((await archive(dataset, '?version=2')).status).toBe(404)
    expect((await archive(dataset, '?id=1')).status).toBe(400)
    expect((await archive(dataset, '?nonsense=1')).status).toBe(400)
    expect((await archive(9999)).status).toBe(404)
  })

  test('that is damaged is cut, and no tar takes it for whole', async () => {
    const path = join(folder.path, 'cut')
    await mkdir(path)
    const bytes = Buffer.concat([large, large.subarray(5)])
    await writeFile(join(path, 'a.bin'), bytes)
    await writeFile(join(path, 'b.txt'), 'b')
    const { id } = await atOslo.call('datasets.add', { name: 'Cut', path })
    await spoil(join(site.home, 'store'), bytes.byteLength, 8_000_000)
    await expect(archive(id).then(bytesOf)).rejects.toThrow()
  })
})

describe('content that is damaged', () => {
  test('is cut where the damage is, and not one wrong byte is sent', async () => {
    const name = 'damaged.bin'
    const path = join(folder.path, name)
    const bytes = Buffer.concat([large.subarray(1), large])
    await writeFile(path, bytes)
    const { id } = await atOslo.call('datasets.add', { name, path })
    await spoil(join(site.home, 'store'), bytes.byteLength, 7_000_000)
    const response = await atOslo
      .bytes(
        'datasets.content',
        { id, path: name },
        {
          headers: { range: 'bytes=3000000-' },
        },
      )
      .catch((thrown) => thrown)
    // Its digest is computed first, because it is small: the failure has words then.
    expect(response).toBeInstanceOf(Fault)
    expect(response).toMatchObject({ kind: 'corrupt' })
  })

  test('of a large file whose digest is not known ends without its end', async () => {
    const name = 'huge.bin'
    const path = join(folder.path, name)
    const size = 70 * 1024 * 1024
    await rm(path, { force: true })
    const file = await open(path, 'wx')
    for (let at = 0; at < size; at += large.byteLength)
      await file.write(large, 0, Math.min(large.byteLength, size - at), at)
    await file.close()
    const { id } = await atOslo.call('datasets.add', { name, path })
    const first = await atOslo.bytes('datasets.content', { id, path: name })
    expect(first.headers.get('repr-digest')).toBe(null)
    await bytesOf(first)
    const second = await atOslo.bytes('datasets.content', { id, path: name }, { method: 'HEAD' })
    expect(second.headers.get('repr-digest')).toBe(`sha-256=:${sha256(await readFile(path))}:`)
    const at = 40 * 1024 * 1024 + 77
    await spoil(join(site.home, 'store'), size, at)
    const third = await atOslo.bytes('datasets.content', { id, path: name })
    const reader = third.body!.getReader()
    const came = createHash('sha256')
    let count = 0
    const end = await (async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return 'whole'
        came.update(value)
        count += value.byteLength
      }
    })().catch(() => 'cut')
    expect([end, count <= at]).toEqual(['cut', true])
    const sent = (await readFile(path)).subarray(0, count)
    expect(came.digest('base64')).toBe(sha256(sent))
    expect(basename(path)).toBe(name)
    expect(site.log()).toContain('was not sent to its end')
  }, 60_000)
})

/** One byte of the only file of this size in the store. */
async function spoil(store: string, size: number, at: number): Promise<void> {
  for (const entry of await readdir(join(store, 'objects'), {
    recursive: true,
    withFileTypes: true,
  })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || (await stat(path)).size !== size) continue
    const file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0]! ^= 0xff
    await file.write(byte, 0, 1, at)
    return file.close()
  }
  throw new Error(`no object of ${size} bytes`)
}
