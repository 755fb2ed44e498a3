/**
 * The table of routes as an OpenAPI 3.1 document. Nothing in it is written by hand but what the table
 * does not know: how people are known, and what a problem looks like.
 */
import { z } from 'zod'
import { type FaultKind, faultKinds } from '../protocol/fault.ts'
import { nouns } from './nouns.ts'
import { pathNames } from './path-names.ts'
import { problemMedia } from './problem.ts'
import { problemShape } from './problem-shape.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'
import { eventsMedia } from './sse.ts'

type Schema = Record<string, unknown>

/** What any route may answer with when it goes wrong. */
const always: readonly FaultKind[] = ['invalid', 'denied', 'missing', 'busy', 'internal']

const schemaOf = (shape: z.ZodType): Schema => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' })
  return schema
}

/** Of whatever changes something. */
const repeatable = { $ref: '#/components/parameters/IdempotencyKey' }

/** `{id}` where the table has `:id`. */
const pathOf = (path: string) => path.replace(/:([a-z]+)/gi, '{$1}')

function inputOf({ method, path, input, permission, answer }: Route) {
  const isKnown = permission !== 'anyone'
  const { properties = {}, required = [] } = schemaOf(input) as {
    properties?: Record<string, Schema>
    required?: string[]
  }
  const named = pathNames(path)
  const rest = Object.entries(properties).filter(([name]) => !named.includes(name))
  const inPath = named.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: properties[name],
  }))
  if (method === 'GET' || method === 'DELETE') {
    const inQuery = rest.map(([name, schema]) => ({
      name,
      in: 'query',
      required: required.includes(name),
      schema,
    }))
    const key = method === 'DELETE' && isKnown ? [repeatable] : []
    const headers = answer === 'bytes' ? bytesAsked : key
    return { parameters: [...inPath, ...inQuery, ...headers] }
  }
  const needed = required.filter((name) => !named.includes(name))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(rest),
    ...(needed.length === 0 ? {} : { required: needed }),
    additionalProperties: false,
  }
  const requestBody = {
    required: needed.length > 0,
    content: { 'application/json': { schema } },
  }
  return { parameters: [...inPath, ...(isKnown ? [repeatable] : [])], requestBody }
}

/** What a program may say when it asks for the content of a file. */
const bytesAsked = [
  ['Range', 'One range of bytes: `bytes=0-1023`. Several at once are answered with everything.'],
  ['If-Range', 'The ETag that the range must belong to; else everything is answered.'],
  ['If-None-Match', 'The ETag that the asker has already.'],
  ['Want-Repr-Digest', '`sha-256=1`: wait for the digest of a large file that is not known yet.'],
].map(([name, description]) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string' },
}))

const header = (description: string) => ({ description, schema: { type: 'string' } })
const bytesTold = {
  ETag: header('The CID of the file, in quotes.'),
  'Accept-Ranges': header('`bytes`'),
  'Repr-Digest': header('The SHA-256 of the whole file, once it is known (RFC 9530).'),
}

function bytesAnswers() {
  const content = { 'application/octet-stream': {} }
  const range = { 'Content-Range': header('Which bytes of how many.') }
  return {
    '200': { description: 'All bytes of the file.', headers: bytesTold, content },
    '206': { description: 'The range.', headers: { ...bytesTold, ...range }, content },
    '304': { description: 'The asker has this very file.', headers: bytesTold },
    '416': { $ref: '#/components/responses/Problem416' },
  }
}

function goodAnswers(route: Route) {
  return route.answer === 'bytes' ? bytesAnswers() : { '200': goodAnswer(route) }
}

function goodAnswer({ answer, output }: Route) {
  const schema = schemaOf(output)
  const stream = {
    schema: {
      type: 'string',
      description: 'Server-sent events; the data of each is one JSON value.',
    },
  }
  if (answer === 'events')
    return { description: 'Values until the end.', content: { [eventsMedia]: stream } }
  return {
    description: 'The answer.',
    content: {
      'application/json': { schema },
      ...(answer === 'long' ? { [eventsMedia]: stream } : {}),
    },
  }
}

/** Statuses that are told by HTTP itself, not by a kind of fault. */
const ownStatuses = {
  401: 'Nobody we know: the token or the session is missing, wrong, or over.',
  408: 'The question did not arrive whole in time.',
  413: 'The body is too large.',
  414: 'A name or an ID in the address is too long.',
  415: 'The body is not JSON.',
  416: 'The file does not have these bytes; Content-Range says how many it has.',
  429: 'Too many tries; Retry-After says how many seconds to wait.',
  431: 'The headers are too large.',
} as const

function problems(): Record<string, Schema> {
  const told = new Map<number, string>(
    Object.entries(ownStatuses).map(([status, text]) => [Number(status), text]),
  )
  for (const { status, sentence } of Object.values(faultKinds))
    told.set(status, [told.get(status), sentence].filter(Boolean).join(' '))
  const content = { [problemMedia]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    [...told].map(([status, description]) => [`Problem${status}`, { description, content }]),
  )
}

function badAnswers({ permission, method, path, kinds }: Route) {
  const statuses = new Set<number>([...always, ...kinds].map((kind) => faultKinds[kind].status))
  // Whoever cannot even ask whole is told so before it is known what was asked.
  statuses.add(408).add(431)
  if (permission !== 'anyone' || method !== 'GET') statuses.add(401)
  // A key that was used before.
  if (permission !== 'anyone' && method !== 'GET') statuses.add(faultKinds.conflict.status)
  if (pathNames(path).length > 0) statuses.add(414)
  // A DELETE has no body, and one that comes all the same is measured before it is refused.
  if (method !== 'GET') statuses.add(413).add(415)
  if (permission === 'anyone' || permission === 'session.use') statuses.add(429)
  return Object.fromEntries(
    [...statuses]
      .sort((a, b) => a - b)
      .map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  )
}

function operationOf(name: string, route: Route) {
  const { permission, says } = route
  return {
    operationId: name,
    summary: says,
    tags: [name.split('.')[0]],
    'x-permission': permission,
    security: permission === 'anyone' ? [] : [{ token: [] }, { session: [] }],
    ...inputOf(route),
    responses: { ...goodAnswers(route), ...badAnswers(route) },
  }
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: 257 },
  description:
    'Drawn anew for every question. Asked again with the same key within a day, the question is not done ' +
    'twice: the first answer comes again or, after a restart of the site, a conflict that names the record.',
}

/** The document; `version` is the program's. */
export function openApi(version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries(routes) as unknown as [string, Route][]) {
    const path = pathOf(route.path)
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = operationOf(name, route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Crossload',
      version,
      summary: 'What people and programs can ask of a site.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The site that serves this document.' }],
    tags: Object.entries(nouns).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'crossload people token EMAIL' },
        session: { type: 'apiKey', in: 'cookie', name: 'crossload_session' },
      },
      parameters: { IdempotencyKey: idempotencyKey },
      schemas: { Problem: schemaOf(problemShape) },
      responses: problems(),
    },
  }
}
