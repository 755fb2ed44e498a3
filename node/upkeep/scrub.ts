/**
 * Reads every held byte and hashes it again, within so many days, over and over. The store is taken in
 * 256 parts by the last byte of a name; the part that was begun last is kept in the index, so that a
 * start goes on there, and whoever loses the index only begins again.
 *
 * What is damaged is put in quarantine, so that it can arrive again, and named. A file left in place
 * that has changed is named only: it is somebody else's.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { blockBytes } from '../../protocol/unixfs.ts'
import type { Clock } from '../base/clock.ts'
import { createPool } from '../base/work.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Place, Reading, Store } from '../store/store.ts'
import { type Bad, type Damages, damagesMax } from './damages.ts'
import { slicesCount } from './filter.ts'
import { checkInPlace } from './in-place.ts'
import { type Amount, type Name, namesFrom } from './names.ts'
import { createPace, paceOf } from './pace.ts'
import { type Pin, walkPinned } from './pins.ts'

const dayMs = 86_400_000
/** How long after a start, or after a pass that failed, the next one goes on, in milliseconds. */
export const scrubDelayMs = 60_000
/** Between two times that the position is kept, in milliseconds. */
const saveEveryMs = 10_000
/** Names asked for at one time. */
const namesAtOnce = 1000

/** Where it is. Counts are of the pass that runs. */
type Position = {
  slice: number
  startedAt: number
  things: number
  bytes: number
  last?: { at: number; things: number; bytes: number }
}

export type ScrubView = {
  days: number
  state: 'off' | 'waiting' | 'running' | 'at once'
  /** Of the pass that runs, or was begun. */
  percent: number
  things: number
  bytes: number
  /** While it runs. */
  bytesPerSecond: number
  startedAt?: number
  last?: { at: number; things: number; bytes: number }
}

export type Scrubbed = { things: number; bytes: number; found: number }

export type ScrubNeeds = {
  readonly db: Db
  readonly store: Store
  readonly clock: Clock
  /** 0: only when asked. */
  readonly days: number
  readonly damages: Damages
  pins(): AsyncIterable<Pin>
  log(fault: Fault): void
}

type Progress = {
  files: number
  bytes: number
  filesTotal?: number | undefined
  bytesTotal?: number | undefined
}

export interface Scrub extends AsyncDisposable {
  view(): ScrubView
  /** From now on it goes on by itself, unless it is off. */
  start(): Promise<void>
  /** A whole pass, as fast as the disk. The one that goes on by itself waits and counts it as its own. */
  runNow(o: {
    signal: AbortSignal
    onProgress?: ((progress: Progress) => void) | undefined
  }): Promise<Scrubbed>
  /** Looks again at what was found damaged: what has come again, or is not needed any more, is mended. */
  recheck(): Promise<void>
}

