import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from './fault.ts'
import {
  checkPath,
  comparePaths,
  flagPath,
  foldPath,
  isInside,
  printable,
  whyRefused,
} from './paths.ts'

const component = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((text) => whyRefused(text) === undefined && !text.includes('/'))
const path = fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))

/** The order said in other words: component lists, each component as its bytes. */
function compareByBytes(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = Buffer.compare(Buffer.from(left[i]!), Buffer.from(right[i]!))
    if (order !== 0) return order
  }
  return left.length - right.length
}

describe('the order of paths', () => {
  it('is component by component by UTF-8 bytes', () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(compareByBytes(a, b)))
      }),
      { numRuns: 2000 },
    )
  })

  it('puts whatever lies inside a path right after it', () => {
    fc.assert(
      fc.property(path, component, path, (folder, name, other) => {
        const inside = `${folder}/${name}`
        expect(isInside(inside, folder)).toBe(true)
        const between = comparePaths(folder, other) < 0 && comparePaths(other, inside) < 0
        if (between) expect(isInside(other, folder)).toBe(true)
      }),
    )
  })
})

describe('paths that cannot travel', () => {
  it('are named in the fault, with what would steer a terminal spelled out', () => {
    const thrown = (() => {
      try {
        checkPath('a\u001b[31mb')
      } catch (fault) {
        return fault
      }
    })()
    expect(thrown).toBeInstanceOf(Fault)
    expect((thrown as Fault).kind).toBe('invalid')
    expect((thrown as Fault).about).toBe('a\\u{1b}[31mb')
    expect((thrown as Fault).message).not.toContain('\u001b')
  })

  it('count bytes, not characters', () => {
    expect(whyRefused('\u{1f9ea}'.repeat(63))).toBeUndefined()
    expect(whyRefused('\u{1f9ea}'.repeat(64))).toContain('255')
  })
})

describe('paths that are flagged', () => {
  it.each([
    'CON',
    'con',
    'aux.txt',
    'Com1.fcs',
    'LPT\u00b9',
    'CONIN$',
    'nul .txt',
    'a/PRN/b',
    'a:b',
    'a\\b',
    'what?',
    '<a>',
    'a|b',
    '"a"',
    '*',
    'trailing.',
    'trailing ',
    'a /b',
    'a\u202eb',
    'zero\u200bwidth',
    '\ufeffbom',
    '.git/config',
    '.GIT',
    'Desktop.ini',
    'autorun.inf',
  ])('%j', (name) => expect(flagPath(name)).toBeTypeOf('string'))

  it.each([
    'CONTROL',
    'com10',
    'a.con',
    'null',
    'LPT',
    '.gitignore',
    'a b',
    '\u{1f468}\u200d\u{1f52c}',
    'e\u0301',
    '..a',
  ])('not %j', (name) => expect(flagPath(name)).toBeUndefined())
})

describe('folding', () => {
  it.each([
    ['A.fcs', 'a.FCS'],
    ['e\u0301', '\u00e9'],
    ['\u017f', 's'],
    ['\u212a', 'k'],
    ['\ufb01le', 'FILE'],
    ['STRASSE', 'stra\u00dfe'],
  ])('takes %j and %j for one', (a, b) => expect(foldPath(a)).toBe(foldPath(b)))

  it('does not make a folder of a name', () => expect(foldPath('\u2100')).not.toBe(foldPath('a/c')))
  it('keeps different names apart', () => expect(foldPath('a1')).not.toBe(foldPath('a2')))
})

it('printable leaves ordinary text alone', () =>
  expect(printable('Plate 1/\u00e9 \u{1f9ea}')).toBe('Plate 1/\u00e9 \u{1f9ea}'))
