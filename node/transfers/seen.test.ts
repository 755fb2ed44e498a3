import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Bundle } from '../../protocol/bundle.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { FileCid, Root, SiteId, TransferId } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { encode } from '../../protocol/wire.ts'
import { openCatalog } from '../../test/catalog.ts'
import { versionOf } from '../catalog/dataset.ts'
import { keys } from '../db/keys.ts'
import { openTree } from '../trees/trees.ts'
import { transferChanges } from './book.ts'
import type { KeptBundle } from './sealed.ts'
import { openSeen, rebuildSeen } from './seen.ts'
import type { Transfer } from './transfer.ts'

const kyoto = 'kyoto' as SiteId

/** A site whose index is new, and which got these trees from kyoto once, one in each transfer. */
async function openReceived(...contents: string[]) {
  const catalog = await openCatalog()
  const ana = await catalog.person('ana')
  const trees: Tree[] = []
  for (const [n, content] of contents.entries()) {
    const path = join(catalog.path, `folder-${n}`)
    await mkdir(path)
    await writeFile(join(path, 'file'), content)
    const { dataset } = await catalog.datasets.add({ name: 'mice', path }, ana)
    const { tree } = versionOf(dataset)
    trees.push(tree)
    const id = `${n}` as TransferId
    const state = { at: 'done' } as const
    const transfer = { id, direction: 'in', site: kyoto, createdAt: n, state, told: true }
    const bundle = { workflows: [], dataset: { tree } } as unknown as Bundle
    await catalog.db.write([
      ...transferChanges(transfer as Partial<Transfer> as Transfer),
      { put: keys.bundle(id), value: { bundle, signature: '' } satisfies KeptBundle },
    ])
  }
  const logged: Fault[] = []
  const { db, store } = catalog
  const seen = openSeen({ db, store })
  const files = async (tree: Tree) => {
    const found = []
    for await (const { cid } of (await openTree(store, tree.root)).entries()) found.push(cid!)
    return found
  }
  return {
    trees,
    logged,
    store,
    files,
    rebuild: () => rebuildSeen({ db, store, seen, log: (fault) => void logged.push(fault) }),
    isSeen: async (cid: FileCid | Root) => (await seen.which(kyoto, [cid]))[0],
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

test('everything that a site sent is known again, and worked out once', async () => {
  await using site = await openReceived('one')
  const [tree] = site.trees as [Tree]
  expect(await site.rebuild()).toBe(1)
  expect(await site.isSeen(tree.root)).toBe(true)
  for (const cid of await site.files(tree)) expect(await site.isSeen(cid)).toBe(true)
  expect(await site.rebuild()).toBe(0)
  expect(site.logged).toEqual([])
})

test('what is gone from the store keeps no site from starting', async () => {
  await using site = await openReceived('one', 'two')
  const [damaged, whole] = site.trees as [Tree, Tree]
  const { node } = await openTree(site.store, damaged.root)
  await site.store.remove([node.pages[0]!.cid.toString() as Root])
  expect(await site.rebuild()).toBe(2)
  expect(site.logged.map(({ kind }) => kind)).toEqual(['missing'])
  for (const cid of await site.files(whole)) expect(await site.isSeen(cid)).toBe(true)
})

test('a whole tree is one as long as nothing that was held has gone, and only where it was checked', async () => {
  await using catalog = await openCatalog()
  const { db, store } = catalog
  const seen = openSeen({ db, store })
  const [root, gone] = [await store.putBlock(encode({ a: 1 })), await store.putBlock(encode(2))]
  await store.flush()
  const place = encode({ first: 'a' })
  expect(await seen.isWhole(kyoto, root, place)).toBe(false)
  await seen.noteWhole(kyoto, [{ cid: root, place }], store.damages)
  expect(await seen.isWhole(kyoto, root, place)).toBe(true)
  expect(await seen.isWhole(kyoto, root, encode({ first: 'b' }))).toBe(false)
  expect(await seen.isWhole('lima' as SiteId, root, place)).toBe(false)
  expect(await seen.which(kyoto, [root])).toEqual([false])
  const before = store.damages
  await store.remove([gone])
  expect(await seen.isWhole(kyoto, root, place)).toBe(false)
  await seen.noteWhole(kyoto, [{ cid: root, place }], before)
  expect(await seen.isWhole(kyoto, root, place)).toBe(false)
})
