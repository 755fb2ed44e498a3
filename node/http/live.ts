/**
 * Transfers as they move, and how much is unread, as server-sent events. A transfer that moved often while its reader was
 * busy is told once, as it is now: what waits for a reader is a set of IDs, never a row of events.
 */
import { z } from 'zod'
import { watchView } from '../../api/notices-shapes.ts'
import type { EventsName, Input } from '../../api/routes.ts'
import { type TransferView, transferView } from '../../api/shapes.ts'
import { Fault } from '../../protocol/fault.ts'
import type { TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { may } from '../people/permissions.ts'
import type { User } from '../people/users.ts'
import type { Doors, TransfersDoor } from './doors.ts'
import { needTransfer } from './handlers/transfers.ts'
import type { Stream } from './stream.ts'

/** Between two tellings to one reader, in milliseconds. */
export const tellMs = 200
/** Transfers that may wait to be told to one reader; with more it is dropped, and reads the list. */
export const waitingMax = 1000

export type Watching = {
  readonly transfers: TransfersDoor
  readonly notices: Pick<Doors['notices'], 'events' | 'unread'>
  readonly clock: Clock
  readonly by: User
  readonly signal: AbortSignal
}

export type Watch = (stream: Stream) => Promise<void>

/** Rights are asked before the stream opens, so that a no is an ordinary answer. */
export async function startWatching(
  name: EventsName,
  input: Input<EventsName>,
  watching: Watching,
): Promise<Watch> {
  if (name === 'transfers.watch')
    return (stream) =>
      watchAll(watching, (view) => stream.send('value', z.encode(transferView, view)))
  if (name === 'notices.watch') return (stream) => watchMine(watching, stream)
  const { id } = input as Input<'transfers.follow'>
  await needTransfer(watching.transfers, id, watching.by, 'transfer.read')
  return (stream) => followOne(watching, id, stream)
}

async function followOne(watching: Watching, id: TransferId, stream: Stream): Promise<void> {
  const { transfers, clock, signal } = watching
  using moved = listen(transfers, signal, (one) => one === id)
  moved.add(id)
  for (;;) {
    await moved.next()
    const view = await transfers.view(id)
    await stream.send('value', z.encode(transferView, view))
    if (view.endedAt !== undefined) return stream.send('end', {})
    await moved.rest(clock, tellMs)
  }
}

/** One stream for everything: a browser has only a few to one site, over all its windows. */
async function watchMine(watching: Watching, stream: Stream): Promise<void> {
  const failing = new AbortController()
  const either = AbortSignal.any([watching.signal, failing.signal])
  const send = (value: z.output<typeof watchView>) =>
    stream.send('value', z.encode(watchView, value))
  const watches = [
    watchAll({ ...watching, signal: either }, (transfer) => send({ transfer })),
    watchUnread({ ...watching, signal: either }, (unread) => send({ unread })),
  ]
  try {
    await Promise.all(watches)
  } finally {
    // Whichever ends first ends the other, and what it then throws is of no interest.
    failing.abort()
    await Promise.allSettled(watches)
  }
}

async function watchUnread(
  { notices, clock, by, signal }: Watching,
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

async function watchAll(
  { transfers, clock, by, signal }: Watching,
  send: (view: TransferView) => Promise<void>,
): Promise<void> {
  using moved = listen(transfers, signal, () => true)
  for (;;) {
    for (const id of await moved.next()) {
      if (!may(by, 'transfer.read', await transfers.need(id))) continue
      await send(await transfers.view(id))
    }
    await clock.sleep(tellMs, { signal })
  }
}

/** What moved since it was last asked. */
function listen(
  transfers: TransfersDoor,
  signal: AbortSignal,
  isWanted: (id: TransferId) => boolean,
) {
  let waiting = new Set<TransferId>()
  let wake = () => {}
  const add = (id: TransferId) => {
    if (isWanted(id) && waiting.size <= waitingMax) waiting.add(id)
    wake()
  }
  let hurried = new AbortController()
  const listening = transfers.events.on(({ id, over }) => {
    add(id)
    if (over && isWanted(id)) hurried.abort()
  })
  const stop = () => wake()
  signal.addEventListener('abort', stop)

  return {
    add,
    async next(): Promise<Set<TransferId>> {
      for (;;) {
        signal.throwIfAborted()
        if (waiting.size > waitingMax) {
          throw new Fault('busy', 'http.watch', {
            text: `More than ${waitingMax} transfers moved while you read. Read the list, then watch again.`,
          })
        }
        if (waiting.size > 0) {
          const moved = waiting
          waiting = new Set()
          return moved
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    /** Between two tellings; an end is told at once. */
    async rest(clock: Clock, ms: number): Promise<void> {
      const either = AbortSignal.any([signal, hurried.signal])
      await clock.sleep(ms, { signal: either }).catch(() => {})
      hurried = new AbortController()
      signal.throwIfAborted()
    },
    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      signal.removeEventListener('abort', stop)
    },
  }
}
