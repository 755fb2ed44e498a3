import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultOf, openFolder } from '../../test/folder.ts'
import { openLock, procProcesses, psProcesses } from './lock.ts'

/** Another process that takes the lock, says so, and keeps it until it is killed. */
async function holdElsewhere(folder: string): Promise<ChildProcess> {
  const code = `
    import { openLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}
    await openLock({ folder: ${JSON.stringify(folder)}, pid: process.pid })
    console.log('held')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const here = { pid: process.pid }

test('a home that another process holds is busy, about its pid, until that process is gone', async () => {
  await using folder = await openFolder()
  const child = await holdElsewhere(folder.path)
  const fault = await faultOf(openLock({ folder: folder.path, ...here }))
  expect(fault).toMatchObject({ kind: 'busy', op: 'lock.open', about: child.pid })
  expect((fault as Error).message).toMatch(new RegExp(`${child.pid}.*Stop`))
  await kill(child)
  // Nobody has tidied up after it, and nobody has to.
  expect(await readdir(folder.path)).toHaveLength(1)
  await using _lock = await openLock({ folder: folder.path, ...here })
  expect(await readdir(folder.path)).toHaveLength(1)
})

test('the loser leaves no trace and the holder keeps the home', async () => {
  await using folder = await openFolder()
  await using _lock = await openLock({ folder: folder.path, ...here })
  const before = await readdir(folder.path)
  const elsewhere = { folder: folder.path, pid: process.ppid }
  expect(await faultOf(openLock(elsewhere))).toMatchObject({ kind: 'busy', about: process.pid })
  expect(await readdir(folder.path)).toEqual(before)
})

test('the same process takes a home once, and again after it gave it back', async () => {
  await using folder = await openFolder()
  {
    await using _lock = await openLock({ folder: folder.path, ...here })
    expect(await faultOf(openLock({ folder: folder.path, ...here }))).toMatchObject({
      kind: 'busy',
      about: process.pid,
    })
  }
  await using _lock = await openLock({ folder: folder.path, ...here })
})

test('of many that come at once, one gets the home', async () => {
  await using folder = await openFolder()
  const processes = { boot: async () => 'boot', startOf: async (pid: number) => `s${pid}` }
  for (let round = 0; round < 20; round++) {
    const locks = await Promise.allSettled(
      Array.from({ length: 5 }, (_, i) => openLock({ folder: folder.path, pid: i + 1, processes })),
    )
    const won = locks.filter((lock) => lock.status === 'fulfilled')
    expect(won.length).toBe(1)
    for (const lock of won) await lock.value[Symbol.asyncDispose]()
    expect(await readdir(folder.path)).toEqual([])
  }
})

describe('a name left behind', async () => {
  const boot = await procProcesses.boot()
  const start = (await procProcesses.startOf(process.ppid))!

  test.each([
    ['of a process that runs', `${process.ppid}.${start}.${boot}`, 'busy'],
    ['of a pid that belongs to another process now', `${process.ppid}.${start}1.${boot}`, 'free'],
    ['of an earlier boot', `${process.ppid}.${start}.0000-0000`, 'free'],
    ['of a pid that nobody has', `4194305.${start}.${boot}`, 'free'],
    ['that says nothing', 'note.txt', 'free'],
  ])('%s', async (_what, name, outcome) => {
    await using folder = await openFolder()
    await writeFile(join(folder.path, name), '')
    const lock = await openLock({ folder: folder.path, ...here }).catch((thrown) => thrown.kind)
    expect(lock === 'busy' ? 'busy' : 'free').toBe(outcome)
    expect((await readdir(folder.path)).includes(name)).toBe(outcome === 'busy')
  })
})

test('it does not depend on the lock file of LevelDB', async () => {
  await using folder = await openFolder()
  await writeFile(join(folder.path, 'LOCK'), '')
  const lock = join(folder.path, 'lock')
  const child = await holdElsewhere(lock)
  await rm(join(folder.path, 'LOCK'))
  expect(await faultOf(openLock({ folder: lock, ...here }))).toMatchObject({ kind: 'busy' })
  await kill(child)
})

test('a dead process that nobody has buried yet is dead', async () => {
  // The shell starts a child and turns into a program that never asks for its end.
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [text] = await once(shell.stdout!, 'data')
  const pid = Number(String(text))
  while ((await procProcesses.startOf(pid)) !== undefined)
    await new Promise((resolve) => setImmediate(resolve))
  await kill(shell)
})

test.each([
  ['proc', procProcesses],
  ['ps', psProcesses],
])('%s tells processes apart', async (_name, processes) => {
  const start = await processes.startOf(process.pid)
  expect(start).toMatch(/^[\w-]+$/)
  expect(await processes.startOf(process.pid)).toBe(start)
  expect(await processes.startOf(4194305)).toBeUndefined()
  expect(await processes.boot()).toBe(await processes.boot())
})
