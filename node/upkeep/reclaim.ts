/**
 * Gives back the space of what nobody holds: removed datasets, versions and workflows, transfers that
 * came to nothing, parts of manifests that dry runs left. One at a time, by itself and when asked.
 *
 * First the guard remembers whatever is relied on from now on; then every pin is walked into a set of
 * names; a record that pins more meanwhile is walked too before the next thing goes. What is in
 * neither set is removed, a few at a time. Whatever stops it, the next one begins anew.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes } from '../../protocol/unixfs.ts'
import type { Clock } from '../base/clock.ts'
import { createPool } from '../base/work.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Actor, JournalRecord } from '../journal/journal.ts'
import { createFilter, type Filter } from './filter.ts'
import type { Guard } from './guard.ts'
import { nameOf, type Pin, type PinKind, walkPinned } from './pins.ts'

/** Between two that begin by themselves, in milliseconds. */
export const reclaimEveryMs = 24 * 60 * 60_000
/** How long after something was let go one begins by itself, in milliseconds. */
export const reclaimDelayMs = 10 * 60_000
/** Things removed in one go; whoever needs one of these just then waits for them. */
const batchThings = 256
/** Things looked at between two rests of one that was not asked for. */
const restThings = 4096
/** Things looked at before others have their turn. */
const turnThings = 512
/** Small things that wait on a full disk until larger ones are gone. */
const postponedMax = 100_000
/** Parts of manifests that cannot be read, named in a fault. */
const unreadableMax = 100

export type Amount = { things: number; bytes: number }
export type Held = Readonly<Record<PinKind | 'used' | 'nobody', Amount>>

export type Reclaimed = {
  /** What the store itself holds, each thing counted once: for the first of these that pins it. */
  held: Held
  /** What was removed, or in a dry run nothing. */
  removed: Amount & { partials: number }
  /** Bytes that rewritten packs gave back; those of what was removed just now among them. */
  compacted: number
  /** Parts of manifests that cannot be read: while there are any, nothing is removed. */
  unreadable: string[]
}

export type ReclaimOptions = {
  readonly dry: boolean
  readonly by: Actor
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: { files: number; bytes: number }) => void) | undefined
}

export type ReclaimNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly clock: Clock
  readonly guard: Guard
  /** The store itself, of which nothing is remembered as used. */
  readonly store: Guard['store']
  /** Every tree that must stay. */
  pins(): AsyncIterable<Pin>
  /** The trees that this record pins. */
  pinsIn(record: JournalRecord): readonly Pin[]
  /** Whether something may be held by nobody after this record. */
  frees(record: JournalRecord): boolean
  /** Whether anything is arriving from another site. */
  arriving(): Promise<boolean>
  isDamaged(cid: FileCid | Root): boolean
  log(fault: Fault): void
}

export interface Reclaim extends AsyncDisposable {
  /** Faults `corrupt` when a manifest cannot be read, and then removes nothing. */
  run(o: ReclaimOptions): Promise<Reclaimed>
  /** Runs what must find everything in its place: nothing is reclaimed meanwhile. */
  without<T>(run: () => Promise<T>, o: { signal: AbortSignal }): Promise<T>
  /** From now on it begins by itself, too. */
  start(): Promise<void>
}

export function openReclaim(needs: ReclaimNeeds): Reclaim {
  const { commit, db, clock } = needs
  const inTurn = createPool({ limit: 1, waitingMax: 16 })
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()
  let due: Disposable | undefined
  let dueAt = Number.POSITIVE_INFINITY

  async function run(o: ReclaimOptions & { rests?: boolean }): Promise<Reclaimed> {
    const signal = AbortSignal.any([o.signal, closing.signal])
    const done = inTurn.run(() => reclaimOnce(needs, { ...o, signal }), { signal })
    running.add(done)
    try {
      return await done
    } finally {
      running.delete(done)
    }
  }

  async function runByItself(): Promise<void> {
    dueAt = Number.POSITIVE_INFINITY
    try {
      await run({ dry: false, by: 'system', signal: closing.signal, rests: true })
    } catch (thrown) {
      if (closing.signal.aborted) return
      needs.log(asFault(thrown, 'reclaim.run'))
    }
    await db.write([{ put: keys.meta('reclaimed'), value: clock.now() }]).catch(() => {})
    schedule(reclaimEveryMs)
  }

  function schedule(ms: number): void {
    const at = clock.now() + ms
    if (closing.signal.aborted || dueAt <= at) return
    due?.[Symbol.dispose]()
    dueAt = at
    due = clock.after(ms, () => void runByItself())
  }

  const listening = commit.on((record) => {
    if (needs.frees(record)) schedule(reclaimDelayMs)
  })

  return {
    run,
    without: (still, o) => inTurn.run(still, o),
    async start() {
      const last = await db.get<number>(keys.meta('reclaimed'))
      const sinceMs = last === undefined ? reclaimEveryMs : clock.now() - last
      schedule(Math.max(reclaimDelayMs, reclaimEveryMs - sinceMs))
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      due?.[Symbol.dispose]()
      closing.abort(new Fault('busy', 'reclaim.stop', { text: 'The site is stopping.' }))
      await Promise.allSettled(running)
    },
  }
}

