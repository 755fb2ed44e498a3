import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { type Db, openDb } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from './commit.ts'
import { type Journal, openJournal } from './journal.ts'
import { type Index, openIndex } from './recovery.ts'

const user = (id: number) => keys.user(id as UserId)

const folds: Folds = {
  'user.put': ({ data }) => [{ put: user(data.id), value: data }],
  'user.remove': ({ data }) => [{ del: user(data.id) }],
}

type Site = Index & { journal: Journal } & AsyncDisposable

async function openSite(
  folder: string,
  o: { create?: boolean; folds?: Folds } = {},
): Promise<Site> {
  const create = o.create ?? false
  await using stack = new AsyncDisposableStack()
  const clock = createManualClock(1000)
  const journal = stack.use(await openJournal({ folder: join(folder, 'journal'), clock, create }))
  const index = await openIndex({
    folder: join(folder, 'index'),
    journal,
    folds: o.folds ?? folds,
    create,
  })
  stack.use(index.db)
  const all = stack.move()
  return { ...index, journal, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** A site with some people, closed. */
async function writeSome(folder: string, count: number, create = true): Promise<void> {
  await using site = await openSite(folder, { create })
  const from = site.journal.head.seq
  const ids = Array.from({ length: count }, (_, i) => from + i + 1)
  await Promise.all(ids.map((id) => site.commit('user.put', 'system', { id })))
}

/** Everything in the index, but for what a rebuilt one may not share. */
async function stateOf(db: Db): Promise<unknown> {
  return {
    people: await Array.fromAsync(db.list(keys.users())),
    applied: await db.get(keys.meta('applied')),
  }
}

/** The site as it was the last time it was whole, for comparison. */
async function stateAt(folder: string): Promise<unknown> {
  await using site = await openSite(folder)
  return await stateOf(site.db)
}

const index = (folder: string) => join(folder, 'index')
const journal = (folder: string) => join(folder, 'journal')
const log = (folder: string) => join(journal(folder), '00000001.log')

describe('at a start', () => {
  test('an index in order is as it was left', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: false, replayed: 0 })
    expect(await Array.fromAsync(site.db.list(keys.users()))).toHaveLength(10)
    expect((await site.commit('user.put', 'system', { id: 11 })).seq).toBe(11)
  })

  test('one that is behind catches up', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    {
      // As after a crash between the journal and the index.
      await using journal = await openJournal({
        folder: join(folder.path, 'journal'),
        clock: createManualClock(),
      })
      await journal.append('user.put', 'system', { id: 11 })
      await journal.append('user.remove', 'system', { id: 1 })
    }
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: false, replayed: 2 })
    const people = await Array.fromAsync(site.db.list(keys.users()))
    expect(people.map(({ key }) => key)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(user))
  })

  test('one that is gone is made again, and all is as before', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    const before = await stateAt(folder.path)
    await rm(index(folder.path), { recursive: true })
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: 'missing', replayed: 10 })
    expect(await stateOf(site.db)).toEqual(before)
  })

  test('one that lost its smallest file is made again too', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await rm(join(index(folder.path), 'CURRENT'))
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: 'missing', replayed: 10 })
  })

  test('one that is damaged is made again, and all is as before', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    const before = await stateAt(folder.path)
    const table = (await readdir(index(folder.path))).find((name) => name.endsWith('.ldb'))!
    const bytes = await readFile(join(index(folder.path), table))
    bytes[bytes.indexOf('meta/applied')]! ^= 1
    await writeFile(join(index(folder.path), table), bytes)
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: 'broken', replayed: 10 })
    expect(await stateOf(site.db)).toEqual(before)
  })

  test('a rebuilding that is interrupted goes on at the next start', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 2500)
    const before = await stateAt(folder.path)
    await rm(index(folder.path), { recursive: true })
    const interrupted: Folds = {
      'user.put': (record) => {
        if (record.seq === 2400) throw new Error('the machine stops')
        return folds['user.put']!(record)
      },
    }
    await expect(openSite(folder.path, { folds: interrupted })).rejects.toThrow('the machine stops')
    await using site = await openSite(folder.path)
    expect(site).toMatchObject({ rebuilt: false, replayed: 500 })
    expect(await stateOf(site.db)).toEqual(before)
  })
})

describe('nothing is thrown away when', () => {
  /** What the folder holds, so that it can be seen to be the same. */
  async function contentOf(folder: string): Promise<unknown> {
    const names = (await readdir(index(folder))).filter((name) => /ldb$/.test(name)).sort()
    return Promise.all(names.map(async (name) => [name, await readFile(join(index(folder), name))]))
  }

  async function expectRefused(
    folder: string,
    facts: object,
    o: { folds?: Folds } = {},
  ): Promise<void> {
    const before = await contentOf(folder)
    expect(before).not.toEqual([])
    // At every start again, not only at the first.
    for (let start = 0; start < 2; start++)
      expect(await faultOf(openSite(folder, o))).toMatchObject(facts)
    expect(await contentOf(folder)).toEqual(expect.arrayContaining(before as unknown[]))
  }

  test('the journal lacks acknowledged records, cut off clean', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    const text = await readFile(log(folder.path), 'utf8')
    await truncate(
      log(folder.path),
      Buffer.byteLength(
        text
          .split(/(?<=\n)/)
          .slice(0, 7)
          .join(''),
      ),
    )
    await expectRefused(folder.path, { kind: 'corrupt', about: 10 })
  })

  test('the journal lacks an acknowledged record that looks torn', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    await truncate(log(folder.path), (await readFile(log(folder.path))).length - 4)
    await expectRefused(folder.path, { kind: 'corrupt', about: 10 })
    // The beginning of that record is where it was.
    expect(await readdir(journal(folder.path))).toEqual(['00000001.log'])
  })

  test('the journal tells another history', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    await rm(journal(folder.path), { recursive: true })
    {
      // Longer, and sound in itself.
      await using other = await openJournal({
        folder: journal(folder.path),
        clock: createManualClock(5),
        create: true,
      })
      for (let id = 1; id <= 12; id++) await other.append('user.put', 'system', { id })
    }
    await expectRefused(folder.path, { kind: 'corrupt', about: 10 })
  })

  test('a newer version wrote a kind of record', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    {
      await using journal = await openJournal({
        folder: join(folder.path, 'journal'),
        clock: createManualClock(),
      })
      await journal.append('user.promote', 'system', { id: 1 })
    }
    await expectRefused(folder.path, { kind: 'unsupported', about: 'user.promote' })
  })

  test('another process has the index open', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    await using _holder = await openDb({ folder: index(folder.path), create: false })
    await expectRefused(folder.path, { kind: 'busy' })
  })

  test('it is to be new and there is one', async () => {
    await using folder = await openFolder()
    await writeSome(folder.path, 10)
    await stateAt(folder.path)
    await rm(journal(folder.path), { recursive: true })
    expect(await faultOf(openSite(folder.path, { create: true }))).toMatchObject({ kind: 'exists' })
    expect(await contentOf(folder.path)).not.toEqual([])
  })
})
