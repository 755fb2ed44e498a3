/**
 * The site's side of the table of routes. One order for every question: is the name ours, who asks,
 * may they, what do they ask, then the handler, then the answer in its declared shape. A failure is
 * a problem document; of our own mistakes only a reference number leaves the site.
 */
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Route } from '../../api/route.ts'
import { type BytesName, type EventsName, type RouteName, routes } from '../../api/routes.ts'
import { eventsMedia } from '../../api/sse.ts'
import { asFault, Fault, fromWireFault } from '../../protocol/fault.ts'
import { check } from '../../protocol/wire.ts'
import type { Clock } from '../base/clock.ts'
import type { OpenFile } from '../catalog/files.ts'
import type { Answers } from '../metrics/answers.ts'
import type { User } from '../people/users.ts'
import { admit, demandPermission, whileAdmitted } from './admit.ts'
import {
  answerFault,
  answerStream,
  answerValue,
  blamed,
  everyAnswer,
  faultOf,
  goneSignal,
  workAloud,
} from './answers.ts'
import { readJsonBodies } from './body.ts'
import { answerBytes } from './bytes.ts'
import { watchAnswers } from './counting.ts'
import type { Call, Doing, Doors, Handlers, OpenName, SiteDoor } from './doors.ts'
import { addDoorway, addLookout } from './doorway.ts'
import { doorways, lookouts } from './doorways/doorways.ts'
import { connectionHandlers } from './handlers/connections.ts'
import { contentHandlers } from './handlers/content.ts'
import { datasetHandlers } from './handlers/datasets.ts'
import { groupHandlers } from './handlers/groups.ts'
import { hooksHandlers } from './handlers/hooks.ts'
import { limitHandlers } from './handlers/limits.ts'
import { linkHandlers } from './handlers/links.ts'
import { noticesHandlers } from './handlers/notices.ts'
import { peopleHandlers } from './handlers/people.ts'
import { projectHandlers } from './handlers/projects.ts'
import { openHandlers, sessionHandlers } from './handlers/session.ts'
import { siteHandlers } from './handlers/site.ts'
import { transferHandlers } from './handlers/transfers.ts'
import { upkeepHandlers } from './handlers/upkeep.ts'
import { uploadHandlers } from './handlers/uploads.ts'
import { workflowHandlers } from './handlers/workflows.ts'
import { bracketed, createHostCheck, demandOneHost } from './hosts.ts'
import { createLive, type Live } from './live.ts'
import type { Log } from './log.ts'
import { servePages } from './pages.ts'
import { createPaths, type Folders } from './paths.ts'
import { demandQuestion, hasBody, questionMs, throwRestAway } from './patience.ts'
import { createPresence, endWhileComing, type Presence } from './presence.ts'
import { unreadable } from './reasons.ts'
import { createRepeats, keyHeader, keyOf, type Repeats } from './repeats.ts'
import type { Stream } from './stream.ts'
import { createSocketRefusal } from './unread.ts'
import { createVisit, type Visit } from './visit.ts'

/** Bytes of a body; the largest are lists of names. */
export const bodyBytesMax = 1024 * 1024
/** Connections at one time: a browser has up to six, one of them for the events that it hears. */
export const connectionsMax = 2048
/** Characters of one value in an address. */
const paramCharactersMax = 2048
/** How long a stop waits for the streams to say that it stops, in milliseconds. */
const lastWordMs = 2000
export type HttpNeeds = {
  /** With nothing but the site, in safe mode: everything else then answers with the site's fault. */
  readonly doors: Doors | { readonly site: SiteDoor }
  /** The site's home, which nobody may name. */
  readonly home: string
  readonly folders: Folders
  /** Where the console's bundle lies. */
  readonly pages?: string | undefined
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Its origin for people elsewhere, when that is another: a proxy on this machine passes them on. */
  readonly url?: string | undefined
  /** Instead of `questionMs` of patience.ts. */
  readonly questionMs?: number | undefined
  readonly clock: Clock
  readonly log: Log
  /** Where answers are counted, if they are. */
  readonly counts?: Answers | undefined
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
  ...upkeepHandlers,
  ...sessionHandlers,
  ...peopleHandlers,
  ...groupHandlers,
  ...linkHandlers,
  ...connectionHandlers,
  ...projectHandlers,
  ...datasetHandlers,
  ...workflowHandlers,
  ...transferHandlers,
  ...limitHandlers,
  ...hooksHandlers,
  ...noticesHandlers,
  ...uploadHandlers,
}

