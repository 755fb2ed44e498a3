/** Two trees side by side. Both are read page by page and never held whole. */
import type { Entry, Tree } from '../../protocol/manifest.ts'
import { comparePaths, printable } from '../../protocol/paths.ts'
import { sameBytes } from '../../protocol/wire.ts'
import type { Store } from '../store/store.ts'
import type { Timed } from './build.ts'
import { createLines } from './refusals.ts'
import { openTree, type TreeReader } from './trees.ts'

/** What stands at one path: in the first tree, the second, or both. */
export type Pair = { path: string; a?: Timed; b?: Timed }

/** Every path of either tree, once, in order. */
export async function* pairs(a: TreeReader, b: TreeReader): AsyncGenerator<Pair> {
  const left = a.walk()
  const right = b.walk()
  let l = await left.next()
  let r = await right.next()
  while (!(l.done && r.done)) {
    const order = l.done ? 1 : r.done ? -1 : comparePaths(l.value.entry.path, r.value.entry.path)
    const one = order <= 0 && !l.done ? l.value : undefined
    const other = order >= 0 && !r.done ? r.value : undefined
    const path = (one ?? other)!.entry.path
    yield { path, ...(one && { a: one }), ...(other && { b: other }) }
    if (one !== undefined) l = await left.next()
    if (other !== undefined) r = await right.next()
  }
}

/** Whether two entries have the same content; neither is read. */
export function isSameContent(a: Entry, b: Entry): boolean {
  if (a.kind === 'dir' || b.kind === 'dir') return a.kind === b.kind
  if (a.size !== b.size) return false
  if ('blocks' in a && 'blocks' in b && a.blocks && b.blocks) return sameBytes(a.blocks, b.blocks)
  if (!('lists' in a && 'lists' in b)) return false
  return a.lists.every((cid, i) => b.lists[i]?.equals(cid))
}

/** How many paths, and the first hundred of them. */
export type Paths = { count: number; list: string[] }
export type Comparison = { added: Paths; changed: Paths; missing: Paths; same: number }

/** What `b` has that `a` has not, has otherwise, lacks, and has alike. */
export async function compareTrees(
  store: Store,
  a: Pick<Tree, 'root'>,
  b: Pick<Tree, 'root'>,
  options?: { signal?: AbortSignal | undefined },
): Promise<Comparison> {
  const [added, changed, missing] = [createLines(), createLines(), createLines()]
  let same = 0
  for await (const pair of pairs(await openTree(store, a.root), await openTree(store, b.root))) {
    options?.signal?.throwIfAborted()
    const path = printable(pair.path)
    if (pair.a === undefined) added.add(path)
    else if (pair.b === undefined) missing.add(path)
    else if (isSameContent(pair.a.entry, pair.b.entry)) same++
    else changed.add(path)
  }
  const paths = (lines: typeof added): Paths => ({ count: lines.count, list: lines.list() })
  return { added: paths(added), changed: paths(changed), missing: paths(missing), same }
}
