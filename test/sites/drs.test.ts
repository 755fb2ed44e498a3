/**
 * GA4GH DRS 1.5 as its clients use it: an ID, an object, an address, the bytes; and nothing for those who
 * may not read a dataset that holds it. What an answer must have is written down here from the standard.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Client } from '../../api/client.ts'
import type { Email } from '../../protocol/ids.ts'
import { openFolder } from '../folder.ts'
import { ana, eventually, openSite, type Site } from '../site.ts'

const ben = 'ben@oslo.example'
const prefix = '/ga4gh/drs/v1'

/** `DrsObject` of a blob, `AccessURL`, `Error` and the service info of the standard: what they require. */
const drsObject = z.object({
  id: z.string().regex(/^[A-Za-z0-9.\-_~]+$/),
  name: z
    .string()
    .regex(/^[A-Za-z0-9.\-_]+$/)
    .optional(),
  self_uri: z.string().regex(/^drs:\/\/[^/:]+\/[A-Za-z0-9.\-_~]+$/),
  size: z.int().min(0),
  created_time: z.iso.datetime({ offset: true }),
  checksums: z
    .array(z.object({ checksum: z.string().regex(/^[0-9a-f]{64}$/), type: z.literal('sha-256') }))
    .min(1),
  mime_type: z.string().optional(),
  description: z.string().optional(),
  access_methods: z
    .array(
      z.object({
        type: z.enum(['s3', 'gs', 'ftp', 'gsiftp', 'globus', 'htsget', 'https', 'file']),
        access_id: z.string(),
      }),
    )
    .min(1),
})
const accessUrl = z.object({ url: z.url(), headers: z.array(z.string()).optional() })
const drsError = z.strictObject({ msg: z.string().min(1), status_code: z.int() })
const serviceInfo = z.object({
  id: z.string(),
  name: z.string(),
  type: z.object({
    group: z.literal('org.ga4gh'),
    artifact: z.literal('drs'),
    version: z.literal('1.5.0'),
  }),
  organization: z.object({ name: z.string(), url: z.url() }),
  version: z.string(),
  maxBulkRequestLength: z.int().min(1),
  drs: z.object({ maxBulkRequestLength: z.int().min(1) }),
})

let site: Site
let folder: Awaited<ReturnType<typeof openFolder>>
let atOslo: Client
let atBen: Client
let project: number
let dataset: number
let cids: Map<string, string>
let root: string
const large = Buffer.alloc(3_000_001, 'large')

beforeAll(async () => {
  folder = await openFolder()
  const data = join(folder.path, 'data')
  await mkdir(join(data, 'deep folder'), { recursive: true })
  await writeFile(join(data, 'large.bin'), large)
  await writeFile(join(data, 'deep folder/odd name.fcs'), 'odd')
  await writeFile(join(data, 'empty'), '')
  site = await openSite('oslo')
  ;[atOslo, atBen] = await Promise.all([site.as(ana), site.as(ben)])
  project = (await atOslo.call('projects.add', { name: 'Mine' })).id
  const added = await atOslo.call('datasets.add', { name: 'Data', path: data, project })
  dataset = added.id
  root = added.root
  const { files } = await atOslo.call('datasets.files', { id: dataset })
  cids = new Map(files.map(({ path, cid }) => [path, cid]))
}, 60_000)

afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

const ask = (path: string, as: string | null = ana) =>
  fetch(`${site.admin.url}${prefix}${path}`, {
    headers: as === null ? {} : { authorization: `Bearer ${site.tokens.get(as)}` },
  })
