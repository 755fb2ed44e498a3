/**
 * Where lanes come in. A socket has until the gate's deadline to prove a key that was promised; who
 * cannot hears the same alert whether its ticket was never made, used, void, or its key wrong.
 */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { asFault } from '../../../protocol/fault.ts'
import { laneCipher, laneKeyBytes } from '../../../protocol/lane.ts'
import type { Clock } from '../../base/clock.ts'
import type { Gate } from '../gate.ts'
import type { Limits } from '../limits.ts'
import type { LaneSocket } from './lane.ts'
import type { Promised } from './promises.ts'

export type Place = { readonly host: string; readonly port: number }

export type Door = {
  readonly place: Place
  /** No more come in; those that are open stay. */
  close(): Promise<void>
}

/** Listening when it resolves; fault `busy` when the port is in use. */
export async function openDoor<P>(o: {
  place: Place
  clock: Clock
  limits: Pick<Limits, 'socketsMax'>
  gate: Pick<Gate, 'admitLane' | 'laneProved'>
  /** The promise of this identity, now used up, if it may still be used. */
  use: (identity: string) => Promised<P> | undefined
  arrived: (promised: Promised<P>, lane: LaneSocket) => void
  refused: (why: unknown) => void
}): Promise<Door> {
  /** A handshake may ask for its key twice; another handshake must not. */
  const promises = new WeakMap<object, Promised<P>>()
  const sockets = new Set<Socket>()
  const server = createServer({
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: laneCipher,
    // A ticket of TLS would be a second way in, past ours.
    secureOptions: constants.SSL_OP_NO_TICKET,
    allowHalfOpen: true,
    noDelay: true,
    pskCallback(socket: TLSSocket, identity: string) {
      const promised = promises.get(socket) ?? o.use(identity)
      if (promised === undefined) return o.clock.random(laneKeyBytes)
      promises.set(socket, promised)
      return promised.key
    },
  })
  server.maxConnections = o.limits.socketsMax
  server.on('connection', (socket: Socket) => {
    if (!o.gate.admitLane(socket)) return void socket.destroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (why: Error, socket: TLSSocket) => {
    promises.get(socket)?.leave()
    o.refused(why)
    socket.destroy()
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    // Also a socket that breaks before its carrier listens must not end the process.
    socket.on('error', o.refused)
    const promised = promises.get(socket)
    if (promised === undefined) return void socket.destroy()
    o.gate.laneProved(socket)
    o.arrived(promised, {
      socket,
      hear: (heard) =>
        socket.on('data', (chunk: Uint8Array) => {
          if (!heard(chunk, chunk.byteLength)) socket.pause()
        }),
    })
  })
  const { host, port } = o.place
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    throw asFault(cause, 'net.lane', placeText(o.place))
  }
  server.on('error', o.refused)
  return {
    place: { host, port: (server.address() as AddressInfo).port },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

export function placeText({ host, port }: Place): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** The host and port of HOST:PORT, whose form was checked before. */
export function placeOf(text: string): Place {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
