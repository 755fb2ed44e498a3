/** libp2p, built with what we use of it, bounded and repaired. Started and stopped by net.ts. */
import type { Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import type { ConnectionGater, Libp2p, Listener, PeerId, PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { assertLimits, type Limits } from './limits.ts'
import { boundedMuxer, closableWebSockets, limitSockets, rememberingKeys } from './repairs.ts'

export type HostInit = {
  readonly privateKey: PrivateKey
  /** Multiaddrs; an empty list dials only. */
  readonly listen: readonly string[]
  readonly announce?: readonly string[] | undefined
  readonly clock: Clock
  readonly limits: Limits
  readonly gater: ConnectionGater
  readonly admit: (socket: Socket) => boolean
  /** Whether this key may send more over one connection than a stranger. */
  readonly mayExceed: (remote: PeerId | undefined) => boolean
}

/** Not started: whoever builds it adds handlers and listeners first. */
export async function createHost(o: HostInit): Promise<Libp2p> {
  const { limits } = o
  assertLimits(limits)
  const host = await createLibp2p({
    start: false,
    privateKey: o.privateKey,
    // No version: identify is not registered, and nothing else may tell it either.
    nodeInfo: { name: 'crossload', version: '0', userAgent: 'crossload' },
    addresses: { listen: [...o.listen], announce: [...(o.announce ?? [])] },
    transports: [
      tcp({ maxConnections: limits.socketsMax }),
      (components) =>
        closableWebSockets(
          webSockets({
            http: { headersTimeout: limits.pendingMs, requestTimeout: limits.pendingMs },
          })(components),
          { clock: o.clock, closeMs: limits.closeMs },
        ),
    ],
    connectionEncrypters: [(components) => rememberingKeys(noise()(components))],
    streamMuxers: [
      () =>
        boundedMuxer(
          yamux({
            maxInboundStreams: limits.streamsMax,
            maxOutboundStreams: limits.streamsMax,
            // Whoever dials is done first, and may open streams before the other end looks for them.
            maxEarlyStreams: limits.streamsMax,
            // The initial window is not negotiated: another value than everybody's ends connections.
            streamOptions: {
              maxStreamWindowSize: limits.streamWindowBytesMax,
              maxReadBufferLength: limits.readBufferBytesMax,
              maxWriteBufferLength: limits.writeBufferBytesMax,
            },
          })(),
          {
            frameBytesMax: limits.muxerFrameBytesMax,
            bytesMax: limits.strangerBytesMax,
            mayExceed: o.mayExceed,
          },
        ),
    ],
    connectionGater: o.gater,
    connectionManager: {
      maxConnections: limits.connectionsMax + limits.dialledConnectionsMax,
      maxIncomingPendingConnections: limits.pendingMax,
      // The gate has a better bucket: by address and network, before a byte is read, and with
      // exceptions that change while we run, which the library's own list of them cannot.
      inboundConnectionThreshold: 1_000_000,
      inboundUpgradeTimeout: limits.upgradeMs,
      inboundStreamProtocolNegotiationTimeout: limits.inboundNegotiationMs,
      outboundStreamProtocolNegotiationTimeout: limits.openStreamMs,
      addressDialTimeout: limits.addressMs,
      dialTimeout: limits.dialMs,
      maxPeerAddrsToDial: limits.addressesMax,
      connectionCloseTimeout: limits.closeMs,
      reconnectRetries: 0,
      // A name that resolves to more addresses is never followed.
      resolvers: {},
    },
    // It would abort a connection whose ping waits behind bulk; stream.ts has its own idea of silence.
    connectionMonitor: { enabled: false },
  })
  return host
}

/** Listens. `busy` when a port is in use, `invalid` when an address is none we can listen at. */
export async function startHost(host: Libp2p, o: HostInit): Promise<void> {
  let unguarded = 0
  host.addEventListener('transport:listening', (event: CustomEvent<Listener>) => {
    const guarded = limitSockets(event.detail, { socketsMax: o.limits.socketsMax, admit: o.admit })
    if (!guarded) unguarded++
  })
  try {
    await host.start()
  } catch (cause) {
    throw listenFault(cause, o.listen)
  }
  if (unguarded > 0) {
    await host.stop()
    throw new Error('node/net/repairs.ts: a listener has no server that could be guarded')
  }
}

function listenFault(cause: unknown, listen: readonly string[]): Fault {
  // The library puts the faults of all its listeners into one text.
  const text = String((cause as Error)?.message ?? cause)
  const inUse = /EADDRINUSE: address already in use (\S+)/.exec(text)?.[1]
  if (inUse !== undefined)
    return asFault(Object.assign(new Error(text), { code: 'EADDRINUSE' }), 'net.listen', inUse)
  const known = /EACCES[^\n]*|EADDRNOTAVAIL[^\n]*/.exec(text)?.[0]
  return new Fault('invalid', 'net.listen', {
    about: listen.join(' '),
    text:
      `It is not possible to listen at ${listen.join(', ')}${known === undefined ? '' : ` (${known})`}. ` +
      'Write an address of this machine, for example /ip4/0.0.0.0/tcp/4001.',
    cause,
  })
}
