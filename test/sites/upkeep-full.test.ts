/** A full disk: what is to give space back must not need any itself, and what it gives back is given. */
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSite, type Site } from '../site.ts'
import { openSmallDisk } from '../small-disk.ts'
import { writeLarge, writeMany } from '../trees.ts'

const mib = 1024 * 1024
const disk = await openSmallDisk(96)
if (disk === null)
  console.log('upkeep-full.test.ts is skipped: this account may not mount a small disk (tmpfs)')

let oslo: Site
let folder: string

beforeAll(async () => {
  if (disk === null) return
  folder = await mkdtemp(join(tmpdir(), 'crossload-upkeep-full-'))
  oslo = await openSite('oslo', { home: join(disk.path, 'home') })
}, 60_000)

afterAll(async () => {
  await oslo?.[Symbol.asyncDispose]()
  await disk?.[Symbol.asyncDispose]()
  if (folder) await rm(folder, { recursive: true, force: true })
})

async function freeBytes(): Promise<number> {
  const { bavail, bsize } = await statfs(disk!.path)
  return bavail * bsize
}

describe.skipIf(disk === null)('on a full disk', () => {
  test('a reclaim gives back large files first, and then has room for the rest', async () => {
    const tree = join(folder, 'tree')
    await writeMany(join(tree, 'many'), 200, 4000)
    await writeLarge(join(tree, 'large.bin'), 30 * mib, 7)
    const ana = await oslo.as('ana@lab.example')
    const { id } = await ana.call('datasets.add', { name: 'Large', path: tree })
    const kept = join(folder, 'kept')
    await writeMany(kept, 100, 1000, 500)
    const { id: other } = await ana.call('datasets.add', { name: 'Kept', path: kept })
    await ana.call('datasets.remove', { id })
    await using ballast = await open(join(disk!.path, 'ballast'), 'a')
    // Too little for the index and the journal, which both ask for more before they write.
    while ((await freeBytes()) > mib) await ballast.write(Buffer.alloc(mib / 2, 1))
    const before = await freeBytes()
    const { removed } = await oslo.admin.call('site.reclaim', {})
    expect(removed.things).toBeGreaterThan(200)
    expect((await freeBytes()) - before).toBeGreaterThan(29 * mib)
    expect((await ana.call('datasets.verify', { id: other })).bad).toEqual([])
    expect((await oslo.admin.call('site.reclaim', { dry: true })).held.nobody.things).toBe(0)
    // And there is room to work again.
    await ana.call('datasets.add', { name: 'More', path: kept }).catch(() => {})
    expect(await oslo.admin.call('site.health', {})).toEqual({ state: 'ok' })
  }, 60_000)
})
