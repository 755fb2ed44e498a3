/**
 * Where people can write what they like, found by asking the table of routes: every text of every
 * question that changes something, whose shape takes one of the scripts below. And which of them have
 * carried one.
 */
import type { z } from 'zod'
import { type RouteName, routes } from '../../api/routes.ts'

/** Whatever of these is taken for a page's own sets `hit`. */
export const scripts = [
  '<img src=x onerror="window.hit=1">',
  '<script>window.hit=1</script>',
  '"><svg onload="window.hit=1">',
  'javascript:window.hit=1',
]

/** By this a text that holds one is known. */
export const mark = 'window.hit'

type Shape = z.core.$ZodType
type Leaf = { readonly at: string; readonly shape: Shape }

/** The forms in which a field may take a script: as it is, in a path, in an address. */
const forms = [
  (script: string) => script,
  (script: string) => `/tmp/${script}`,
  (script: string) => `/${script.replaceAll('/', '~1')}`,
  (script: string) => `https://lab.example/${script}`,
  (script: string) => `${script}@lab.example`,
]

/** The free texts of the table: `workflows.add.inputs[].label`. */
export function freeTexts(): string[] {
  const names = Object.keys(routes) as RouteName[]
  return names
    .filter((name) => routes[name].method !== 'GET')
    .flatMap((name) => leavesOf(routes[name].input, name))
    .filter(({ shape }) => forms.some((form) => scripts.some((one) => takes(shape, form(one)))))
    .map(({ at }) => at)
}

function takes(shape: Shape, text: string): boolean {
  try {
    return (shape as z.ZodType).safeParse(text).success
  } catch {
    // What makes an ID of a text throws where it is none.
    return false
  }
}

/** Every text in a shape, and where it stands. */
function leavesOf(shape: Shape, at: string): Leaf[] {
  const def = (shape as z.ZodType)._zod.def as unknown as Record<string, unknown> & { type: string }
  const of = (key: string) => def[key] as Shape
  switch (def.type) {
    case 'string':
      return [{ at, shape }]
    case 'object':
      return Object.entries(def.shape as Record<string, Shape>).flatMap(([name, one]) =>
        leavesOf(one, `${at}.${name}`),
      )
    case 'array':
      return leavesOf(of('element'), `${at}[]`)
    case 'record':
      return [...leavesOf(of('keyType'), `${at}{key}`), ...leavesOf(of('valueType'), `${at}{}`)]
    case 'union':
      return (def.options as Shape[]).flatMap((one) => leavesOf(one, at))
    case 'pipe':
      // What is made of a text decides whether the text is taken.
      return leavesOf(of('in'), at).map((leaf) => ({ ...leaf, shape }))
    case 'optional':
    case 'nullable':
    case 'default':
    case 'nonoptional':
    case 'readonly':
      return leavesOf(of('innerType'), at)
    case 'int':
    case 'number':
    case 'boolean':
    case 'enum':
    case 'literal':
      return []
    default:
      throw new Error(`${at} is a ${def.type}: say in free-text.ts what texts are in it`)
  }
}

/** The places of a question that hold a script, named as above. */
export function carriedBy(name: RouteName, input: unknown): string[] {
  const found: string[] = []
  const walk = (value: unknown, at: string) => {
    if (typeof value === 'string') {
      if (value.includes(mark)) found.push(at)
    } else if (Array.isArray(value)) for (const one of value) walk(one, `${at}[]`)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) {
        if (key.includes(mark)) found.push(`${at}{key}`)
        // Keys that the shape does not name are those of a record.
        walk(one, at !== name && isRecord(at) ? `${at}{}` : `${at}.${key}`)
      }
    }
  }
  walk(input, name)
  return found
}

const isRecord = (at: string) => /\.(meta|changes)$/.test(at)
