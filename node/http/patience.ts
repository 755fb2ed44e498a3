/**
 * How long a body may take. A question is short and has to be there soon; an upload may take days, as
 * long as it moves. The platform's own limit knows of no such difference, so it is off.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../base/clock.ts'
import { tellLate } from './unread.ts'

/** How long a question may take to arrive, headers or body, in milliseconds. */
export const questionMs = 30_000
/** How long an upload may stand still before it is cut, in milliseconds; twice that at most. */
export const stillMs = 30_000

/** How long whoever was answered already may go on sending, in milliseconds. */
export const restMs = 2_000

export const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** All of the body within `questionMs`. */
export function demandQuestion(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  clock: Clock,
  ms: number = questionMs,
): void {
  if (!hasBody(raw)) return
  const late = clock.after(ms, () => cutLate(raw))
  whileComing(raw, reply, late)
}

/** Some of the body within `stillMs`, again and again. */
export function demandMovement({ raw }: FastifyRequest, reply: FastifyReply, clock: Clock): void {
  if (!hasBody(raw)) return
  let before = -1
  const watch = clock.every(stillMs, () => {
    const { bytesRead } = raw.socket
    if (bytesRead === before) cutLate(raw)
    before = bytesRead
  })
  whileComing(raw, reply, watch)
}

/**
 * The answer goes out before all of its question has come, and nobody reads the rest. It is thrown away
 * for a while: a line that is ended with bytes on it that were not read is torn, and the answer with it.
 */
export function throwRestAway({ raw }: FastifyRequest, reply: FastifyReply, clock: Clock): void {
  if (raw.complete || !hasBody(raw)) return
  // Also where the asker wanted the line to end with the answer: it ends it then.
  reply.removeHeader('connection')
  reply.raw.shouldKeepAlive = true
  raw.removeAllListeners('data').resume()
  reply.raw.once('finish', () => {
    const cut = clock.after(restMs, () => void (raw.complete || raw.destroy()))
    raw.once('close', () => cut[Symbol.dispose]())
  })
}

/** A body that nobody reads to its end has none; it is over with its answer. */
function whileComing(raw: IncomingMessage, reply: FastifyReply, watch: Disposable): void {
  const over = () => watch[Symbol.dispose]()
  raw.once('end', over)
  raw.once('close', over)
  reply.raw.once('close', over)
}

/** Whoever has an answer already has heard that. */
function cutLate(raw: IncomingMessage): void {
  if (raw.complete) return
  tellLate(raw.socket)
  raw.destroy()
}
