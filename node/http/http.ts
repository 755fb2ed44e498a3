/**
 * The site's side of the table of routes. One order for every question: is the name ours, who asks,
 * may they, what do they ask, then the handler, then the answer in its declared shape. A failure is
 * a problem document; of our own mistakes only a reference number leaves the site.
 */
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { problemMedia, toProblem } from '../../api/problem.ts'
import { type EventsName, type Route, type RouteName, routes } from '../../api/routes.ts'
import { eventsMedia } from '../../api/sse.ts'
import { asFault, Fault, fromWireFault, toWireFault } from '../../protocol/fault.ts'
import { check } from '../../protocol/wire.ts'
import type { Clock } from '../base/clock.ts'
import { acts, may } from '../people/permissions.ts'
import type { User } from '../people/users.ts'
import type { Call, Doing, Doors, Handlers, SiteDoor } from './doors.ts'
import { connectionHandlers } from './handlers/connections.ts'
import { datasetHandlers } from './handlers/datasets.ts'
import { linkHandlers } from './handlers/links.ts'
import { peopleHandlers } from './handlers/people.ts'
import { projectHandlers } from './handlers/projects.ts'
import { siteHandlers } from './handlers/site.ts'
import { transferHandlers } from './handlers/transfers.ts'
import { workflowHandlers } from './handlers/workflows.ts'
import { bracketed, createHostCheck } from './hosts.ts'
import { startWatching } from './live.ts'
import type { Log } from './log.ts'
import { createPaths, type Folders } from './paths.ts'
import { openStream, type Stream } from './stream.ts'

/** Bytes of a body; the largest are lists of names. */
export const bodyBytesMax = 1024 * 1024
/** Connections at one time. */
export const connectionsMax = 256
/** How long a question may take to arrive, headers and body, in milliseconds. */
export const questionMs = 30_000
/** Characters of one value in an address. */
const paramCharactersMax = 2048
/** How long a stop waits for the streams to say that it stops, in milliseconds. */
const lastWordMs = 2000
/** Between two tellings of how far long work is, in milliseconds. */
const progressMs = 250

export type HttpNeeds = {
  /** With nothing but the site, in safe mode: everything else then answers with the site's fault. */
  readonly doors: Doors | { readonly site: SiteDoor }
  /** The site's home, which nobody may name. */
  readonly home: string
  readonly folders: Folders
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** More names by which the site may be asked, for example behind a reverse proxy. */
  readonly names?: readonly string[] | undefined
  readonly clock: Clock
  readonly log: Log
}

export interface Http extends AsyncDisposable {
  readonly url: string
}

/** Faults `busy` when the port is taken. Closing ends what is still being answered. */
export async function openHttp(needs: HttpNeeds): Promise<Http> {
  const { app, stop } = createApp(needs)
  try {
    await app.listen({ host: needs.host, port: needs.port })
  } catch (thrown) {
    await app.close()
    throw asFault(thrown, 'http.open', `${bracketed(needs.host)}:${needs.port}`)
  }
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://${bracketed(needs.host)}:${port}`,
    async [Symbol.asyncDispose]() {
      await stop()
      await app.close()
    },
  }
}

const handlers: Handlers = {
  ...siteHandlers,
  ...peopleHandlers,
  ...linkHandlers,
  ...connectionHandlers,
  ...projectHandlers,
  ...datasetHandlers,
  ...workflowHandlers,
  ...transferHandlers,
}

/** Apart from listening, so that tests can ask without a port, and of another table. */
export function createApp(
  needs: HttpNeeds,
  table: Readonly<Record<string, unknown>> = routes,
): { app: FastifyInstance; stop: () => Promise<void> } {
  const stopping = new AbortController()
  const streams = new Set<Promise<void>>()
  const checkHost = createHostCheck(needs.host, needs.names ?? [])
  const app = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: questionMs,
    http: { headersTimeout: questionMs },
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: paramCharactersMax },
  })
  app.server.maxConnections = connectionsMax
  app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(everyAnswer)
    checkHost(request.headers.host)
  })
  app.setNotFoundHandler((request, reply) => {
    const text = 'There is no such question. Look at the table of routes.'
    answerFault(reply, new Fault('missing', 'http.route', { about: request.url, text }))
  })
  app.setErrorHandler((thrown, _request, reply) => answerFault(reply, ...faultOf(thrown, needs)))
  for (const [name, route] of Object.entries(table)) {
    addRoute(app, name as RouteName, route as Route, {
      ...needs,
      stopping: stopping.signal,
      streams,
    })
  }
  return {
    app,
    async stop() {
      stopping.abort(new Fault('busy', 'http.stop', { text: stoppingText }))
      // Time for a last word to whoever listens; what then still works is cut off.
      await Promise.race([Promise.allSettled(streams), needs.clock.sleep(lastWordMs)])
    },
  }
}

type Serving = HttpNeeds & { readonly stopping: AbortSignal; readonly streams: Set<Promise<void>> }

const stoppingText = 'The site is stopping. Ask again when it is back.'

