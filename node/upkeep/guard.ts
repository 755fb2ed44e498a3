/**
 * The store as all other rooms have it while things may be removed from it. Whoever asks whether
 * something is held, or puts it once more, relies on it before any record names it; the guard
 * remembers that, so that a sweep leaves it alone, and lets nobody rely on what is being removed.
 *
 * What was touched is remembered until no work that began before it was forgotten is under way. That
 * is the order that makes a sweep safe: first remember, then look which records name what, then remove
 * what is neither named nor remembered.
 */
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes, blocksOf, fileCid, rootOf } from '../../protocol/unixfs.ts'
import type { Clock } from '../base/clock.ts'
import { sha256 } from '../store/sha256.ts'
import type { FileWriter, Incoming, Puts, Small, Stage, Store } from '../store/store.ts'
import { createFilter, type Filter } from './filter.ts'

/**
 * How long what was touched stays remembered while something arrives, in milliseconds: a page may be
 * on its way into the store when its files have been asked for already.
 */
export const settleMs = 15 * 60_000

export interface Guard {
  readonly store: Store
  /** Runs work that relies on content which only its last step, a record, will name. */
  during<T>(run: () => Promise<T>): Promise<T>
  /** To be called while no record is being decided (under the commit's serial). One at a time. */
  begin(o: { arriving: boolean }): Sweep
}

/** Until it is disposed of, nobody can believe what they remember of whole trees. */
export interface Sweep extends Disposable {
  /** Whether somebody has relied on it lately. */
  isTouched(cid: FileCid | Root): boolean
  /** Removes those that are not kept and not touched at the moment of removal; answers which. */
  remove(
    cids: readonly (FileCid | Root)[],
    isKept: (cid: FileCid | Root) => boolean,
  ): Promise<(FileCid | Root)[]>
  /** Removes parts of files that arrive no more; nothing begins to arrive meanwhile. */
  removePartials(isKept: (cid: FileCid) => boolean): Promise<number>
}

type Generation = { touched: Filter; closed?: { order: number; at: number } }

