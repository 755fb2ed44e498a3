/** A process with a store is killed, again and again, and what it had acknowledged is there each time. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectWhole } from '../../../test/contracts/store.ts'
import { createStoreHome } from '../../../test/store-home.ts'
import { type Told, writtenFile } from '../../../test/store-writer.ts'

const program = join(import.meta.dirname, '../../../test/store-writer.ts')
/** Messages after which it is killed, each time: during puts, stages, removals and compaction. */
const lives = [2, 3, 9, 16]

it('what was acknowledged before a kill is held after it', async () => {
  await using home = await createStoreHome()
  const kept = new Set<number>()
  let first = 0
  for (const [life, messages] of lives.entries()) {
    await live(home.folder, life === 0, first, messages, (told) => {
      if ('kept' in told) for (const seed of told.kept) kept.add(seed)
      // Whether it was removed before the kill nobody can know.
      else for (const seed of told.going) kept.delete(seed)
    })
    first += 1_000_000
    await using store = await home.openKept()
    const files = [...kept].map(writtenFile)
    const have = await store.hasMany(files.map(({ cid }) => cid))
    expect(have.filter((held) => !held)).toEqual([])
    for (const file of files) await expectWhole(store, file)
    // Whatever else is held is whole too.
    for await (const { cid } of store.list()) expect(await store.check(cid)).toBe('whole')
  }
  expect(kept.size).toBeGreaterThan(100)
  const rebuilt = await home.open(false)
  for (const seed of kept) await expectWhole(rebuilt, writtenFile(seed))
}, 60_000)

/** Ends when it was killed. */
async function live(
  folder: string,
  isNew: boolean,
  first: number,
  messages: number,
  on: (told: Told) => void,
): Promise<void> {
  const child = fork(program, [folder, String(first), isNew ? 'new' : 'old'], { execArgv: [] })
  let left = messages
  const ended = new Promise<string | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`)),
  )
  child.on('message', (told: Told) => {
    on(told)
    if (--left === 0) child.kill('SIGKILL')
  })
  expect(await ended).toBe('SIGKILL')
}
