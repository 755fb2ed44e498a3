/**
 * A cable between two sockets on loopback, for tests: slow, cut, reset or frozen when asked, and
 * looked into or spoilt on the way.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Which way bytes go: to where the proxy leads, or back to whoever dialled it. */
export type Way = 'there' | 'back'

/** What goes on instead of the bytes that came. With `end` it is the last of its line. */
export type Passage = { readonly data: Buffer; readonly end?: 'close' | 'reset' | undefined }

export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** Bytes that went through, both ways. */
  readonly passedBytes: number
  /** Pairs of sockets that are open now. */
  readonly lines: number
  /** Both ends of every line end as if closed. */
  cut(): void
  /** Both ends of every line get a reset. */
  reset(): void
  /** Nothing passes any more, and nobody is told. */
  freeze(): void
}

export async function openProxy(o: {
  to: { port: number; host?: string }
  host?: string
  /** Where it listens; a free port unless said. */
  port?: number
  /** In each direction. */
  bytesPerSecond?: number
  /** Sees everything that passes, in order, and decides what of it goes on. */
  through?: (data: Buffer, way: Way) => Passage
  /** Somebody dials, whether the target answers or not. */
  dialled?: () => void
}): Promise<TcpProxy> {
  const lines = new Set<readonly [Socket, Socket]>()
  let frozen = false
  let passedBytes = 0

  function forward(from: Socket, to: Socket, way: Way, line: { over: boolean }): void {
    from.on('data', (came: Buffer) => {
      if (frozen) return void from.pause()
      if (line.over) return
      const { data, end } = o.through?.(came, way) ?? { data: came }
      passedBytes += data.byteLength
      const more = to.write(data)
      if (end !== undefined) {
        line.over = true
        for (const socket of [from, to]) {
          if (end === 'reset') socket.resetAndDestroy()
          else socket.destroySoon()
        }
        return
      }
      if (o.bytesPerSecond !== undefined) {
        from.pause()
        setTimeout(() => frozen || from.resume(), (data.byteLength / o.bytesPerSecond) * 1000)
      } else if (!more) {
        from.pause()
        to.once('drain', () => frozen || from.resume())
      }
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    o.dialled?.()
    const far = connect({
      port: o.to.port,
      host: o.to.host ?? '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    })
    const line = [near, far] as const
    lines.add(line)
    near.on('close', () => lines.delete(line))
    const state = { over: false }
    forward(near, far, 'there', state)
    forward(far, near, 'back', state)
  })
  server.listen(o.port ?? 0, o.host ?? '127.0.0.1')
  await once(server, 'listening')

  const each = (act: (socket: Socket) => void) => {
    for (const line of [...lines]) for (const socket of line) act(socket)
  }
  return {
    port: (server.address() as AddressInfo).port,
    get passedBytes() {
      return passedBytes
    },
    get lines() {
      return lines.size
    },
    cut: () => each((socket) => socket.destroy()),
    reset: () => each((socket) => socket.resetAndDestroy()),
    freeze() {
      frozen = true
    },
    async [Symbol.asyncDispose]() {
      each((socket) => socket.destroy())
      server.close()
      await once(server, 'close')
    },
  }
}
