/**
 * What lies in one folder of a tree. A folder's entries follow one another and every page knows its
 * sums, so a folder of a million files is added up by reading the two pages where it begins and ends.
 */
import type { Page } from '../../protocol/manifest.ts'
import { comparePaths, isInside } from '../../protocol/paths.ts'
import { createBreath } from '../base/breath.ts'
import type { TreeReader } from '../trees/trees.ts'

export type FolderOptions = {
  /** Empty: the whole tree. */
  readonly folder: string
  /** What comes behind this path, which need not be there. */
  readonly after?: string | undefined
  readonly limit: number
  readonly signal?: AbortSignal | undefined
}

type Amount = { files: number; bytes: number }
export type Inside = Amount & { path: string; folder: boolean }
export type InFolder = Amount & { inside: Inside[]; next?: string }

/** Pages that stay read: where one folder ends the next begins. */
const pagesKept = 4

/** At most `limit` things; `next` is absent at the end only. A folder that is not there has nothing in it. */
export async function listFolder(
  tree: TreeReader,
  { folder, after, limit, signal }: FolderOptions,
): Promise<InFolder> {
  const { first, upTo } = createSums(tree)
  const breath = createBreath()
  const below = async (path: string): Promise<Amount> => {
    const [begin, end] = [await upTo(path), await upTo(behind(path))]
    return { files: end.files - begin.files, bytes: end.bytes - begin.bytes }
  }
  const { files, bytes } = folder === '' ? tree.node : await below(folder)
  const inside: Inside[] = []
  let at = after === undefined ? folder : behind(after)
  for (;;) {
    await breath()
    signal?.throwIfAborted()
    const entry = await first(at)
    if (entry === undefined || !(folder === '' || isInside(entry.path, folder)))
      return { inside, files, bytes }
    if (inside.length === limit) return { inside, files, bytes, next: inside.at(-1)!.path }
    const cut = entry.path.indexOf('/', folder === '' ? 0 : folder.length + 1)
    const path = cut < 0 ? entry.path : entry.path.slice(0, cut)
    if (cut < 0 && entry.kind === 'file')
      inside.push({ path, folder: false, files: 1, bytes: entry.size })
    else inside.push({ path, folder: true, ...(await below(path)) })
    at = behind(path)
  }
}

/** Behind all that lies in a folder and before all that follows it: no path has a NUL. */
const behind = (path: string) => `${path}\0`

function createSums({ node, page }: TreeReader) {
  const { pages } = node
  /** What all pages before this one hold. */
  const before: Amount[] = [{ files: 0, bytes: 0 }]
  for (const { files, bytes } of pages) {
    const last = before.at(-1)!
    before.push({ files: last.files + files, bytes: last.bytes + bytes })
  }
  const kept = new Map<number, Promise<Page>>()
  function read(index: number): Promise<Page> {
    const found = kept.get(index) ?? page(index)
    kept.delete(index)
    kept.set(index, found)
    const [oldest] = kept.keys()
    if (kept.size > pagesKept) kept.delete(oldest!)
    return found
  }
  const pageBehind = (path: string) =>
    firstOf(pages.length, (i) => comparePaths(pages[i]!.last, path) > 0)
  return {
    /** The first entry that comes after a path. */
    async first(path: string) {
      const index = pageBehind(path)
      if (index === pages.length) return undefined
      const { entries } = await read(index)
      return entries[firstOf(entries.length, (i) => comparePaths(entries[i]!.path, path) > 0)]
    },
    /** What the entries up to a path hold, itself included. */
    async upTo(path: string): Promise<Amount> {
      const index = pageBehind(path)
      const sum = { ...before[index]! }
      if (index === pages.length) return sum
      for (const entry of (await read(index)).entries) {
        if (comparePaths(entry.path, path) > 0) break
        if (entry.kind !== 'file') continue
        sum.files++
        sum.bytes += entry.size
      }
      return sum
    },
  }
}

/** The first index for which `is` holds, where it holds for all that follow. */
function firstOf(count: number, is: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (is(middle)) high = middle
    else low = middle + 1
  }
  return low
}
