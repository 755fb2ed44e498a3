import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countText, durationText, sizeText, visible } from '../api/words.ts'
import { cut, facts, jsonText, table, timeText, widthOf } from './show.ts'

describe('visible', () => {
  it.each([
    ['C0, which moves the cursor', 'a\x1b[2Jb\r\n\t', 'a\\u{1b}[2Jb\\u{d}\\u{a}\\u{9}'],
    ['delete and C1, which some terminals obey', 'a\x7f\x9b2Jb', 'a\\u{7f}\\u{9b}2Jb'],
    ['bidi, which turns fdp.exe around', 'a\u202efdp.exe\u2066', 'a\\u{202e}fdp.exe\\u{2066}'],
    [
      'zero width, which hides',
      'a\u200bb\u200d\u2060\ufeff',
      'a\\u{200b}b\\u{200d}\\u{2060}\\u{feff}',
    ],
    ['line separators', 'a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
    ['tags', 'a\u{e0041}', 'a\\u{e0041}'],
    ['half a surrogate pair', 'a\ud800', 'a\\u{d800}'],
    ['fillers that show as nothing', 'a\u3164', 'a\\u{3164}'],
  ])('escapes %s', (_, from, to) => {
    expect(visible(from)).toBe(to)
  })

  it('leaves ordinary names alone', () => {
    for (const name of ['Plate 1/Specimen: A–é.fcs', 'e\u0301', '雪 🧪', 'עברית']) {
      expect(visible(name)).toBe(name)
    }
  })
})

describe('jsonText', () => {
  it('is the same value, with nothing hidden in it', () => {
    const anything = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(fc.record({ a: anything, b: fc.array(anything) }), (value) => {
        const text = jsonText(value)
        expect(JSON.parse(text)).toEqual(value)
        expect(visible(text)).toBe(text)
      }),
    )
    expect(jsonText({ a: '\u202e\u{e0041}' })).toBe('{"a":"\\u202e\\udb40\\udc41"}')
  })
})

describe('numbers and times', () => {
  it('shows sizes in three digits', () => {
    const sizes = [0, 999, 1000, 1234, 12_345, 123_456, 999_499, 999_500, 300e6, 3e9, 2 ** 53 - 1]
    expect(sizes.map(sizeText)).toEqual([
      '0 B',
      '999 B',
      '1.00 kB',
      '1.23 kB',
      '12.3 kB',
      '123 kB',
      '999 kB',
      '1.00 MB',
      '300 MB',
      '3.00 GB',
      '9.01 PB',
    ])
  })

  it('counts', () => {
    expect(countText(1, 'file')).toBe('1 file')
    expect(countText(1234567, 'file')).toBe('1,234,567 files')
  })

  it('shows durations in two units', () => {
    expect([0, 59.6, 61, 3600, 3661, 90_000].map(durationText)).toEqual([
      '0 s',
      '1 min',
      '1 min 1 s',
      '1 h',
      '1 h 1 min',
      '1 d 1 h',
    ])
    expect(durationText(Number.POSITIVE_INFINITY)).toBe('?')
  })

  it('shows times to the second, and text from afar safely', () => {
    expect(timeText('2026-01-02T03:04:05.678Z')).toBe('2026-01-02T03:04:05Z')
    expect(timeText('\x1b')).toBe('\\u{1b}')
  })
})

describe('table', () => {
  it('lines up, numbers to the right, wide characters counted as two', () => {
    const text = table(
      ['id', 'name', 'files'],
      [
        [1, '雪', 12000],
        [12, 'plain', 3],
      ],
    )
    expect(text).toBe('id  name    files\n 1  雪     12,000\n12  plain       3')
  })

  it('lets no name break a line', () => {
    expect(table(['name'], [['a\nb\x1b[31m']]).split('\n')).toHaveLength(2)
  })
})

it('facts leaves out what is not there', () => {
  expect(
    facts([
      ['a', 1],
      ['bc', undefined],
      ['bcd', 'x\x07'],
    ]),
  ).toBe('a    1\nbcd  x\\u{7}')
})

it('cut keeps to columns, never through a character', () => {
  expect(cut('abcdef', 6)).toBe('abcdef')
  expect(cut('abcdefg', 6)).toBe('abcde…')
  expect(cut('雪雪雪雪', 6)).toBe('雪雪…')
  expect(widthOf('e\u0301')).toBe(1)
})
