/**
 * The typed client of the table of routes, for the command line and the browser. Whatever goes wrong
 * is a fault; whatever waits is ended by its signal, and by silence: a site says at least something
 * every few seconds while it works.
 */
import { Fault } from '../protocol/fault.ts'
import { pathNames } from './path-names.ts'
import { fromProblem, problemMedia } from './problem.ts'
import {
  type Asked,
  type BytesName,
  type CallName,
  type EventsName,
  type RouteName,
  routes,
  type Told,
} from './routes.ts'
import { type Heard, readEvents } from './sse.ts'

export type Progress = {
  files: number
  bytes: number
  filesTotal?: number | undefined
  bytesTotal?: number | undefined
}

export type CallOptions = {
  readonly signal?: AbortSignal | undefined
  /** Of routes that answer `long`, now and then. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface Client {
  readonly url: string
  /** Faults as the site tells them; `unreachable` when no site answers, or it falls silent. */
  call<R extends CallName>(name: R, input: Asked<R>, options?: CallOptions): Promise<Told<R>>
  /**
   * The content of a file, or a range of it, as it comes: the caller reads the body to its end and counts
   * the bytes. `HEAD` asks for the headers alone.
   */
  bytes<R extends BytesName>(
    name: R,
    input: Asked<R>,
    options?: {
      method?: 'GET' | 'HEAD' | undefined
      headers?: Record<string, string> | undefined
      signal?: AbortSignal | undefined
    },
  ): Promise<Response>
  /** Where a browser that has a session finds the content of a file. */
  addressOf<R extends BytesName>(name: R, input: Asked<R>): string
  /** Every value that is told, until the site says that it was the last. */
  follow<R extends EventsName>(
    name: R,
    input: Asked<R>,
    options?: { signal?: AbortSignal | undefined },
  ): AsyncGenerator<Told<R>>
}

export type ClientNeeds = {
  readonly url: string
  /** Absent in the browser, where the session's cookie says who asks. */
  readonly token?: string | undefined
  readonly fetch?: typeof fetch | undefined
  /** Silence after which a stream counts as cut, in milliseconds. */
  readonly idleMs?: number | undefined
}

type More = {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What is taken for an answer. */
const accepted = {
  value: 'application/json',
  long: 'text/event-stream',
  events: 'text/event-stream',
  bytes: '*/*',
} as const

/** Three times what a site lets pass between two signs of life. */
export const clientIdleMs = 45_000

export function createClient(needs: ClientNeeds): Client {
  const { url, token, idleMs = clientIdleMs } = needs
  const request = needs.fetch ?? fetch

  /** With a key of its own, a question whose answer was lost on the way may simply be asked again. */
  async function ask(name: RouteName, input: object, signal?: AbortSignal): Promise<Response> {
    if (routes[name].method === 'GET') return send(name, input, {}, signal)
    const key = { headers: { 'idempotency-key': newKey() } }
    try {
      return await send(name, input, key, signal)
    } catch (thrown) {
      signal?.throwIfAborted()
      if (routes[name].answer !== 'value') throw thrown
      return send(name, input, key, signal)
    }
  }

  async function send(name: RouteName, input: object, more: More, signal?: AbortSignal) {
    const route = routes[name]
    const { path, query, body } = placed(route.path, route.method, input)
    try {
      return await request(`${url}${path}${query}`, {
        method: more.method ?? route.method,
        credentials: 'same-origin',
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          accept: accepted[route.answer],
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more.headers,
        },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw unanswered(url, cause)
    }
  }

  async function* listen(response: Response, signal?: AbortSignal): AsyncGenerator<Heard> {
    try {
      for await (const heard of readEvents(response.body!, idleMs)) yield heard
    } catch (cause) {
      signal?.throwIfAborted()
      throw cause instanceof Fault ? cause : cut(url, cause)
    }
    throw cut(url)
  }

  const bytes: Client['bytes'] = async (name, input, { signal, ...more } = {}) => {
    const response = await send(name, input, more, signal)
    if (response.ok || response.status === 304) return response
    // A HEAD has no body that could say what was wrong: a GET of the same says it.
    if (more.method === 'HEAD') return bytes(name, input, { ...more, method: 'GET', signal })
    await readWhole(response, url, signal)
    throw fromProblem(undefined, response.status)
  }

  return {
    url,
    async call(name, input, { signal, onProgress } = {}) {
      const response = await ask(name, input, signal)
      if (!isStream(response)) return (await readWhole(response, url, signal)) as never
      for await (const { event, data } of listen(response, signal)) {
        if (event === 'progress') onProgress?.(data as Progress)
        if (event === 'problem') throw fromProblem(data, 500)
        if (event === 'result') return data as never
      }
      throw cut(url)
    },
    bytes,
    addressOf(name, input) {
      const { path, query } = placed(routes[name].path, 'GET', input)
      return `${url}${path}${query}`
    },
    async *follow(name, input, { signal } = {}) {
      const response = await ask(name, input, signal)
      if (!isStream(response)) {
        await readWhole(response, url, signal)
        throw fromProblem(undefined, response.status)
      }
      for await (const { event, data } of listen(response, signal)) {
        if (event === 'problem') throw fromProblem(data, 500)
        if (event === 'end') return
        if (event === 'value') yield data as never
      }
    },
  }
}

/** 128 bits; not a UUID of the platform, which a page has only over https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Input → where each of its fields travels. */
export function placed(path: string, method: string, input: object) {
  const rest: Record<string, unknown> = { ...input }
  let full = path
  for (const name of pathNames(path)) {
    full = full.replace(`:${name}`, encodeURIComponent(String(rest[name])))
    delete rest[name]
  }
  if (method === 'POST' || method === 'PUT') {
    return { path: full, query: '', body: JSON.stringify(rest) }
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined) query.set(name, String(value))
  }
  return { path: full, query: query.size === 0 ? '' : `?${query}`, body: undefined }
}

function isStream(response: Response): boolean {
  return response.ok && mediaOf(response) === 'text/event-stream'
}

function mediaOf(response: Response): string {
  return (response.headers.get('content-type') ?? '').split(';')[0]!.trim()
}

async function readWhole(response: Response, url: string, signal?: AbortSignal): Promise<unknown> {
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    signal?.throwIfAborted()
    throw cut(url, cause)
  }
  const media = mediaOf(response)
  const value = media === 'application/json' || media === problemMedia ? parsed(text) : undefined
  if (response.ok && media === 'application/json' && value !== undefined) return value
  throw fromProblem(value, response.status)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever this is, it is no answer of a site: the caller says so.
    return undefined
  }
}

function unanswered(url: string, cause: unknown): Fault {
  return new Fault('unreachable', 'client.call', {
    about: url,
    side: 'between',
    text: `No site answers at ${url}.`,
    cause,
  })
}

function cut(url: string, cause?: unknown): Fault {
  return new Fault('unreachable', 'client.call', {
    about: url,
    side: 'between',
    text: 'The site went away before it had answered. Look at the current state and ask again.',
    cause,
  })
}
