/**
 * What is wrong in the library below and must not wait for its next release. Each function says what
 * would happen without it and has a test that fails when the repair is taken out; when a test passes
 * without its repair, the repair goes.
 */
import { subscribe } from 'node:diagnostics_channel'
import { type AddressInfo, Server, Socket } from 'node:net'
import type {
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  PeerId,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import type { yamux } from '@libp2p/yamux'
import type { Clock } from '../base/clock.ts'

/** Whose connection it is, for what is only known once the key is proved. */
const provedKeys = new WeakMap<MessageStream, PeerId>()

/** Remembers the key that a connection proved, so that the muxer above it can ask whose it is. */
export function rememberingKeys(encrypter: ConnectionEncrypter): ConnectionEncrypter {
  const remember = async (secured: ReturnType<ConnectionEncrypter['secureInbound']>) => {
    const { connection, remotePeer } = await secured
    provedKeys.set(connection, remotePeer)
    return secured
  }
  const inbound = encrypter.secureInbound.bind(encrypter)
  const outbound = encrypter.secureOutbound.bind(encrypter)
  encrypter.secureInbound = (connection, options) => remember(inbound(connection, options))
  encrypter.secureOutbound = (connection, options) => remember(outbound(connection, options))
  return encrypter
}

type MuxerFactory = ReturnType<ReturnType<typeof yamux>>

/** Length of a yamux header; type, and where the length of the data stands in it. */
const headerBytes = 12
const dataType = 0

/**
 * The muxer buffers a frame until it is whole and believes any length up to 4 GiB, from any key: a
 * stranger could fill our memory. A frame over `frameBytesMax` ends its connection before it is
 * buffered; so does one that brings more than `bytesMax` from a key that may not exceed it.
 */
export function boundedMuxer(
  factory: MuxerFactory,
  o: {
    frameBytesMax: number
    bytesMax: number
    mayExceed: (remote: PeerId | undefined) => boolean
  },
): MuxerFactory {
  const create = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    const muxer = create(connection)
    const remote = provedKeys.get(connection)
    const header = new Uint8Array(headerBytes)
    const view = new DataView(header.buffer)
    let filled = 0
    let skip = 0
    let total = 0
    let granted = o.bytesMax
    const look = (chunk: Uint8Array) => {
      for (let at = 0; at < chunk.byteLength; ) {
        if (skip > 0) {
          const step = Math.min(skip, chunk.byteLength - at)
          skip -= step
          at += step
          continue
        }
        const part = chunk.subarray(at, at + headerBytes - filled)
        header.set(part, filled)
        filled += part.byteLength
        at += part.byteLength
        if (filled < headerBytes) return
        filled = 0
        skip = view.getUint8(1) === dataType ? view.getUint32(8) : 0
        if (skip > o.frameBytesMax) throw new Error(`A frame of ${skip} bytes is too long.`)
      }
    }
    const onData = muxer.onData.bind(muxer)
    // The library ends muxer and connection when this throws.
    muxer.onData = (data) => {
      total += data.byteLength
      if (total > granted) {
        if (!o.mayExceed(remote)) throw new Error('Too many bytes for a site not accepted.')
        granted = total + o.bytesMax
      }
      if (data instanceof Uint8Array) look(data)
      else for (const chunk of data) look(chunk)
      onData(data)
    }
    return muxer
  }
  return factory
}

type WebSocketLike = EventTarget & { close(): void; terminate?(): void }

type WebSocketConnection = MultiaddrConnection & {
  websocket?: WebSocketLike
  sendReset?: () => void
  sendClose?: () => Promise<void>
}

/** The sockets under the platform's own WebSockets, which have no way to be ended for good. */
const socketsUnder = new WeakMap<object, Socket>()
const webSocketCalls = new Map<string, Socket>()

/** The platform tells of every socket that it opens for a request, and of what it became. */
function followWebSockets(): void {
  const endpoint = (address?: string, port?: number) => `${address} ${port}`
  subscribe('undici:client:connected', (message) => {
    const { socket } = message as { socket?: unknown }
    if (!(socket instanceof Socket)) return
    const key = endpoint(socket.localAddress, socket.localPort)
    webSocketCalls.set(key, socket)
    socket.once('close', () => webSocketCalls.delete(key))
  })
  subscribe('undici:websocket:open', (message) => {
    const { websocket, address } = message as { websocket?: object; address?: AddressInfo }
    const socket = webSocketCalls.get(endpoint(address?.address, address?.port))
    if (websocket !== undefined && socket !== undefined) socketsUnder.set(websocket, socket)
  })
}
followWebSockets()

/**
 * Aborting a WebSocket connection closes it with code 1006, which every implementation refuses with
 * an exception, so that the socket stays open for good (js-libp2p pull request 3625, still open); so
 * does a dial that fails after the socket is open; and a close waits without end, and keeps the process
 * alive, when the other side does not answer it.
 */
export function closableWebSockets(
  transport: Transport,
  o: { clock: Clock; closeMs: number },
): Transport {
  const closable = (connection: WebSocketConnection) => {
    const { websocket } = connection
    if (websocket === undefined) return connection
    const end = () => {
      const socket = socketsUnder.get(websocket)
      if (socket !== undefined) socket.destroy()
      else if (websocket.terminate !== undefined) websocket.terminate()
      else websocket.close()
    }
    connection.sendReset = end
    connection.sendClose = async () => {
      const closed = new Promise((resolve) => {
        websocket.addEventListener('close', resolve, { once: true })
      })
      using _late = o.clock.after(o.closeMs, end)
      websocket.close()
      await closed
    }
    return connection
  }
  const repaired = (upgrader: Upgrader): Upgrader => {
    const derived: Upgrader = Object.create(upgrader)
    derived.upgradeInbound = (connection: MultiaddrConnection, options: never) =>
      upgrader.upgradeInbound(closable(connection), options)
    derived.upgradeOutbound = async (connection: MultiaddrConnection, options: never) => {
      try {
        return await upgrader.upgradeOutbound(closable(connection), options)
      } catch (cause) {
        connection.abort(cause as Error)
        throw cause
      }
    }
    return derived
  }
  const dial = transport.dial.bind(transport)
  const createListener = transport.createListener.bind(transport)
  transport.dial = (to, options) => dial(to, { ...options, upgrader: repaired(options.upgrader) })
  transport.createListener = (options) =>
    createListener({ ...options, upgrader: repaired(options.upgrader) })
  return transport
}

/**
 * A listener takes any number of sockets, and one for WebSockets waits for the first byte of each
 * without end, before any gate of the library is asked: silent sockets would use up the file
 * descriptors. `admit` is asked for each socket; what it refuses is closed unread. False when the
 * listener no longer has a server of the shape known here: then it must not be used.
 */
export function limitSockets(
  listener: unknown,
  o: { socketsMax: number; admit: (socket: Socket) => boolean },
): boolean {
  const { server } = listener as { server?: unknown }
  if (!(server instanceof Server)) return false
  server.maxConnections = o.socketsMax
  server.prependListener('connection', (socket: Socket) => {
    if (!o.admit(socket)) socket.destroy()
  })
  return true
}
