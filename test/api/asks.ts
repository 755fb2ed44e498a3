/**
 * Questions for a row of the table: half as its schema wants them, half wrong in one of the ways in
 * which people, programs and enemies get them wrong.
 */
import fc from 'fast-check'
import { pathNames } from '../../api/path-names.ts'
import type { Route } from '../../api/route.ts'
import { nasty, objectOf, type Pool, schemaOf } from './inputs.ts'
import type { Ask } from './tap.ts'

export type WildAsk = Ask & {
  /** In what it is wrong, for whoever reads a finding. */
  readonly what: string
}

/** A question before it is written: each field with the text of its JSON. */
type Draft = {
  fields: (readonly [name: string, json: string])[]
  headers: Record<string, string>
  body?: Buffer
  what: string
}

/** JSON that is a value, though rarely the right one; some of it no program of ours would write. */
const otherJson = [
  'null',
  'true',
  '""',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e21',
  '1e400',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '12345678901234567890123456789012345678901234567890',
  '[]',
  '{}',
  '[null]',
  '{"__proto__":{"role":"administrator"}}',
  '"\\ud800"',
  '"\\u0000"',
]
const deep = (open: string, middle: string, close: string, depth = 5000) =>
  open.repeat(depth) + middle + close.repeat(depth)

/** Bodies that are no JSON at all, or not quite. */
const otherBodies = [
  '',
  '{',
  '}',
  '{"a":1,}',
  "{'a':1}",
  '{"a":NaN}',
  '{"a":01}',
  '[]',
  '"text"',
  'null',
  '\ufeff{}',
  '{}{}',
  '{} // and so on',
  'a=b&c=d',
  '\u0000',
  deep('[', '', ']', 50_000),
]

const otherTypes = [
  '',
  'text/plain',
  'text/html; charset=utf-8',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/jsonx',
  'application/json, text/plain',
  'json',
  ';;;',
  'application/json;__proto__=1',
]

/** Over what a body may have (1 MiB). */
const hugeCharacters = 1_100_000

type Wrong = (draft: Draft) => Draft

const wrongs: fc.Arbitrary<Wrong> = fc.oneof(
  fc.nat(20).map((n) => at(n, 'without', () => [])),
  fc
    .tuple(fc.nat(20), fc.constantFrom(...otherJson))
    .map(([n, json]) => at(n, `as ${json}`, ([name]) => [[name, json]])),
  fc
    .tuple(fc.nat(20), fc.jsonValue({ maxDepth: 3 }))
    .map(([n, value]) => at(n, 'as any JSON', ([name]) => [[name, JSON.stringify(value)]])),
  fc
    .tuple(fc.nat(20), fc.constantFrom(...nasty))
    .map(([n, text]) =>
      at(n, `as ${JSON.stringify(text)}`, ([name]) => [[name, JSON.stringify(text)]]),
    ),
  fc
    .tuple(fc.nat(20), fc.constantFrom(...otherJson))
    .map(([n, json]) => at(n, 'twice', (field) => [field, [field[0], json]])),
  fc.nat(20).map((n) => at(n, 'huge', ([name]) => [[name, JSON.stringify('x'.repeat(200_000))]])),
  fc
    .nat(20)
    .map((n) =>
      at(n, 'over the limit', ([name]) => [[name, JSON.stringify('x'.repeat(hugeCharacters))]]),
    ),
  fc.nat(20).map((n) => at(n, 'deep', ([name]) => [[name, deep('[', '', ']')]])),
  fc.nat(20).map((n) => at(n, 'deep objects', ([name]) => [[name, deep('{"a":', '1', '}')]])),
  fc
    .tuple(fc.constantFrom('unknown', '__proto__', 'constructor', 'id', ''), fc.jsonValue())
    .map(([name, value]) => (draft: Draft) => ({
      ...draft,
      fields: [...draft.fields, [name, JSON.stringify(value)] as const],
      what: `and ${JSON.stringify(name)}`,
    })),
  fc.constantFrom(...otherBodies).map((text) => (draft: Draft) => ({
    ...draft,
    body: Buffer.from(text),
    what: `body ${text.slice(0, 20)}`,
  })),
  fc.constant((draft: Draft) => ({
    ...draft,
    body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    what: 'body that is not UTF-8',
  })),
  fc.constantFrom(...otherTypes).map((type) => (draft: Draft) => ({
    ...draft,
    headers: { ...draft.headers, 'content-type': type },
    what: `content type ${JSON.stringify(type)}`,
  })),
)