async function reclaimOnce(
  needs: ReclaimNeeds,
  o: ReclaimOptions & { rests?: boolean },
): Promise<Reclaimed> {
  const { commit, store, guard, clock } = needs
  const waiting: Pin[] = []
  using _listening = commit.on((record) => void waiting.push(...needs.pinsIn(record)))
  // No import is between reading the records and writing its own while the guard turns its page.
  using sweep = await commit.serial(async () => guard.begin({ arriving: await needs.arriving() }))
  let restedAt = clock.now()
  /** As long as it worked it rests: half of the time is everybody else's. */
  async function rest(things: number): Promise<void> {
    if (!o.rests || things % restThings !== 0) return
    await clock.sleep(clock.now() - restedAt, { signal: o.signal })
    restedAt = clock.now()
  }
  const marks = createMarks(needs, o.signal, rest)
  for await (const pin of needs.pins()) await marks.add(pin)

  const held = noneHeld()
  const removed = { things: 0, bytes: 0, partials: 0 }
  let compacted = 0
  const seen = { files: 0, bytes: 0 }
  let batch: Name[] = []
  const postponed: Name[] = []

  async function markWaiting(): Promise<void> {
    while (waiting.length > 0) await marks.add(waiting.shift()!)
    if (!o.dry && marks.unreadable.length > 0) throw unreadableFault(marks.unreadable)
  }

  async function removeAll(names: readonly Name[]): Promise<void> {
    const bytesOf = new Map(names.map(({ cid, bytes }) => [cid, bytes]))
    let left = names.map(({ cid }) => cid)
    while (left.length > 0) {
      await markWaiting()
      // What a record pins in the last moment is not known yet, so then nothing goes.
      let late = false
      const gone = await sweep.remove(left, (cid) => {
        late ||= waiting.length > 0
        return late || marks.kindOf(cid) !== undefined
      })
      for (const cid of gone) {
        removed.things++
        removed.bytes += bytesOf.get(cid)!
      }
      if (!late) return
      left = left.filter((cid) => marks.kindOf(cid) === undefined)
    }
  }

  /** On a full disk small things wait: to forget them takes room, which large ones may give. */
  async function removeBatch(): Promise<void> {
    const names = batch
    batch = []
    try {
      await removeAll(names)
    } catch (thrown) {
      const isFull = thrown instanceof Fault && thrown.kind === 'full'
      if (!isFull || postponed.length > postponedMax) throw thrown
      const isLarge = ({ bytes }: Name) => bytes > blockBytes
      postponed.push(...names.filter((name) => !isLarge(name)))
      await removeAll(names.filter(isLarge))
    }
  }

  try {
    await markWaiting()
    for await (const { cid, bytes } of store.list()) {
      o.signal.throwIfAborted()
      const why = marks.kindOf(cid) ?? (sweep.isTouched(cid) ? 'used' : 'nobody')
      held[why].things++
      held[why].bytes += bytes
      seen.files++
      seen.bytes += bytes
      o.onProgress?.({ ...seen })
      if (why === 'nobody' && !o.dry && batch.push({ cid, bytes }) >= batchThings)
        await removeBatch()
      if (seen.files % turnThings === 0) await turn()
      await rest(seen.files)
    }
    await removeBatch()
    while (postponed.length > 0) await removeAll(postponed.splice(0, batchThings))
    if (!o.dry) {
      removed.partials = await sweep.removePartials((cid) => marks.kindOf(cid) !== undefined)
      compacted = (await store.compact({ signal: o.signal })).bytes
    }
  } finally {
    // Also of one that was stopped: what is gone is gone.
    if (removed.things + removed.partials + compacted > 0)
      await commit('reclaim.done', o.by, { ...removed, compacted }).catch((thrown) => {
        // A journal that has no room yet must not hide that something was given back.
        if (!(thrown instanceof Fault) || thrown.kind !== 'full') throw thrown
        needs.log(thrown)
      })
  }
  return { held, removed, compacted, unreadable: marks.unreadable }
}

type Name = { cid: FileCid | Root; bytes: number }

function noneHeld(): Record<keyof Held, Amount> {
  const none = () => ({ things: 0, bytes: 0 })
  return {
    ...{ dataset: none(), workflow: none(), transfer: none(), hold: none() },
    ...{ used: none(), nobody: none() },
  }
}

interface Marks {
  add(pin: Pin): Promise<void>
  kindOf(cid: FileCid | Root): PinKind | undefined
  readonly unreadable: string[]
}

function createMarks(
  needs: ReclaimNeeds,
  signal: AbortSignal,
  rest: (things: number) => Promise<void>,
): Marks {
  const filters: Partial<Record<PinKind, Filter>> = {}
  const known = new Set<string>()
  const unreadable: string[] = []
  let marked = 0
  return {
    unreadable,
    async add(pin) {
      filters[pin.kind] ??= createFilter(needs.clock.random(4))
      const filter = filters[pin.kind]!
      const walk = walkPinned(pin.tree, {
        store: needs.store,
        known,
        signal,
        onLost({ cid, path }, { kind }) {
          // What has yet to arrive is not lost; what was found to be damaged is.
          if (pin.arriving && kind === 'missing' && !needs.isDamaged(cid)) return
          if (unreadable.length < unreadableMax) unreadable.push(`${nameOf(pin)}: ${path}`)
        },
      })
      for await (const { cid } of walk) {
        filter.add(cid)
        await rest(++marked)
      }
    },
    kindOf(cid) {
      for (const kind of ['dataset', 'workflow', 'transfer', 'hold'] as const)
        if (filters[kind]?.has(cid)) return kind
      return undefined
    },
  }
}

function unreadableFault(list: readonly string[]): Fault {
  return new Fault('corrupt', 'reclaim.run', {
    list: [...list],
    text: 'A part of a manifest cannot be read, so nobody can tell which files it names: nothing was removed. crossload scrub says who can send it again; or remove what it belongs to.',
  })
}
