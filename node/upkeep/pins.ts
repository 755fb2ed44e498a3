/**
 * What is held and why. A tree pins its root, its pages, its lists of digests, its times and its
 * files; trees are pinned by the versions of datasets and workflows that are there, by the bundles of
 * transfers that are not over, and by holds. A walk reads one page at a time, so it takes the same
 * memory for ten files as for ten million.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import {
  decodeList,
  decodePage,
  decodeRoot,
  decodeTimesRoot,
  type FileEntry,
} from '../../protocol/manifest.ts'
import { printable } from '../../protocol/paths.ts'
import { blocksOf, digestBytes, fileCid } from '../../protocol/unixfs.ts'
import { sha256 } from '../store/sha256.ts'
import type { Store } from '../store/store.ts'

export type PinKind = 'dataset' | 'workflow' | 'transfer' | 'hold'

/** One tree that must stay, and because of what. */
export type Pin = {
  readonly kind: PinKind
  /** The dataset's, workflow's, transfer's or hold's. */
  readonly id: number | string
  readonly name: string
  readonly version?: number | undefined
  readonly tree: { readonly root: Root; readonly times: Root | null }
  /** Parts of it may have yet to arrive. */
  readonly arriving: boolean
  /** The newest version of something that is there. */
  readonly latest: boolean
}

/** One thing that a tree pins: a file by its path, or a part of the manifest by what it says. */
export type Pinned = { readonly cid: FileCid | Root; readonly path: string }

/** How a person is told whose tree it is. */
export function nameOf(pin: Pick<Pin, 'kind' | 'id' | 'name' | 'version'>): string {
  const version = pin.version === undefined ? '' : ` version ${pin.version}`
  return `${pin.kind} ${pin.id}${pin.name === '' ? '' : ` (${pin.name})`}${version}`
}

/** Pages remembered so that trees which share them are not read twice; more are read again. */
const pagesKnownMax = 200_000

export type WalkOptions = {
  readonly store: Store
  /** A part of the manifest that cannot be read, so that nobody knows what it pins. */
  readonly onLost: (pinned: Pinned, fault: Fault) => void
  /** Pages that were walked before are passed over, except those with something that is looked for. */
  readonly known?: Set<string> | undefined
  readonly isSought?: ((cid: FileCid | Root) => boolean) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Everything that the tree pins. Parts that cannot be read are told and passed over. */
export async function* walkPinned(tree: Pin['tree'], o: WalkOptions): AsyncGenerator<Pinned> {
  const rootPinned = { cid: tree.root, path: 'the manifest' }
  yield rootPinned
  const root = await readable(o, rootPinned, decodeRoot)
  if (tree.times !== null)
    yield* walkTimes(
      tree.times,
      root?.pages.map((p) => p.entries),
      o,
    )
  for (const link of root?.pages ?? []) {
    o.signal?.throwIfAborted()
    const cid = link.cid.toString() as Root
    const name = `the list of files from ${printable(link.first)} to ${printable(link.last)}`
    const pinned = { cid, path: name }
    yield pinned
    if (o.known?.has(cid)) continue
    const page = await readable(o, pinned, decodePage)
    if (page === undefined) continue
    // A page is ten milliseconds of work; between two of them others have their turn.
    await turn()
    let again = false
    const lost = (part: Pinned, fault: Fault) => {
      again = true
      o.onLost(part, fault)
    }
    for (const entry of page.entries) {
      if (entry.kind !== 'file') continue
      for await (const part of walkFile(entry, { ...o, onLost: lost })) {
        again ||= o.isSought?.(part.cid) === true
        yield part
      }
    }
    if (!again && o.known !== undefined && o.known.size < pagesKnownMax) o.known.add(cid)
  }
}

async function* walkFile(file: FileEntry, o: WalkOptions): AsyncGenerator<Pinned> {
  const path = printable(file.path)
  if ('blocks' in file && file.blocks !== undefined) {
    yield { cid: fileCid(sha256, file.size, file.blocks), path }
    return
  }
  if (!('lists' in file)) return
  const digests = new Uint8Array(blocksOf(file.size) * digestBytes)
  let at = 0
  let whole = true
  for (const [index, cid] of file.lists.entries()) {
    const pinned = { cid: cid.toString() as Root, path: `the digests of ${path}` }
    yield pinned
    const list = await readable(o, pinned, (node) => decodeList(node, file.size, index))
    if (list === undefined) whole = false
    else digests.set(list, at)
    at += list?.byteLength ?? 0
  }
  if (whole) yield { cid: fileCid(sha256, file.size, digests), path }
}

async function* walkTimes(
  times: Root,
  entries: number[] | undefined,
  o: WalkOptions,
): AsyncGenerator<Pinned> {
  const pinned = { cid: times, path: 'the times of change' }
  yield pinned
  if (entries === undefined) return
  const pages = await readable(o, pinned, (node) => decodeTimesRoot(node, entries.length))
  // A page of times pins nothing, so it need not be read.
  for (const page of pages ?? []) yield { cid: page.toString() as Root, path: pinned.path }
}

async function readable<T>(
  o: WalkOptions,
  pinned: Pinned,
  decode: (node: Uint8Array) => T,
): Promise<T | undefined> {
  try {
    return decode(await o.store.block(pinned.cid as Root))
  } catch (thrown) {
    const fault = asFault(thrown, 'upkeep.walk', pinned.cid)
    if (fault.kind !== 'missing' && fault.kind !== 'corrupt' && fault.kind !== 'invalid')
      throw fault
    o.onLost(pinned, fault)
    return undefined
  }
}