/** A wrong thing about one of the fields there are. */
function at(
  n: number,
  how: string,
  change: (field: Draft['fields'][number]) => Draft['fields'],
): Wrong {
  return (draft) => {
    if (draft.fields.length === 0) return draft
    const i = n % draft.fields.length
    const fields = draft.fields.flatMap((field, j) => (i === j ? change(field) : [field]))
    return { ...draft, fields, what: `${draft.fields[i]![0]} ${how}` }
  }
}

/** What a field says in an address: text as it is, other values as JSON. */
function addressText(json: string): string {
  const value = json.startsWith('"') ? (JSON.parse(json) as string) : json
  return encodeURIComponent(value.toWellFormed())
}

/** An administrator may write anywhere: whatever is a path begins in the folder of the test. */
function inside({ folder }: Pool, json: string): string {
  if (!/^\s*"(\/|\\u002f)/i.test(json)) return json
  const path = JSON.parse(json) as string
  return path.startsWith(folder)
    ? json
    : JSON.stringify(`${folder}/new${path.replaceAll('/', '-')}`)
}

function written(route: Route, pool: Pool, draft: Draft): WildAsk {
  const { headers, body, what } = draft
  const fields = draft.fields.map(([name, json]) => [name, inside(pool, json)] as const)
  const named = pathNames(route.path)
  let path = route.path
  for (const name of named) {
    const json = fields.find(([field]) => field === name)?.[1] ?? '"-"'
    // An empty part would be another address, and dots are taken away before anybody asks.
    const text = addressText(json).replace(/^\.*$/, '-')
    path = path.replace(`:${name}`, () => text)
  }
  const rest = fields.filter(([field], i) => {
    const first = fields.findIndex(([other]) => other === field)
    return !named.includes(field) || first !== i
  })
  const endless = route.answer === 'events'
  const asked = { method: route.method, headers, what, endless }
  if (route.method === 'GET' || route.method === 'DELETE') {
    const query = rest.map(([name, json]) => `${encodeURIComponent(name)}=${addressText(json)}`)
    return {
      ...asked,
      path: (path + (query.length === 0 ? '' : `?${query.join('&')}`)).slice(0, 12_000),
    }
  }
  const json = `{${rest.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`
  const bytes = body ?? Buffer.from(json)
  return {
    ...asked,
    path: path.slice(0, 12_000),
    body: bytes,
    headers: {
      'content-type': 'application/json',
      ...headers,
      'content-length': String(bytes.length),
    },
  }
}

/** `known` are the headers by which the asker is known, one of them a question. */
export function asksFor(
  route: Route,
  pool: Pool,
  known: readonly Record<string, string>[],
): fc.Arbitrary<WildAsk> {
  const input = fc.oneof(
    ...[false, false, true].map((isTame) =>
      objectOf(schemaOf(route), { route, pool, field: '', isTame }),
    ),
  )
  const accept = fc.constantFrom<Record<string, string>>(
    {},
    { accept: 'application/json' },
    { accept: 'text/event-stream' },
    { accept: '*/*' },
    { accept: ';,q=nonsense' },
  )
  const wrong = fc.option(wrongs, { nil: undefined })
  return fc
    .tuple(input, accept, fc.constantFrom(...known), fc.boolean(), wrong)
    .map(([value, accepted, who, isRight, spoil]) => {
      const draft: Draft = {
        fields: Object.entries(value)
          .filter(([, one]) => one !== undefined)
          .map(([name, one]) => [name, JSON.stringify(one)] as const),
        headers: { ...accepted, ...who },
        what: 'as the schema wants it',
      }
      return written(route, pool, isRight || spoil === undefined ? draft : spoil(draft))
    })
}
