/** Everything held is read again; what is damaged is named, put aside, and forgotten when it is well. */
import { lstat, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FileCid } from '../../protocol/ids.ts'
import { openUpkept, writeFiles } from '../../test/upkept.ts'
import { createManualClock } from '../base/clock.ts'
import { keys } from '../db/keys.ts'
import { placeOf } from '../store/places.ts'
import { sha256 } from '../store/sha256.ts'
import { sliceOf } from './filter.ts'
import { createPace, paceFloor, paceOf } from './pace.ts'
import { scrubDelayMs } from './scrub.ts'

type Upkept = Awaited<ReturnType<typeof openUpkept>>

const dayMs = 86_400_000

async function putAgain({ store }: Upkept, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  await store.putSmall(sha256(bytes), bytes)
}

/** Lets the look that follows a record happen, and waits for what it finds. */
async function nothingLeft(site: Upkept): Promise<void> {
  await expect
    .poll(async () => {
      await site.clock.advance(2000)
      return (await site.upkeep.view()).damagedCount
    })
    .toBe(0)
  expect(site.upkeep.fault()).toBeUndefined()
}

describe('a scrub', () => {
  test('reads everything, and finds nothing wrong with what is well', async () => {
    await using site = await openUpkept()
    await site.add('mice', { 'a.fcs': 'mice', 'b.fcs': 'more' })
    expect(await site.scrub()).toMatchObject({ things: 6, found: 0 })
    const view = await site.upkeep.view()
    expect(view).toMatchObject({ damagedCount: 0, damaged: [], state: 'waiting', days: 30 })
    expect(view.last).toMatchObject({ things: 6 })
    expect(await site.records('scrub.damaged')).toEqual([])
  })

  test('names a damaged file by everybody who needs it, until it has come again', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'm/a.fcs': 'both', 'b.fcs': 'mice' })
    await site.add('rats', { 'r.fcs': 'both' })
    const cid = await site.cidOf(mice, 'm/a.fcs')
    site.disk.spoil(cid)
    expect((await site.scrub()).found).toBe(1)
    expect(await site.disk.has(cid)).toBe(false)
    expect((await site.upkeep.view()).damaged).toEqual([
      expect.objectContaining({
        cid,
        found: 'damaged',
        bytes: 4,
        owners: [
          { kind: 'dataset', id: 1, name: 'mice', version: 1, path: 'm/a.fcs' },
          { kind: 'dataset', id: 2, name: 'rats', version: 1, path: 'r.fcs' },
        ],
      }),
    ])
    expect(site.upkeep.fault()?.message).toMatch(
      /^Damaged content: One thing of dataset 1 \(mice\), dataset 2 \(rats\)\. Look at crossload scrub/,
    )
    expect(await site.records('scrub.damaged')).toHaveLength(1)
    // Known already, so the next pass has nothing to add.
    expect((await site.scrub()).found).toBe(0)
    expect(await site.records('scrub.damaged')).toHaveLength(1)
    await putAgain(site, 'both')
    await site.add('any', { 'x.fcs': 'whatever comes next' })
    await nothingLeft(site)
    expect(await site.records('scrub.mended')).toEqual([{ cids: [cid] }])
    expect(await site.bad(mice)).toEqual([])
  })

  test('names a damaged part of a manifest by the paths that it lists', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice', 'z/b.fcs': 'more' })
    const { root } = mice.versions[0]!.tree
    site.disk.spoil(root)
    await site.scrub()
    expect((await site.upkeep.view()).damaged).toMatchObject([
      { cid: root, found: 'damaged', owners: [{ id: 1, path: 'the manifest' }] },
    ])
    // The files are whole, and nobody could tell that they are needed: they stay.
    await expect(site.reclaim()).rejects.toMatchObject({ kind: 'corrupt' })
  })

  test('finds what is needed and not there at all', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    const cid = await site.cidOf(mice, 'a.fcs')
    await site.disk.remove([cid])
    await site.scrub()
    expect((await site.upkeep.view()).damaged).toMatchObject([
      { cid, found: 'missing', owners: [{ id: 1, path: 'a.fcs' }] },
    ])
    await putAgain(site, 'mice')
    await site.scrub()
    expect((await site.upkeep.view()).damagedCount).toBe(0)
  })

  test('puts aside what nobody needs, without a word', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    await site.datasets.remove(mice.id, site.ana)
    const [first] = await Array.fromAsync(site.disk.list())
    site.disk.spoil(first!.cid)
    expect((await site.scrub()).found).toBe(0)
    expect(await site.disk.has(first!.cid)).toBe(false)
    expect(site.upkeep.fault()).toBeUndefined()
  })

  test('has nothing to say of a dataset that was removed since', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    site.disk.spoil(await site.cidOf(mice, 'a.fcs'))
    await site.scrub()
    await site.datasets.remove(mice.id, site.ana)
    await nothingLeft(site)
  })

  test('keeps its list when the index is made anew', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice', 'b.fcs': 'more' })
    for (const path of ['a.fcs', 'b.fcs']) site.disk.spoil(await site.cidOf(mice, path))
    await site.scrub()
    await putAgain(site, 'more')
    await site.scrub()
    expect(await site.rebuilt(keys.damages())).toMatchObject([
      { cid: await site.cidOf(mice, 'a.fcs') },
    ])
  })

  test('by itself begins anew when its days are over', async () => {
    await using site = await openUpkept({ scrubDays: 7 })
    await site.add('mice', { 'a.fcs': 'mice' })
    await site.upkeep.start()
    const last = async () => (await site.upkeep.view()).last?.at
    await site.clock.advance(scrubDelayMs)
    const first = site.clock.now()
    await expect.poll(last).toBe(first)
    await site.clock.advance(7 * dayMs - scrubDelayMs)
    expect(await last()).toBe(first)
    await expect
      .poll(
        async () => {
          await site.clock.advance(scrubDelayMs)
          return last()
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(first + 6 * dayMs)
    expect(site.faults).toEqual([])
  })

  test('goes on where it was when the site stopped', async () => {
    await using site = await openUpkept()
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`${n}.dat`, `file ${n}`]))
    await site.add('mice', many)
    const at = { slice: 200, startedAt: site.clock.now(), things: 1000, bytes: 5 }
    await site.db.write([{ put: keys.meta('scrub'), value: at }])
    await site.upkeep.start()
    expect(await site.upkeep.view()).toMatchObject({ percent: 78.1, things: 1000 })
    await site.clock.advance(scrubDelayMs)
    const left = (await Array.fromAsync(site.disk.list())).filter((one) => sliceOf(one.cid) >= 200)
    expect(left.length).toBeGreaterThan(2)
    await expect.poll(async () => (await site.upkeep.view()).last?.things).toBe(1000 + left.length)
  })

  test('that is off says so, and runs when it is asked for', async () => {
    await using site = await openUpkept({ scrubDays: 0 })
    await site.upkeep.start()
    await site.clock.advance(40 * dayMs)
    expect(await site.upkeep.view()).toMatchObject({ state: 'off', days: 0 })
    expect((await site.scrub()).found).toBe(0)
    expect((await site.upkeep.view()).last).toBeDefined()
  })

  test('that nobody waits for any more ends, and keeps what was known', async () => {
    await using site = await openUpkept()
    await site.add('mice', { 'a.fcs': 'mice', 'b.fcs': 'more' })
    const stop = new AbortController()
    const onProgress = () => stop.abort()
    await expect(site.upkeep.scrubNow({ signal: stop.signal, onProgress })).rejects.toThrow()
    expect((await site.upkeep.view()).last).toBeUndefined()
    expect((await site.scrub()).things).toBe(6)
  })
})

