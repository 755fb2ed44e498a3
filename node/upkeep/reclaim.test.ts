/** What nobody holds goes, and nothing else does, whatever else happens at the same time. */

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { Root } from '../../protocol/ids.ts'
import { blockBytes, fileCid } from '../../protocol/unixfs.ts'
import { faultOf } from '../../test/folder.ts'
import { createDice } from '../../test/trees.ts'
import { openUpkept, writeFiles } from '../../test/upkept.ts'
import { keys } from '../db/keys.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'
import { reclaimDelayMs, reclaimEveryMs } from './reclaim.ts'

const heldBy = async (store: Store) => (await Array.fromAsync(store.list())).length

/** What a transfer's record says, as far as pins are concerned. */
function madeOf(tree: object, at: string) {
  const transfer = {
    ...{ id: 'ab'.repeat(16), direction: 'in', site: '12D3', createdAt: 5, told: false },
    state: { at },
  }
  return { transfer, kept: { bundle: { dataset: { name: 'Mice', tree }, workflows: [] } } }
}

describe('a reclaim', () => {
  test('gives back what a removed dataset alone had, and says how much', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'only mice', 'b.fcs': 'both' })
    const rats = await site.add('rats', { 'b.fcs': 'both', 'c.fcs': 'only rats!' })
    await site.datasets.remove(mice.id, site.ana)
    const before = await heldBy(site.disk)
    const { held, removed, unreadable } = await site.reclaim()
    // Its file, root, page, times and page of times.
    expect(removed.things).toBe(5)
    expect(held.nobody).toEqual({ things: removed.things, bytes: removed.bytes })
    expect([held.dataset.things, unreadable]).toEqual([6, []])
    expect(await heldBy(site.disk)).toBe(before - 5)
    expect(await site.bad(rats)).toEqual([])
    expect(await site.records('reclaim.done')).toEqual([{ ...removed, compacted: 0 }])
    expect((await site.reclaim()).removed.things).toBe(0)
    expect(await site.records('reclaim.done')).toHaveLength(1)
  })

  test('that is dry tells the same and removes nothing', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    await site.datasets.remove(mice.id, site.ana)
    const before = await heldBy(site.disk)
    const dry = await site.reclaim(true)
    expect([dry.held.nobody.things, dry.removed.things]).toEqual([5, 0])
    expect(await heldBy(site.disk)).toBe(before)
    expect(await site.records('reclaim.done')).toEqual([])
  })

  test('keeps every version of what is there', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'one' })
    const path = await writeFiles(join(site.path, 'next'), { 'a.fcs': 'two' })
    await site.datasets.update(mice.id, { path }, site.ana)
    expect((await site.reclaim()).removed.things).toBe(0)
    expect((await site.datasets.verify(mice.id, site.ana, { version: 1 })).bad).toEqual([])
  })

  test('keeps what is held, until the hold is released', async () => {
    await using site = await openUpkept()
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    const { dataset, name, trees } = {
      dataset: mice.id,
      name: mice.name,
      trees: mice.versions.map(({ tree }) => ({ root: tree.root, times: tree.times })),
    }
    const hold = await site.upkeep.holds.add({ dataset, name, trees, reason: 'a paper' }, 'system')
    await site.datasets.remove(mice.id, site.ana)
    const { held, removed } = await site.reclaim()
    expect([held.hold.things, removed.things]).toEqual([5, 0])
    await site.upkeep.holds.release(hold.id, 'system')
    expect((await site.reclaim()).removed.things).toBe(5)
    expect(await faultOf(site.upkeep.holds.release(hold.id, 'system'))).toMatchObject({
      kind: 'missing',
    })
  })

  test('keeps what a transfer that is not over has brought so far, and lets it go after', async () => {
    await using site = await openUpkept({ needs: { arriving: async () => false } })
    const mice = await site.add('mice', { 'a.fcs': 'mice', 'b.fcs': 'more' })
    const { tree } = mice.versions[0]!
    // As if it had been on its way in: one of its files has yet to arrive.
    const made = madeOf(tree, 'moving')
    await site.commit('transfer.made', 'system', made)
    await site.datasets.remove(mice.id, site.ana)
    await site.disk.remove([await site.cidOf(mice, 'b.fcs'), tree.times!])
    const { held, removed, unreadable } = await site.reclaim()
    // The page of times is named by nothing that is here.
    expect([held.transfer.things, removed.things, unreadable]).toEqual([3, 1, []])
    const over = { ...made.transfer, state: { at: 'cancelled', by: 'there' }, told: true }
    await site.commit('transfer.put', 'system', over)
    expect((await site.reclaim()).removed.things).toBe(3)
  })

  test('gives back parts of files that no running transfer needs', async () => {
    await using site = await openUpkept()
    const digests = new Uint8Array(64)
    const blocks = [1, 2].map((n) => new Uint8Array(blockBytes).fill(n))
    for (const [i, block] of blocks.entries()) digests.set(sha256(block), i * 32)
    const cid = fileCid(sha256, 2 * blockBytes, digests)
    const incoming = await site.disk.put(cid, 2 * blockBytes, digests)
    await incoming.write(0, blocks[0]!)
    expect((await site.reclaim()).removed.partials).toBe(0)
    await incoming.close()
    expect((await site.reclaim()).removed.partials).toBe(1)
  })

  test('keeps parts of files that a running or paused transfer goes on with', async () => {
    await using site = await openUpkept({ needs: { arriving: async () => false } })
    const blocks = [3, 4].map((n) => new Uint8Array(blockBytes).fill(n))
    const large = new Uint8Array(Buffer.concat(blocks))
    const mice = await site.add('mice', { 'large.bin': large })
    const cid = await site.cidOf(mice, 'large.bin')
    const made = madeOf(mice.versions[0]!.tree, 'paused')
    await site.commit('transfer.made', 'system', made)
    await site.datasets.remove(mice.id, site.ana)
    await site.disk.remove([cid])
    const digests = new Uint8Array(Buffer.concat(blocks.map((block) => sha256(block))))
    const incoming = await site.disk.put(cid, large.byteLength, digests)
    await incoming.write(0, blocks[0]!)
    await incoming.close()
    expect((await site.reclaim()).removed.partials).toBe(0)
    const again = await site.disk.put(cid, large.byteLength, digests)
    expect(again.heldBytes).toBe(blockBytes)
    await again.close()
    const over = { ...made.transfer, state: { at: 'failed', fault: {} }, told: true }
    await site.commit('transfer.put', 'system', over)
    expect((await site.reclaim()).removed.partials).toBe(1)
  })

  test('removes nothing while a manifest cannot be read, and names it', async () => {
    await using site = await openUpkept()
    const gone = await site.add('gone', { 'a.fcs': 'gone' })
    const mice = await site.add('mice', { 'm/a.fcs': 'mice' })
    await site.datasets.remove(gone.id, site.ana)
    const { root } = mice.versions[0]!.tree
    site.disk.spoil(root)
    const before = await heldBy(site.disk)
    expect(await faultOf(site.reclaim())).toMatchObject({
      kind: 'corrupt',
      list: ['dataset 2 (mice) version 1: the manifest'],
    })
    expect((await site.reclaim(true)).unreadable).toHaveLength(1)
    expect(await heldBy(site.disk)).toBe(before)
    await site.datasets.remove(mice.id, site.ana)
    expect((await site.reclaim()).removed.things).toBe(10)
  })

  test('on a full disk lets small things wait until large ones made room', async () => {
    await using site = await openUpkept()
    const large = new Uint8Array(blockBytes + 1).fill(9)
    const mice = await site.add('mice', { 'a.fcs': 'small', 'large.bin': large, 'z.fcs': 'last' })
    const cid = await site.cidOf(mice, 'large.bin')
    await site.datasets.remove(mice.id, site.ana)
    const { remove } = site.disk
    site.disk.remove = async (cids) => {
      const isFull = await site.disk.has(cid)
      if (isFull && cids.some((one) => one !== cid)) throw new Fault('full', 'store.remove')
      await remove(cids)
    }
    expect((await site.reclaim()).removed.things).toBe(7)
    expect(await heldBy(site.disk)).toBe(0)
  })

  test('that is stopped in the middle says what it gave back, and the next one goes on', async () => {
    await using site = await openUpkept()
    const many = Object.fromEntries(
      Array.from({ length: 700 }, (_, n) => [`${n}.dat`, `file ${n}`]),
    )
    const mice = await site.add('mice', many)
    await site.datasets.remove(mice.id, site.ana)
    const all = (await site.reclaim(true)).held.nobody.things
    const stop = new AbortController()
    const { signal } = stop
    const onProgress = ({ files }: { files: number }) => void (files > 300 && stop.abort())
    const run = site.upkeep.reclaim({ dry: false, by: 'system', signal, onProgress })
    await expect(run).rejects.toThrow()
    const [first] = (await site.records('reclaim.done')) as { things: number }[]
    expect(first!.things).toBe(256)
    expect((await site.reclaim()).removed.things).toBe(all - 256)
  })

  test('leaves alone what an import under way has put and not yet named', async () => {
    await using site = await openUpkept()
    const went = Promise.withResolvers<void>()
    const put = Promise.withResolvers<Root>()
    const work = site.guard.during(async () => {
      put.resolve(await site.store.putBlock(new TextEncoder().encode('a page of a union')))
      await went.promise
    })
    const cid = await put.promise
    // Twice: it was put before either of them began.
    for (let i = 0; i < 2; i++) {
      const { held, removed } = await site.reclaim()
      expect([held.used.things, removed.things]).toEqual([1, 0])
    }
    expect(await site.disk.has(cid)).toBe(true)
    went.resolve()
    await work
    expect((await site.reclaim()).removed.things).toBe(1)
  })

  test('leaves alone what somebody was told is held, while something arrives', async () => {
    const arriving = { now: true }
    await using site = await openUpkept({ needs: { arriving: async () => arriving.now } })
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    const cid = await site.cidOf(mice, 'a.fcs')
    await site.datasets.remove(mice.id, site.ana)
    await site.store.has(cid)
    expect((await site.reclaim()).removed.things).toBe(0)
    await site.clock.advance(15 * 60_000)
    await site.reclaim()
    expect(await site.disk.has(cid)).toBe(false)
  })

  test('begins by itself: once a day, and a while after something was let go', async () => {
    await using site = await openUpkept({ scrubDays: 0 })
    const mice = await site.add('mice', { 'a.fcs': 'mice' })
    await site.upkeep.start()
    await site.clock.advance(reclaimDelayMs)
    const ended = (at: number) => expect.poll(() => site.db.get(keys.meta('reclaimed'))).toBe(at)
    await ended(site.clock.now())
    await site.datasets.remove(mice.id, site.ana)
    await site.clock.advance(reclaimDelayMs - 1)
    expect(await heldBy(site.disk)).toBe(5)
    await site.clock.advance(1)
    await ended(site.clock.now())
    expect(await heldBy(site.disk)).toBe(0)
    await site.store.putBlock(new TextEncoder().encode('left by a dry run'))
    await site.clock.advance(reclaimEveryMs)
    await ended(site.clock.now())
    expect(await heldBy(site.disk)).toBe(0)
    expect(site.faults).toEqual([])
  })
})

