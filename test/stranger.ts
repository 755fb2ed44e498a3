/** Somebody with a valid key whom nobody knows: raw libp2p, and every byte that comes back is kept. */
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, Stream, StreamCloseEvent } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { within } from './site.ts'

/** How long a site may take to turn somebody away, in milliseconds. */
const turnedAwayMs = 15_000

/**
 * What came back, and how it ended: `reset` and `closed` are the stream's end, anything else is the
 * error with which it did not even open.
 */
export type Knocked = { heard: Uint8Array; end: string; ms: number }

export interface Stranger extends AsyncDisposable {
  readonly host: Libp2p
  /** Opens a stream and says these bytes, whole or not, whether or not anybody listens. */
  knock(protocol: string, bytes?: Uint8Array): Promise<Knocked>
  /** What the other side says it speaks, when it is asked before any protocol is agreed on. */
  protocols(): Promise<string[]>
}

export async function openStranger(
  address: string,
  keyType: 'Ed25519' | 'secp256k1' = 'Ed25519',
): Promise<Stranger> {
  const host = await createLibp2p({
    privateKey: await generateKeyPair(keyType),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  const dial = () => host.dial(multiaddr(address))

  async function knock(protocol: string, bytes = new Uint8Array(0)): Promise<Knocked> {
    const begun = performance.now()
    const heard: Uint8Array[] = []
    const ended = (end: string): Knocked => ({
      ...{ heard: Buffer.concat(heard), end },
      ms: performance.now() - begun,
    })
    let stream: Stream
    try {
      stream = await (await dial()).newStream(protocol)
    } catch (thrown) {
      return ended((thrown as Error).name)
    }
    const over = listen(stream, heard)
    attempt(() => stream.send(bytes))
    stream.close().catch(() => {})
    return ended(await within(over, turnedAwayMs, `${protocol} was neither answered nor ended`))
  }

  return {
    host,
    knock,
    async protocols() {
      const { muxer } = (await dial()) as unknown as {
        muxer: { createStream(o: object): Promise<Stream> }
      }
      const stream = await muxer.createStream({})
      const heard: Uint8Array[] = []
      const over = listen(stream, heard)
      for (const line of ['/multistream/1.0.0\n', 'ls\n'])
        stream.send(Buffer.concat([Uint8Array.of(line.length), Buffer.from(line)]))
      stream.close().catch(() => {})
      await within(over, turnedAwayMs, 'it did not say what it speaks')
      const text = Buffer.concat(heard).toString('latin1')
      return [...text.matchAll(/\/[\x21-\x7e]+(?=\n)/g)]
        .map(([name]) => name)
        .filter((name) => name !== '/multistream/1.0.0')
    },
    [Symbol.asyncDispose]: async () => host.stop(),
  }
}

/** Resolves when the stream can bring nothing more. */
function listen(stream: Stream, heard: Uint8Array[]): Promise<string> {
  return new Promise((resolve) => {
    stream.addEventListener('message', ({ data }) => void heard.push(data.subarray()))
    const close = (event: StreamCloseEvent) =>
      resolve(event.error === undefined ? 'closed' : 'reset')
    stream.addEventListener('close', close as EventListener)
    stream.addEventListener('remoteCloseWrite', () => resolve('closed'))
    if (stream.status !== 'open' && stream.status !== 'closing') resolve('reset')
  })
}

function attempt(run: () => unknown): void {
  try {
    run()
  } catch {
    // The door was shut before anything was said.
  }
}
