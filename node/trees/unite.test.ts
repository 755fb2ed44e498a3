import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Root } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { comparePaths } from '../../protocol/paths.ts'
import { createMemoryStore } from '../store/memory.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'
import { buildTree, type Timed } from './build.ts'
import { chooseTree } from './choose.ts'
import { compareTrees } from './compare.ts'
import { openTree } from './trees.ts'
import { uniteTrees } from './unite.ts'

/** A tree in words: path → content; a path that ends in a slash is an empty folder. */
type Words = Record<string, string>

async function treeOf(store: Store, words: Words, time: number | null = null): Promise<Tree> {
  async function* entries(): AsyncGenerator<Timed> {
    for (const path of Object.keys(words).sort(comparePaths)) {
      if (path.endsWith('/')) yield { entry: { kind: 'dir', path: path.slice(0, -1) }, time }
      else {
        const bytes = new TextEncoder().encode(words[path])
        const blocks = new Uint8Array(sha256(bytes))
        await store.putSmall(blocks, bytes)
        const none = bytes.byteLength === 0
        yield {
          entry: {
            kind: 'file',
            path,
            size: bytes.byteLength,
            blocks: none ? new Uint8Array(0) : blocks,
          },
          time,
        }
      }
    }
  }
  return buildTree(store, entries())
}

async function wordsOf(store: Store, tree: Tree): Promise<Words> {
  const words: Words = {}
  const reader = await openTree(store, tree.root)
  for await (const { entry } of reader.walk()) {
    if (entry.kind === 'dir') words[`${entry.path}/`] = ''
    else if (entry.size === 0) words[entry.path] = ''
    else {
      await using held = await reader.open(entry)
      words[entry.path] = new TextDecoder().decode(await held.read(0))
    }
  }
  return words
}

async function unite(base: Words, incoming: Words, may: string[] = []) {
  const store = createMemoryStore()
  const [a, b] = [await treeOf(store, base, 1), await treeOf(store, incoming, 2)]
  const asked: string[] = []
  const mayReplace = (path: string) => {
    asked.push(path)
    return may.includes(path)
  }
  const united = await uniteTrees({ store, base: a, incoming: b, mayReplace })
  return { ...united, asked, base: a, incoming: b, store, words: await wordsOf(store, united.tree) }
}

describe('uniteTrees', () => {
  it('adds what is not there and removes nothing', async () => {
    const { words, added, same, replaced, conflicts, asked } = await unite(
      { a: '1', 'b/c': '2' },
      { 'b/d': '3', e: '4' },
    )
    expect(words).toEqual({ a: '1', 'b/c': '2', 'b/d': '3', e: '4' })
    expect({ added, same, replaced, conflicts, asked }).toEqual({
      added: 2,
      same: 0,
      replaced: 0,
      conflicts: [],
      asked: [],
    })
  })

  it('is the tree that is there when nothing else comes', async () => {
    const { tree, base, same } = await unite({ a: '1', b: '2' }, { a: '1' })
    expect(tree).toEqual(base)
    expect(same).toBe(1)
  })

  it('replaces what may be replaced, with its time', async () => {
    const { words, replaced, tree, store } = await unite({ a: '1', b: '2' }, { a: 'new' }, ['a'])
    expect(words).toEqual({ a: 'new', b: '2' })
    expect(replaced).toBe(1)
    const times = []
    for await (const { time } of (await openTree(store, tree.root, tree.times)).walk())
      times.push(time)
    expect(times).toEqual([2, 1])
  })

  it('keeps nothing when there is a conflict, and names it', async () => {
    const { tree, base, conflicts, conflictsCount } = await unite(
      { a: '1', b: '2', c: '3' },
      { a: 'x', b: 'y', c: 'z', d: '4' },
      ['b'],
    )
    expect(tree).toEqual(base)
    expect(conflicts).toEqual(['a', 'c'])
    expect(conflictsCount).toBe(2)
  })

  it('names a file in the way of a folder, whichever comes', async () => {
    expect((await unite({ a: '1' }, { 'a/b': '2', 'a/c': '3' }, ['a'])).conflicts).toEqual([
      'a/b',
      'a/c',
    ])
    expect((await unite({ 'a/b': '2', 'a/c': '3' }, { a: '1' }, ['a'])).conflicts).toEqual(['a'])
    expect((await unite({ 'a/': '' }, { a: '1' }, ['a'])).conflicts).toEqual(['a'])
  })

  it('lets an empty folder become a full one, whichever comes', async () => {
    expect((await unite({ 'a/': '', z: '1' }, { 'a/b': '2' })).words).toEqual({
      'a/b': '2',
      z: '1',
    })
    expect((await unite({ 'a/b': '2' }, { 'a/': '', c: '3' })).words).toEqual({
      'a/b': '2',
      c: '3',
    })
  })

  it('is what plain words say, whatever the trees', async () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join('/'))
    /** Without entries inside files, as every tree is. */
    const words = fc.dictionary(path, fc.constantFrom('', '1', '2')).map((all) => {
      const paths = Object.keys(all)
      return Object.fromEntries(
        Object.entries(all).filter(([one]) => !paths.some((other) => one.startsWith(`${other}/`))),
      )
    })
    await fc.assert(
      fc.asyncProperty(words, words, fc.boolean(), async (a, b, may) => {
        const { words: united, conflicts } = await unite(a, b, may ? Object.keys(a) : [])
        const differ = Object.keys(b).some((p) => a[p] !== undefined && a[p] !== b[p])
        const clash = Object.keys(a).some((p) =>
          Object.keys(b).some((q) => q.startsWith(`${p}/`) || p.startsWith(`${q}/`)),
        )
        expect(conflicts.length > 0).toBe(clash || (differ && !may))
        expect(united).toEqual(conflicts.length > 0 ? a : { ...a, ...b })
      }),
      { numRuns: 200 },
    )
  })
})