test('adding, updating and removing while reclaims run without a pause loses nothing', async () => {
  await using site = await openUpkept()
  const dice = createDice(5)
  let adding = true
  let reclaims = 0
  const reclaiming = (async () => {
    for (; adding; reclaims++) await site.reclaim()
  })()
  // Four at a time put the same few contents again and again, in ever new trees.
  const texts = Array.from({ length: 12 }, (_, n) => `content ${n}`)
  const some = () =>
    Object.fromEntries(Array.from({ length: 6 }, () => [`${dice(9)}.dat`, texts[dice(12)]!]))
  let folders = 0
  async function work(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      const { id } = await site.add(`in-${folders++}`, some())
      const path = await writeFiles(join(site.path, `next-${folders++}`), {
        ...some(),
        'own.dat': `own ${folders}`,
      })
      const { dataset } = await site.datasets.update(id, { path }, site.ana)
      expect(await site.bad(dataset)).toEqual([])
      if (dice(3) > 0) await site.datasets.remove(id, site.ana)
    }
  }
  await Promise.all([work(), work(), work(), work()])
  adding = false
  await reclaiming
  const left = await site.datasets.list(site.ana)
  expect(left.length).toBeGreaterThan(3)
  for (const dataset of left)
    for (const { version } of dataset.versions)
      expect((await site.datasets.verify(dataset.id, site.ana, { version })).bad).toEqual([])
  expect(reclaims).toBeGreaterThan(5)
  await site.reclaim()
  expect((await site.reclaim(true)).held.nobody.things).toBe(0)
})
