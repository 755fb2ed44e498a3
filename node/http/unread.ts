/**
 * Questions that nobody can read: no HTTP, too large a head, an address that is none, or one that does
 * not end. They never reach a row of the table, and are told so in the form of every other failure.
 */
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemMedia, toProblem } from '../../api/problem.ts'
import { everyAnswer } from './answers.ts'
import { noQuestion, told, type Unreadable, unreadable } from './reasons.ts'

/**
 * Answers on the bare socket where no question could be made of what came, and closes it. Where an
 * earlier question is still being answered nothing is said: it would be read as a part of that answer.
 */
export function createSocketRefusal() {
  const answering = new WeakMap<Duplex, Map<ServerResponse, IncomingMessage>>()

  /** Whether the next thing on this line is the answer to what cannot be read. */
  function isFree(socket: Duplex): boolean {
    const open = [...(answering.get(socket) ?? [])]
    // Of one question the head was good and the body is not; no word of an answer is out yet.
    return open.every(([response, question]) => !question.complete && !response.headersSent)
  }

  return {
    watch(server: Server): void {
      server.on('request', (question: IncomingMessage, response: ServerResponse) => {
        const { socket } = question
        const open = answering.get(socket) ?? new Map()
        answering.set(socket, open.set(response, question))
        response.once('close', () => open.delete(response))
      })
      // Unheard, the platform would answer these with a bare status or not at all.
      server.on('checkExpectation', ({ socket }: IncomingMessage) =>
        tellSocket(socket, {
          ...told({ status: 417, text: 'Nothing is done on a condition. Ask without Expect.' }),
        }),
      )
      server.on('connect', (_question: IncomingMessage, socket: Duplex) =>
        tellSocket(socket, told({ status: 405, text: 'This is no proxy. Ask the site itself.' })),
      )
    },
    refuse(thrown: Error & { code?: string }, socket: Duplex): void {
      if (thrown.code === 'ECONNRESET' || socket.destroyed) return
      if (!socket.writable || !isFree(socket)) {
        socket.destroy()
        return
      }
      tellSocket(socket, unreadable(thrown.code) ?? noQuestion())
    },
  }
}

/** The answer to a question whose body did not come in time, and the end of its line. */
export function tellLate(socket: Duplex): void {
  tellSocket(socket, unreadable('ERR_HTTP_REQUEST_TIMEOUT')!)
}

/** A whole answer, on a line on which none has begun, and its end. */
export function tellSocket(socket: Duplex, { fault, status }: Unreadable): void {
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
