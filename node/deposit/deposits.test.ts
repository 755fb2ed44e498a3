import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DatasetId, TransferId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { createManualClock } from '../base/clock.ts'
import { openJournal } from '../journal/journal.ts'
import { openIndex } from '../journal/recovery.ts'
import { createMemoryStore } from '../store/memory.ts'
import { addTree } from '../trees/add.ts'
import { depositDueChanges, depositFolds, folderOf } from './deposit.ts'
import { type DepositsNeeds, type Known, openDeposits } from './deposits.ts'
import { checkPlace } from './place.ts'

const folds = {
  ...depositFolds,
  // biome-ignore lint/suspicious/noExplicitAny: as the table of folds has it.
  'transfer.imported': ({ data }: { data: any }) => depositDueChanges(data),
}
const dataset = 7 as DatasetId
const transferOf = (n: number) => String(n).padStart(32, '0') as TransferId

/** A journal, an index and a store; what is known of the one dataset is the test's to say. */
async function openRoom() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const at = (name: string) => join(folder.path, name)
  const clock = createManualClock(1_000_000)
  const journal = stack.use(await openJournal({ folder: at('journal'), clock, create: true }))
  const index = { folder: at('index'), journal, folds, create: true }
  const { db, commit } = await openIndex(index)
  stack.use(db)
  const store = createMemoryStore()
  await mkdir(at('deposits'))
  const versions: Tree[] = []
  const known = { removed: false, deposit: { folder: at('deposits'), link: false } } as {
    removed: boolean
    deposit: Known['deposit']
  }
  const logged: string[] = []
  const needs: DepositsNeeds = {
    commit,
    db,
    store,
    clock,
    async find(_, version) {
      if (known.removed) return undefined
      return { name: 'Blood: panel', tree: versions[version - 1]!, deposit: known.deposit }
    },
    log: (fault) => void logged.push(fault.message),
  }
  return {
    at,
    clock,
    needs,
    known,
    logged,
    journal,
    commit,
    out: at('deposits/Blood- panel-7'),
    async open() {
      return openDeposits(needs)
    },
    /** As when a version has been imported. */
    async import(files: Record<string, string>) {
      const path = at(`version ${versions.length + 1}`)
      await mkdir(path)
      for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
      versions.push((await addTree({ store, path })).tree)
      const version = versions.length
      const transfer = transferOf(version)
      await commit('transfer.imported', 'system', {
        transfer: { id: transfer, dataset: { id: dataset, version } },
        datasets: [{ id: dataset, name: 'Blood: panel' }],
        deposit: { folder: at('deposits'), link: false },
      })
      return transfer
    },
    kinds: async () => (await Array.fromAsync(journal.read())).map(({ kind }) => kind),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

type Deposits = Awaited<ReturnType<typeof openDeposits>>

/** The first time that it fits, by the room's own events. */
async function until(
  deposits: Deposits,
  transfer: TransferId,
  fits: (view: NonNullable<Awaited<ReturnType<Deposits['of']>>>) => boolean,
) {
  for (;;) {
    const changed = deposits.events.until(({ id }) => id === transfer)
    const view = await deposits.of(transfer)
    if (view !== undefined && fits(view)) return view
    await changed
  }
}
const isMade = ({ state }: { state: string }) => state === 'made'

describe('what has arrived', () => {
  it('is laid out after its import, and that is a record', async () => {
    await using room = await openRoom()
    await using deposits = await room.open()
    const transfer = await room.import({ 'a.txt': 'a', 'b.txt': 'bb' })
    const made = await until(deposits, transfer, isMade)
    expect(made).toMatchObject({ folder: room.out, version: 1, files: 2, bytes: 3 })
    expect(await readdir(room.out)).toEqual(['a.txt', 'b.txt'])
    expect(await deposits.ofDataset(dataset)).toEqual(made)
    expect(await room.kinds()).toEqual(['transfer.imported', 'deposit.made'])
    expect(await deposits.of(transferOf(99))).toBeUndefined()
  })

  it('is laid out by the next start when this one did not come to it', async () => {
    await using room = await openRoom()
    const transfer = await room.import({ 'a.txt': 'a' })
    // What a crash has left beside it.
    await mkdir(room.at('deposits/.Blood- panel-7.crossload-Xy12Zz/tree'), { recursive: true })
    await using deposits = await room.open()
    await until(deposits, transfer, isMade)
    expect(await readdir(room.at('deposits'))).toEqual(['Blood- panel-7'])
  })

  it('waits while the folder is gone, and is laid out when it is there again', async () => {
    await using room = await openRoom()
    await rename(room.at('deposits'), room.at('away'))
    await using deposits = await room.open()
    const transfer = await room.import({ 'a.txt': 'a' })
    const waiting = await until(deposits, transfer, ({ fault }) => fault !== undefined)
    expect([waiting.state, waiting.fault?.kind]).toEqual(['waiting', 'missing'])
    expect(waiting.fault?.text).toContain('is not there')
    await rename(room.at('away'), room.at('deposits'))
    const made = until(deposits, transfer, isMade)
    await room.clock.advance(1000)
    await made
    expect(await readdir(room.out)).toEqual(['a.txt'])
  })

  it('of several versions that wait the newest is laid out, and all are settled', async () => {
    await using room = await openRoom()
    const first = await room.import({ 'a.txt': 'a' })
    const second = await room.import({ 'a.txt': 'a', 'b.txt': 'b' })
    await using deposits = await room.open()
    const made = await until(deposits, first, isMade)
    expect([made.version, (await deposits.of(second))?.state]).toEqual([1, 'made'])
    expect(await readdir(room.out)).toEqual(['a.txt', 'b.txt'])
    expect(await room.kinds()).toEqual(['transfer.imported', 'transfer.imported', 'deposit.made'])
    const third = await room.import({ 'a.txt': 'changed', 'b.txt': 'b' })
    expect((await until(deposits, third, isMade)).conflictsCount).toBe(0)
  })

  it('is known again when the index is made anew from the journal', async () => {
    await using room = await openRoom()
    const deposits = await room.open()
    const first = await room.import({ 'a.txt': 'a' })
    const made = await until(deposits, first, isMade)
    await deposits[Symbol.asyncDispose]()
    const second = await room.import({ 'a.txt': 'changed' })
    const index = { folder: room.at('anew'), journal: room.journal, folds, create: true }
    const { db, commit } = await openIndex(index)
    await using _ = db
    await using again = await openDeposits({ ...room.needs, db, commit })
    expect(await again.of(first)).toEqual(made)
    // It knows what it laid out itself, so that it may replace it.
    expect((await until(again, second, isMade)).conflictsCount).toBe(0)
  })

  it('fails when its project wants it no more, and is tried anew when a folder is named', async () => {
    await using room = await openRoom()
    await using deposits = await room.open()
    const folder = room.known.deposit
    room.known.deposit = undefined
    const transfer = await room.import({ 'a.txt': 'a' })
    const failed = await until(deposits, transfer, ({ state }) => state === 'failed')
    expect(failed.fault).toMatchObject({ kind: 'gone' })
    await deposits.again(async () => false, 'system')
    expect((await deposits.of(transfer))?.state).toBe('failed')
    room.known.deposit = folder
    await deposits.again(async (id) => id === dataset, 'system')
    await until(deposits, transfer, isMade)
    expect(await room.kinds()).toEqual([
      'transfer.imported',
      'deposit.failed',
      'deposit.again',
      'deposit.made',
    ])
  })

  it('is given up once the dataset was removed', async () => {
    await using room = await openRoom()
    room.known.removed = true
    await using deposits = await room.open()
    const transfer = await room.import({ 'a.txt': 'a' })
    const failed = await until(deposits, transfer, ({ state }) => state === 'failed')
    expect(failed.fault).toMatchObject({ kind: 'gone', about: dataset })
    expect(await readdir(room.at('deposits'))).toEqual([])
  })
})

describe('the folder', () => {
  it('must be there, be a folder and lie behind no link', async () => {
    await using room = await openRoom()
    await writeFile(room.at('file'), 'x')
    await symlink(room.at('deposits'), room.at('link'))
    const kinds = ['deposits', 'none', 'file', 'link', 'link/more', 'file/more'].map(
      async (name) => {
        const thrown = await faultOf(checkPlace(room.at(name)))
        return typeof thrown === 'string' ? thrown : (thrown as { kind: string }).kind
      },
    )
    expect(await Promise.all(kinds)).toEqual([
      'no fault',
      'missing',
      'conflict',
      'conflict',
      'missing',
      'missing',
    ])
    await rm(room.at('deposits'), { recursive: true })
  })

  it('of a dataset has a name that every file system can hold', () => {
    const nameOf = (name: string) => folderOf('/d', { id: dataset, name })
    expect(nameOf('Plate 1')).toBe('/d/Plate 1-7')
    expect(nameOf('../../etc/passwd')).toBe('/d/-..-etc-passwd-7')
    expect(nameOf('..')).toBe('/d/dataset--7')
    expect(nameOf('CON')).toBe('/d/dataset-CON-7')
    expect(Buffer.byteLength(nameOf('é'.repeat(200)))).toBeLessThan(220)
  })
})
