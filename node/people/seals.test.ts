import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { systemClock } from '../base/clock.ts'
import { openSeals } from './seals.ts'

const [ana, ben] = [1, 2] as [UserId, UserId]

async function openNew() {
  const folder = await openFolder()
  const path = join(folder.path, 'people')
  const open = () => openSeals({ folder: path, clock: systemClock })
  return {
    path,
    open,
    seals: await open(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('what is sealed opens again, also after a start, and says nothing by itself', async () => {
  await using made = await openNew()
  const sealed = await made.seals.seal(ana, 'password', 'four words in a row')
  expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('words')
  expect(await made.seals.open(ana, 'password', sealed)).toBe('four words in a row')
  expect(await (await made.open()).open(ana, 'password', sealed)).toBe('four words in a row')
  // Never the same twice.
  expect(await made.seals.seal(ana, 'password', 'four words in a row')).not.toBe(sealed)
})

test('it opens for nobody else, as nothing else, and not when a bit of it changed', async () => {
  await using made = await openNew()
  const sealed = await made.seals.seal(ana, 'password', 'secret')
  await made.seals.seal(ben, 'password', 'other')
  await expect(made.seals.open(ben, 'password', sealed)).rejects.toMatchObject({ kind: 'corrupt' })
  await expect(made.seals.open(ana, 'name', sealed)).rejects.toMatchObject({ kind: 'corrupt' })
  const bytes = Buffer.from(sealed, 'base64url')
  for (let at = 0; at < bytes.byteLength; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    await expect(
      made.seals.open(ana, 'password', changed.toString('base64url')),
    ).rejects.toMatchObject({ kind: 'corrupt' })
  }
})

test('once the key is destroyed nothing opens again, and others are as they were', async () => {
  await using made = await openNew()
  const of = {
    ana: await made.seals.seal(ana, 'password', 'a'),
    ben: await made.seals.seal(ben, 'password', 'b'),
  }
  expect((await made.seals.list()).sort()).toEqual([ana, ben])
  await made.seals.destroy(ana)
  await made.seals.destroy(ana)
  expect(await made.seals.list()).toEqual([ben])
  expect(await made.seals.open(ana, 'password', of.ana)).toBeUndefined()
  expect(await made.seals.open(ben, 'password', of.ben)).toBe('b')
})

test('a key that is damaged is told, and not taken for one that was destroyed', async () => {
  await using made = await openNew()
  const sealed = await made.seals.seal(ana, 'password', 'a')
  const path = join(made.path, '1.key')
  await writeFile(path, (await readFile(path)).subarray(1))
  await expect(made.seals.open(ana, 'password', sealed)).rejects.toMatchObject({ kind: 'corrupt' })
})