describe('a file left in place', () => {
  async function inPlace(site: Upkept) {
    const path = await writeFiles(join(site.path, 'place'), { 'slide.txt': 'scanned' })
    const { dataset } = await site.datasets.add({ name: 'slides', path, inPlace: true }, site.ana)
    return { dataset, path, file: join(path, 'slide.txt') }
  }

  // A memory store keeps its places to itself, so the index is told here as a store on a disk does.
  async function know(site: Upkept, file: string, cid: FileCid): Promise<void> {
    const place = placeOf(file, await lstat(file, { bigint: true }))
    await site.db.write([{ put: keys.place(cid), value: [place] }])
  }

  test('is read where it lies; a change is told, and over when it is put back', async () => {
    await using site = await openUpkept()
    const { dataset, file } = await inPlace(site)
    const cid = await site.cidOf(dataset, 'slide.txt')
    await know(site, file, cid)
    expect((await site.scrub()).found).toBe(0)
    await writeFile(file, 'changed')
    await utimes(file, 1_600_000_000, 1_600_000_000)
    expect((await site.scrub()).found).toBe(1)
    expect((await site.upkeep.view()).damaged).toMatchObject([
      { cid, found: 'changed', place: file, owners: [{ id: 1, path: 'slide.txt' }] },
    ])
    await writeFile(file, 'scanned')
    await know(site, file, cid)
    await site.scrub()
    expect((await site.upkeep.view()).damagedCount).toBe(0)
  })

  test('that changed under the same size and time is found by its bytes', async () => {
    await using site = await openUpkept()
    const { dataset, file } = await inPlace(site)
    const cid = await site.cidOf(dataset, 'slide.txt')
    await writeFile(file, 'SCANNED')
    await know(site, file, cid)
    expect((await site.scrub()).found).toBe(1)
  })

  test('that is gone is told, until the dataset is updated', async () => {
    await using site = await openUpkept()
    const { dataset, path, file } = await inPlace(site)
    await know(site, file, await site.cidOf(dataset, 'slide.txt'))
    await rm(file)
    await site.scrub()
    expect((await site.upkeep.view()).damagedCount).toBe(1)
    await writeFiles(path, { 'other.txt': 'another' })
    const { dataset: next } = await site.datasets.update(dataset.id, { path }, site.ana)
    await know(site, join(path, 'other.txt'), await site.cidOf(next, 'other.txt'))
    await nothingLeft(site)
  })
})

describe('the pace', () => {
  test('is what is held over the days, not under its floor nor over its cap', () => {
    expect(paceOf(0, 30)).toBe(paceFloor)
    expect(paceOf(1e12, 30)).toBe(paceFloor)
    // 100 TB in 24 of 30 days.
    expect(paceOf(1e14, 30)).toBe(Math.ceil(1e14 / (24 * 86_400)))
    expect(paceOf(1e16, 30)).toBe(128 * 1024 * 1024)
  })

  test('waits as long as the bytes should have taken', async () => {
    const clock = createManualClock()
    const pace = createPace(clock, () => 1000, new AbortController().signal)
    let done = false
    const waiting = pace(5000).then(() => {
      done = true
    })
    await clock.advance(4999)
    expect(done).toBe(false)
    await clock.advance(1)
    await waiting
  })
})
