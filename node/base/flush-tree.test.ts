import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultOf, openFolder } from '../../test/folder.ts'
import { flushTree } from './flush-tree.ts'

async function openTree(files: number) {
  const folder = await openFolder()
  for (let i = 0; i < files; i++) {
    const inside = join(folder.path, `folder ${i % 3}`, 'deeper')
    await mkdir(inside, { recursive: true })
    await writeFile(join(inside, `file ${i}`), 'x')
  }
  return folder
}

test('a missing sync falls back to a flush of each file', async () => {
  await using folder = await openTree(70)
  const flushed = flushTree(folder.path, { files: 70, sync: 'no-such-program-as-this' })
  expect(await flushed).toBe('each')
})

test('a sync that fails falls back to a flush of each file', async () => {
  await using folder = await openTree(70)
  expect(await flushTree(folder.path, { files: 70, sync: 'false' })).toBe('each')
})

test.skipIf(platform() !== 'linux')('many files are flushed with one call', async () => {
  await using folder = await openTree(70)
  expect(await flushTree(folder.path, { files: 70 })).toBe('one')
})

test('few files are flushed by themselves, so that nobody else’s are waited for', async () => {
  await using folder = await openTree(5)
  expect(await flushTree(folder.path, { files: 5 })).toBe('each')
})

test('a folder that is not there is a fault, and an abort is none', async () => {
  await using folder = await openTree(1)
  const nowhere = join(folder.path, 'nowhere')
  expect(await faultOf(flushTree(nowhere, { files: 100 }))).toMatchObject({ kind: 'missing' })
  const signal = AbortSignal.abort(new Error('stop'))
  await expect(flushTree(folder.path, { files: 1, signal })).rejects.toThrow('stop')
  await expect(flushTree(folder.path, { files: 100, signal })).rejects.toThrow('stop')
})

test('an abort does not wait for the sync', async () => {
  await using folder = await openTree(70)
  // A sync that would never end.
  const sync = join(folder.path, 'slow')
  await writeFile(sync, '#!/bin/sh\nexec sleep 600\n')
  await chmod(sync, 0o700)
  const stop = new AbortController()
  const flushed = flushTree(folder.path, { files: 70, sync, signal: stop.signal })
  stop.abort(new Error('stop'))
  await expect(flushed).rejects.toThrow('stop')
})
