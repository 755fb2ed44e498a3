/** The limit of a lane: one native TLS 1.3 socket with a pre-shared key, and a reader that only counts. */
import { once } from 'node:events'
import type { AddressInfo, OnReadOpts } from 'node:net'
import tls from 'node:tls'
import { serveEnd } from './process.ts'

const psk = Buffer.alloc(32, 7)
const settings = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
} as const
const chunkBytes = 1024 * 1024

await serveEnd<number>({
  async source({ bytes }) {
    const chunk = Buffer.alloc(chunkBytes, 1)
    const server = tls.createServer(
      { ...settings, pskCallback: () => psk, pskIdentityHint: 'bench' },
      async (socket) => {
        for (let left = bytes; left > 0; left -= chunkBytes) {
          const more = socket.write(chunk.subarray(0, Math.min(left, chunkBytes)))
          if (!more) await once(socket, 'drain')
        }
        socket.end()
      },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  async sink({ bytes }, port) {
    return () =>
      new Promise<number>((resolve, reject) => {
        let came = 0
        // One buffer for all reads: the least that a reader can do.
        const onread: OnReadOpts = {
          buffer: Buffer.alloc(256 * 1024),
          callback(read) {
            came += read
            if (came === bytes) resolve(came)
            return true
          },
        }
        const options: tls.ConnectionOptions & { onread: OnReadOpts } = {
          ...settings,
          host: '127.0.0.1',
          port,
          pskCallback: () => ({ psk, identity: 'bench' }),
          checkServerIdentity: () => undefined,
          onread,
        }
        const socket = tls.connect(options)
        socket.on('error', reject)
      })
  },
})
