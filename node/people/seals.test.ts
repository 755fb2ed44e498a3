import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { systemClock } from '../base/clock.ts'
import { openSeals } from './seals.ts'

const [ana, ben] = [1, 2] as [UserId, UserId]

/** Ana and Ben have keys. */
async function openNew() {
  const folder = await openFolder()
  const path = join(folder.path, 'people')
  const open = () => openSeals({ folder: path, clock: systemClock })
  const seals = await open()
  await seals.make(ana)
  await seals.make(ben)
  return { path, open, seals, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const corrupt = expect.objectContaining({ kind: 'corrupt' })

test('what is sealed opens again, also after a start, and says nothing by itself', async () => {
  await using made = await openNew()
  const sealed = made.seals.sealNow(ana, 'password', 'four words in a row')
  expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('words')
  expect((await made.open()).open(ana, 'password', sealed)).toBe('four words in a row')
  // Never the same twice.
  expect(made.seals.sealNow(ana, 'password', 'four words in a row')).not.toBe(sealed)
})

test('opening what was sealed gives the text, whatever it is and whatever it is sealed as', async () => {
  await using made = await openNew()
  const text = fc.string({ unit: 'grapheme', maxLength: 300 })
  fc.assert(
    fc.property(text, text, (what, words) => {
      expect(made.seals.open(ana, what, made.seals.sealNow(ana, what, words))).toBe(words)
    }),
  )
})

test('a changed byte, a cut, another purpose and another person are refused', async () => {
  await using made = await openNew()
  const { seals } = made
  const word = fc.string({ unit: 'grapheme', maxLength: 60 })
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(word, word, word, at, fc.integer({ min: 1, max: 255 }), (...drawn) => {
      const [what, other, words, where, change] = drawn
      const sealed = seals.sealNow(ana, what, words)
      const bytes = Buffer.from(sealed, 'base64url')
      const place = Math.floor(where * bytes.byteLength)
      const flipped = Buffer.from(bytes)
      flipped[place]! ^= change
      expect(() => seals.open(ana, what, flipped.toString('base64url'))).toThrow(corrupt)
      const cut = bytes.subarray(0, place).toString('base64url')
      expect(() => seals.open(ana, what, cut)).toThrow(corrupt)
      expect(() => seals.open(ben, what, sealed)).toThrow(corrupt)
      if (other !== what) expect(() => seals.open(ana, other, sealed)).toThrow(corrupt)
    }),
  )
})

test('once the key is destroyed nothing opens again, and others are as they were', async () => {
  await using made = await openNew()
  const { seals } = made
  const of = { ana: seals.sealNow(ana, 'who', 'a'), ben: seals.sealNow(ben, 'who', 'b') }
  expect(seals.list().sort()).toEqual([ana, ben])
  await seals.destroy(ana)
  await seals.destroy(ana)
  for (const now of [seals, await made.open()]) {
    expect(now.list()).toEqual([ben])
    expect(now.has(ana)).toBe(false)
    expect(now.open(ana, 'who', of.ana)).toBeUndefined()
    expect(now.open(ben, 'who', of.ben)).toBe('b')
    // A second key would make the first one's loss look like damage.
    expect(() => now.sealNow(ana, 'who', 'a')).toThrow(corrupt)
  }
})

test('a key that is there is never made again', async () => {
  await using made = await openNew()
  const before = await readFile(join(made.path, '1.key'))
  await (await made.open()).make(ana)
  expect(await readFile(join(made.path, '1.key'))).toEqual(before)
})

test('a key that is damaged is told, not replaced, and stops nobody else', async () => {
  await using made = await openNew()
  const sealed = made.seals.sealNow(ana, 'who', 'a')
  const path = join(made.path, '1.key')
  await writeFile(path, (await readFile(path)).subarray(1))
  const seals = await made.open()
  expect(seals.has(ana)).toBe(false)
  expect(() => seals.open(ana, 'who', sealed)).toThrow(corrupt)
  await expect(seals.make(ana)).rejects.toMatchObject({ kind: 'corrupt', about: ana })
  expect(seals.open(ben, 'who', seals.sealNow(ben, 'who', 'b'))).toBe('b')
  await seals.destroy(ana)
  expect(seals.list()).toEqual([ben])
})

test('a person with a key and one without are told apart by the file alone', async () => {
  await using made = await openNew()
  await rm(join(made.path, '1.key'))
  expect((await made.open()).list()).toEqual([ben])
})
