/** Deliveries over TLS: the certificate must be good for the name, though the connection is to an address. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { openFolder } from '../../test/folder.ts'
import { systemClock } from '../base/clock.ts'
import { createPost } from './post.ts'

const noOpenssl =
  spawnSync('openssl', ['version'], { stdio: 'ignore' }).error === undefined
    ? ''
    : ' (skipped: openssl is not installed)'

const what = { headers: { 'webhook-id': 'x' }, body: '{}' }
const { signal } = new AbortController()

test.skipIf(noOpenssl)(`a certificate counts for the name that was typed${noOpenssl}`, async () => {
  await using folder = await openFolder()
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')]
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=hooks.test'],
    ...['-addext', 'subjectAltName=DNS:hooks.test', '-keyout', key, '-out', cert],
  ])
  expect(made.status).toBe(0)
  const names: unknown[] = []
  const server = createServer(
    { key: await readFile(key), cert: await readFile(cert) },
    (request, response) => {
      names.push((request.socket as TLSSocket).servername)
      request.resume()
      response.writeHead(202).end()
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const allowed = [`hooks.test:${port}`, `other.test:${port}`, `127.0.0.1:${port}`]
  const post = createPost({ clock: systemClock, allowed, resolve: async () => ['127.0.0.1'] })
  const send = (host: string) => post.send(`https://${host}:${port}/hook`, what, { signal })
  const before = getCACertificates('default')
  try {
    await expect(send('hooks.test')).rejects.toThrow(/SELF_SIGNED/)
    setDefaultCACertificates([...before, await readFile(cert, 'utf8')])
    expect(await send('hooks.test')).toBe(202)
    expect(names).toEqual(['hooks.test'])
    await expect(send('other.test')).rejects.toThrow(/ALTNAME/)
    await expect(send('127.0.0.1')).rejects.toThrow(/ALTNAME/)
  } finally {
    setDefaultCACertificates(before)
    server.closeAllConnections()
    server.close()
  }
})

test('whoever asks may stop while a name is looked up', async () => {
  const stop = new AbortController()
  const asked = Promise.withResolvers<void>()
  const resolve = () => {
    asked.resolve()
    return new Promise<never>(() => {})
  }
  const post = createPost({ clock: systemClock, allowed: [], resolve })
  const sending = post.send('https://hooks.example/', what, { signal: stop.signal })
  await asked.promise
  stop.abort(new Error('enough'))
  await expect(sending).rejects.toThrow('enough')
})
