/**
 * How a site answers: a value in its declared shape, a stream of events that ends in a result, or a
 * problem document. The one place where a failure is turned into what people see.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { problemMedia, toProblem } from '../../api/problem.ts'
import type { Route } from '../../api/route.ts'
import type { RouteName } from '../../api/routes.ts'
import { asFault, Fault, toWireFault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Answers } from '../metrics/answers.ts'
import { TooMany } from '../people/attempts.ts'
import type { User } from '../people/users.ts'
import type { Doing } from './doors.ts'
import type { Log } from './log.ts'
import { unreadable } from './reasons.ts'
import { openStream, type Stream } from './stream.ts'

/** Between two tellings of how far long work is, in milliseconds. */
const progressMs = 250

export type Answering = {
  readonly clock: Clock
  readonly log: Log
  readonly counts?: Answers | undefined
}

/** Of every answer. */
export const everyAnswer = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // No page of another site draws what is here into itself, and no address here is told elsewhere.
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** Nobody we know. Beside too many tries the only failure whose status is not its kind's. */
export class Unknown extends Fault {
  constructor(
    op = 'http.token',
    text = 'The token is missing or not known here. An administrator makes one with crossload people token EMAIL.',
  ) {
    super('denied', op, { text })
  }
}

function told(route: Route, value: unknown): unknown {
  return z.encode(route.output, value)
}

export function answerValue(reply: FastifyReply, route: Route, value: unknown): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(told(route, value)))
}

export async function answerStream(
  reply: FastifyReply,
  name: RouteName,
  by: User,
  needs: Answering,
  run: (stream: Stream) => Promise<void>,
): Promise<void> {
  reply.hijack()
  const { clock, log, counts } = needs
  const reader = `person ${by.id} reading ${name}`
  using _reading = counts?.reading(name)
  // With the others the secret of a session that was changed just now.
  const headers = reply.getHeaders() as Record<string, string>
  using stream = openStream(reply.raw, { clock, log, reader, headers, counts })
  try {
    await run(stream)
  } catch (thrown) {
    if (reply.raw.destroyed) return
    const [fault, facts] = faultOf(thrown, needs)
    await sendOrLog(stream, 'problem', toProblem(fault, facts), log)
  } finally {
    stream.end()
  }
}

/** The last word to a reader who may be gone. */
async function sendOrLog(stream: Stream, event: string, data: unknown, log: Log): Promise<void> {
  try {
    await stream.send(event, data)
  } catch (thrown) {
    log.info({ fault: toWireFault(asFault(thrown, 'http.stream')) }, 'a reader left before the end')
  }
}

/** Long work, told as it goes: only ever the newest progress, and never two at once. */
export async function workAloud(
  stream: Stream,
  route: Route,
  clock: Clock,
  signal: AbortSignal,
  work: (doing: Doing) => Promise<unknown>,
): Promise<void> {
  let newest: unknown
  let telling = Promise.resolve()
  let isTelling = false
  using _ticks = clock.every(progressMs, () => {
    if (newest === undefined || isTelling) return
    const progress = newest
    newest = undefined
    isTelling = true
    telling = stream
      .send('progress', progress)
      // Whether the reader is gone shows at the result, and in the signal.
      .catch(() => {})
      .finally(() => {
        isTelling = false
      })
  })
  const value = await work({
    signal,
    onProgress: (progress) => {
      newest = progress
    },
  })
  await telling
  await stream.send('result', told(route, value))
}

type ProblemFacts = NonNullable<Parameters<typeof toProblem>[1]>

/** Whatever was thrown as a fault to tell; our own mistakes are logged under a reference number. */
export function faultOf(thrown: unknown, { clock, log, counts }: Answering): [Fault, ProblemFacts] {
  if (thrown instanceof Unknown) return [thrown, { status: 401 }]
  if (thrown instanceof TooMany) return [thrown, { status: 429 }]
  const code = (thrown as { code?: unknown })?.code
  const unread = unreadable(code)
  if (unread !== undefined) return [unread.fault, { status: unread.status }]
  if (typeof code === 'string' && code.startsWith('FST_ERR_')) {
    const { statusCode = 500, message } = thrown as { statusCode?: number; message: string }
    if (statusCode < 500) {
      const text = `The question could not be read: ${message}.`
      return [new Fault('invalid', 'http.input', { text, cause: thrown }), { status: statusCode }]
    }
  }
  const fault = asFault(thrown, 'http.answer')
  if (fault.kind !== 'internal') return [fault, {}]
  const reference = Buffer.from(clock.random(6)).toString('hex')
  log.error({ reference, err: fault.cause ?? fault }, 'a mistake of ours')
  counts?.mistaken()
  return [fault, { reference }]
}

/** Whoever leaves in the middle of a body has made no mistake of ours. */
export function blamed(thrown: unknown, { raw }: FastifyRequest): unknown {
  const isCut = thrown === raw.errored || (raw.destroyed && !raw.complete && isOfStream(thrown))
  return isCut ? new Fault('gone', 'http.asker', { cause: thrown }) : thrown
}

/** Whether somewhere below it a stream ended before its time. */
function isOfStream(thrown: unknown): boolean {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown }
  const codes: unknown[] = ['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET']
  return codes.includes(code) || (cause !== undefined && isOfStream(cause))
}

export function answerFault(reply: FastifyReply, fault: Fault, facts: ProblemFacts = {}): void {
  const problem = toProblem(fault, facts)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  if (fault instanceof TooMany) reply.header('retry-after', fault.seconds)
  reply.code(problem.status).type(problemMedia).send(JSON.stringify(problem))
}

/** Aborts when the asker goes away before the answer is out. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Fault('gone', 'http.asker'))
  })
  return gone.signal
}
