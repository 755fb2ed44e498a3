/** A catalog whose store is guarded and kept up, on a store in memory that can be damaged by hand. */
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Dataset } from '../node/catalog/dataset.ts'
import { frees, isArriving, pinsIn, pinsOf } from '../node/pinned.ts'
import { createMemoryStore } from '../node/store/memory.ts'
import type { Store } from '../node/store/store.ts'
import { transferFolds } from '../node/transfers/book.ts'
import { openTree } from '../node/trees/trees.ts'
import { damageFolds } from '../node/upkeep/damages.ts'
import { createGuard, during, type Guard } from '../node/upkeep/guard.ts'
import { holdFolds } from '../node/upkeep/holds.ts'
import { openUpkeep, type UpkeepNeeds } from '../node/upkeep/upkeep.ts'
import { Fault } from '../protocol/fault.ts'
import type { FileCid, Root } from '../protocol/ids.ts'
import { openCatalog } from './catalog.ts'

/** A store of which single things can go bad, as on a disk: they are there, and not what they were. */
export function createFragileStore(): Store & { spoil(cid: FileCid | Root): void } {
  const store = createMemoryStore()
  const bad = new Set<string>()
  const mended = <T extends string>(cid: T): T => {
    bad.delete(cid)
    return cid
  }
  return {
    ...store,
    get damages() {
      return store.damages
    },
    spoil: (cid) => void bad.add(cid),
    check: async (cid) => (bad.has(cid) && (await store.has(cid)) ? 'damaged' : store.check(cid)),
    async block(cid) {
      if (bad.has(cid) && (await store.has(cid)))
        throw new Fault('corrupt', 'store.block', { about: cid })
      return store.block(cid)
    },
    async quarantine(cid) {
      await store.quarantine(cid)
      bad.delete(cid)
    },
    putBlock: async (bytes) => mended(await store.putBlock(bytes)),
    putSmall: async (digest, bytes) => mended(await store.putSmall(digest, bytes)),
  }
}

export async function openUpkept(o: { scrubDays?: number; needs?: Partial<UpkeepNeeds> } = {}) {
  await using stack = new AsyncDisposableStack()
  const disk = createFragileStore()
  let guard: Guard | undefined
  const catalog = stack.use(
    await openCatalog({
      store: (clock) => {
        guard = createGuard(disk, clock)
        return guard.store
      },
      more: {
        ...transferFolds,
        ...damageFolds,
        ...holdFolds,
        'reclaim.done': () => [],
      },
    }),
  )
  const { commit, db, clock } = catalog
  const faults: Fault[] = []
  const needs = {
    ...{ commit, db, clock, pinsIn, frees, guard: guard!, store: disk },
    scrubDays: o.scrubDays ?? 30,
    pins: () => pinsOf(db),
    arriving: () => isArriving(db),
    sources: async (asked: readonly unknown[]) => asked.map(() => []),
    log: (fault: Fault) => void faults.push(fault),
    ...o.needs,
  }
  const upkeep = stack.use(await openUpkeep(needs))
  const ana = await catalog.person('ana')
  const rest = stack.move()
  const datasets = during(guard!, catalog.datasets, ['add', 'update'])
  return {
    ...catalog,
    disk,
    guard: guard!,
    needs,
    upkeep,
    faults,
    ana,
    datasets,
    /** A new dataset of these files. */
    async add(name: string, contents: Record<string, string | Uint8Array>): Promise<Dataset> {
      const path = await writeFiles(join(catalog.path, name), contents)
      return (await datasets.add({ name, path }, ana)).dataset
    },
    reclaim: (dry = false) =>
      upkeep.reclaim({ dry, by: 'system', signal: new AbortController().signal }),
    scrub: () => upkeep.scrubNow({ signal: new AbortController().signal }),
    /** Paths that are not whole. */
    bad: async ({ id }: Dataset) => (await datasets.verify(id, ana)).bad,
    async cidOf({ versions }: Dataset, path: string): Promise<FileCid> {
      const reader = await openTree(disk, versions.at(-1)!.tree.root)
      const entry = await reader.find(path)
      if (entry?.kind !== 'file') throw new Error(`there is no ${path}`)
      return reader.cid(entry)
    },
    /** Kinds of the journal's records, and their data. */
    records: async (kind: string) =>
      (await Array.fromAsync(catalog.journal.read()))
        .filter((record) => record.kind === kind)
        .map(({ data }) => data),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

let seconds = 1_700_000_000

/** Each with a time of its own, so that no two trees share their times by chance. */
export async function writeFiles(
  folder: string,
  contents: Record<string, string | Uint8Array>,
): Promise<string> {
  for (const [path, content] of Object.entries(contents)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    await utimes(file, ++seconds, seconds)
  }
  return folder
}
