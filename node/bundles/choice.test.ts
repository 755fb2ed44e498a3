import { expect, test } from 'vitest'
import { createChoice } from './choice.ts'

const paths = ['notes.txt', 'raw/a.fcs', 'raw/b.fcs', 'raw/deep/c.txt', '.hidden']
const chosen = (...globs: string[]) => paths.filter(createChoice(globs))

test('what any pattern matches is chosen, dot files too', () => {
  expect(chosen('raw/*.fcs')).toEqual(['raw/a.fcs', 'raw/b.fcs'])
  expect(chosen('**')).toEqual(paths)
  expect(chosen('notes.txt', '**/c.txt')).toEqual(['notes.txt', 'raw/deep/c.txt'])
})

test('the last pattern that matches decides', () => {
  expect(chosen('raw/**', '!raw/*.fcs', 'raw/b.fcs')).toEqual(['raw/b.fcs', 'raw/deep/c.txt'])
})

test('a list that begins by taking away takes it from everything', () => {
  expect(chosen('!raw/**')).toEqual(['notes.txt', '.hidden'])
  expect(chosen('!raw/**', 'raw/a.fcs')).toEqual(['notes.txt', 'raw/a.fcs', '.hidden'])
})

test('an exclamation mark before a bracket is a pattern, not a taking away', () => {
  expect(chosen('!(notes).txt')).toEqual([])
  expect(chosen('raw/!(a).fcs')).toEqual(['raw/b.fcs'])
})

test('a path matches itself as it is written; with a backslash it is a pattern', () => {
  const odd = ['a[1].txt', 'a1.txt', '(', '\\(']
  const of = (...globs: string[]) => odd.filter(createChoice(globs))
  expect(of('a[1].txt')).toEqual(['a[1].txt', 'a1.txt'])
  expect(of('a\\[1].txt')).toEqual(['a[1].txt'])
  expect(of('\\(')).toEqual(['('])
  expect(of('\\\\\\(')).toEqual(['\\('])
})
