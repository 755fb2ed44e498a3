import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder } from '../../test/folder.ts'
import { openThreads } from '../base/threads.ts'
import { type Smalls, type SmallsWritten, writeSmalls } from './smalls.ts'

function smallsOf(top: string, files: Record<string, string>): Smalls {
  const contents = Object.values(files).map((text) => Buffer.from(text))
  const sums = contents.map((bytes) => createHash('sha256').update(bytes).digest())
  return {
    top,
    mode: 0o640,
    paths: Object.keys(files),
    sizes: contents.map((bytes) => bytes.byteLength),
    times: contents.map((_, i) => (i === 0 ? 1_000_000_000_000 : null)),
    digests: Buffer.concat(sums),
    bytes: Buffer.concat(contents),
  }
}

test('files are written with their bytes, mode and time', async () => {
  await using folder = await openFolder()
  await mkdir(join(folder.path, 'in'))
  const smalls = smallsOf(folder.path, { one: 'first', 'in/two': 'second', empty: '' })
  expect(writeSmalls(smalls)).toEqual({ wrong: [] })
  expect(await readFile(join(folder.path, 'one'), 'utf8')).toBe('first')
  expect(await readFile(join(folder.path, 'in/two'), 'utf8')).toBe('second')
  expect(await readFile(join(folder.path, 'empty'), 'utf8')).toBe('')
  const { mode, mtimeMs } = await stat(join(folder.path, 'one'))
  expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_000_000_000_000])
})

test('of bytes that are not what they should be nothing is written, and the others are', async () => {
  await using folder = await openFolder()
  const smalls = smallsOf(folder.path, { one: 'first', two: 'second', three: 'third' })
  smalls.bytes[6]! ^= 1
  expect(writeSmalls(smalls)).toEqual({ wrong: [1] })
  expect(await readFile(join(folder.path, 'three'), 'utf8')).toBe('third')
  await expect(stat(join(folder.path, 'two'))).rejects.toThrow('ENOENT')
})

test('nothing that is there is written over, and what ended it is named', async () => {
  await using folder = await openFolder()
  await writeFile(join(folder.path, 'two'), 'mine')
  const smalls = smallsOf(folder.path, { one: 'first', two: 'second', three: 'third' })
  expect(writeSmalls(smalls)).toMatchObject({ wrong: [], failed: { index: 1, code: 'EEXIST' } })
  expect(await readFile(join(folder.path, 'two'), 'utf8')).toBe('mine')
})

test('threads answer each question once, however many are asked', async () => {
  await using folder = await openFolder()
  await using threads = openThreads<Smalls, SmallsWritten>({
    folder: import.meta.dirname,
    name: 'smalls-thread',
    most: 2,
  })
  const asked = Array.from({ length: 9 }, (_, i) =>
    threads.ask(smallsOf(folder.path, { [`file ${i}`]: `${i}` })),
  )
  expect(await Promise.all(asked)).toEqual(asked.map(() => ({ wrong: [] })))
  for (let i = 0; i < 9; i++)
    expect(await readFile(join(folder.path, `file ${i}`), 'utf8')).toBe(`${i}`)
})

test('a thread that cannot begin is a failure for whoever asked, and holds up nobody', async () => {
  await using threads = openThreads({ folder: import.meta.dirname, name: 'no-such', most: 1 })
  const asked = [threads.ask('a'), threads.ask('b')]
  for (const one of await Promise.allSettled(asked)) expect(one.status).toBe('rejected')
})