export function createGuard(store: Store, clock: Clock): Guard {
  let order = 0
  const underWay = new Set<number>()
  const open = (): Generation => ({ touched: createFilter(clock.random(4)) })
  let generations = [open()]
  let removing: { names: ReadonlySet<string>; done: Promise<void> } | undefined
  let clearing: Promise<unknown> | undefined
  /** Files whose names are just being found: as long as there are any, nothing is removed. */
  let naming = 0
  let named = () => {}
  let sweeps = 0

  /**
   * Whoever remembers that a tree is whole does not ask for its files, so nothing of it is touched.
   * While a sweep is under way such a memory is worth nothing, nor is one made meanwhile later on: no
   * two answers are the same, and none is one that the store itself will ever give.
   */
  function unlikeAny(): number {
    const bytes = clock.random(6)
    return 2 ** 52 + bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  }

  /** Those that are just being removed are waited for; the others do not wait for them. */
  async function touchAll(cids: readonly (FileCid | Root)[]): Promise<void> {
    for (let left = cids; ; ) {
      const { touched } = generations.at(-1)!
      const now = removing
      const waiting: (FileCid | Root)[] = []
      for (const cid of left) {
        if (now?.names.has(cid)) waiting.push(cid)
        else touched.add(cid)
      }
      if (waiting.length === 0) return
      await now!.done
      left = waiting
    }
  }

  const touch = (cid: FileCid | Root) => touchAll([cid])

  /** For what gets its name only at its end. */
  async function unremoved<T extends { cid: FileCid }>(run: () => Promise<T>): Promise<T> {
    while (removing !== undefined) await removing.done
    naming++
    try {
      const made = await run()
      generations.at(-1)!.touched.add(made.cid)
      return made
    } finally {
      naming--
      if (naming === 0) named()
    }
  }

  function guardPuts(puts: Puts): Puts {
    return {
      async putBlock(bytes) {
        await touch(rootOf(sha256, bytes))
        return puts.putBlock(bytes)
      },
      async putSmall(digest, bytes) {
        await touch(nameOf({ digest, bytes }))
        return puts.putSmall(digest, bytes)
      },
      async putSmalls(files, options) {
        const named = files.map((file) => ({ ...file, cid: file.cid ?? nameOf(file) }))
        await touchAll(named.map(({ cid }) => cid))
        return puts.putSmalls(named, options)
      },
    }
  }

  const guardWriter = (writer: FileWriter): FileWriter => ({
    append: (block) => writer.append(block),
    end: () => unremoved(() => writer.end()),
    discard: () => writer.discard(),
  })

  const guardStage = (stage: Stage): Stage => ({
    ...guardPuts(stage),
    writer: async () => guardWriter(await stage.writer()),
    refer: (cid, place) => stage.refer(cid, place),
    keep: (name) => stage.keep(name),
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  })

  const guardIncoming = (cid: FileCid, incoming: Incoming): Incoming => ({
    missing: () => incoming.missing(),
    get heldBytes() {
      return incoming.heldBytes
    },
    write: (index, bytes) => incoming.write(index, bytes),
    checkpoint: () => incoming.checkpoint(),
    async finish() {
      await touch(cid)
      return incoming.finish()
    },
    close: () => incoming.close(),
    discard: () => incoming.discard(),
  })

  return {
    store: {
      ...guardPuts(store),
      async has(cid) {
        await touch(cid)
        return store.has(cid)
      },
      async hasMany(cids) {
        await touchAll(cids)
        return store.hasMany(cids)
      },
      block: (cid) => store.block(cid),
      file: (cid, size, digests) => store.file(cid, size, digests),
      readSmalls: (files, into) => store.readSmalls(files, into),
      async put(cid, size, digests) {
        await touch(cid)
        while (clearing !== undefined) await clearing
        return guardIncoming(cid, await store.put(cid, size, digests))
      },
      flush: () => store.flush(),
      stage: async () => guardStage(await store.stage()),
      sweepPartials: (keep) => store.sweepPartials(keep),
      remove: (cids) => store.remove(cids),
      list: () => store.list(),
      compact: (o) => store.compact(o),
      still: (run) => store.still(run),
      check: (cid, o) => store.check(cid, o),
      quarantine: (cid) => store.quarantine(cid),
      get damages() {
        return sweeps === 0 ? store.damages : unlikeAny()
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    },

    async during(run) {
      const mine = order++
      underWay.add(mine)
      try {
        return await run()
      } finally {
        underWay.delete(mine)
      }
    },

    begin({ arriving }) {
      const oldest = Math.min(...underWay, order)
      const now = clock.now()
      generations.at(-1)!.closed = { order: order++, at: now }
      generations = generations.filter(({ closed }) => {
        if (closed === undefined || closed.order > oldest) return true
        return arriving && closed.at > now - settleMs
      })
      generations.push(open())
      sweeps++
      let ended = false
      const isTouched = (cid: FileCid | Root) => generations.some(({ touched }) => touched.has(cid))
      return {
        isTouched,
        async remove(cids, isKept) {
          while (naming > 0) await new Promise<void>((resolve) => (named = resolve))
          // From this look to the removal nothing else runs, and from then on touching waits.
          const gone = cids.filter((cid) => !isKept(cid) && !isTouched(cid))
          const { promise, resolve } = Promise.withResolvers<void>()
          removing = { names: new Set(gone), done: promise }
          try {
            await store.remove(gone)
          } finally {
            removing = undefined
            resolve()
          }
          return gone
        },
        async removePartials(isKept) {
          const sweeping = store.sweepPartials((cid) => isKept(cid) || isTouched(cid))
          clearing = sweeping.catch(() => {})
          try {
            return await sweeping
          } finally {
            clearing = undefined
          }
        },
        [Symbol.dispose]() {
          if (!ended) sweeps--
          ended = true
        },
      }
    },
  }
}

/** As the store will name it, if the bytes are what the digest says. */
function nameOf({ digest, bytes }: Small): FileCid {
  const size = Math.min(bytes.byteLength, blockBytes)
  return fileCid(sha256, size, blocksOf(size) === 0 ? new Uint8Array(0) : digest)
}

type Work = (...args: readonly unknown[]) => Promise<unknown>

/** The same door; what these of its functions do is work under way, from their call to their end. */
export function during<T extends object>(guard: Guard, door: T, names: readonly (keyof T)[]): T {
  const works = names.map((name) => {
    const work = door[name] as Work
    return [name, (...args: unknown[]) => guard.during(() => work(...args))]
  })
  return { ...door, ...Object.fromEntries(works) }
}