/** Asks again for as long as it is told to come again. */
async function settled(path: string, as = ana): Promise<Response> {
  return eventually(async () => {
    const response = await ask(path, as)
    if (response.status !== 202) return response
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    return undefined
  }, `an answer for ${path}`)
}
async function objectOf(id: string, as = ana) {
  const response = await settled(`/objects/${id}`, as)
  return { status: response.status, json: await response.json() }
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('says what it is, to anybody', async () => {
  const response = await ask('/service-info', null)
  expect(response.status).toBe(200)
  const info = serviceInfo.parse(await response.json())
  expect(info.name).toBe('Oslo')
})

describe('a file', () => {
  test('is an object whose ID is its CID, and its bytes are at a short-lived address', async () => {
    for (const [path, cid] of cids) {
      const bytes = await readFile(join(folder.path, 'data', path))
      const { json } = await objectOf(cid)
      const object = drsObject.parse(json)
      expect(object).toMatchObject({ id: cid, size: bytes.byteLength })
      expect(object.checksums[0]!.checksum).toBe(sha256(bytes))
      const access = await ask(`/objects/${cid}/access/${object.access_methods[0]!.access_id}`)
      const { url } = accessUrl.parse(await access.json())
      // Whoever has the address needs nothing else.
      const came = await fetch(url)
      expect(came.status).toBe(200)
      expect(Buffer.from(await came.arrayBuffer()).equals(bytes)).toBe(true)
    }
  })

  test('in part, too', async () => {
    const access = await ask(`/objects/${cids.get('large.bin')}/access/https`)
    const { url } = accessUrl.parse(await access.json())
    const part = await fetch(url, { headers: { range: 'bytes=1048570-1048580' } })
    expect(part.status).toBe(206)
    expect(Buffer.from(await part.arrayBuffer()).equals(large.subarray(1_048_570, 1_048_581))).toBe(
      true,
    )
  })

  test('whose name is not portable has none', async () => {
    expect((await objectOf(cids.get('large.bin')!)).json.name).toBe('large.bin')
    expect((await objectOf(cids.get('deep folder/odd name.fcs')!)).json.name).toBeUndefined()
  })

  test('that is too large to be hashed at once is promised, and then there', async () => {
    const path = join(folder.path, 'huge.bin')
    const file = await open(path, 'wx')
    const piece = Buffer.alloc(5 * 1024 * 1024, 'huge')
    for (let i = 0; i < 14; i++) await file.write(piece)
    await file.close()
    const { id } = await atOslo.call('datasets.add', { name: 'Huge', path, project })
    const [huge] = (await atOslo.call('datasets.files', { id })).files
    expect((await ask(`/objects/${huge!.cid}`)).status).toBe(202)
    const { json } = await objectOf(huge!.cid)
    expect(drsObject.parse(json).checksums[0]!.checksum).toBe(sha256(await readFile(path)))
  }, 60_000)
})

test('a dataset is the bytes of its manifest, and says where its files are', async () => {
  const response = await settled(`/objects/${root}?expand=true`)
  const object = drsObject.parse(await response.json())
  const access = await ask(`/objects/${root}/access/https`)
  const { url } = accessUrl.parse(await access.json())
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
  expect([object.size, object.checksums[0]!.checksum]).toEqual([bytes.byteLength, sha256(bytes)])
  const listed = /\/api\/datasets\/\S+version=1/.exec(object.description!)![0]
  const headers = { authorization: `Bearer ${site.tokens.get(ana)}` }
  const { files } = await (await fetch(site.admin.url + listed, { headers })).json()
  expect(files.map((one: { cid: string }) => one.cid)).toEqual([...cids.values()])
})

describe('who may not read it', () => {
  const foreign = () => [...cids.values(), root]

  test('finds nothing, as of what is nowhere', async () => {
    const nowhere = cids.get('empty')!.replace(/....$/, 'aaaa')
    const shapes = new Set<string>()
    for (const id of [...foreign(), nowhere, 'nonsense', 'a'.repeat(300)]) {
      for (const path of [`/objects/${id}`, `/objects/${id}/access/https`]) {
        const response = await settled(path, ben)
        const error = drsError.parse(await response.json())
        shapes.add(JSON.stringify([response.status, error]))
      }
    }
    expect([...shapes]).toHaveLength(1)
    expect([...shapes][0]).toContain('404')
  })

  test('is told to say who they are', async () => {
    const response = await ask(`/objects/${root}`, null)
    expect(response.status).toBe(401)
    expect(drsError.parse(await response.json()).status_code).toBe(401)
  })

  test('sees it with the right, in any dataset that holds it, and no more without', async () => {
    const cid = cids.get('large.bin')!
    const member = { id: project as never, email: ben as Email }
    await atOslo.call('projects.set-member', { ...member, role: 'viewer' })
    expect((await objectOf(cid, ben)).status).toBe(200)
    const access = await ask(`/objects/${cid}/access/https`, ben)
    const { url } = accessUrl.parse(await access.json())
    await atOslo.call('projects.remove-member', member)
    expect((await objectOf(cid, ben)).status).toBe(404)
    // The address that was given before is no right of its own.
    expect((await fetch(url)).status).toBe(404)
    const path = join(folder.path, 'data/large.bin')
    const { id } = await atBen.call('datasets.add', { name: 'Own', path })
    expect((await objectOf(cid, ben)).status).toBe(200)
    expect((await fetch(url)).status).toBe(200)
    await atBen.call('datasets.remove', { id })
    expect((await objectOf(cid, ben)).status).toBe(404)
  })

  test('cannot make an address of another', async () => {
    const [one, other] = [cids.get('large.bin')!, cids.get('empty')!]
    const access = await ask(`/objects/${one}/access/https`)
    const { url } = accessUrl.parse(await access.json())
    const ticket = new URL(url).searchParams.get('ticket')!
    const [said, seal] = ticket.split('.') as [string, string]
    const forged = Buffer.from(
      Buffer.from(said, 'base64url').toString().replace(one, other),
    ).toString('base64url')
    for (const address of [
      url.replace(one, other),
      url.replace(said, forged).replace(`/${one}?`, `/${other}?`),
      url.replace(
        seal,
        seal.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
      ),
      url.replace(/\?.*/, ''),
    ]) {
      const response = await fetch(address)
      expect([address, response.status]).toEqual([address, 410])
      drsError.parse(await response.json())
    }
    expect((await ask(`/objects/${one}/access/other`)).status).toBe(404)
  })
})

test('a new version is found, and what a restart forgot', async () => {
  const path = join(folder.path, 'next')
  await mkdir(path)
  await writeFile(join(path, 'new.txt'), 'new')
  await atOslo.call('datasets.update', { id: dataset as never, path })
  const { files } = await atOslo.call('datasets.files', { id: dataset as never })
  expect((await objectOf(files[0]!.cid)).status).toBe(200)
  // The version before is one still.
  expect((await objectOf(cids.get('large.bin')!)).status).toBe(200)
  await site.kill('SIGKILL')
  await site.start()
  expect((await objectOf(files[0]!.cid)).status).toBe(200)
}, 60_000)
