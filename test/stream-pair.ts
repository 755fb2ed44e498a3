/** Two carriers over real libp2p streams, each end its own host with its own key, on loopback. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Clock, systemClock } from '../node/base/clock.ts'
import type { NetCarrier } from '../node/net/carrier.ts'
import { siteOf } from '../node/net/gate.ts'
import { createHost, startHost } from '../node/net/host.ts'
import { type Limits, limits } from '../node/net/limits.ts'
import { createStreamCarrier, type StreamLimits } from '../node/net/stream.ts'
import { openProxy, type TcpProxy } from './tcp-proxy.ts'

export type Transport = 'tcp' | 'websockets'

export interface StreamPair extends AsyncDisposable {
  /** The end that dialled. */
  readonly left: NetCarrier
  readonly right: NetCarrier
  readonly streams: { readonly left: Stream; readonly right: Stream }
}

export interface HostPair extends AsyncDisposable {
  /** `left` dialled `right`. */
  readonly left: Libp2p
  readonly right: Libp2p
  readonly connection: Connection
  readonly proxy: TcpProxy | undefined
  /** A new stream over the connection there is. */
  openStream(o?: { limits?: Partial<StreamLimits>; clock?: Clock }): Promise<StreamPair>
}

const protocol = '/test/pair/1.0.0'

export async function openBareHost(o: {
  listen: readonly string[]
  limits?: Partial<Limits> | undefined
}): Promise<Libp2p> {
  const init = {
    privateKey: await generateKeyPair('Ed25519'),
    listen: o.listen,
    clock: systemClock,
    limits: { ...limits, ...o.limits },
    gater: {},
    admit: () => true,
    mayExceed: () => true,
  }
  const host = await createHost(init)
  await startHost(host, init)
  return host
}

export async function openHostPair(o: {
  transport: Transport
  limits?: Partial<Limits>
  /** Through a proxy, so that the line can be cut or slowed. */
  proxied?: { bytesPerSecond?: number }
}): Promise<HostPair> {
  await using stack = new AsyncDisposableStack()
  const host = async (listen: string[]) =>
    stack.adopt(await openBareHost({ listen, limits: o.limits }), (one) => one.stop())
  const right = await host([`/ip4/127.0.0.1/tcp/0${o.transport === 'tcp' ? '' : '/ws'}`])
  const left = await host([])
  const address = right.getMultiaddrs()[0]!
  const proxy =
    o.proxied && stack.use(await openProxy({ to: { port: portOf(address) }, ...o.proxied }))
  const at = proxy
    ? address.toString().replace(`/tcp/${portOf(address)}`, `/tcp/${proxy.port}`)
    : address.toString()
  const arrivals: ((stream: Stream) => void)[] = []
  await right.handle(protocol, (stream) => arrivals.shift()?.(stream), { maxInboundStreams: 64 })
  const connection = await left.dial(multiaddr(at))
  const rest = stack.move()
  return {
    left,
    right,
    connection,
    proxy,
    async openStream(options) {
      const carry = (stream: Stream, remote: Libp2p) =>
        createStreamCarrier(stream, {
          remote: siteOf(remote.peerId)!,
          clock: options?.clock ?? systemClock,
          limits: options?.limits,
        })
      const arrived = new Promise<{ stream: Stream; carrier: NetCarrier }>((resolve) => {
        arrivals.push((stream) => resolve({ stream, carrier: carry(stream, left) }))
      })
      const stream = await connection.newStream(protocol)
      const carrier = carry(stream, right)
      const there = await arrived
      return {
        left: carrier,
        right: there.carrier,
        streams: { left: stream, right: there.stream },
        async [Symbol.asyncDispose]() {
          stream.abort(new Error('the test is over'))
        },
      }
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

export function portOf(address: Multiaddr): number {
  return Number(address.getComponents().find((part) => part.name === 'tcp')?.value)
}
