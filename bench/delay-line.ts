/**
 * A long line in user space, as a process of its own so that it takes nobody's event loop: every
 * socket that comes to one of its doors is joined to a target, and what goes either way is let
 * through at so many bytes a second, all sockets of a direction together, and arrives so many
 * milliseconds later. Started by line.ts, which says what to do.
 *
 * What it is not: nothing is lost or reordered, and the systems at both ends see a loopback socket, so
 * no congestion control is at work. Windows, credit and answers of the programs feel the delay in full.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Door, LineOrder, LineSetting, LineWord, Passed } from './line.ts'

const setting = JSON.parse(process.argv[2]!) as LineSetting
const { bytesPerSecond, delayMs } = setting
/** How much may wait for its turn on the line before the sockets of its direction are paused. */
const waitingMsMax = 20
/** What one socket may have on its way or waiting for a slow reader, in bytes. */
const heldBytesMax = (bytesPerSecond * (delayMs + waitingMsMax)) / 1000 + 4 * 1024 * 1024
const tickMs = 1

const now = () => performance.now()
const passed: Passed = { oslo: 0, kyoto: 0 }
const doors = setting.doors.map(() => 0)
const lines = new Set<Socket>()

/** One direction of the line. Whoever comes is served in the order in which it came. */
class Way {
  /** When the last byte that was let in will have left the near end. */
  #freeAt = 0
  #held: { due: number; data: Buffer; to: Pipe }[] = []
  readonly pipes = new Set<Pipe>()
  #ticking = false

  /** Takes a chunk; its last byte arrives when it has been clocked out and has travelled. */
  take(data: Buffer, to: Pipe): void {
    this.#freeAt = Math.max(now(), this.#freeAt) + (data.byteLength / bytesPerSecond) * 1000
    this.#held.push({ due: this.#freeAt + delayMs, data, to })
    this.#tick()
  }

  get full(): boolean {
    return this.#freeAt - now() > waitingMsMax
  }

  #tick(): void {
    if (this.#ticking) return
    this.#ticking = true
    setTimeout(() => {
      this.#ticking = false
      const at = now()
      let arrived = 0
      while (arrived < this.#held.length && this.#held[arrived]!.due <= at) {
        const { data, to } = this.#held[arrived++]!
        to.arrive(data)
      }
      if (arrived > 0) this.#held.splice(0, arrived)
      for (const pipe of this.pipes) pipe.look()
      if (this.#held.length > 0 || this.full) this.#tick()
    }, tickMs)
  }
}

/** One direction of one pair of sockets. */
class Pipe {
  #held = 0
  #paused = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #way: Way
  readonly #toward: Door['toward']
  readonly #door: number

  constructor(from: Socket, to: Socket, toward: Door['toward'], door: number) {
    this.#from = from
    this.#to = to
    const way = ways[toward]
    this.#way = way
    this.#toward = toward
    this.#door = door
    way.pipes.add(this)
    from.on('data', (data: Buffer) => {
      this.#held += data.byteLength
      way.take(data, this)
      this.look()
    })
    // An end travels like a byte, so that it stays behind those before it.
    from.on('end', () => way.take(Buffer.alloc(0), this))
    from.on('error', () => to.destroy())
    from.on('close', () => way.pipes.delete(this))
    to.on('close', () => from.destroy())
    to.on('drain', () => this.look())
  }

  arrive(data: Buffer): void {
    if (this.#to.destroyed) return
    if (data.byteLength === 0) return void this.#to.end()
    passed[this.#toward] += data.byteLength
    doors[this.#door]! += data.byteLength
    this.#to.write(data, () => {
      this.#held -= data.byteLength
      this.look()
    })
  }

  /** Reads on while there is room on the line and at its far end. */
  look(): void {
    const full = this.#held > heldBytesMax || this.#way.full
    if (full === this.#paused) return
    this.#paused = full
    if (full) this.#from.pause()
    else this.#from.resume()
  }
}

const ways = { oslo: new Way(), kyoto: new Way() }
const other = { oslo: 'kyoto', kyoto: 'oslo' } as const

/** Whoever comes in here is on its way to `toward`; what that end answers goes the other way. */
async function openDoor({ port, toward }: Door, door: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    for (const socket of [near, far]) {
      lines.add(socket)
      socket.on('close', () => lines.delete(socket))
    }
    new Pipe(near, far, toward, door)
    new Pipe(far, near, other[toward], door)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const say = (word: LineWord) => process.send?.(word)

process.on('disconnect', () => process.exit())
process.on('message', (order: LineOrder) => {
  // What was on its way is lost, as on a real line.
  if (order === 'cut') for (const socket of [...lines]) socket.resetAndDestroy()
})
say({ ports: await Promise.all(setting.doors.map(openDoor)) })
setInterval(() => say({ at: now(), passed, doors }), setting.everyMs)