describe('chooseTree', () => {
  it('is the tree of what matches, with its times', async () => {
    const store = createMemoryStore()
    const tree = await treeOf(
      store,
      { 'a/1.fcs': '1', 'a/2.txt': '2', 'b/3.fcs': '3', 'c/': '' },
      5,
    )
    const chosen = await chooseTree({ store, tree, match: (path) => path.endsWith('.fcs') })
    expect(await wordsOf(store, chosen)).toEqual({ 'a/1.fcs': '1', 'b/3.fcs': '3' })
    expect(chosen).toEqual(await treeOf(store, { 'a/1.fcs': '1', 'b/3.fcs': '3' }, 5))
    expect(await chooseTree({ store, tree, match: () => true })).toEqual(tree)
    expect(await chooseTree({ store, tree, match: () => false })).toMatchObject({ entries: 0 })
  })
})

describe('compareTrees', () => {
  it('says what is added, changed, missing and the same', async () => {
    const store = createMemoryStore()
    const a = await treeOf(store, { same: '1', changed: '1', missing: '1', 'empty/': '' })
    const b = await treeOf(store, { same: '1', changed: '2', added: '1', 'empty/full': '1' })
    expect(await compareTrees(store, a, b)).toEqual({
      added: { count: 2, list: ['added', 'empty/full'] },
      changed: { count: 1, list: ['changed'] },
      missing: { count: 2, list: ['empty', 'missing'] },
      same: 1,
    })
  })
})

describe('openTree', () => {
  it('finds every path and no other, on whatever page', async () => {
    const store = createMemoryStore()
    const words = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`scan-${String(i).padStart(4, '0')}`, String(i % 7)]),
    )
    const tree = await treeOf(store, words)
    const reader = await openTree(store, tree.root)
    expect(reader.node.pages.length).toBeGreaterThan(2)
    for (const path of [
      'scan-0000',
      'scan-1234',
      'scan-2999',
      ...reader.node.pages.flatMap(({ first, last }) => [first, last]),
    ]) {
      expect((await reader.find(path))?.path).toBe(path)
    }
    for (const path of ['', 'a', 'scan-', 'scan-1234x', 'z'])
      expect(await reader.find(path)).toBeUndefined()
  })
})

it('what has one root is not looked into: it is what is there, with its times', async () => {
  const store = createMemoryStore()
  const [base, incoming] = [
    await treeOf(store, { a: '1', b: '2' }, 1),
    await treeOf(store, { a: '1', b: '2' }, 2),
  ]
  const { node } = await openTree(store, base.root)
  await store.remove(node.pages.map(({ cid }) => cid.toString() as Root))
  const united = await uniteTrees({ store, base, incoming, mayReplace: () => false })
  expect(united).toMatchObject({ tree: base, added: 0, replaced: 0, same: 2, conflicts: [] })
})
