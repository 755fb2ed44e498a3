/**
 * The content streams of one pull: none before something is wanted, one for most lines, several for a
 * long one. All share one window; nodes go over the first. When one breaks, the pull ends, and the
 * next goes on from what is durable: every stream leads to the same site and most break together.
 */
import type { Channel } from '../../protocol/channel.ts'
import { type NodePlace, serveMessage, wantedBytesMax } from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Pace } from './answer.ts'
import { openSession, type Run, type Session, type Tally } from './session.ts'
import { createWindow } from './window.ts'

export type StreamsNeeds = {
  /** One more stream to the source. */
  open(): Promise<Channel>
  transfer: string
  clock: Clock
  signal: AbortSignal
  tally(): Tally
  /** Of what comes in. */
  readonly pace: Pace
}

export interface Streams {
  node(place: NodePlace): Promise<Uint8Array>
  /** Asks for a run and resolves as soon as there is room for the next. */
  want(run: Run): Promise<void>
  /** Asks for it at the next opportunity. May be called by a taker, which must not wait for room. */
  wantAgain(run: Run): void
  /** Everything that was wanted is here and taken; more may be wanted. */
  settled(): Promise<void>
  /** Ends every stream as both sides agree. Only when all is settled. */
  finish(roots: readonly string[]): Promise<void>
  /** Breaks off what is still open. */
  abort(fault: Fault): void
}

/**
 * While our own rate holds us back we ask for a root again, so often, in milliseconds: else either
 * side would take the silence for a dead line.
 */
export const signOfLifeMs = 20_000
const root: NodePlace = { tree: 0, node: 'root', page: 0, entry: 0, list: 0 }

type Open = { channel: Channel; session: Session }

export function openStreams(o: StreamsNeeds): Streams {
  const window = createWindow(wantedBytesMax)
  const streams: Open[] = []
  let first: Promise<Open> | undefined
  /** Streams beside the first that are being opened; they are welcome and not needed. */
  let opening = 0
  let more = true
  let aborted: Fault | undefined
  const again: Run[] = []
  let wake = Promise.withResolvers<void>()

  function changed(): void {
    const was = wake
    wake = Promise.withResolvers()
    was.resolve()
  }

  async function openOne(): Promise<Open> {
    const channel = await o.open()
    try {
      if (aborted !== undefined) throw aborted
      const askedAt = o.clock.now()
      await channel.send({ type: 'open', transfer: o.transfer }, undefined, { signal: o.signal })
      const { message } = await channel.receive(serveMessage, { signal: o.signal })
      if (message.type !== 'opened') throw new Fault('invalid', 'content.open', { side: 'there' })
      window.roundTrip(o.clock.now() - askedAt)
      // Meanwhile everything may have come over the others.
      if (aborted !== undefined) throw aborted
    } catch (thrown) {
      channel.abort(asFault(thrown, 'content.open'))
      throw thrown
    }
    const session = openSession(channel, {
      signal: o.signal,
      tally: o.tally,
      changed,
      came: (bytes) => window.came(bytes, o.clock.now()),
    })
    const one = { channel, session }
    streams.push(one)
    return one
  }

  function addOne(): void {
    opening++
    openOne()
      // Where there are no more to be had, those that are there are enough.
      .catch(() => {
        more = false
      })
      .finally(() => {
        opening--
        changed()
      })
  }

  async function main(): Promise<Session> {
    first ??= openOne()
    return (await first).session
  }

  const outstanding = () => streams.reduce((sum, { session }) => sum + session.outstandingBytes, 0)

  /** The stream that has least to do, once there is room on it and in the window. */
  async function roomFor(bytes: number): Promise<Session> {
    await main()
    for (;;) {
      const now = outstanding()
      const free = streams
        .map(({ session }) => session)
        .filter((session) => session.hasRoom(bytes))
        .sort((a, b) => a.outstandingBytes - b.outstandingBytes)[0]
      if (free !== undefined && (now === 0 || now + bytes <= window.bytes)) return free
      if (more && streams.length + opening < window.streams) addOne()
      const woken = wake.promise
      // Whoever waits for an answer must first have asked.
      await Promise.all(streams.map(({ session }) => session.flush()))
      await woken
    }
  }

  /** As the rate allows that people have set; what may come already is asked for meanwhile. */
  async function pace(bytes: number): Promise<void> {
    if (!o.pace.isLimited()) return
    await Promise.all(streams.map(({ session }) => session.flush()))
    using _signs = o.clock.every(signOfLifeMs, () => {
      // What goes wrong with it goes wrong with the session, and is told there.
      for (const { session } of streams) session.node(root).catch(() => {})
    })
    await o.pace(bytes, o.signal)
  }

  async function ask(run: Run): Promise<void> {
    await pace(run.bytes)
    await (await roomFor(run.bytes)).want(run)
  }

  async function askAgain(): Promise<void> {
    for (let run = again.shift(); run !== undefined; run = again.shift()) await ask(run)
  }

  return {
    node: async (place) => (await main()).node(place),
    async want(run) {
      await askAgain()
      await ask(run)
    },
    wantAgain: (run) => void again.push(run),
    async settled() {
      do {
        await askAgain()
        await Promise.all(streams.map(({ session }) => session.settled()))
      } while (again.length > 0)
    },
    async finish(roots) {
      await Promise.all(streams.map(({ session }) => session.finish(roots)))
      // One that opens only now has nothing to end.
      aborted = new Fault('gone', 'content.pull', { text: 'Everything had come already.' })
    },
    abort(fault) {
      aborted = fault
      for (const { channel } of streams) channel.abort(fault)
    },
  }
}
