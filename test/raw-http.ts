/**
 * HTTP byte for byte, as no client writes it: what goes over the socket is what the test says, and what
 * comes back is everything until the line ends or the answer is whole.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { within } from './site.ts'

/** How long an answer may take, in milliseconds. */
const answerMs = 15_000

export type RawAnswer = {
  /** 0 when the line was cut without a word. */
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
  /** Whether the line was ended from there. */
  readonly isClosed: boolean
  /** How many answers came. */
  readonly answers: number
}

export async function dialRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // Whoever writes to a line that was cut sees it in the answer.
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends the parts one after another and reads the first answer; the rest of the line is ours to cut. */
export async function askRaw(url: string, ...parts: (string | Uint8Array)[]): Promise<RawAnswer> {
  const socket = await dialRaw(url)
  const answer = readRaw(socket, { isHead: String(parts[0]).startsWith('HEAD ') })
  for (const part of parts) socket.write(part)
  try {
    return await within(answer, answerMs, `no answer to ${String(parts[0]).slice(0, 100)}`)
  } finally {
    socket.destroy()
  }
}

/** The answer to whatever was or will be written. */
export async function readRaw(socket: Socket, { isHead = false } = {}): Promise<RawAnswer> {
  const told = Promise.withResolvers<boolean>()
  let all = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    all = Buffer.concat([all, data])
    if (isWhole(all, isHead)) told.resolve(false)
  })
  socket.on('close', () => told.resolve(true))
  const isClosed = await told.promise
  const [head, body] = parts(all)
  const [line = '', ...fields] = head.split('\r\n')
  const headers = new Headers()
  for (const field of fields) {
    const at = field.indexOf(':')
    headers.append(field.slice(0, at), field.slice(at + 1).trim())
  }
  const answers = all.toString('latin1').split(/^HTTP\/1\.1 /m).length - 1
  return { status: Number(line.split(' ')[1] ?? 0), headers, body, isClosed, answers }
}

function parts(all: Buffer): [head: string, body: Buffer] {
  const end = all.indexOf('\r\n\r\n')
  if (end < 0) return [all.toString('latin1'), Buffer.alloc(0)]
  return [all.toString('latin1', 0, end), all.subarray(end + 4)]
}

function isWhole(all: Buffer, isHead: boolean): boolean {
  const [head, body] = parts(all)
  // Its length is said of what would have come.
  if (isHead || / 204 /.test(head.slice(0, 20))) return all.includes('\r\n\r\n')
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  return length !== undefined && body.byteLength >= Number(length)
}
