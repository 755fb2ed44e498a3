import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Email } from '../protocol/ids.ts'
import { openFolder } from '../test/folder.ts'
import { systemClock } from './base/clock.ts'
import { createConfig, homeAt } from './config.ts'
import { makeSite } from './init.ts'
import { verifyJournal } from './journal/journal.ts'
import type { Rooms } from './rooms.ts'
import { createSiteDoor } from './site-door.ts'
import { createMemoryStore } from './store/memory.ts'

const nobodyAsks = () => {
  throw new Error('nobody should ask')
}

test('of two backups to the same folder one is whole, and the other finds it there', async () => {
  await using folder = await openFolder()
  const home = homeAt(join(folder.path, 'home'))
  await makeSite({
    home,
    config: createConfig({ name: 'Oslo' }),
    admin: 'admin@oslo.example' as Email,
    clock: systemClock,
    pid: process.pid,
  })
  // Made when a site is opened.
  await mkdir(home.hooks)
  const door = createSiteDoor(
    { home, store: createMemoryStore() } as Partial<Rooms> as Rooms,
    { fault: () => undefined, without: (run) => run() },
    { facts: nobodyAsks, settings: nobodyAsks },
  )
  const to = join(folder.path, 'copy')
  const signal = new AbortController().signal
  // The second comes when the first has copied everything and is about to give it its name.
  let second: Promise<unknown> | undefined
  const onProgress = () => {
    second ??= door.backup(to, { signal, onProgress: () => {} })
  }
  const first = await door.backup(to, { signal, onProgress })
  const both = await Promise.allSettled([first, second])
  expect(both).toEqual([
    { status: 'fulfilled', value: expect.objectContaining({ folder: to }) },
    { status: 'rejected', reason: expect.objectContaining({ kind: 'exists' }) },
  ])
  expect((await verifyJournal(join(to, 'journal'))).records).toBeGreaterThan(0)
  expect((await readdir(to)).sort()).toEqual([
    'config.json',
    'hooks',
    'journal',
    'people',
    'site.key',
    'store',
    'token',
  ])
  expect(await readdir(folder.path)).not.toContain('.copy.crossload-backup')
})
