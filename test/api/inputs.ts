/**
 * Values for the fields of the table, made from their schemas. A field that must name something real
 * gets one of the pool's by its own name, so a row that is added tomorrow is in the storm tomorrow.
 */
import { join } from 'node:path'
import fc from 'fast-check'
import { z } from 'zod'
import type { Route } from '../../api/route.ts'

/** What is there to be named, of one asker: theirs, somebody else's and nobody's. */
export type Pool = {
  /** Temporary; nothing outside is ever named, for an administrator may write anywhere. */
  readonly folder: string
  /** IDs by the noun of their address: `datasets`, `links`. */
  readonly ids: Readonly<Record<string, readonly (number | string)[]>>
  /** People whom nobody will miss, one who is gone, one who never was. */
  readonly emails: readonly string[]
  readonly tokens: readonly string[]
}

export type Schema = {
  type?: string
  anyOf?: Schema[]
  oneOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  propertyNames?: Schema
  items?: Schema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
}

export const schemaOf = ({ input }: Route): Schema =>
  z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as Schema

/** Texts that somebody's code somewhere takes for something else. */
export const nasty: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  'null',
  'true',
  'undefined',
  'NaN',
  '1e400',
  '9007199254740993',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '..\\..\\boot.ini',
  '%00',
  '%2e%2e%2f',
  '\u0000',
  '\u0007bell',
  'line\nbreak',
  '\r\nSet-Cookie: crossload_session=a',
  '\u202egnp.exe',
  '\ud800',
  '\ufeffbom',
  'e\u0301',
  '🧬🔬',
  'İıſK',
  "'; DROP TABLE users; --",
  '<script>alert(1)</script>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant as text.
  '${7*7}{{7*7}}',
  '$(id)`id`',
]

/** Nobody listens there, and nothing leaves this machine for it. */
const nowhere = ['127.0.0.1:1', 'http://127.0.0.1:1/', '/ip4/127.0.0.1/tcp/1', 'nobody home']

const texts = (schema: Schema, isTame: boolean) => {
  const { minLength = 0, maxLength = 200 } = schema
  if (isTame) return fc.constant('plain'.padEnd(minLength, 'x').slice(0, maxLength))
  const longest = Math.min(maxLength, 5000)
  return fc
    .oneof(
      { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: Math.min(30, longest) }) },
      { weight: 2, arbitrary: fc.constantFrom(...nasty) },
      { weight: 1, arbitrary: fc.constant('x'.repeat(longest)) },
    )
    .map((text) => text.slice(0, longest).padEnd(minLength, 'x'))
}

/** One part of a path: no way leads out of the folder it is put in. */
const part = fc
  .oneof(fc.constantFrom(...nasty), fc.string({ unit: 'grapheme', maxLength: 20 }))
  .map((text) => text.replaceAll('/', '-').replace(/^\.*/, '_'))

export type Place = {
  readonly route: Route
  readonly pool: Pool
  readonly field: string
  /** What a program would ask that means no harm: the asker's own things, and no more than is needed. */
  readonly isTame: boolean
}

/** Something real, when the name of the field says what it must be. */
function real(
  { route, pool, field, isTame }: Place,
  schema: Schema,
): fc.Arbitrary<unknown> | undefined {
  const of = (noun: string) => {
    const there = pool.ids[noun] ?? []
    if (isTame) return fc.constant(there[0] ?? 1)
    return fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...(there.length === 0 ? [1] : there)) },
      { weight: 1, arbitrary: fc.constantFrom(1, 2, 99, '3', 'f'.repeat(32)) },
    )
  }
  const inFolder = (...more: string[]) =>
    fc.oneof(
      fc.constantFrom(...more.map((name) => join(pool.folder, name)), 'relative', pool.folder),
      part.map((name) => `${pool.folder}/new/${name}`),
    )
  const isText = schema.type === 'string'
  if (field === 'id') return of(/\/api\/([a-z-]+)\/:id/.exec(route.path)?.[1] ?? '')
  if (/^(dataset|project|workflow|connection|transfer|link)s?$/.test(field)) {
    const one = of(field.endsWith('s') ? field : `${field}s`)
    if (schema.type === 'array') return fc.array(one, { maxLength: 3 })
    return schema.type === 'object' ? undefined : one
  }
  if (field === 'dest') return fc.oneof(fc.constant(0), of('datasets'))
  if (/^(version|after|limit)$/.test(field) && !isText)
    return fc.constantFrom<unknown>(0, 1, 2, '1', 1000)
  if (field === 'out' || field === 'in') return fc.constantFrom(null, 0, 16_000, 5_000_000)
  if (!isText) return undefined
  if (/path|folder|document|results|file/i.test(field)) return inFolder('data', 'doc.json', 'out')
  if (/^(email|person|user|member)$/.test(field))
    return isTame ? fc.constant(pool.emails[0]) : fc.constantFrom(...pool.emails)
  if (field === 'group') return of('groups').map(String)
  if (field === 'alias') return fc.constantFrom('kyoto', 'kyoto', 'lima', '-')
  if (field === 'token') return fc.constantFrom(...pool.tokens, ...(isTame ? [] : ['0'.repeat(16)]))
  if (
    schema.format === 'uri' ||
    /^(to|ur[il]|issuer|host|server|endpoint|address|site)$/i.test(field)
  )
    return fc.constantFrom(...nowhere)
  return undefined
}

/** Values that the schema takes; what it cannot say (that a name has no control characters) may be broken. */
export function madeFrom(schema: Schema, place: Place): fc.Arbitrary<unknown> {
  const found = real(place, schema)
  if (found !== undefined) return found
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return fc.oneof(...choices.map((one) => madeFrom(one, place)))
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.type === 'object') return objectOf(schema, place)
  if (schema.type === 'array') {
    const { minItems = 0, maxItems = 3 } = schema
    const item = madeFrom(schema.items ?? {}, place)
    return fc.array(item, {
      minLength: minItems,
      maxLength: Math.max(minItems, Math.min(maxItems, 3)),
    })
  }
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type === 'integer' || schema.type === 'number') {
    const min = schema.minimum ?? schema.exclusiveMinimum ?? -1000
    const max = Math.max(min, schema.maximum ?? 1_000_000)
    return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, 2 ** 31) }))
  }
  if (schema.type === 'string' && schema.pattern !== undefined && schema.format === undefined)
    return fc.stringMatching(new RegExp(schema.pattern))
  if (schema.type === 'string') return texts(schema, place.isTame)
  return fc.jsonValue({ maxDepth: 2 })
}

export function objectOf(schema: Schema, place: Place): fc.Arbitrary<Record<string, unknown>> {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema
  if (Object.keys(properties).length === 0 && typeof additionalProperties === 'object') {
    const key = madeFrom({ type: 'string', ...propertyNames }, { ...place, field: 'key' })
    const value = madeFrom(additionalProperties, { ...place, field: 'value' })
    return fc.dictionary(key as fc.Arbitrary<string>, value, { maxKeys: 3 })
  }
  const all = Object.entries(properties)
  const asked = place.isTame ? all.filter(([field]) => required.includes(field)) : all
  const fields = asked.map(([field, one]) => [field, madeFrom(one, { ...place, field })] as const)
  return fc.record(Object.fromEntries(fields), { requiredKeys: required, noNullPrototype: true })
}
