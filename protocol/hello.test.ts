import { describe, expect, it } from 'vitest'
import { addressText, fittingAddresses, isPlainName, plainName } from './hello.ts'

describe('the name of a site from afar', () => {
  it.each(['Oslo Cytometry', 'Zürich – Bildarchiv', '京都大学', 'مختبر', 'Lab "7" <b>', 'x'])(
    'may be %j',
    (name) => {
      expect(isPlainName(name)).toBe(true)
    },
  )

  it.each([
    ['empty', ''],
    ['a decomposed accent', 'Zu\u0308rich'],
    ['a terminal escape', 'a\u001b[31mb'],
    ['a line break', 'a\nb'],
    ['a C1 control', 'a\u009bb'],
    ['a right-to-left override', 'a\u202eb'],
    ['an isolate', 'a\u2066b'],
    ['a zero-width space', 'os\u200blo'],
    ['a zero-width joiner', 'os\u200dlo'],
    ['a word joiner', 'os\u2060lo'],
    ['a soft hyphen', 'os\u00adlo'],
    ['a combining grapheme joiner', 'os\u034flo'],
    ['a Hangul filler', 'os\u3164lo'],
    ['a byte order mark', '\ufeffoslo'],
    ['a line separator', 'os\u2028lo'],
    ['a no-break space', 'os\u00a0lo'],
    ['a lone surrogate', 'os\ud800lo'],
    ['private use', 'os\ue000lo'],
    ['space around it', ' oslo'],
    ['101 characters', 'x'.repeat(101)],
  ])('may not have %s', (_what, name) => {
    expect(isPlainName(name)).toBe(false)
    // Whatever we are configured with, what we send is what others take.
    expect(isPlainName(plainName(name, 'site'))).toBe(true)
  })

  it('counts characters, not halves of them', () => {
    expect(isPlainName('𝔘'.repeat(100))).toBe(true)
    expect(isPlainName('𝔘'.repeat(101))).toBe(false)
  })

  it('is mended where it is ours', () => {
    expect(plainName('  Oslo\t\u200bCyto\nmetry ', 'x')).toBe('Oslo Cyto metry')
    expect(plainName('Zu\u0308rich', 'x')).toBe('Zürich')
    expect(plainName('\u200b\u202e', 'x')).toBe('x')
    expect(plainName('y'.repeat(300), 'x')).toBe('y'.repeat(100))
  })
})

describe('addresses', () => {
  it('are multiaddr text of at most 256 bytes', () => {
    expect(addressText.safeParse('/ip4/10.0.0.1/tcp/4001').success).toBe(true)
    expect(addressText.safeParse(`/${'a'.repeat(255)}`).success).toBe(true)
    expect(addressText.safeParse(`/${'a'.repeat(256)}`).success).toBe(false)
    expect(addressText.safeParse('10.0.0.1:4001').success).toBe(false)
    expect(addressText.safeParse('/dns4/ü.example/tcp/1').success).toBe(false)
    expect(addressText.safeParse('/ip4/10.0.0.1 /tcp/1').success).toBe(false)
  })

  it('are sent as far as they fit, the first ones first', () => {
    const many = Array.from({ length: 20 }, (_, i) => `/ip4/10.0.0.${i}/tcp/4001`)
    expect(fittingAddresses(many, 10_000)).toEqual(many.slice(0, 16))
    expect(fittingAddresses([`/${'a'.repeat(90)}`, '/ip4/1.2.3.4/tcp/1', 'nonsense'], 50)).toEqual([
      '/ip4/1.2.3.4/tcp/1',
    ])
  })
})