const everyAnswer = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

function addRoute(app: FastifyInstance, name: RouteName, route: Route, needs: Serving): void {
  const { permission } = route
  const { stopping, streams } = needs
  /** Answers as events, and is known to be at it until it has ended. */
  const aloud = (running: Promise<void>) => {
    streams.add(running)
    return running.finally(() => streams.delete(running))
  }
  if (permission !== 'anyone' && !Object.hasOwn(acts, permission)) {
    throw new Fault('internal', 'http.open', { about: name, text: `${name} has no permission.` })
  }
  const people = new WeakMap<FastifyRequest, User>()
  app.route({
    method: route.method,
    url: route.path,
    // Before the body is read: a stranger's is not even parsed.
    onRequest: async (request) => {
      if (permission === 'anyone') return
      const { users } = ready(needs)
      const by = await users.byToken(bearer(request))
      if (by === undefined) throw new Unknown()
      if (acts[permission].on === 'site' && !may(by, permission, 'site')) {
        throw new Fault('denied', `http.${name}`)
      }
      people.set(request, by)
    },
    handler: async (request, reply) => {
      if (name === 'site.health') return answerValue(reply, route, needs.doors.site.health())
      const by = people.get(request)!
      const input = check(readInput(route, request), route.input, `http.${name}`)
      const paths = createPaths(needs)
      const signal = AbortSignal.any([stopping, goneSignal(reply)])
      const work = (doing: Doing): Promise<unknown> => {
        const call = { doors: ready(needs), by, input, paths, ...doing }
        const handle = handlers[name as keyof Handlers] as (call: Call<never>) => unknown
        return Promise.resolve(handle(call as Call<never>))
      }
      if (route.answer === 'events') {
        const { transfers } = ready(needs)
        const watching = { transfers, clock: needs.clock, by, signal }
        const watch = await startWatching(name as EventsName, input as never, watching)
        return aloud(answerStream(reply, name, by, needs, watch))
      }
      if (route.answer === 'long' && request.headers.accept?.includes(eventsMedia)) {
        const run = (stream: Stream) => workAloud(stream, route, needs.clock, signal, work)
        return aloud(answerStream(reply, name, by, needs, run))
      }
      const value = await work({ signal, onProgress: () => {} })
      return answerValue(reply, route, value)
    },
  })
}

/** In safe mode nobody is known and nothing is read: the answer is why. */
function ready({ doors }: HttpNeeds): Doors {
  if ('users' in doors) return doors
  const { fault } = doors.site.health()
  throw fault === undefined ? new Fault('busy', 'http.ready') : fromWireFault(fault, 'here')
}

/** Nobody we know; the only failure whose status is not its kind's. */
class Unknown extends Fault {
  constructor() {
    super('denied', 'http.token', {
      text: 'The token is missing or not known here. An administrator makes one with crossload people token EMAIL.',
    })
  }
}

function bearer(request: FastifyRequest): string {
  return /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

/** All that was said, in one object; each thing in the one place where it belongs. */
function readInput(route: Route, request: FastifyRequest): Record<string, unknown> {
  const params = request.params as Record<string, unknown>
  const query = request.query as Record<string, unknown>
  const inBody = route.method === 'POST' || route.method === 'PUT'
  const rest = inBody ? (request.body ?? {}) : query
  if (typeof rest !== 'object' || Array.isArray(rest)) refuseInput('The body is a JSON object.')
  const input: Record<string, unknown> = { ...rest }
  if (inBody && Object.keys(query).length > 0) refuseInput('What is asked stands in the body.')
  for (const [field, value] of Object.entries(params)) {
    if (Object.hasOwn(input, field)) refuseInput(`${field} is said twice.`)
    input[field] = value
  }
  return input
}

function refuseInput(text: string): never {
  throw new Fault('invalid', 'http.input', { text })
}

/** Aborts when the asker goes away before the answer is out. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Fault('gone', 'http.asker'))
  })
  return gone.signal
}

function told(route: Route, value: unknown): unknown {
  return z.encode(route.output, value)
}

function answerValue(reply: FastifyReply, route: Route, value: unknown): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(told(route, value)))
}

async function answerStream(
  reply: FastifyReply,
  name: RouteName,
  by: User,
  needs: HttpNeeds,
  run: (stream: Stream) => Promise<void>,
): Promise<void> {
  reply.hijack()
  const { clock, log } = needs
  const reader = `${by.email} reading ${name}`
  using stream = openStream(reply.raw, { clock, log, reader, headers: everyAnswer })
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
async function workAloud(
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
function faultOf(thrown: unknown, { clock, log }: HttpNeeds): [Fault, ProblemFacts] {
  if (thrown instanceof Unknown) return [thrown, { status: 401 }]
  const code = (thrown as { code?: unknown })?.code
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
  return [fault, { reference }]
}

function answerFault(reply: FastifyReply, fault: Fault, facts: ProblemFacts = {}): void {
  const problem = toProblem(fault, facts)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  reply.code(problem.status).type(problemMedia).send(JSON.stringify(problem))
}
