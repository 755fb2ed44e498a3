/** Ticks in the console and what a site makes of them, the one against the other. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createChoice } from '../../node/bundles/choice.ts'
import { chosenOf, everything, patternsOf, type Thing, tick } from '../../web/send/choice.ts'

const file = (path: string): Thing => ({ path, folder: false, files: 1, bytes: 10 })
const folder = (path: string, files: number): Thing => ({
  ...{ path, folder: true, files, bytes: files * 10 },
})
const all = everything({ files: 5, bytes: 50 })
const whole = folder('', 5)

test('everything ticked is everything, also what no list shows', () => {
  expect(patternsOf(all)).toBeUndefined()
  expect(chosenOf(all, whole)).toEqual({ files: 5, bytes: 50 })
})

test('nothing ticked is nothing', () => {
  const none = tick(all, whole, false)
  expect(patternsOf(none)).toEqual([])
  expect(chosenOf(none, whole)).toEqual({ files: 0, bytes: 0 })
})

test('a folder is one pattern, whatever is in it, and a file taken from it another', () => {
  const without = tick(tick(all, folder('raw', 3), false), file('raw/x'), true)
  expect(patternsOf(without)).toEqual(['!raw/**', 'raw/x'])
  expect(chosenOf(without, whole)).toEqual({ files: 3, bytes: 30 })
  expect(chosenOf(without, folder('raw', 3))).toEqual({ files: 1, bytes: 10 })
  expect(patternsOf(tick(tick(all, whole, false), folder('raw', 3), true))).toEqual(['raw/**'])
})

test('a tick ends every tick below it, and one that changes nothing is no rule', () => {
  const mixed = tick(tick(all, folder('raw', 3), false), file('raw/x'), true)
  expect(patternsOf(tick(mixed, folder('raw', 3), true))).toBeUndefined()
  expect(patternsOf(tick(tick(all, file('a'), false), file('a'), true))).toBeUndefined()
})

test('patterns mean the ticked files and no other, whatever their names and the order of ticks', () => {
  const name = fc
    .stringMatching(/^[a-c*?![\](){}+@|^$"'~ \\.-]{1,4}$/)
    .filter((n) => !/^\.\.?$/.test(n))
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(
      fc.uniqueArray(path, { minLength: 1, maxLength: 10 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { maxLength: 12 }),
      (some, ticks) => {
        // A path that is a folder of another is no file.
        const paths = some.filter((p) => !some.some((other) => other.startsWith(`${p}/`)))
        const top = folder('', paths.length)
        let choice = everything({ files: paths.length, bytes: paths.length * 10 })
        const ticked = new Set(paths)
        for (const [which, depth, on] of ticks) {
          const parts = paths[which % paths.length]!.split('/')
          const at = parts.slice(0, depth % (parts.length + 1)).join('/')
          const below = paths.filter((p) => at === '' || p === at || p.startsWith(`${at}/`))
          const thing = at === below[0] ? file(at) : folder(at, below.length)
          choice = tick(choice, thing, on)
          for (const p of below) on ? ticked.add(p) : ticked.delete(p)
          expect(chosenOf(choice, top).files).toBe(ticked.size)
        }
        const patterns = patternsOf(choice)
        const chooses = patterns === undefined ? () => true : createChoice(patterns)
        for (const p of paths) {
          // No pattern at all is what the console does not send.
          const yes = patterns?.length === 0 ? false : chooses(p)
          expect([p, patterns, yes]).toEqual([p, patterns, ticked.has(p)])
        }
      },
    ),
  )
})
