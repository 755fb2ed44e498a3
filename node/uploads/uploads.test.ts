import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { openUploadsMax, personBytesMax, uploadBytesMax, uploadLastsMs } from './upload.ts'
import { openUploads, type Uploads } from './uploads.ts'

const ana = 1 as UserId
const ben = 2 as UserId

let folder: Awaited<ReturnType<typeof openFolder>>
let clock: ManualClock
let uploads: Uploads
let gone: Set<UserId>
let told: Fault[]

const reopen = () =>
  openUploads({
    folder: join(folder.path, 'uploads'),
    clock,
    isPerson: async (id) => !gone.has(id),
    log: (fault) => void told.push(fault),
  })

beforeEach(async () => {
  folder = await openFolder()
  clock = createManualClock(1_000_000)
  gone = new Set()
  told = []
  uploads = await reopen()
})

afterEach(async () => {
  await uploads[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
  expect(told).toEqual([])
})

const create = (size: number, user = ana) =>
  uploads.create({ id: uploads.newId(), size, metadata: {} }, user)
async function* source(...pieces: string[]) {
  for (const piece of pieces) yield Buffer.from(piece)
}
const names = () => readdir(join(folder.path, 'uploads'))

describe('an upload', () => {
  it('lasts seven days, finished or not, and is then swept away', async () => {
    const open = await create(5)
    const done = await create(3)
    await uploads.write(done.id, ana, { offset: 0, source: source('abc') })
    await clock.advance(uploadLastsMs - 1)
    expect(uploads.need(open.id, ana).offset).toBe(0)
    const late = await create(1)
    await clock.advance(1)
    for (const { id } of [open, done]) expect(() => uploads.need(id, ana)).toThrow('seven days')
    // The site sweeps by itself, and somebody may ask for it just then.
    await uploads.sweep()
    await vi.waitFor(async () =>
      expect((await names()).sort()).toEqual([late.id, `${late.id}.json`]),
    )
    expect(() => uploads.need(open.id, ana)).toThrow('no such upload')
  })

  it('goes with its person', async () => {
    await create(5)
    const stays = await create(5, ben)
    gone.add(ana)
    expect(await uploads.sweep()).toBe(1)
    expect((await names()).sort()).toEqual([stays.id, `${stays.id}.json`])
  })

  it('is there after a start as far as its record says, and nothing else is', async () => {
    const { id } = await create(10)
    await uploads.write(id, ana, { offset: 0, source: source('abc', 'de') })
    const at = join(folder.path, 'uploads')
    // Bytes that no record counts, a record without sense, a name that is none.
    await writeFile(join(at, id), 'abcde-and-more')
    await writeFile(join(at, 'b'.repeat(32)), 'x')
    await writeFile(join(at, `${'c'.repeat(32)}.json`), '{"v":1}')
    await writeFile(join(at, 'odd'), 'x')
    await uploads[Symbol.asyncDispose]()
    uploads = await reopen()
    expect((await names()).sort()).toEqual([id, `${id}.json`])
    expect(uploads.need(id, ana).offset).toBe(5)
    const { offset } = await uploads.write(id, ana, { offset: 5, source: source('fghij') })
    expect(offset).toBe(10)
  })

  it('is no larger than it may be, and one person has no more than their share', async () => {
    await expect(create(uploadBytesMax + 1)).rejects.toMatchObject({ kind: 'invalid' })
    await expect(create(1.5)).rejects.toMatchObject({ kind: 'invalid' })
    const metadata = { a: 'x'.repeat(5000) }
    const long = uploads.create({ id: uploads.newId(), size: 1, metadata }, ana)
    await expect(long).rejects.toMatchObject({ kind: 'invalid' })
    // Of the disk's room, before anything is written.
    await expect(create(uploadBytesMax)).rejects.toMatchObject({ kind: 'full' })
    expect(await names()).toEqual([])
    expect(personBytesMax).toBeGreaterThan(uploadBytesMax)
  })

  it('is counted, person by person', async () => {
    for (let i = 0; i < openUploadsMax; i += 100)
      await Promise.all(Array.from({ length: 100 }, () => create(0)))
    await expect(create(0)).rejects.toMatchObject({ kind: 'full', about: openUploadsMax + 1 })
    expect((await create(0, ben)).offset).toBe(0)
  }, 120_000)

  it('that fails to become something is as it was', async () => {
    const { id } = await create(3)
    await uploads.write(id, ana, { offset: 0, source: source('abc') })
    const failing = uploads.use([id], ana, async () => {
      await expect(uploads.remove(id, ana)).rejects.toMatchObject({ kind: 'conflict' })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await uploads.use([id], ana, async ([one]) => one!.size)).toBe(3)
    expect(await names()).toEqual([])
  })
})
