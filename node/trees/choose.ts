/** A part of a tree, by path. Contents are shared; only pages are written. */
import type { Tree } from '../../protocol/manifest.ts'
import type { Store } from '../store/store.ts'
import { buildTree, type Timed } from './build.ts'
import { openTree } from './trees.ts'

export type ChooseOptions = {
  store: Store
  tree: Pick<Tree, 'root' | 'times'>
  /** Asked for every file and every empty folder. */
  match: (path: string) => boolean
  signal?: AbortSignal | undefined
}

/** The tree of what matches; of everything, it is the same tree. Nothing is kept when it throws. */
export async function chooseTree(o: ChooseOptions): Promise<Tree> {
  const reader = await openTree(o.store, o.tree.root, o.tree.times)
  await using stage = await o.store.stage()
  async function* chosen(): AsyncGenerator<Timed> {
    for await (const timed of reader.walk()) {
      o.signal?.throwIfAborted()
      if (o.match(timed.entry.path)) yield timed
    }
  }
  const tree = await buildTree(stage, chosen())
  await stage.keep(tree.root)
  return tree
}
