/**
 * The limit of a libp2p stream: TCP, Noise and yamux with the same packages and windows as a site
 * has, a writer that waits for room, and a reader that only counts.
 */
import { once } from 'node:events'
import { noise } from '@chainsafe/libp2p-noise'
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { limits } from '../../node/net/limits.ts'
import { serveEnd } from './process.ts'

const protocol = '/bench/1.0.0'

const createHost = (listen: string[]) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        streamOptions: {
          maxStreamWindowSize: limits.streamWindowBytesMax,
          maxReadBufferLength: limits.readBufferBytesMax,
          maxWriteBufferLength: limits.writeBufferBytesMax,
        },
      }),
    ],
    connectionMonitor: { enabled: false },
  })

await serveEnd<string>({
  async source({ bytes }) {
    const host = await createHost(['/ip4/127.0.0.1/tcp/0'])
    const chunk = new Uint8Array(limits.chunkBytes).fill(1)
    await host.handle(protocol, async (stream: Stream) => {
      for (let left = bytes; left > 0; left -= chunk.byteLength) {
        const more = stream.send(chunk.subarray(0, Math.min(left, chunk.byteLength)))
        if (!more) await once(stream, 'drain')
      }
      await stream.close()
    })
    return host.getMultiaddrs()[0]!.toString()
  },
  async sink({ bytes }, address) {
    const host = await createHost([])
    await host.dial(multiaddr(address))
    return async () => {
      const stream = await host.dialProtocol(multiaddr(address), protocol)
      const all = Promise.withResolvers<number>()
      let came = 0
      stream.addEventListener('message', (event: StreamMessageEvent) => {
        came += event.data.byteLength
        if (came === bytes) all.resolve(came)
      })
      stream.addEventListener('close', () =>
        all.reject(new Error(`the stream closed after ${came} of ${bytes} bytes`)),
      )
      return await all.promise
    }
  },
})
