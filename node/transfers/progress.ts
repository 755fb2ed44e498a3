/**
 * How far each transfer is: counters that are shown, never believed. While it moves they are kept in
 * the index only, and losing them loses a number on a screen; how they stood at its end is recorded.
 */

import { type Fault, toWireFault, type WireFault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents, type Events } from '../base/events.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'

/** Bytes and files of content; manifests are not counted. All only grow within a transfer. */
export type Counters = {
  /** Already held by the destination, from this same source. */
  held: number
  /** Given to the line by the source, repeats included. */
  sent: number
  /** Arrived and verified at the destination, repeats included. */
  received: number
  /** What of the content the destination has by now; each byte once. */
  there: number
  /** Of `sent` or `received`: what belongs to the dataset, not to a workflow or its results. */
  dataset: number
  heldFiles: number
  doneFiles: number
  /** Metadata nodes (roots, pages, lists, times) that crossed. */
  nodes: number
  /** Manifest pages among them. */
  pages: number
}

export type Live = {
  counters: Counters
  fault?: WireFault | undefined
  bytesPerSecond: number
  sessions: number
}
/** `troubled`: it is the fault that is new. `more`: what was counted now. */
export type Ticked = {
  type: 'ticked'
  id: TransferId
  troubled: boolean
  more?: Partial<Counters>
}

export interface Progress {
  readonly events: Events<Ticked>
  load(id: TransferId): Promise<Live>
  /** Takes up the kept counters. What happens to a transfer that is not open is not counted. */
  open(id: TransferId): Promise<void>
  add(id: TransferId, more: Partial<Counters>): void
  /** Sets what is known as a total, such as what the other side tells of itself. */
  set(id: TransferId, known: Partial<Counters>): void
  /** The last thing that went wrong and is tried again; undefined once bytes flow. */
  trouble(id: TransferId, fault: Fault | undefined): void
  session(id: TransferId): Disposable
  /** Writes the counters to the index. */
  save(id: TransferId): Promise<void>
  /** What `save` would write, for a batch of the caller's. */
  change(id: TransferId): Change[]
  /** Saves, and forgets as soon as no session counts any more. */
  drop(id: TransferId): Promise<void>
}

/** The window over which the rate is taken, and the time between two marks in it, in milliseconds. */
const rateWindowMs = 5000
const markEveryMs = 100

const zero = (): Counters => ({
  held: 0,
  sent: 0,
  received: 0,
  there: 0,
  dataset: 0,
  heldFiles: 0,
  doneFiles: 0,
  nodes: 0,
  pages: 0,
})

type Entry = Live & { marks: { at: number; bytes: number }[]; over: boolean }

export function openProgress(needs: { db: Db; clock: Clock }): Progress {
  const { db, clock } = needs
  const live = new Map<TransferId, Entry>()
  const events = createEvents<Ticked>()

  const stored = async (id: TransferId): Promise<Counters> => ({
    ...zero(),
    ...(await db.get<Counters>(keys.progress(id))),
  })

  function rate(of: Entry): void {
    const at = clock.now()
    const bytes = of.counters.sent + of.counters.received
    const last = of.marks.at(-1)
    if (last !== undefined && at < last.at + markEveryMs) return
    of.marks.push({ at, bytes })
    while (of.marks.length > 2 && of.marks[0]!.at < at - rateWindowMs) of.marks.shift()
    const first = of.marks[0]!
    of.bytesPerSecond =
      at > first.at ? Math.round(((bytes - first.bytes) * 1000) / (at - first.at)) : 0
  }

  function change(id: TransferId): Change[] {
    const of = live.get(id)
    return of === undefined ? [] : [{ put: keys.progress(id), value: of.counters }]
  }

  return {
    events,
    async load(id) {
      const known = live.get(id)
      if (known !== undefined) {
        const idle = clock.now() - (known.marks.at(-1)?.at ?? 0) > rateWindowMs
        return idle ? { ...known, bytesPerSecond: 0 } : known
      }
      return { counters: await stored(id), bytesPerSecond: 0, sessions: 0 }
    },
    async open(id) {
      if (live.has(id)) return
      const counters = await stored(id)
      // Two may open at once: the first to finish wins, so that nothing counted meanwhile is lost.
      if (!live.has(id))
        live.set(id, { counters, bytesPerSecond: 0, sessions: 0, marks: [], over: false })
    },
    add(id, more) {
      const of = live.get(id)
      if (of === undefined) return
      for (const [name, by] of Object.entries(more)) of.counters[name as keyof Counters] += by
      if (more.sent || more.received) {
        of.fault = undefined
        rate(of)
      }
      events.emit({ type: 'ticked', id, troubled: false, more })
    },
    set(id, known) {
      const of = live.get(id)
      if (of === undefined) return
      Object.assign(of.counters, known)
      events.emit({ type: 'ticked', id, troubled: false })
    },
    trouble(id, fault) {
      const of = live.get(id)
      if (of === undefined) return
      of.fault = fault === undefined ? undefined : toWireFault(fault)
      events.emit({ type: 'ticked', id, troubled: fault !== undefined })
    },
    session(id) {
      const of = live.get(id)
      if (of === undefined) return { [Symbol.dispose]() {} }
      of.sessions++
      return {
        [Symbol.dispose]() {
          if (--of.sessions === 0 && of.over) live.delete(id)
        },
      }
    },
    change,
    save: (id) => db.write(change(id)),
    async drop(id) {
      const of = live.get(id)
      if (of === undefined) return
      of.over = true
      await db.write(change(id))
      if (of.sessions === 0) live.delete(id)
    },
  }
}
