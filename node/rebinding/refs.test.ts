import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DatasetId } from '../../protocol/ids.ts'
import { documentNestingMax, formatPointer, strictJson } from './json.ts'
import { findRefs } from './refs.ts'

const seven = 7 as DatasetId
const find = (value: unknown, ...extra: string[]) => findRefs(JSON.stringify(value), seven, extra)

describe('the generic rules', () => {
  test('find the ID under its three names, as number, text or in a list', () => {
    expect(
      find({ dataset: 7, a: [{ datasetId: '7' }], dataset_id: ['dataset:7', 7] }).refs,
    ).toEqual([
      { pointer: '/dataset', form: 'id-number' },
      { pointer: '/a/0/datasetId', form: 'id-string' },
      { pointer: '/dataset_id/0', form: 'id-string' },
      { pointer: '/dataset_id/1', form: 'id-number' },
    ])
  })

  test('find dataset:ID and dataset:ID/path anywhere', () => {
    expect(
      find({ 'a/b': { '~': 'dataset:7/fcs/a b.fcs' }, c: ['dataset:7', 'dataset:7/'] }).refs,
    ).toEqual([
      { pointer: '/a~1b/~0', form: 'path', path: 'fcs/a b.fcs' },
      { pointer: '/c/0', form: 'id-string' },
      { pointer: '/c/1', form: 'id-string' },
    ])
  })

  test('find nothing in other sevens', () => {
    const others = {
      n: 7,
      s: '7',
      t: 'see dataset:7',
      dataset: { n: 7, deep: [[7]] },
      datasets: 7,
      datasetId: 'seven',
      dataset_id: 0,
      x: 'dataset:07',
      y: 'dataset:7a',
    }
    expect(find(others)).toEqual({ refs: [], unbound: [] })
  })

  test('report the IDs of other datasets, which are left alone', () => {
    const others = {
      dataset: 8,
      a: 'dataset:9/x',
      b: { dataset_id: '77' },
      'dataset:7': 1,
      c: { 'dataset:3/x': 1 },
    }
    expect(find(others)).toEqual({
      refs: [],
      unbound: ['/dataset', '/a', '/b/dataset_id', '/dataset:7', '/c/dataset:3~1x'],
    })
  })
})

describe('places named with --ref', () => {
  test('hold the ID, a text with the ID, or a path', () => {
    expect(
      find(
        { a: 7, b: '7', c: ['dataset:7/x'], d: 'fcs/a.fcs', e: 'fcs/' },
        '/a',
        '/b',
        '/c/0',
        '/d',
        '/e',
      ).refs,
    ).toEqual([
      { pointer: '/a', form: 'id-number' },
      { pointer: '/b', form: 'id-string' },
      { pointer: '/c/0', form: 'path', path: 'x' },
      { pointer: '/d', form: 'path', path: 'fcs/a.fcs' },
      { pointer: '/e', form: 'path', path: 'fcs' },
    ])
  })

  test('are in document order with those the rules found, each once', () => {
    const { refs } = find({ z: 7, dataset: 7, a: 7 }, '/a', '/z', '/dataset', '/a')
    expect(refs.map((ref) => ref.pointer)).toEqual(['/z', '/dataset', '/a'])
  })

  test('may be the whole document', () => {
    expect(find(7, '').refs).toEqual([{ pointer: '', form: 'id-number' }])
  })

  test.each([
    ['another number', { a: 8 }, '/a'],
    ['zero, which is no dataset', { a: 0 }, '/a'],
    ['a truth', { a: true }, '/a'],
    ['a map', { a: {} }, '/a'],
    ['an empty text', { a: '' }, '/a'],
    ['another dataset', { a: 'dataset:8/x' }, '/a'],
    ['the neutral text', { a: 'dataset:0/x' }, '/a'],
    ['nothing', { a: 7 }, '/b'],
    ['no pointer', { a: 7 }, 'a'],
    ['a pointer with a bad escape', { 'a~': 7 }, '/a~'],
  ])('are refused when they hold %s', (_what, value, pointer) => {
    expect(() => find(value, pointer)).toThrow(
      expect.objectContaining({ kind: 'invalid', about: pointer }),
    )
  })
})

test('places of an earlier version are looked at again, and what no longer fits is unbound', () => {
  const value = { a: 7, b: 'fcs/', c: 8, d: null, e: 'dataset:8', dataset: 7 }
  const earlier = ['/a', '/b', '/c', '/d', '/e', '/dataset', '/gone']
  expect(findRefs(JSON.stringify(value), seven, [], earlier)).toEqual({
    refs: [
      { pointer: '/a', form: 'id-number' },
      { pointer: '/b', form: 'path', path: 'fcs' },
      { pointer: '/dataset', form: 'id-number' },
    ],
    unbound: ['/c', '/e'],
  })
})

describe('strict JSON', () => {
  const isStrict = (text: string | Uint8Array) =>
    strictJson(typeof text === 'string' ? new TextEncoder().encode(text) : text) !== undefined

  test('is exactly what JSON.parse takes', () => {
    const scraps = fc.array(
      fc.constantFrom(
        ...'{}[],:"\\/*-+.eE019 \n\t\u00a0\ufeff',
        'true',
        'null',
        'nul',
        '"a"',
        '\\u00',
        '\\u0041',
        '\\x',
        '1e5',
        '-',
        '//',
        '/*',
        '*/',
        '\u0001',
      ),
      { maxLength: 8 },
    )
    const parses = (text: string) => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const nearly = fc
      .tuple(fc.jsonValue(), fc.nat(), fc.nat(3), scraps)
      .map(([value, at, cut, put]) => {
        const text = JSON.stringify(value, undefined, at % 3)
        const from = at % (text.length + 1)
        return text.slice(0, from) + put.slice(0, 2).join('') + text.slice(from + cut)
      })
    fc.assert(
      fc.property(
        fc.oneof(
          scraps.map((s) => s.join('')),
          nearly,
        ),
        (text) => {
          const wellFormed = text.toWellFormed()
          expect(isStrict(wellFormed)).toBe(parses(wellFormed))
        },
      ),
      { numRuns: 5000 },
    )
  })

  test('is not other bytes than UTF-8, and no byte order mark', () => {
    expect(isStrict(new Uint8Array([0x22, 0xff, 0x22]))).toBe(false)
    expect(isStrict('\ufeff{}')).toBe(false)
    expect(isStrict('')).toBe(false)
  })

  test('nests no deeper than its limit, in words instead of a lost process', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(isStrict(nested(documentNestingMax))).toBe(true)
    expect(() => isStrict('['.repeat(1_000_000))).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })

  test('has pointers as RFC 6901 writes them', () => {
    expect(formatPointer(['a/b', 0, '~1', ''])).toBe('/a~1b/0/~01/')
  })
})
