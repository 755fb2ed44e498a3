/** Reads and hashes every byte that a tree stands for. */
import { asFault, type FaultKind } from '../../protocol/fault.ts'
import type { Root } from '../../protocol/ids.ts'
import {
  decodeTimesPage,
  decodeTimesRoot,
  type FileEntry,
  type PageLink,
  type Tree,
} from '../../protocol/manifest.ts'
import { type PageEnd, readPage } from '../../protocol/pages.ts'
import { printable } from '../../protocol/paths.ts'
import { blockBytes, blocksOf } from '../../protocol/unixfs.ts'
import { createBreath } from '../base/breath.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'
import { createLines, type Lines } from './refusals.ts'
import { openTree, type TreeReader } from './trees.ts'
import { createBuffers, inOrder } from './window.ts'

/** Files that are read at the same time. */
const filesAtOnce = 4
/** What may be found to be wrong with content; any other fault ends the work. */
const findings: ReadonlySet<FaultKind> = new Set([
  'corrupt',
  'missing',
  'conflict',
  'denied',
  'invalid',
])

export type VerifyOptions = {
  store: Store
  tree: Pick<Tree, 'root' | 'times'>
  signal?: AbortSignal | undefined
  onProgress?: ((progress: { files: number; bytes: number }) => void) | undefined
}

export type Verified = {
  /** Files that are what they should be, and their bytes. */
  files: number
  bytes: number
  badCount: number
  /** Paths and pages that are not, with the reason; at most a hundred lines. */
  bad: string[]
}

/** Faults only when the root itself cannot be read; everything below it is a finding. */
export async function verifyTree(o: VerifyOptions): Promise<Verified> {
  const reader = await openTree(o.store, o.tree.root)
  const bad = createLines()
  const buffers = createBuffers(blockBytes)
  const sums = { files: 0, bytes: 0 }
  await verifyTimes(reader, o, bad)
  const check = (file: FileEntry) =>
    finding(o, bad, printable(file.path), async () => {
      await using held = await reader.open(file)
      await buffers.use(async (buffer) => {
        for (let index = 0; index < blocksOf(file.size); index++) {
          o.signal?.throwIfAborted()
          await held.read(index, buffer)
        }
      })
      sums.files++
      sums.bytes += file.size
      o.onProgress?.({ ...sums })
    })
  for await (const _ of inOrder(files(reader, o, bad), filesAtOnce, check));
  return { ...sums, badCount: bad.count, bad: bad.list() }
}

async function* files(reader: TreeReader, o: VerifyOptions, bad: Lines): AsyncGenerator<FileEntry> {
  const breath = createBreath()
  let previous: PageEnd | undefined
  for (const link of reader.node.pages) {
    await breath()
    o.signal?.throwIfAborted()
    const read = await finding(o, bad, pageName(link), async () => {
      return readPage(sha256, await o.store.block(link.cid.toString() as Root), link, previous)
    })
    previous = read?.end
    for (const entry of read?.page.entries ?? []) if (entry.kind === 'file') yield entry
  }
}

async function verifyTimes(reader: TreeReader, o: VerifyOptions, bad: Lines): Promise<void> {
  const { times } = o.tree
  if (times === null) return
  await finding(o, bad, 'the times of change', async () => {
    const { pages } = reader.node
    const cids = decodeTimesRoot(await o.store.block(times), pages.length)
    const breath = createBreath()
    for (const [i, cid] of cids.entries()) {
      await breath()
      o.signal?.throwIfAborted()
      decodeTimesPage(await o.store.block(cid.toString() as Root), pages[i]!.entries)
    }
  })
}

const pageName = ({ first, last }: PageLink) =>
  `the page from ${printable(first)} to ${printable(last)}`

async function finding<T>(
  o: VerifyOptions,
  bad: Lines,
  what: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await run()
  } catch (thrown) {
    o.signal?.throwIfAborted()
    const fault = asFault(thrown, 'tree.verify', what)
    if (!findings.has(fault.kind)) throw fault
    bad.add(`${what}: ${fault.message}`)
    return undefined
  }
}
