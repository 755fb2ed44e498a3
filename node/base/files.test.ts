import { mkdir, readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultOf, openFolder } from '../../test/folder.ts'
import { freeBytes, hasRoom, makeFolder, readIfThere, sweepAside, writeDurably } from './files.ts'

test('a durable write replaces the whole file and leaves nothing beside it', async () => {
  await using folder = await openFolder()
  const path = join(folder.path, 'note')
  await writeDurably(path, 'a long first text')
  await writeDurably(path, new Uint8Array([1, 2, 3]))
  expect([...(await readFile(path))]).toEqual([1, 2, 3])
  expect(await readdir(folder.path)).toEqual(['note'])
})

test('a durable write is for our account alone unless it says otherwise', async () => {
  await using folder = await openFolder()
  await writeDurably(join(folder.path, 'secret'), 'x')
  await writeDurably(join(folder.path, 'fixed'), 'x', { mode: 0o400 })
  expect((await stat(join(folder.path, 'secret'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder.path, 'fixed'))).mode & 0o777).toBe(0o400)
})

test('many durable writes of one path leave one of them, whole', async () => {
  await using folder = await openFolder()
  const path = join(folder.path, 'note')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000))
  await Promise.all(texts.map((text) => writeDurably(path, text)))
  expect(texts).toContain(await readFile(path, 'utf8'))
  expect(await readdir(folder.path)).toEqual(['note'])
})

test('a durable write that fails leaves what was there and nothing else', async () => {
  await using folder = await openFolder()
  const path = join(folder.path, 'taken')
  await mkdir(path)
  expect(await faultOf(writeDurably(path, 'x'))).toMatchObject({ op: 'files.write', about: path })
  expect(await readdir(folder.path)).toEqual(['taken'])
  const nowhere = join(folder.path, 'no', 'such')
  expect(await faultOf(writeDurably(nowhere, 'x'))).toMatchObject({
    kind: 'missing',
    about: nowhere,
  })
})

test('what a crash left aside is swept, and nothing else', async () => {
  await using folder = await openFolder()
  for (const name of ['.note.00ff.aside', 'note', '.hidden', 'x.aside'])
    await writeFile(join(folder.path, name), '')
  expect(await sweepAside(folder.path)).toBe(1)
  expect((await readdir(folder.path)).sort()).toEqual(['.hidden', 'note', 'x.aside'])
})

test('a file that is not there reads as undefined; one that cannot be read is a fault', async () => {
  await using folder = await openFolder()
  expect(await readIfThere(join(folder.path, 'none'))).toBeUndefined()
  expect(await readIfThere(join(folder.path, 'no', 'such'))).toBeUndefined()
  expect(await faultOf(readIfThere(folder.path))).toMatchObject({
    kind: 'invalid',
    op: 'files.read',
  })
})

test('a folder is made with those above it, and one that is there is fine', async () => {
  await using folder = await openFolder()
  const deep = join(folder.path, 'a', 'b', 'c')
  await makeFolder(deep)
  await makeFolder(deep)
  expect((await stat(deep)).mode & 0o777).toBe(0o700)
  await writeFile(join(folder.path, 'file'), '')
  expect(await faultOf(makeFolder(join(folder.path, 'file', 'x')))).toMatchObject({
    kind: 'invalid',
  })
})

test('room is so many bytes, or a part of a small file system', async () => {
  await using folder = await openFolder()
  const free = await freeBytes(folder.path)
  expect(await hasRoom(folder.path, 0)).toBe(true)
  const { blocks, bsize } = await statfs(folder.path)
  expect(await hasRoom(folder.path, Number.MAX_SAFE_INTEGER)).toBe(free >= (blocks * bsize) / 32)
  expect(await faultOf(hasRoom(join(folder.path, 'none'), 1))).toMatchObject({ kind: 'missing' })
})

test('free space is a number of bytes', async () => {
  await using folder = await openFolder()
  expect(await freeBytes(folder.path)).toBeGreaterThan(0)
  expect(await faultOf(freeBytes(join(folder.path, 'none')))).toMatchObject({ kind: 'missing' })
})
