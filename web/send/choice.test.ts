import fc from 'fast-check'
import picomatch from 'picomatch'
import { expect, test } from 'vitest'
import { folderOf, patternsOf } from './choice.ts'

const of = (...paths: string[]) => folderOf(paths.map((path) => ({ path, size: 1 })))

test('everything ticked is everything, also what no list shows', () => {
  expect(patternsOf(of('a', 'b/c'), new Set(['a', 'b/c']))).toBeUndefined()
})

test('a folder that is ticked whole is one pattern', () => {
  const top = of('raw/x', 'raw/deep/y', 'notes.txt')
  expect(patternsOf(top, new Set(['raw/x', 'raw/deep/y']))).toEqual(['raw/**'])
  expect(patternsOf(top, new Set(['raw/x']))).toEqual(['raw/x'])
})

test('patterns mean the ticked files and no other, whatever their names are', () => {
  const name = fc
    .stringMatching(/^[a-c*?![\](){}+@|^$"'~ \\.-]{1,4}$/)
    .filter((n) => !/^\.\.?$/.test(n))
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(path, fc.boolean()), { selector: ([p]) => p, maxLength: 12 }),
      (rows) => {
        // A path that is a folder of another is no file.
        const files = rows.filter(([p]) => !rows.some(([other]) => other.startsWith(`${p}/`)))
        const ticked = new Set(files.filter(([, yes]) => yes).map(([p]) => p))
        const patterns = patternsOf(of(...files.map(([p]) => p)), ticked)
        const matches = patterns === undefined ? () => true : picomatch(patterns, { dot: true })
        for (const [p, yes] of files) expect([p, patterns, matches(p)]).toEqual([p, patterns, yes])
      },
    ),
  )
})
