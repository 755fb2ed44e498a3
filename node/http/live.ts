/**
 * Transfers as they move, and how much is unread, as server-sent events. What moved is looked at once
 * and written once, whoever listens; each reader takes it when its line is free. A transfer that moved
 * often while its reader was busy is told once, as it is now: what waits for a reader is at most one
 * event for each transfer.
 */
import { z } from 'zod'
import { watchView } from '../../api/notices-shapes.ts'
import type { EventsName, Input } from '../../api/routes.ts'
import { transferView } from '../../api/shapes.ts'
import { eventOf } from '../../api/sse.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { TransferId, UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { may } from '../people/permissions.ts'
import type { User, Users } from '../people/users.ts'
import { Unknown } from './answers.ts'
import type { Doors, TransfersDoor } from './doors.ts'
import { needTransfer } from './handlers/transfers.ts'
import type { Stream } from './stream.ts'

/** Between two tellings, in milliseconds. */
export const tellMs = 200
/** Transfers that may wait to be told to one reader; with more it is dropped, and reads the list. */
export const waitingMax = 1000

/** Streams of one person at one time. */
export const streamsMax = 64

export type Watch = (stream: Stream) => Promise<void>

/** A transfer as it is now, written as JSON once for all who hear it. */
type Told = { readonly user: UserId; readonly json: string; readonly isOver: boolean }

type Wanted = (by: User, id: TransferId, told: Told) => boolean

interface Reader extends Disposable {
  /** All that waits; of what moves meanwhile only the newest. Faults when the reader may hear no more. */
  next(): Promise<readonly Told[]>
}

export type Hearing = { readonly by: User; readonly signal: AbortSignal }

export interface Live {
  /** Rights are asked before the stream opens, so that a no is an ordinary answer. */
  start(name: EventsName, input: Input<EventsName>, of: Hearing): Promise<Watch>
}

export type LiveNeeds = {
  readonly transfers: TransfersDoor
  readonly notices: Pick<Doors['notices'], 'events' | 'unread'>
  readonly users: Pick<Users, 'get'>
  readonly clock: Clock
}

export function createLive({ transfers, notices, users, clock }: LiveNeeds): Live {
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
      const json = JSON.stringify(z.encode(transferView, view))
      return { user, json, isOver: view.endedAt !== undefined }
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

  async function watchAll({ by, signal }: Hearing, stream: Stream, write = asItIs): Promise<void> {
    const isMine: Wanted = (now, _id, { user }) => may(now, 'transfer.read', { user })
    using reader = listen(by, isMine, signal)
    for (;;) await stream.write((await reader.next()).map(write).join(''))
  }

  /** One stream for everything: a browser has only a few to one site, over all its windows. */
  async function watchMine({ by, signal }: Hearing, stream: Stream): Promise<void> {
    const failing = new AbortController()
    const of = { by, signal: AbortSignal.any([signal, failing.signal]) }
    const send = (unread: number) => stream.send('value', z.encode(watchView, { unread }))
    const watches = [
      watchAll(of, stream, ({ json }) => eventOf('value', `{"transfer":${json}}`)),
      watchUnread({ notices, clock, ...of }, send),
    ]
    try {
      await Promise.all(watches)
    } finally {
      // Whichever ends first ends the other, and what it then throws is of no interest.
      failing.abort()
      await Promise.allSettled(watches)
    }
  }

  async function followOne({ by, signal }: Hearing, id: TransferId, stream: Stream) {
    const isIt: Wanted = (now, one, { user }) => one === id && may(now, 'transfer.read', { user })
    using reader = listen(by, isIt, signal)
    let told = await tell(id)
    for (;;) {
      if (told !== undefined) await stream.write(asItIs(told))
      if (told?.isOver) return stream.send('end', {})
      told = (await reader.next())[0]
    }
  }

  return {
    async start(name, input, of) {
      const { by } = of
      const theirs = [...listeners].filter((one) => one.by.id === by.id).length
      if (theirs >= streamsMax) throw tooManyStreams()
      if (name === 'transfers.watch') return (stream) => watchAll(of, stream)
      if (name === 'notices.watch') return (stream) => watchMine(of, stream)
      const { id } = input as Input<'transfers.follow'>
      await needTransfer(transfers, id, by, 'transfer.read')
      return (stream) => followOne(of, id, stream)
    },
  }
}

const asItIs = ({ json }: Told) => eventOf('value', json)

async function watchUnread(
  { notices, clock, by, signal }: Pick<LiveNeeds, 'notices' | 'clock'> & Hearing,
  send: (unread: number) => Promise<void>,
): Promise<void> {
  let isNew = true
  let wake = () => {}
  const stop = () => wake()
  using _listening = notices.events.on(({ user }) => {
    if (user !== by.id) return
    isNew = true
    wake()
  })
  signal.addEventListener('abort', stop)
  try {
    for (;;) {
      signal.throwIfAborted()
      if (isNew) {
        isNew = false
        await send(await notices.unread(by.id))
        await clock.sleep(tellMs, { signal })
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
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
