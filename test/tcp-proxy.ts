/** A cable between two sockets on loopback, for tests: slow, cut, reset or frozen when asked. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy extends AsyncDisposable {
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
  /** In each direction. */
  bytesPerSecond?: number
}): Promise<Proxy> {
  const lines = new Set<readonly [Socket, Socket]>()
  let frozen = false
  let passedBytes = 0

  function forward(from: Socket, to: Socket): void {
    from.on('data', (data: Buffer) => {
      if (frozen) return void from.pause()
      passedBytes += data.byteLength
      const more = to.write(data)
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

  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: o.to.port, host: o.to.host ?? '127.0.0.1', allowHalfOpen: true })
    const line = [near, far] as const
    lines.add(line)
    near.on('close', () => lines.delete(line))
    forward(near, far)
    forward(far, near)
  })
  server.listen(0, o.host ?? '127.0.0.1')
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
