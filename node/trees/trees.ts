/** A tree that the store holds, read page by page. */
import type { CID } from 'multiformats/cid'
import type { FileCid, Root } from '../../protocol/ids.ts'
import {
  decodeList,
  decodePage,
  decodeRoot,
  decodeTimesPage,
  decodeTimesRoot,
  type Entry,
  type FileEntry,
  type Page,
  type RootNode,
} from '../../protocol/manifest.ts'
import { comparePaths } from '../../protocol/paths.ts'
import { blocksOf, cidText, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { createBreath } from '../base/breath.ts'
import { sha256 } from '../store/sha256.ts'
import type { HeldFile, Store } from '../store/store.ts'
import type { Timed } from './build.ts'

/** An entry with its file's CID (a folder has none) and its time. */
export type TreeEntry = Entry & { cid?: FileCid | undefined; time: number | null }

/** Every call faults `missing` or `corrupt` when the store lacks or has lost what it needs. */
export interface TreeReader {
  readonly node: RootNode
  page(index: number): Promise<Page>
  /** The digests of all blocks of a file, from its entry or its lists. */
  digests(entry: FileEntry): Promise<Uint8Array>
  cid(entry: FileEntry): Promise<FileCid>
  /** Opens the content of a file; see `Store.file`. */
  open(entry: FileEntry): Promise<HeldFile>
  /**
   * Every entry in order, as it stands in its page; with `after`, those behind that path, and pages
   * before it are not read. Others have their turn between pages.
   */
  walk(after?: string): AsyncGenerator<Timed>
  /** Every entry in order, with its CID. */
  entries(): AsyncGenerator<TreeEntry>
  find(path: string): Promise<Entry | undefined>
}

/** Without `times` every time is null. */
export async function openTree(store: Store, root: Root, times?: Root | null): Promise<TreeReader> {
  const node = decodeRoot(await store.block(root))
  const timesPages = times
    ? decodeTimesRoot(await store.block(times), node.pages.length)
    : undefined

  const page = async (index: number) =>
    decodePage(await store.block(nameOf(node.pages[index]!.cid)))

  async function digests(entry: FileEntry): Promise<Uint8Array> {
    if ('blocks' in entry && entry.blocks !== undefined) return entry.blocks
    if (!('lists' in entry)) throw new TypeError('A file has blocks or lists.')
    const all = new Uint8Array(blocksOf(entry.size) * digestBytes)
    let at = 0
    for (const [index, cid] of entry.lists.entries()) {
      const list = decodeList(await store.block(nameOf(cid)), entry.size, index)
      all.set(list, at)
      at += list.byteLength
    }
    return all
  }

  async function* walk(after?: string): AsyncGenerator<Timed> {
    const isBehind = ({ path }: { path: string }) =>
      after === undefined || comparePaths(path, after) > 0
    const breath = createBreath()
    const first = firstFrom(node.pages, ({ last }) => isBehind({ path: last }))
    for (let index = first; index < node.pages.length; index++) {
      await breath()
      const { entries } = await page(index)
      const known =
        timesPages && decodeTimesPage(await store.block(nameOf(timesPages[index]!)), entries.length)
      const from = index === first ? firstFrom(entries, isBehind) : 0
      for (let i = from; i < entries.length; i++)
        yield { entry: entries[i]!, time: known?.[i] ?? null }
    }
  }

  const cid = async (entry: FileEntry) => fileCid(sha256, entry.size, await digests(entry))
  return {
    node,
    page,
    digests,
    cid,
    async open(entry) {
      const all = await digests(entry)
      return store.file(fileCid(sha256, entry.size, all), entry.size, all)
    },
    walk,
    async *entries() {
      for await (const { entry, time } of walk()) {
        yield { ...entry, cid: entry.kind === 'file' ? await cid(entry) : undefined, time }
      }
    },
    async find(path) {
      const at = firstFrom(node.pages, (link) => comparePaths(link.last, path) >= 0)
      if (at === node.pages.length) return undefined
      const { entries } = await page(at)
      const entry = entries[firstFrom(entries, (one) => comparePaths(one.path, path) >= 0)]
      return entry?.path === path ? entry : undefined
    },
  }
}

/** A node's name. Its own text would be kept with the CID, and a root has thousands. */
function nameOf(node: CID): Root {
  return cidText(node.multihash.digest, 'dag-cbor') as Root
}

/** Index of the first item for which `is` holds, in a list where it holds for all that follow. */
function firstFrom<T>(list: readonly T[], is: (item: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (is(list[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