export function openScrub(needs: ScrubNeeds): Scrub {
  const { db, store, clock, days, damages } = needs
  const inTurn = createPool({ limit: 1, waitingMax: 16 })
  const closing = new AbortController()
  const working = new Set<Promise<unknown>>()
  let position: Position = begun(undefined)
  let state: ScrubView['state'] = days === 0 ? 'off' : 'waiting'
  let held = 0
  let due: Disposable | undefined
  /** Ends the pass that goes on by itself, for one that was asked for. */
  let yielding = new AbortController()

  function begun(last: Position['last']): Position {
    const fresh = { slice: 0, startedAt: clock.now(), things: 0, bytes: 0 }
    return last === undefined ? fresh : { ...fresh, last }
  }

  function tracked<T>(run: Promise<T>): Promise<T> {
    working.add(run)
    return run.finally(() => working.delete(run))
  }

  const save = () => db.write([{ put: keys.meta('scrub'), value: position }])

  function schedule(ms: number): void {
    due?.[Symbol.dispose]()
    if (days === 0 || closing.signal.aborted) return
    due = clock.after(ms, () => void tracked(runByItself()))
  }

  async function runByItself(): Promise<void> {
    const signal = AbortSignal.any([closing.signal, yielding.signal])
    let next = scrubDelayMs
    try {
      await inTurn.run(
        async () => {
          state = 'running'
          await pass({ signal, fast: false, save })
        },
        { signal },
      )
      next = untilDue()
    } catch (thrown) {
      if (closing.signal.aborted) return
      if (!yielding.signal.aborted) needs.log(asFault(thrown, 'scrub.run'))
    }
    if (state === 'running') state = 'waiting'
    schedule(next)
  }

  const untilDue = () =>
    Math.max(0, (position.last === undefined ? 0 : position.startedAt + days * dayMs) - clock.now())

  /** From where `position` is to the end, and then one more is begun, which has yet to start. */
  async function pass(o: {
    signal: AbortSignal
    fast: boolean
    save(): Promise<void>
    onProgress?: ((progress: Progress) => void) | undefined
  }): Promise<Scrubbed> {
    let found = 0
    let savedAt = clock.now()
    const rate = () => (o.fast ? Number.POSITIVE_INFINITY : paceOf(held, days || 1))
    const pace = createPace(clock, rate, o.signal)
    while (position.slice < slicesCount) {
      const group = await namesFrom(needs, position.slice, o.signal)
      held = group.total.bytes
      for (const names of group.slices) {
        const before = { ...position }
        try {
          found += await settle(await checkAll(names, group.total, pace, o), o.signal)
        } catch (thrown) {
          // The part is not done, so it is taken from its beginning again.
          position = before
          throw thrown
        }
        position.slice++
        if (clock.now() - savedAt < saveEveryMs) continue
        await o.save()
        savedAt = clock.now()
      }
    }
    found += await settle(await findMissing(o.signal), o.signal)
    await recheck(true)
    const { startedAt, things, bytes } = position
    position = { ...begun({ at: clock.now(), things, bytes }), startedAt }
    await save()
    return { things, bytes, found }
  }

  /** Every thing of one part, and what is bad of it. */
  async function checkAll(
    names: readonly Name[],
    total: Amount,
    pace: (bytes: number) => Promise<void>,
    o: { signal: AbortSignal; onProgress?: ((progress: Progress) => void) | undefined },
  ): Promise<Bad[]> {
    const bad: Bad[] = []
    for (const name of names) {
      o.signal.throwIfAborted()
      const found = await checkOne(name, { signal: o.signal, pace })
      if (found !== undefined) bad.push(found)
      position.things++
      position.bytes += name.bytes
      const { things, bytes } = position
      o.onProgress?.({
        files: things,
        bytes,
        filesTotal: Math.max(things, total.things),
        bytesTotal: Math.max(bytes, total.bytes),
      })
    }
    return bad
  }

  async function checkOne(
    { cid, bytes, isLeft }: Name,
    reading: { signal: AbortSignal; pace(bytes: number): Promise<void> },
  ): Promise<Bad | undefined> {
    if (!isLeft) {
      // What is larger is waited for block by block, while it is read.
      if (bytes <= blockBytes) await reading.pace(bytes)
      return (await isDamaged(store, cid, reading)) ? { cid, found: 'damaged', bytes } : undefined
    }
    // What the store holds itself is read from there, whatever became of the file.
    if (await store.has(cid)) return undefined
    const places = (await db.get<Place[]>(keys.place(cid))) ?? []
    if ((await checkInPlace(cid as FileCid, places, reading)) === 'whole') return undefined
    return { cid, found: 'changed', bytes, place: places[0]?.path }
  }

  /** Out of the way first, so that it can arrive again while its owners are still looked for. */
  async function settle(bad: readonly Bad[], signal: AbortSignal): Promise<number> {
    for (const { cid, found } of bad) if (found === 'damaged') await store.quarantine(cid)
    return (await damages.add(bad, clock.now(), signal)).length
  }

  /** What is pinned and neither held nor in place: no list of what is held can tell. */
  async function findMissing(signal: AbortSignal): Promise<Bad[]> {
    const bad = new Map<string, Bad>()
    const known = new Set<string>()
    let asked: (FileCid | Root)[] = []
    async function ask(): Promise<void> {
      const cids = asked
      asked = []
      for (const [i, has] of (await store.hasMany(cids)).entries()) {
        const cid = cids[i]!
        if (has || damages.has(cid)) continue
        if ((await db.get(keys.place(cid))) === undefined)
          bad.set(cid, { cid, found: 'missing', bytes: 0 })
      }
    }
    for await (const pin of needs.pins()) {
      if (pin.arriving) continue
      for await (const { cid } of walkPinned(pin.tree, { store, known, signal, onLost() {} })) {
        if (asked.push(cid) >= namesAtOnce) await ask()
        // So many are not told one by one: adding them says what to do.
        if (bad.size > damagesMax) return [...bad.values()]
      }
    }
    await ask()
    return [...bad.values()]
  }

  /** Files left in place are read only in a pass: nothing that happens here puts one back. */
  async function recheck(inPlace: boolean): Promise<void> {
    if (damages.count === 0) return
    const pinned = new Set<string>()
    for await (const pin of needs.pins()) {
      pinned.add(`${pin.kind} ${pin.id} ${pin.version}`)
      if (pin.latest) pinned.add(`${pin.kind} ${pin.id} ${pin.version} latest`)
    }
    const mended: (FileCid | Root)[] = []
    for (const { cid, found, owners } of damages.list()) {
      closing.signal.throwIfAborted()
      const end = found === 'changed' ? ' latest' : ''
      const isNeeded = owners.some((o) => pinned.has(`${o.kind} ${o.id} ${o.version}${end}`))
      const isRead = found !== 'changed' || inPlace
      if (!isNeeded || (isRead && (await isWhole(cid, found)))) mended.push(cid)
    }
    await damages.mend(mended)
  }

  async function isWhole(cid: FileCid | Root, found: Bad['found']): Promise<boolean> {
    if (await store.has(cid)) {
      if (!(await isDamaged(store, cid, { signal: closing.signal }))) return true
      await store.quarantine(cid)
      return false
    }
    if (found !== 'changed') return false
    const places = (await db.get<Place[]>(keys.place(cid))) ?? []
    const reading = { signal: closing.signal, pace: async () => {} }
    return (await checkInPlace(cid as FileCid, places, reading)) === 'whole'
  }

  return {
    view() {
      const { slice, things, bytes, startedAt, last } = position
      const isBegun = state === 'running' || state === 'at once' || slice > 0
      return {
        days,
        state,
        percent: Math.floor((slice / slicesCount) * 1000) / 10,
        things,
        bytes,
        bytesPerSecond: state === 'running' ? paceOf(held, days || 1) : 0,
        ...(isBegun ? { startedAt } : {}),
        ...(last === undefined ? {} : { last }),
      }
    },
    async start() {
      const kept = await db.get<Position>(keys.meta('scrub'))
      if (kept !== undefined) position = kept
      const isUnderWay = position.slice > 0
      schedule(isUnderWay ? scrubDelayMs : Math.max(scrubDelayMs, untilDue()))
    },
    runNow: ({ signal: asked, onProgress }) => {
      const signal = AbortSignal.any([asked, closing.signal])
      yielding.abort(new Fault('busy', 'scrub.run', { text: 'A scrub was asked for.' }))
      const run = inTurn.run(
        async () => {
          yielding = new AbortController()
          const before = position
          position = begun(position.last)
          state = 'at once'
          try {
            return await pass({ signal, fast: true, save: async () => {}, onProgress })
          } catch (thrown) {
            position = before
            throw thrown
          } finally {
            state = days === 0 ? 'off' : 'waiting'
            schedule(Math.max(scrubDelayMs, position.slice > 0 ? 0 : untilDue()))
          }
        },
        { signal },
      )
      return tracked(run)
    },
    recheck: () => tracked(recheck(false)),
    async [Symbol.asyncDispose]() {
      due?.[Symbol.dispose]()
      closing.abort(new Fault('busy', 'scrub.stop', { text: 'The site is stopping.' }))
      await Promise.allSettled(working)
    },
  }
}

/** A disk may misread once; what is misread twice is put away. */
async function isDamaged(store: Store, cid: FileCid | Root, o: Reading): Promise<boolean> {
  return (await looksDamaged(store, cid, o)) && looksDamaged(store, cid, o)
}

async function looksDamaged(store: Store, cid: FileCid | Root, o: Reading): Promise<boolean> {
  try {
    return (await store.check(cid, o)) === 'damaged'
  } catch (thrown) {
    o.signal?.throwIfAborted()
    const fault = asFault(thrown, 'scrub.check', cid)
    // A sector that cannot be read at all.
    if (fault.kind === 'corrupt') return true
    throw fault
  }
}
