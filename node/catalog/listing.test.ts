import { describe, expect, it } from 'vitest'
import type { Root } from '../../protocol/ids.ts'
import { faultOf } from '../../test/folder.ts'
import { createMemoryStore } from '../store/memory.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'
import { buildTree, type Timed } from '../trees/build.ts'
import { createListing, type ListOptions, lookedAtMax } from './listing.ts'

/** A tree of these paths, in order; a path that ends in `/` is an empty folder. */
async function treeOf(store: Store, paths: Iterable<string>): Promise<Root> {
  const digest = sha256(new Uint8Array(1))
  async function* entries(): AsyncGenerator<Timed> {
    for (const path of paths) {
      if (path.endsWith('/')) yield { entry: { kind: 'dir', path: path.slice(0, -1) }, time: null }
      else yield { entry: { kind: 'file', path, size: 1, blocks: digest }, time: null }
    }
  }
  return (await buildTree(store, entries())).root
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `scan-${String(i).padStart(7, '0')}.fcs`)

/** A store that counts what is read of it. */
function counted(store: Store): { store: Store; reads: () => number } {
  let reads = 0
  const block: Store['block'] = (cid) => {
    reads++
    return store.block(cid)
  }
  return { store: { ...store, block }, reads: () => reads }
}

describe('a listing', () => {
  it('gives every file once, in order, whatever the pages', async () => {
    const store = createMemoryStore()
    const paths = ['a/1', 'a/2', 'b/', 'c', 'd/', 'e']
    const root = await treeOf(store, paths)
    const listing = createListing(store)
    for (const limit of [1, 2, 3, 100]) {
      const seen: string[] = []
      let options: ListOptions = { limit }
      for (;;) {
        const { files, next } = await listing.list(root, options)
        expect(files.length).toBeLessThanOrEqual(limit)
        seen.push(...files.map(({ path }) => path))
        if (next === undefined) break
        options = { limit, after: next }
      }
      expect(seen).toEqual(['a/1', 'a/2', 'c', 'e'])
    }
  })

  it('begins at the page where the path is, and reads the root once', async () => {
    const memory = createMemoryStore()
    const paths = numbered(20_000)
    const root = await treeOf(memory, paths)
    const { store, reads } = counted(memory)
    const listing = createListing(store)
    const { files } = await listing.list(root, { after: paths[15_000], limit: 3 })
    expect(files.map(({ path }) => path)).toEqual(paths.slice(15_001, 15_004))
    // The root, the page, and the next one if that page ended.
    expect(reads()).toBeLessThanOrEqual(3)
    const before = reads()
    await listing.list(root, { after: paths[3], limit: 3 })
    expect(reads() - before).toBeLessThanOrEqual(2)
  })

  it('goes on behind a path that is not there', async () => {
    const store = createMemoryStore()
    const root = await treeOf(store, ['a', 'c'])
    const { files } = await createListing(store).list(root, { after: 'b', limit: 10 })
    expect(files.map(({ path }) => path)).toEqual(['c'])
    expect(await createListing(store).list(root, { after: 'z', limit: 10 })).toEqual({ files: [] })
  })

  it('finds a text in capitals or not, and however an accent is written', async () => {
    const store = createMemoryStore()
    const root = await treeOf(store, ['Caf\u00e9/A.fcs', 'cafe\u0301/b.FCS', 'other/c.fcs'])
    const find = async (search: string) =>
      (await createListing(store).list(root, { search, limit: 10 })).files.map(({ path }) => path)
    expect(await find('CAFÉ')).toEqual(['Caf\u00e9/A.fcs', 'cafe\u0301/b.FCS'])
    expect(await find('fcs')).toHaveLength(3)
    expect(await find('r/c')).toEqual(['other/c.fcs'])
    expect(await find('nowhere')).toEqual([])
  })

  it('stops after so many paths that do not match, and says where to go on', async () => {
    const store = createMemoryStore()
    const paths = numbered(lookedAtMax + 10)
    const root = await treeOf(store, paths)
    const listing = createListing(store)
    const search = paths.at(-1)!
    const first = await listing.list(root, { search, limit: 10 })
    expect(first).toEqual({ files: [], next: paths[lookedAtMax - 1] })
    const second = await listing.list(root, { search, limit: 10, after: first.next })
    expect(second.files.map(({ path }) => path)).toEqual([search])
    expect(second.next).toBeUndefined()
  })

  it('ends at once when nobody wants it any more', async () => {
    const store = createMemoryStore()
    const root = await treeOf(store, numbered(1000))
    const stop = new AbortController()
    stop.abort()
    const listed = createListing(store).list(root, { limit: 10, signal: stop.signal })
    await expect(listed).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('is tried anew when a tree could not be read', async () => {
    const store = createMemoryStore()
    const root = await treeOf(store, ['a'])
    const bytes = await store.block(root)
    await store.remove([root])
    const listing = createListing(store)
    expect(await faultOf(listing.list(root, { limit: 1 }))).toMatchObject({ kind: 'missing' })
    await store.putBlock(bytes)
    expect((await listing.list(root, { limit: 1 })).files).toHaveLength(1)
  })
})
