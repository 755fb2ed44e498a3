/**
 * Transfers as they move, as server-sent events. What moved is looked at once and written once, whoever
 * listens; each reader takes it when its line is free. A transfer that moved often while its reader was
 * busy is told once, as it is now: what waits for a reader is at most one event for each transfer.
 */
import { z } from 'zod'
import type { EventsName, Input } from '../../api/routes.ts'
import { transferView } from '../../api/shapes.ts'
import { writeEvent } from '../../api/sse.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { TransferId, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { may } from '../people/permissions.ts'
import type { User, Users } from '../people/users.ts'
import { Unknown } from './answers.ts'
import type { TransfersDoor } from './doors.ts'
import { needTransfer } from './handlers/transfers.ts'
import type { Stream } from './stream.ts'

/** Between two tellings, in milliseconds. */
export const tellMs = 200
/** Transfers that may wait to be told to one reader; with more it is dropped, and reads the list. */
export const waitingMax = 1000

/** Streams of one person at one time. */
export const streamsMax = 64

export type Watch = (stream: Stream) => Promise<void>

/** One event, written once for all who hear it. */
type Told = { readonly user: UserId; readonly text: string; readonly isOver: boolean }

type Wanted = (by: User, id: TransferId, told: Told) => boolean

interface Reader extends Disposable {
  /** All that waits; of what moves meanwhile only the newest. Faults when the reader may hear no more. */
  next(): Promise<readonly Told[]>
}

export interface Live {
  /** Rights are asked before the stream opens, so that a no is an ordinary answer. */
  start(
    name: EventsName,
    input: Input<EventsName>,
    of: { by: User; signal: AbortSignal },
  ): Promise<Watch>
}

export type LiveNeeds = {
  readonly transfers: TransfersDoor
  readonly users: Pick<Users, 'get'>
  readonly clock: Clock
}

export function createLive({ transfers, users, clock }: LiveNeeds): Live {
  type Listener = {
    by: User
    isWanted: Wanted
    waiting: Map<TransferId, Told>
    failed: Fault | undefined
    wake: () => void
  }
  const listeners = new Set<Listener>()
  let hearing: Disposable | undefined
  let moved = new Set<TransferId>()
  let isTurning = false
  let hurried = new AbortController()

  function hear({ id, over }: { id: TransferId; over?: boolean }): void {
    moved.add(id)
    if (over) hurried.abort()
    if (isTurning) return
    isTurning = true
    void turn()
  }

  /** Tells what moved, and what moved meanwhile, until nothing does. */
  async function turn(): Promise<void> {
    try {
      while (moved.size > 0 && listeners.size > 0) {
        await renewPeople()
        const ids = moved
        moved = new Set()
        hurried = new AbortController()
        for (const id of ids) await pass(id)
        for (const one of listeners) if (one.waiting.size > 0 || one.failed) one.wake()
        await clock.sleep(tellMs, { signal: hurried.signal }).catch(() => {})
      }
    } catch (thrown) {
      for (const one of listeners) fail(one, asFault(thrown, 'http.watch'))
    } finally {
      isTurning = false
    }
  }

  async function pass(id: TransferId): Promise<void> {
    const told = await tell(id)
    if (told === undefined) return
    for (const one of listeners) {
      if (!one.isWanted(one.by, id, told)) continue
      one.waiting.set(id, told)
      if (one.waiting.size > waitingMax) fail(one, tooMany())
    }
  }

  async function tell(id: TransferId): Promise<Told | undefined> {
    try {
      const { user } = await transfers.need(id)
      const view = await transfers.view(id)
      const text = writeEvent('value', z.encode(transferView, view))
      return { user, text, isOver: view.endedAt !== undefined }
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.kind === 'missing') return undefined
      throw thrown
    }
  }

  /** Whoever was removed since the stream began hears nothing more. */
  async function renewPeople(): Promise<void> {
    const now = new Map<UserId, User | undefined>()
    for (const one of listeners) {
      if (!now.has(one.by.id)) now.set(one.by.id, await users.get(one.by.id))
      const by = now.get(one.by.id)
      if (by?.at === 'active') one.by = by
      else fail(one, new Unknown())
    }
  }

  function fail(one: Listener, fault: Fault): void {
    one.failed = fault
    one.wake()
  }

  function listen(by: User, isWanted: Wanted, signal: AbortSignal): Reader {
    const one: Listener = { by, isWanted, waiting: new Map(), failed: undefined, wake() {} }
    const onAbort = () => one.wake()
    signal.addEventListener('abort', onAbort)
    listeners.add(one)
    hearing ??= transfers.events.on(hear)
    return {
      async next() {
        for (;;) {
          signal.throwIfAborted()
          if (one.failed !== undefined) throw one.failed
          if (one.waiting.size > 0) {
            const all = [...one.waiting.values()]
            one.waiting.clear()
            return all
          }
          await new Promise<void>((resolve) => {
            one.wake = resolve
          })
        }
      },
      [Symbol.dispose]() {
        signal.removeEventListener('abort', onAbort)
        listeners.delete(one)
        if (listeners.size > 0) return
        hearing?.[Symbol.dispose]()
        hearing = undefined
        moved.clear()
      },
    }
  }

  async function watchAll(by: User, stream: Stream, signal: AbortSignal): Promise<void> {
    const isMine: Wanted = (now, _id, { user }) => may(now, 'transfer.read', { user })
    using reader = listen(by, isMine, signal)
    for (;;) await stream.write((await reader.next()).map(({ text }) => text).join(''))
  }

  async function followOne(by: User, id: TransferId, stream: Stream, signal: AbortSignal) {
    const isIt: Wanted = (now, one, { user }) => one === id && may(now, 'transfer.read', { user })
    using reader = listen(by, isIt, signal)
    let told = await tell(id)
    for (;;) {
      if (told !== undefined) await stream.write(told.text)
      if (told?.isOver) return stream.send('end', {})
      told = (await reader.next())[0]
    }
  }

  return {
    async start(name, input, { by, signal }) {
      const theirs = [...listeners].filter((one) => one.by.id === by.id).length
      if (theirs >= streamsMax) throw tooManyStreams()
      if (name === 'transfers.watch') return (stream) => watchAll(by, stream, signal)
      const { id } = input as Input<'transfers.follow'>
      await needTransfer(transfers, id, by, 'transfer.read')
      return (stream) => followOne(by, id, stream, signal)
    },
  }
}

function tooManyStreams(): Fault {
  return new Fault('busy', 'http.watch', {
    text: `You hear events at ${streamsMax} places already. Close some of them, then ask again.`,
  })
}

function tooMany(): Fault {
  return new Fault('busy', 'http.watch', {
    text: `More than ${waitingMax} transfers moved while you read. Read the list, then watch again.`,
  })
}
