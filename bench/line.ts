/** A long line between two ends, run as a process (delay-line.ts), and what it saw. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { freePort } from './free-port.ts'

export type End = 'oslo' | 'kyoto'
/** Leads to `port`, where the end `toward` listens. */
export type Door = { readonly port: number; readonly toward: End }
export type LineSetting = {
  readonly bytesPerSecond: number
  /** Each way. */
  readonly delayMs: number
  readonly doors: readonly Door[]
  /** Between two of its reports. */
  readonly everyMs: number
}
export type LineOrder = 'cut'
/** Bytes that have arrived at each end. */
export type Passed = Record<End, number>
export type LineWord = { readonly ports: number[] } | Sample

/** At the time of the line's own clock, in milliseconds. */
export type Sample = {
  readonly at: number
  readonly passed: Readonly<Passed>
  /** Both ways through each door, in their order. */
  readonly doors: readonly number[]
}

export interface Line extends AsyncDisposable {
  readonly pid: number
  /** One for each door, in their order. */
  readonly ports: readonly number[]
  readonly samples: readonly Sample[]
  /** Ends every connection, and loses what is on its way. */
  cut(): void
}

export const gigabit = { bytesPerSecond: 125e6, delayMs: 50, everyMs: 50 } as const

export async function openLine(setting: LineSetting): Promise<Line> {
  const child = fork(resolve(import.meta.dirname, 'delay-line.ts'), [JSON.stringify(setting)])
  const [first] = (await once(child, 'message')) as [LineWord]
  if (!('ports' in first)) throw new Error('the line reported before it had doors')
  const samples: Sample[] = []
  child.on('message', (word: LineWord) => {
    if ('at' in word) samples.push(word)
  })
  return {
    pid: child.pid!,
    ports: first.ports,
    samples,
    cut: () => void child.send('cut' satisfies LineOrder),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/**
 * Bytes a second toward an end between two moments. The line reports now and then; what counts is
 * between the reports nearest to those moments.
 */
export function rateBetween(samples: readonly Sample[], toward: End, from: number, to: number) {
  const inside = samples.filter(({ at }) => at >= from && at <= to)
  const [first, last] = [inside[0], inside.at(-1)]
  if (first === undefined || last === undefined || last.at === first.at)
    throw new Error('too little time between the two moments to tell a rate')
  return ((last.passed[toward] - first.passed[toward]) / (last.at - first.at)) * 1000
}

/** What a raw socket gets through such a line, in bytes a second after its first second: its real ceiling. */
export async function ceilingOf(
  setting: Omit<LineSetting, 'doors'>,
  seconds: number,
): Promise<{ bytesPerSecond: number; roundTripMs: number }> {
  const port = await freePort()
  const server = createServer((socket) => {
    // One byte comes back at once: the time of a round trip. Whatever follows is only read.
    socket.once('data', () => socket.write('x'))
    socket.on('data', () => {})
    socket.on('error', () => {})
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  try {
    await using line = await openLine({ ...setting, doors: [{ port, toward: 'kyoto' }] })
    const socket = dial(line.ports[0]!, '127.0.0.1')
    await once(socket, 'connect')
    const asked = performance.now()
    socket.write('x')
    await once(socket, 'data')
    const roundTripMs = performance.now() - asked
    await pour(socket, seconds)
    const from = line.samples.find(({ passed }) => passed.kyoto > 1)!.at
    const until = from + seconds * 1000
    const skip = Math.min(1000, seconds * 300)
    return {
      bytesPerSecond: rateBetween(line.samples, 'kyoto', from + skip, until),
      roundTripMs,
    }
  } finally {
    server.close()
  }
}

async function pour(socket: Socket, seconds: number): Promise<void> {
  const chunk = Buffer.alloc(256 * 1024)
  const over = performance.now() + seconds * 1000
  while (performance.now() < over) if (!socket.write(chunk)) await once(socket, 'drain')
  const gone = once(socket, 'close')
  socket.destroy()
  await gone
}
