/**
 * One message, one answer, over a channel that somebody else opens. The rooms that talk like this are
 * given `Open` and hand out `Handler`s; none of them sees the network.
 */
import type { infer as ZodOutput, ZodType } from 'zod'
import type { Channel } from '../../protocol/channel.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { FrameCaps } from '../../protocol/wire.ts'
import type { Clock } from './clock.ts'

type Waiting = { signal?: AbortSignal | undefined }

/** Where to: a site we know, or an address whose site shows itself when it answers. */
export type Destination = { site: SiteId; addresses: readonly string[] } | { address: string }

export type Open = (to: Destination, protocol: string, options?: Waiting) => Promise<Channel>

/** Who answers a protocol, and within which limits. A fault thrown by `run` is told to the other side. */
export type Handler = {
  readonly protocol: string
  /** Whether a site that is not accepted reaches it. */
  readonly strangers: boolean
  readonly caps: FrameCaps
  /** Streams of this protocol from one site at a time. */
  readonly streamsMax: number
  /** How long the first message may take to arrive. */
  readonly firstMessageMs: number
  run(channel: Channel, options: { signal: AbortSignal }): Promise<void>
}

/** How long a whole exchange may take, dialling included. */
export const callMs = 30_000

/**
 * Opens a channel, says what `message` returns for the site that was reached, and resolves with its
 * checked answer. Its fault is thrown as it was; no answer in time is `unreachable`.
 */
export async function call<S extends ZodType>(
  o: {
    open: Open
    clock: Clock
    to: Destination
    protocol: string
    message: (site: SiteId) => unknown
    answer: S
  } & Waiting,
): Promise<{ site: SiteId; answer: ZodOutput<S> }> {
  const late = new AbortController()
  using _deadline = o.clock.after(callMs, () => late.abort(noAnswer(o.protocol)))
  const signal = o.signal === undefined ? late.signal : AbortSignal.any([o.signal, late.signal])
  try {
    const channel = await o.open(o.to, o.protocol, { signal })
    try {
      await channel.send(o.message(channel.remote), undefined, { signal })
      const { message } = await channel.receive(o.answer, { signal })
      return { site: channel.remote, answer: message }
    } catch (thrown) {
      channel.abort(asFault(thrown, 'call.run'))
      throw thrown
    } finally {
      await closeOrAbort(channel)
    }
  } catch (thrown) {
    // Whoever was interrupted may word the interruption in its own way.
    if (late.signal.aborted) throw late.signal.reason
    throw thrown
  }
}

/** The answer is here; whether the other side hears our goodbye makes no difference any more. */
async function closeOrAbort(channel: Channel): Promise<void> {
  try {
    await channel.close()
  } catch (thrown) {
    channel.abort(asFault(thrown, 'call.close'))
  }
}

function noAnswer(protocol: string): Fault {
  return new Fault('unreachable', 'call.run', {
    about: protocol,
    side: 'there',
    text: `The other site has not answered within ${callMs / 1000} seconds. Try again later.`,
  })
}