/** Apart from listening, so that tests can ask without a port, and of another table. */
export function createApp(
  needs: HttpNeeds,
  table: Readonly<Record<string, unknown>> = routes,
): { app: FastifyInstance; stop: () => Promise<void> } {
  const stopping = new AbortController()
  const streams = new Set<Promise<void>>()
  const checkHost = createHostCheck(needs.host, needs.url)
  const sockets = createSocketRefusal()
  const app = fastify({
    bodyLimit: bodyBytesMax,
    // How long a body may take depends on what it is for: patience.ts.
    requestTimeout: 0,
    http: {
      // A question without a name of ours is answered in words, by `demandOneHost`.
      requireHostHeader: false,
      headersTimeout: needs.questionMs ?? questionMs,
      connectionsCheckingInterval: (needs.questionMs ?? questionMs) / 10,
    },
    clientErrorHandler: sockets.refuse,
    // An address that cannot be read passes no hook: its answer is made here as a whole.
    frameworkErrors: (thrown, request, reply) => {
      reply.headers(everyAnswer)
      try {
        demandOneHost(request.raw)
        checkHost(request.headers.host)
        const { fault, status } = unreadable(thrown.code)!
        answerFault(reply, fault, { status })
      } catch (refused) {
        answerFault(reply, ...faultOf(refused, needs))
      }
    },
    forceCloseConnections: true,
    // Only what runs on this machine is believed when it says for whom it asks.
    trustProxy: needs.url === undefined ? false : 'loopback',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: paramCharactersMax },
  })
  app.server.maxConnections = connectionsMax
  sockets.watch(app.server)
  readJsonBodies(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(everyAnswer)
    demandOneHost(request.raw)
    checkHost(request.headers.host)
  })
  app.addHook('onSend', async (request, reply) => throwRestAway(request, reply, needs.clock))
  if (needs.counts !== undefined) watchAnswers(app, needs.counts)
  const pages = servePages(app, needs.pages)
  app.setNotFoundHandler((request, reply) => {
    if (pages.answer(request, reply)) return
    const text = 'There is no such question. Look at the table of routes.'
    answerFault(reply, new Fault('missing', 'http.route', { about: request.url, text }))
  })
  app.setErrorHandler((thrown, request, reply) =>
    answerFault(reply, ...faultOf(blamed(thrown, request), needs)),
  )
  const repeats = createRepeats(needs.clock)
  const presence = createPresence()
  if ('accounts' in needs.doors) needs.doors.accounts.leaving.add(presence.end)
  let live: Live | undefined
  for (const [name, route] of Object.entries(table)) {
    addRoute(app, name as RouteName, route as Route, {
      ...needs,
      repeats,
      presence,
      live: (doors) => (live ??= createLive({ ...doors, clock: needs.clock })),
      stopping: stopping.signal,
      streams,
    })
  }
  for (const lookout of lookouts) addLookout(app, lookout, needs.doors.site)
  for (const doorway of doorways) {
    addDoorway(app, doorway, {
      ...{ ...needs, presence, ready: () => ready(needs) },
      stopping: stopping.signal,
    })
  }
  return {
    app,
    async stop() {
      stopping.abort(new Fault('busy', 'http.stop', { text: stoppingText }))
      // Time for a last word to whoever listens; what then still works is cut off.
      const waiting = new AbortController()
      const late = needs.clock.sleep(lastWordMs, { signal: waiting.signal })
      await Promise.race([Promise.allSettled(streams), late])
      waiting.abort()
    },
  }
}

