/**
 * What is there and what comes, in one tree. Nothing is removed; a path that is there with other
 * content is replaced only if the caller allows it, and is otherwise a conflict.
 */
import type { FileCid } from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { isInside, printable } from '../../protocol/paths.ts'
import type { Store } from '../store/store.ts'
import { buildTree, type Timed } from './build.ts'
import { isSameContent, type Pair, pairs } from './compare.ts'
import { createLines } from './refusals.ts'
import { openTree, type TreeReader } from './trees.ts'

export type UniteOptions = {
  store: Store
  base: Tree
  incoming: Tree
  /** Whether the file of this path and content, which is in `base`, may be replaced. */
  mayReplace: (path: string, current: FileCid) => boolean | Promise<boolean>
  signal?: AbortSignal | undefined
}

export type United = {
  /** With conflicts it is `base`, and nothing was kept. */
  tree: Tree
  /** Files. */
  added: number
  replaced: number
  same: number
  conflictsCount: number
  /** At most a hundred lines. */
  conflicts: string[]
}

export async function uniteTrees(o: UniteOptions): Promise<United> {
  // One root is one content, whoever built it: there is nothing to look for on its pages.
  if (o.base.root === o.incoming.root)
    return { tree: o.base, ...noCounts(), same: o.base.files, conflictsCount: 0, conflicts: [] }
  const base = await openTree(o.store, o.base.root, o.base.times)
  const incoming = await openTree(o.store, o.incoming.root, o.incoming.times)
  const conflicts = createLines()
  const counts = noCounts()
  let named: string | undefined
  function conflict(path: string): void {
    // One file in the way of many is one conflict, and those come one after the other.
    if (path !== named) conflicts.add(printable(path))
    named = path
  }
  await using stage = await o.store.stage()
  async function* united(): AsyncGenerator<Timed> {
    let held: { timed: Timed; from: Pair } | undefined
    for await (const from of pairs(base, incoming)) {
      o.signal?.throwIfAborted()
      const timed = await settle(from, base, o, counts)
      if (timed === undefined) conflict(from.path)
      const next = timed ?? from.a!
      // What lies inside a path comes right after it, so the one before is all that can be in the way.
      if (held !== undefined && isInside(next.entry.path, held.timed.entry.path)) {
        if (held.timed.entry.kind === 'file') {
          conflict(held.from.b === undefined ? from.path : held.from.path)
          continue
        }
      } else if (held !== undefined) yield held.timed
      held = { timed: next, from }
    }
    if (held !== undefined) yield held.timed
  }
  const tree = await buildTree(stage, united())
  if (conflicts.count === 0) await stage.keep(tree.root)
  return {
    tree: conflicts.count === 0 ? tree : o.base,
    ...counts,
    conflictsCount: conflicts.count,
    conflicts: conflicts.list(),
  }
}

const noCounts = () => ({ added: 0, replaced: 0, same: 0 })

/** The entry that one path has afterwards; undefined is a conflict. */
async function settle(
  { path, a, b }: Pair,
  base: TreeReader,
  o: UniteOptions,
  counts: { added: number; replaced: number; same: number },
): Promise<Timed | undefined> {
  if (b === undefined) return a
  const files = b.entry.kind === 'file' ? 1 : 0
  if (a === undefined) {
    counts.added += files
    return b
  }
  if (isSameContent(a.entry, b.entry)) {
    counts.same += files
    return a
  }
  if (a.entry.kind === 'dir' || b.entry.kind === 'dir') return undefined
  if (!(await o.mayReplace(path, await base.cid(a.entry)))) return undefined
  counts.replaced++
  return b
}
