import fc from 'fast-check'
import { expect, test } from 'vitest'
import { comparePaths } from '../../protocol/paths.ts'
import { createMemoryStore } from '../store/memory.ts'
import { sha256 } from '../store/sha256.ts'
import { buildTree, type Timed } from '../trees/build.ts'
import { openTree } from '../trees/trees.ts'
import { type Inside, listFolder } from './folder.ts'

const digest = sha256(new Uint8Array(1))

async function treeOf(paths: Iterable<string>) {
  const store = createMemoryStore()
  async function* entries(): AsyncGenerator<Timed> {
    for (const path of paths) {
      if (path.endsWith('/')) yield { entry: { kind: 'dir', path: path.slice(0, -1) }, time: null }
      else yield { entry: { kind: 'file', path, size: 1, blocks: digest }, time: null }
    }
  }
  return openTree(store, (await buildTree(store, entries())).root)
}

const folder = (path: string, files: number): Inside => ({
  ...{ path, folder: true, files, bytes: files },
})
const file = (path: string): Inside => ({ path, folder: false, files: 1, bytes: 1 })

test('a folder shows what lies directly in it, and adds up what lies deeper', async () => {
  const tree = await treeOf(['a', 'b/1', 'b/2', 'b/c/3', 'b-1', 'd/'])
  expect(await listFolder(tree, { folder: '', limit: 10 })).toEqual({
    inside: [file('a'), folder('b', 3), file('b-1'), folder('d', 0)],
    ...{ files: 5, bytes: 5 },
  })
  expect(await listFolder(tree, { folder: 'b', limit: 10 })).toEqual({
    inside: [file('b/1'), file('b/2'), folder('b/c', 1)],
    ...{ files: 3, bytes: 3 },
  })
  expect(await listFolder(tree, { folder: 'd', limit: 10 })).toEqual({
    ...{ inside: [], files: 0, bytes: 0 },
  })
  expect(await listFolder(tree, { folder: 'nowhere', limit: 10 })).toEqual({
    ...{ inside: [], files: 0, bytes: 0 },
  })
})

test('pages of any size give each thing once', async () => {
  const tree = await treeOf(['a', 'b/1', 'b/2', 'b-1', 'c', 'd/x/y'])
  for (const limit of [1, 2, 3, 4]) {
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await listFolder(tree, { folder: '', after, limit })
      seen.push(...page.inside.map(({ path }) => path))
      after = page.next
    } while (after !== undefined)
    expect(seen).toEqual(['a', 'b', 'b-1', 'c', 'd'])
  }
})

test('folders over many pages are added up from a few of them', async () => {
  const paths = Array.from({ length: 100 }, (_, f) =>
    Array.from({ length: 500 }, (_, i) => `f${String(f).padStart(3, '0')}/${1000 + i}`),
  ).flat()
  const tree = await treeOf(paths)
  let reads = 0
  const page = (index: number) => {
    reads++
    return tree.page(index)
  }
  const { inside } = await listFolder({ ...tree, page }, { folder: '', limit: 200 })
  expect(inside).toHaveLength(100)
  expect(inside.every(({ files }) => files === 500)).toBe(true)
  expect(reads).toBeLessThanOrEqual(tree.node.pages.length)
})

test('any tree adds up as its paths do', async () => {
  const name = fc.stringMatching(/^[ab!.-]{1,2}$/).filter((n) => !/^\.\.?$/.test(n))
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 15 }), async (some) => {
      const paths = some.filter((p) => !some.some((other) => other.startsWith(`${p}/`)))
      const tree = await treeOf(paths.toSorted(comparePaths))
      const { inside, files } = await listFolder(tree, { folder: '', limit: 100 })
      expect(files).toBe(paths.length)
      const tops = new Set(paths.map((p) => p.split('/')[0]!))
      expect(inside.map((one) => one.path)).toEqual([...tops].toSorted(comparePaths))
      for (const one of inside) {
        const below = paths.filter((p) => p === one.path || p.startsWith(`${one.path}/`))
        expect(one.files).toBe(below.length)
      }
    }),
  )
})
