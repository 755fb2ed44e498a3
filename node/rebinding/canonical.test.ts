import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DatasetId } from '../../protocol/ids.ts'
import type { Ref } from '../../protocol/workflow.ts'
import { canonicalize, checkCanonical, render } from './canonical.ts'
import { strictJson } from './json.ts'
import { findRefs } from './refs.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (from: Uint8Array) => new TextDecoder().decode(from)
const id = (n: number) => n as DatasetId

/** A document told in text with its dataset's ID still open, and odd in every way JSON allows. */
type Told = (dataset: number) => string

const space = fc.constantFrom('', ' ', '\n  ', '\t', '\r\n')
const spelled = (value: string, odd: boolean) =>
  odd ? value.replaceAll('/', '\\/').replaceAll('e', '\\u0065') : value
const inner = (value: string) => JSON.stringify(value).slice(1, -1)
const pathText = fc
  .array(fc.stringMatching(/^[a-zé😀 "\\.-]{1,8}$/u), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))

const leaf: fc.Arbitrary<Told> = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }).map((value) => () => JSON.stringify(value)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => () => JSON.stringify(value)),
  fc.boolean().map(
    (odd): Told =>
      (dataset) =>
        `"${spelled('datas', odd)}et:${dataset}"`,
  ),
  fc.constant((dataset: number) => `"dataset:${dataset}/"`),
  fc.tuple(pathText, fc.boolean()).map(
    ([path, odd]): Told =>
      (dataset) =>
        `"dataset:${dataset}${spelled(`/${inner(path)}`, odd)}"`,
  ),
)

const named: fc.Arbitrary<[string, Told]> = fc.tuple(
  fc.constantFrom('dataset', 'datasetId', 'dataset_id', 'datas\\u0065t'),
  fc.constantFrom<Told>(
    (dataset) => String(dataset),
    (dataset) => `"${dataset}"`,
    (dataset) => `[ ${dataset}, "${dataset}", "dataset:${dataset}", null]`,
  ),
)

const { value } = fc.letrec<{ value: Told; list: Told; map: Told }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie('list'), tie('map')),
  list: fc.tuple(fc.array(tie('value'), { maxLength: 4 }), space).map(
    ([items, s]) =>
      (dataset) =>
        `[${s}${items.map((one) => one(dataset)).join(`${s},`)}]`,
  ),
  map: fc
    .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.option(named), space)
    .map(([items, mark, s]) => (dataset) => {
      const members = items.map((one, i) => `"k~${i}/${s === '' ? '' : 'x'}"${s}:${one(dataset)}`)
      if (mark !== null) members.push(`"${mark[0]}":${s}${mark[1](dataset)}${s}`)
      return `{${members.join(`,${s}`)}}`
    }),
}))

const document = fc.tuple(value, space).map(
  ([told, s]): Told =>
    (dataset) =>
      s + told(dataset) + s,
)
const dataset = fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 2 ** 52 }))

function canonicalOf(told: Told, n: number) {
  const source = bytes(told(n))
  const { refs } = findRefs(strictJson(source)!, id(n))
  return { source, refs, canonical: canonicalize(source, refs, id(n)) }
}

describe('the laws of rebinding', () => {
  test('rendering for the same dataset gives the original bytes', () => {
    fc.assert(
      fc.property(document, dataset, (told, n) => {
        const { source, refs, canonical } = canonicalOf(told, n)
        checkCanonical(canonical, refs)
        expect(text(render(canonical, refs, id(n)))).toBe(text(source))
      }),
      { numRuns: 500 },
    )
  })

  test('two sites with different IDs have the same canonical bytes and the same refs', () => {
    fc.assert(
      fc.property(document, dataset, dataset, (told, a, b) => {
        const at = canonicalOf(told, a)
        const there = canonicalOf(told, b)
        expect(text(there.canonical)).toBe(text(at.canonical))
        expect(there.refs).toEqual(at.refs)
        expect(text(render(at.canonical, at.refs, id(b)))).toBe(told(b))
      }),
      { numRuns: 500 },
    )
  })

  test('rebinding twice is rebinding once', () => {
    fc.assert(
      fc.property(document, dataset, dataset, dataset, (told, a, b, c) => {
        const { refs, canonical } = canonicalOf(told, a)
        const again = canonicalize(render(canonical, refs, id(b)), refs, id(b))
        expect(text(again)).toBe(text(canonical))
        expect(render(again, refs, id(c))).toEqual(render(canonical, refs, id(c)))
      }),
    )
  })

  test('after rendering no ID of the source is left at any ref, and types are kept', () => {
    const there = id(424242)
    fc.assert(
      fc.property(document, fc.integer({ min: 1, max: 99 }), (told, n) => {
        const { source, refs, canonical } = canonicalOf(told, n)
        const rendered = render(canonical, refs, there)
        const found = findRefs(strictJson(rendered)!, there)
        expect(found.refs).toEqual(refs)
        // Everything but the ID is as it was: put the old one back by value and compare.
        const back = canonicalize(rendered, found.refs, there)
        expect(render(back, found.refs, id(n))).toEqual(source)
        expect(findRefs(strictJson(rendered)!, id(n)).refs).toEqual([])
      }),
    )
  })
})

