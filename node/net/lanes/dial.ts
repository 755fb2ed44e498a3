/** A promise → a socket on which both sides have proved its key, or a fault; never longer than it may. */
import type { SocketConstructorOpts, TcpSocketConnectOpts } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Fault } from '../../../protocol/fault.ts'
import { laneCipher } from '../../../protocol/lane.ts'
import type { Clock } from '../../base/clock.ts'
import { type Place, placeText } from './door.ts'
import type { LaneSocket } from './lane.ts'

/** What one read of the socket may bring: a record of TLS is 16 KiB at most. */
const readBytes = 64 * 1024

export async function dialLane(
  place: Place,
  o: { identity: string; key: Uint8Array; clock: Clock; laneDialMs: number; signal: AbortSignal },
): Promise<LaneSocket> {
  o.signal.throwIfAborted()
  const buffer = new Uint8Array(readBytes)
  let heard: ((from: Uint8Array, count: number) => boolean) | undefined
  /** Who answers may be quick: its first bytes can come in the turn in which the handshake ends. */
  const early: Uint8Array[] = []
  const options: ConnectionOptions &
    Pick<TcpSocketConnectOpts & SocketConstructorOpts, 'allowHalfOpen' | 'onread'> = {
    ...place,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: laneCipher,
    allowHalfOpen: true,
    pskCallback: () => ({ psk: o.key, identity: o.identity }),
    // Asked only when the other side shows a certificate instead of using the key.
    ca: [],
    checkServerIdentity: () => new Error('a lane has no certificate'),
    // Into the same memory again and again: as many fresh chunks would cost half as much again.
    onread: {
      buffer,
      callback(count) {
        if (heard !== undefined) return heard(buffer, count)
        early.push(buffer.slice(0, count))
        return false
      },
    },
  }
  const socket = connect(options)
  try {
    await secured(socket, o)
  } catch (cause) {
    socket.destroy()
    o.signal.throwIfAborted()
    throw new Fault('unreachable', 'net.lane', { about: placeText(place), side: 'between', cause })
  }
  socket.setNoDelay(true)
  return {
    socket,
    hear(callback) {
      heard = callback
      for (const chunk of early.splice(0)) callback(chunk, chunk.byteLength)
      socket.resume()
    },
  }
}

function secured(
  socket: TLSSocket,
  o: { clock: Clock; laneDialMs: number; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = o.clock.after(o.laneDialMs, () => reject(new Error('no handshake in time')))
    const stop = () => reject(o.signal.reason)
    const leave = () => {
      late[Symbol.dispose]()
      o.signal.removeEventListener('abort', stop)
    }
    o.signal.addEventListener('abort', stop, { once: true })
    // Stays: a socket that breaks between this and its carrier must not end the process.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once('secureConnect', () => {
      // A key that was used looks like a session that was resumed; anything else is somebody else.
      if (socket.isSessionReused()) resolve()
      else reject(new Error('the key was not used'))
    })
    socket.once('close', leave)
    socket.once('secureConnect', leave)
  })
}
