/**
 * Questions that nobody can read: no HTTP, too large a head, an address that is none, or one that does
 * not end. They never reach a row of the table, and are told so in the form of every other failure.
 */
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemMedia, toProblem } from '../../api/problem.ts'
import { Fault } from '../../protocol/fault.ts'
import { everyAnswer } from './answers.ts'

/** By the code of what was thrown: what Node's and Fastify's own readers refuse. */
const reasons: Readonly<Record<string, { status: number; text: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    text: 'The question did not arrive whole in time. Ask again, on a better line or with less.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    text: 'The headers of the question are too large. Delete the cookies of this site and ask again.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    status: 414,
    text: 'A name or an ID in the address is too long. Check the address.',
  },
  FST_ERR_BAD_URL: {
    status: 400,
    text: 'The address cannot be read: a % in it is followed by what is no character. Check it.',
  },
}
const noHttp = {
  status: 400,
  text: 'This is no question that a site understands. Ask over HTTP/1.1.',
}

/** Which of these it was; undefined for everything that is no matter of reading. */
export function unreadable(code: unknown): { fault: Fault; status: number } | undefined {
  const known = typeof code === 'string' && Object.hasOwn(reasons, code) ? reasons[code] : undefined
  return known === undefined ? undefined : told(known)
}

function told({ status, text }: { status: number; text: string }) {
  return { fault: new Fault('invalid', 'http.read', { text }), status }
}

/**
 * Answers on the bare socket where no question could be made of what came, and closes it. Where an
 * earlier question is still being answered nothing is said: it would be read as a part of that answer.
 */
export function createSocketRefusal() {
  const answering = new WeakMap<Duplex, number>()
  return {
    watch(server: Server): void {
      server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        answering.set(socket, (answering.get(socket) ?? 0) + 1)
        response.once('close', () => answering.set(socket, answering.get(socket)! - 1))
      })
    },
    refuse(thrown: Error & { code?: string }, socket: Duplex): void {
      if (thrown.code === 'ECONNRESET' || socket.destroyed) return
      if (!socket.writable || (answering.get(socket) ?? 0) > 0) {
        socket.destroy()
        return
      }
      tellSocket(socket, unreadable(thrown.code) ?? told(noHttp))
    },
  }
}

/** The answer to a question whose body did not come in time, and the end of its line. */
export function tellLate(socket: Duplex): void {
  tellSocket(socket, unreadable('ERR_HTTP_REQUEST_TIMEOUT')!)
}

/** A whole answer, on a line on which none has begun, and its end. */
export function tellSocket(
  socket: Duplex,
  { fault, status }: { fault: Fault; status: number },
): void {
  const body = JSON.stringify(toProblem(fault, { status }))
  const headers = {
    ...everyAnswer,
    'content-type': problemMedia,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`, () =>
    socket.destroy(),
  )
}