describe('rendering', () => {
  const refs: Ref[] = [
    { pointer: '/dataset', form: 'id-number' },
    { pointer: '/a', form: 'path', path: 'fcs/a "1".fcs' },
    { pointer: '/plain', form: 'path', path: 'fcs/a "1".fcs' },
  ]
  const source =
    '{"dataset": 7, "a": "dataset:7\\/fcs/\\u0061 \\"1\\".fcs/", "plain":"fcs/a \\"1\\".fcs", "n": 7}'

  test('splices the ID and keeps spelling, spaces and other sevens', () => {
    const canonical = canonicalize(bytes(source), refs, id(7))
    expect(text(canonical)).toBe(
      '{"dataset": 0, "a": "dataset:0\\/fcs/\\u0061 \\"1\\".fcs/", "plain":"fcs/a \\"1\\".fcs", "n": 7}',
    )
    expect(text(render(canonical, refs, id(12)))).toBe(
      source.replace(': 7', ': 12').replace(':7', ':12'),
    )
  })

  test('writes renamed paths at both kinds of place', () => {
    const canonical = canonicalize(bytes(source), refs, id(7))
    const renamed = new Map([['fcs/a "1".fcs', 'b\\"é.fcs']])
    expect(JSON.parse(text(render(canonical, refs, id(12), renamed)))).toEqual({
      dataset: 12,
      a: 'dataset:12/b\\"é.fcs/',
      plain: 'b\\"é.fcs',
      n: 7,
    })
  })

  test('leaves a document without refs alone, whatever it is', () => {
    const opaque = new Uint8Array([0xff, 0, 1])
    expect(render(opaque, [], id(1))).toBe(opaque)
  })

  test.each([
    ['{"dataset": 7.0}', 'id-number'],
    ['{"dataset": 7e0}', 'id-number'],
    ['{"dataset": "\\u0037"}', 'id-string'],
    ['{"dataset": "dataset:\\u0037"}', 'id-string'],
  ] as const)('refuses an ID in odd spelling, which would not come back: %s', (odd, form) => {
    const found = findRefs(odd, id(7))
    expect(found.refs).toEqual([{ pointer: '/dataset', form }])
    expect(() => canonicalize(bytes(odd), found.refs, id(7))).toThrow(/plain ID 7/)
  })

  test('refuses a place that two readers would see differently', () => {
    const twice = '{"a":{"dataset":7},"a":{"dataset":7}}'
    const { refs: found } = findRefs(twice, id(7))
    expect(() => canonicalize(bytes(twice), found, id(7))).toThrow(/\/a twice/)
  })
})

describe('a canonical document from afar', () => {
  const check = (canonical: string, refs: Ref[]) => () => checkCanonical(bytes(canonical), refs)

  test('fits its refs', () => {
    expect(check('{"dataset":0}', [{ pointer: '/dataset', form: 'id-number' }])).not.toThrow()
    expect(check('["dataset:0/x"]', [{ pointer: '/0', form: 'path', path: 'x' }])).not.toThrow()
  })

  test.each<[string, string, Ref[]]>([
    ['an ID that is not neutral', '{"dataset":7}', [{ pointer: '/dataset', form: 'id-number' }]],
    ['minus zero', '{"dataset":-0}', [{ pointer: '/dataset', form: 'id-number' }]],
    ['another type', '{"dataset":"0"}', [{ pointer: '/dataset', form: 'id-number' }]],
    ['another path', '["dataset:0/x"]', [{ pointer: '/0', form: 'path', path: 'y' }]],
    ['a path where none belongs', '["0"]', [{ pointer: '/0', form: 'id-string', path: 'y' }]],
    ['no path where one belongs', '["dataset:0/x"]', [{ pointer: '/0', form: 'path' }]],
    ['a pointer to nothing', '{}', [{ pointer: '/dataset', form: 'id-number' }]],
    ['a pointer to a map', '{"dataset":{}}', [{ pointer: '/dataset', form: 'id-number' }]],
    ['not JSON', '{dataset:0}', [{ pointer: '/dataset', form: 'id-number' }]],
    [
      'one place twice',
      '{"dataset":0}',
      [
        { pointer: '/dataset', form: 'id-number' },
        { pointer: '/dataset', form: 'id-number' },
      ],
    ],
  ])('is refused with %s', (_what, canonical, refs) => {
    expect(check(canonical, refs)).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })
})
