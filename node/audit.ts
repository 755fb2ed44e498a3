/**
 * Whoever asks for what they may not have is written down once: one record for a site and a reason,
 * then silence for an hour, so that the journal cannot be filled by asking.
 */
import { asFault, type FaultKind } from '../protocol/fault.ts'
import type { SiteId } from '../protocol/ids.ts'
import type { Handler } from './base/call.ts'
import type { Clock } from './base/clock.ts'
import { nameNobody } from './base/nobody.ts'
import { createRate } from './base/rate.ts'
import type { Log } from './http/log.ts'
import type { Commit } from './journal/commit.ts'

/** After one record, how long the same reason from the same site adds none, in milliseconds. */
const quietMs = 60 * 60 * 1000
/** Reasons remembered; past it the oldest is forgotten. */
const rememberedMax = 10_000

/** Keys cost nothing: what all who are not linked are written down for, at once and then one more each. */
const strangers = { burst: 100, everyMs: 60_000 }

/** Kinds that a well-behaved site does not earn. */
const suspicious: ReadonlySet<FaultKind> = new Set([
  'invalid',
  'denied',
  'missing',
  'conflict',
  'corrupt',
])

export function createAudit(needs: {
  commit: Commit
  clock: Clock
  log: Log
  isLinked(site: SiteId): boolean
}) {
  const { commit, clock, log, isLinked } = needs
  const rate = createRate<'strangers'>({ clock, ...strangers })
  const last = new Map<string, number>()

  async function write(site: SiteId, protocol: string, thrown: unknown): Promise<void> {
    const fault = asFault(thrown, protocol)
    // Its own words would be a reason of its own choosing each time.
    if (fault.told || !suspicious.has(fault.kind)) return
    const reason = `${site} ${protocol} ${fault.kind} ${fault.op}`
    const at = clock.now()
    if (at < (last.get(reason) ?? Number.NEGATIVE_INFINITY) + quietMs) return
    if (!isLinked(site) && !rate.take('strangers')) return
    last.delete(reason)
    last.set(reason, at)
    if (last.size > rememberedMax) last.delete(last.keys().next().value!)
    const { kind, op, message, about } = fault
    await commit(
      'audit.refused',
      { site },
      // What is written here stays for ever, so it names nobody.
      {
        ...{ protocol, kind, op, text: nameNobody(message) },
        about: typeof about === 'string' ? nameNobody(about) : (about ?? null),
      },
    )
  }

  /** What one site did, in a conversation that either of us opened. Never throws. */
  async function note(site: SiteId, protocol: string, thrown: unknown): Promise<void> {
    await write(site, protocol, thrown).catch((err) =>
      log.error({ err }, 'a refusal could not be written to the journal'),
    )
  }

  return {
    note,
    /** The same handler; what it refuses is written down before the answer goes out. */
    watched(handler: Handler): Handler {
      return {
        ...handler,
        async run(channel, options) {
          try {
            await handler.run(channel, options)
          } catch (thrown) {
            await note(channel.remote, handler.protocol, thrown)
            throw thrown
          }
        },
      }
    },
  }
}
