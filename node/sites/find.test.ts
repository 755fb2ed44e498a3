import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { faultOf } from '../../test/folder.ts'
import { systemClock } from '../base/clock.ts'
import { findSite, placeOf } from './find.ts'

const site = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
const told = {
  v: 1,
  site,
  name: 'Oslo',
  addresses: ['/dns/oslo.example/tcp/4600'],
  openapi: '/api/openapi',
}

describe('what is typed', () => {
  test.each([
    ['oslo.example.org', 'https://oslo.example.org/.well-known/crossload'],
    ['https://oslo.example.org/', 'https://oslo.example.org/.well-known/crossload'],
    ['http://10.0.0.7:4680', 'http://10.0.0.7:4680/.well-known/crossload'],
  ])('%s is a name', (text, href) => {
    expect(placeOf(text)?.href).toBe(href)
  })

  test.each([
    '/ip4/10.0.0.7/tcp/4600',
    '10.0.0.7',
    '10.0.0.7:4600',
    'oslo:4600',
    'localhost',
    'crossload1abcdefgh.234567',
    'Crossload1.example',
    'https://user@oslo.example/',
    'https://oslo.example/elsewhere',
    'file:///etc/passwd',
    '',
  ])('%s is none', (text) => {
    expect(placeOf(text)).toBeUndefined()
  })
})

describe('what answers', () => {
  let server: Server
  afterEach(() => void server.close())

  async function answering(status: number, body: string, headers = {}): Promise<URL> {
    server = createServer((_request, response) => response.writeHead(status, headers).end(body))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return placeOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)!
  }

  test('a site is found, whatever a newer one says besides', async () => {
    const place = await answering(200, JSON.stringify({ ...told, motto: 'x' }))
    expect(await findSite(place, { clock: systemClock })).toEqual(told)
  })

  test.each([
    ['something else', 200, '<html>', 'missing'],
    ['nothing of that name', 404, '', 'missing'],
    ['far too much', 200, JSON.stringify({ ...told, name: 'x'.repeat(70_000) }), 'missing'],
    ['no key', 200, JSON.stringify({ ...told, site: 'nobody' }), 'invalid'],
    ['no address', 200, JSON.stringify({ ...told, addresses: [] }), 'invalid'],
  ] as const)('%s', async (_what, status, body, kind) => {
    expect(
      await faultOf(findSite(await answering(status, body), { clock: systemClock })),
    ).toMatchObject({ kind })
  })

  test('a redirect is not followed', async () => {
    const place = await answering(302, '', { location: 'http://127.0.0.1:1/' })
    expect(await faultOf(findSite(place, { clock: systemClock }))).toMatchObject({
      kind: 'unreachable',
    })
  })

  test('nothing at all', async () => {
    const place = await answering(200, '')
    await new Promise((resolve) => server.close(resolve))
    expect(await faultOf(findSite(place, { clock: systemClock }))).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('ask the other administrator for an invitation'),
    })
  })
})
