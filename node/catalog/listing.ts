/**
 * The files of a tree a page at a time, all of them or those that a text is found in. An answer takes
 * a bounded amount of work whatever the tree, and says where to go on; nobody holds the list.
 */
import type { FileCid, Root } from '../../protocol/ids.ts'
import { foldPath } from '../../protocol/paths.ts'
import type { Store } from '../store/store.ts'
import { openTree, type TreeReader } from '../trees/trees.ts'
import { type FolderOptions, type InFolder, listFolder } from './folder.ts'

/** Files and empty folders that are looked at for one answer. */
export const lookedAtMax = 100_000
/** Roots that stay read: who turns pages asks for the same one again. One weighs a few MB at most. */
const rootsKept = 4

export type ListedFile = { readonly path: string; readonly size: number; readonly cid: FileCid }
export type Listed = { files: ListedFile[]; next?: string }

export type ListOptions = {
  /** Files behind this path, which need not be there. */
  readonly after?: string | undefined
  readonly limit: number
  /** Only files whose path has this text, in capitals or not, however its accents are written. */
  readonly search?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Listing {
  /** At most `limit` files. `next` is absent at the end only, and may come with no file at all. */
  list(root: Root, options: ListOptions): Promise<Listed>
  /** See `folder.ts`. */
  folder(root: Root, options: FolderOptions): Promise<InFolder>
}

export function createListing(store: Store): Listing {
  // A root's name is its content, so what was read once stays true.
  const readers = new Map<Root, Promise<TreeReader>>()

  function readerOf(root: Root): Promise<TreeReader> {
    const reader = readers.get(root) ?? openTree(store, root)
    readers.delete(root)
    readers.set(root, reader)
    // What could not be read may be readable next time.
    reader.catch(() => readers.delete(root))
    const [oldest] = readers.keys()
    if (readers.size > rootsKept) readers.delete(oldest!)
    return reader
  }

  return {
    async list(root, { after, limit, search, signal }) {
      const reader = await readerOf(root)
      const wanted = search === undefined ? undefined : foldPath(search)
      const files: ListedFile[] = []
      let looked = 0
      let last = after
      for await (const { entry } of reader.walk(after)) {
        signal?.throwIfAborted()
        const { path } = entry
        const isWanted =
          entry.kind === 'file' && (wanted === undefined || foldPath(path).includes(wanted))
        // One more is needed to know that there is one more.
        if (looked === lookedAtMax || (isWanted && files.length === limit))
          return { files, next: last! }
        looked++
        last = path
        if (isWanted) files.push({ path, size: entry.size, cid: await reader.cid(entry) })
      }
      return { files }
    },
    folder: async (root, options) => listFolder(await readerOf(root), options),
  }
}