type Serving = HttpNeeds & {
  readonly stopping: AbortSignal
  readonly streams: Set<Promise<void>>
  readonly repeats: Repeats
  readonly presence: Presence
  readonly live: (doors: Doors) => Live
}

const stoppingText = 'The site is stopping. Ask again when it is back.'

function addRoute(app: FastifyInstance, name: RouteName, route: Route, needs: Serving): void {
  const { permission } = route
  const { stopping, streams } = needs
  /** Answers as events, and is known to be at it until it has ended. */
  const aloud = (running: Promise<void>) => {
    streams.add(running)
    return running.finally(() => streams.delete(running))
  }
  demandPermission(name, permission)
  const people = new WeakMap<FastifyRequest, User>()
  const visits = new WeakMap<FastifyRequest, Visit>()
  app.route({
    method: route.answer === 'bytes' ? ['GET', 'HEAD'] : route.method,
    url: route.path,
    config: { routeName: name, isEvents: route.answer === 'events' },
    bodyLimit: route.bodyBytesMax ?? bodyBytesMax,
    // Before the body is read: a stranger's is not even parsed.
    onRequest: async (request, reply) => {
      demandQuestion(request, reply, needs.clock, needs.questionMs)
      const visit = createVisit(request, reply, needs.clock, needs)
      visits.set(request, visit)
      if (name === 'site.health') return
      const by = await admit(request, visit, { name, permission, doors: ready(needs) })
      if (by === undefined) return
      people.set(request, by)
      endWhileComing(request, reply, needs.presence.of(by.id))
    },
    handler: async (request, reply) => {
      if (name === 'site.health') return answerValue(reply, route, needs.doors.site.health())
      const input = check(readInput(route, request), route.input, `http.${name}`)
      const visit = visits.get(request)!
      if (permission === 'anyone') {
        const handle = openHandlers[name as OpenName] as (call: unknown) => Promise<unknown>
        return answerValue(reply, route, await handle({ doors: ready(needs), input, visit }))
      }
      const by = people.get(request)!
      const paths = createPaths(needs)
      const leaving = needs.presence.of(by.id)
      // What came slowly may be whole only after its person was removed.
      leaving.throwIfAborted()
      const signal = AbortSignal.any([stopping, leaving, goneSignal(reply)])
      if (route.answer === 'bytes') {
        const find = contentHandlers[name as BytesName] as (call: unknown) => Promise<OpenFile>
        await using file = await find({ doors: ready(needs), by, input })
        const reader = `person ${by.id} reading ${name}`
        const { clock, log } = needs
        return await answerBytes(request, reply, file, { clock, log, reader, signal })
      }
      const key = route.method === 'GET' ? undefined : keyOf(request.headers[keyHeader])
      const work = (doing: Doing): Promise<unknown> => {
        const doors = ready(needs)
        const call = { doors, by, input, paths, visit, ...doing }
        const handle = handlers[name as keyof Handlers] as (call: Call<never>) => unknown
        const run = async () => handle(call as Call<never>)
        if (key === undefined) return run()
        return needs.repeats({ by, key, name, input, asked: doors.asked }, run)
      }
      if (route.answer === 'events') {
        const who = { name, permission, doors: ready(needs) }
        using admitted = whileAdmitted(request, visit, who, needs.clock)
        const hearing = { by, signal: AbortSignal.any([signal, admitted.signal]) }
        const live = needs.live(who.doors)
        const watch = await live.start(name as EventsName, input as never, hearing)
        return await aloud(answerStream(reply, name, by, needs, watch))
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
  if ('tokens' in doors) return doors
  const { fault } = doors.site.health()
  throw fault === undefined ? new Fault('busy', 'http.ready') : fromWireFault(fault, 'here')
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
  if (!inBody && hasBody(request.raw)) refuseInput('What is asked stands in the address.')
  for (const [field, value] of Object.entries(params)) {
    if (Object.hasOwn(input, field)) refuseInput(`${field} is said twice.`)
    input[field] = value
  }
  return input
}

function refuseInput(text: string): never {
  throw new Fault('invalid', 'http.input', { text })
}
