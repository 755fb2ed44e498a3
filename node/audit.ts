/**
 * Whoever asks for what they may not have is written down once: one record for a site and a reason,
 * then silence for an hour, so that the journal cannot be filled by asking.
 */
import type { Channel } from '../protocol/channel.ts'
import { asFault, type FaultKind } from '../protocol/fault.ts'
import type { Handler } from './base/call.ts'
import type { Clock } from './base/clock.ts'
import type { Log } from './http/log.ts'
import type { Commit } from './journal/commit.ts'

/** After one record, how long the same reason from the same site adds none, in milliseconds. */
const quietMs = 60 * 60 * 1000
/** Reasons remembered; past it the oldest is forgotten. */
const rememberedMax = 10_000

/** Kinds that a well-behaved site does not earn. */
const suspicious: ReadonlySet<FaultKind> = new Set([
  'invalid',
  'denied',
  'missing',
  'conflict',
  'corrupt',
])

export function createAudit(needs: { commit: Commit; clock: Clock; log: Log }) {
  const { commit, clock, log } = needs
  const last = new Map<string, number>()

  async function note(protocol: string, channel: Channel, thrown: unknown): Promise<void> {
    const fault = asFault(thrown, protocol)
    if (!suspicious.has(fault.kind)) return
    const reason = `${channel.remote} ${protocol} ${fault.kind} ${fault.op}`
    const at = clock.now()
    if (at < (last.get(reason) ?? Number.NEGATIVE_INFINITY) + quietMs) return
    last.delete(reason)
    last.set(reason, at)
    if (last.size > rememberedMax) last.delete(last.keys().next().value!)
    const { kind, op, message, about } = fault
    await commit(
      'audit.refused',
      { site: channel.remote },
      { protocol, kind, op, text: message, about: about ?? null },
    )
  }

  return {
    /** The same handler; what it refuses is written down before the answer goes out. */
    watched(handler: Handler): Handler {
      return {
        ...handler,
        async run(channel, options) {
          try {
            await handler.run(channel, options)
          } catch (thrown) {
            await note(handler.protocol, channel, thrown).catch((err) =>
              log.error({ err }, 'a refusal could not be written to the journal'),
            )
            throw thrown
          }
        },
      }
    },
  }
}
