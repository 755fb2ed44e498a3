/** Entries in order → a tree in the store. Holds one page at a time, whatever the number of entries. */
import { CID } from 'multiformats/cid'
import {
  addSums,
  type Entry,
  encodeList,
  encodeRoot,
  encodeTimesPage,
  encodeTimesRoot,
  type FileEntry,
  inlineBlocksMax,
  listDigestsMax,
  noSums,
  type PageLink,
  type Times,
  type Tree,
} from '../../protocol/manifest.ts'
import { createPager, type FinishedPage } from '../../protocol/pages.ts'
import { blocksOf, digestBytes } from '../../protocol/unixfs.ts'
import { createBreath } from '../base/breath.ts'
import { sha256 } from '../store/sha256.ts'
import type { Puts } from '../store/store.ts'

/** An entry and when it was last changed: milliseconds since 1970, null when nobody knows. */
export type Timed = { entry: Entry; time: number | null }

/**
 * Writes the pages, the times and both roots. Faults `invalid` on an entry out of order, and
 * `unsupported` when there are too many for one tree. Durable when the caller flushes or keeps.
 */
export async function buildTree(puts: Puts, source: AsyncIterable<Timed>): Promise<Tree> {
  const pager = createPager(sha256)
  const links: PageLink[] = []
  const timesPages: CID[] = []
  const times: Times = []
  const breath = createBreath()
  async function put(pages: FinishedPage[]): Promise<void> {
    for (const { node, link } of pages) {
      await breath()
      links.push(link)
      await puts.putBlock(node)
      timesPages.push(
        CID.parse(await puts.putBlock(encodeTimesPage(times.splice(0, link.entries)))),
      )
    }
  }
  for await (const { entry, time } of source) {
    times.push(time)
    const finished = pager.add(entry)
    if (finished.length > 0) await put(finished)
  }
  await put(pager.end())
  const sums = noSums()
  for (const link of links) addSums(sums, link)
  const root = await puts.putBlock(encodeRoot(links))
  return { root, times: await puts.putBlock(encodeTimesRoot(timesPages)), ...sums }
}

/** A file's entry; the digests of a large one go into lists. */
export async function fileEntry(
  puts: Puts,
  path: string,
  content: { size: number; digests: Uint8Array },
): Promise<FileEntry> {
  const { size, digests } = content
  if (blocksOf(size) <= inlineBlocksMax) return { kind: 'file', path, size, blocks: digests }
  const lists: CID[] = []
  const listBytes = listDigestsMax * digestBytes
  for (let at = 0; at < digests.byteLength; at += listBytes) {
    lists.push(CID.parse(await puts.putBlock(encodeList(digests.slice(at, at + listBytes)))))
  }
  return { kind: 'file', path, size, lists }
}
