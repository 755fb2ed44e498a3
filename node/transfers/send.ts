/**
 * The source's side of a content stream: answers wants, in order, from the store, within the grant.
 * It knows places in a transfer and nothing of CIDs that were not offered.
 */

import { type Bundle, treesOf } from '../../protocol/bundle.ts'
import type { Channel } from '../../protocol/channel.ts'
import { pullMessage } from '../../protocol/content.ts'
import { asFault, Fault } from '../../protocol/fault.ts'
import { parseTransferId, type SiteId, type TransferId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Store } from '../store/store.ts'
import { createAnswerer, type Pace } from './answer.ts'
import { createLedger, type Ledger } from './ledger.ts'
import type { Counters, Progress } from './progress.ts'

/** The right of one site to pull one transfer's blocks. */
export type Grant = {
  readonly transfer: TransferId
  readonly bundle: Bundle
  /** A dry run may read manifests and not one block. */
  readonly dry: boolean
}

/** Waits until so many bytes of content may cross, within the limits that people have set. */
export type Throttle = (of: { site: SiteId; transfer: TransferId; direction: 'out' | 'in' }) => Pace

export type SendNeeds = {
  readonly store: Store
  readonly clock: Clock
  readonly progress: Progress
  /** Faults when this site has no such grant. */
  grant(id: TransferId, channel: Channel): Promise<Grant>
  /** Faults when it holds no longer. Asked at every want. */
  stillGranted(grant: Grant, channel: Channel): Promise<void>
  readonly throttle: Throttle
  log(fault: Fault): void
}

/** How often the counters are written down while content flows, in milliseconds: they are only shown. */
const saveEveryMs = 1000

export interface Server {
  run(channel: Channel, options: { signal: AbortSignal }): Promise<void>
  /** Forgets what was served under a transfer that is over. */
  forget(id: TransferId): void
}

export function createServer(needs: SendNeeds): Server {
  const ledgers = new Map<TransferId, Ledger>()

  /** Writes the counters down now and then, and once more in the end. A full disk stops no reading. */
  function keeping(id: TransferId) {
    let savedAt = needs.clock.now()
    const saveOrLog = () =>
      needs.progress.save(id).catch((thrown) => needs.log(asFault(thrown, 'content.count', id)))
    return {
      async saveSometimes(): Promise<void> {
        if (needs.clock.now() < savedAt + saveEveryMs) return
        savedAt = needs.clock.now()
        await saveOrLog()
      },
      [Symbol.asyncDispose]: saveOrLog,
    }
  }

  return {
    forget: (id) => void ledgers.delete(id),
    async run(channel, { signal }) {
      const first = await channel.receive(pullMessage, { signal })
      if (first.message.type !== 'open')
        throw new Fault('invalid', 'content.open', { side: 'there' })
      const id = parseTransferId(first.message.transfer)
      const grant = await needs.grant(id, channel)
      try {
        await serve(channel, grant, signal)
      } catch (thrown) {
        const fault = asFault(thrown, 'content.serve')
        // The destination is to try again, not we: but whoever looks here shall see why nothing moves.
        if (!grant.dry && fault.kind === 'unreachable') needs.progress.trouble(id, fault)
        throw thrown
      }
    },
  }

  /** What ended since the grant was given has been forgotten already, and would now stay for ever. */
  async function demandStill(grant: Grant, channel: Channel): Promise<void> {
    try {
      await needs.stillGranted(grant, channel)
    } catch (thrown) {
      ledgers.delete(grant.transfer)
      await needs.progress.drop(grant.transfer)
      throw thrown
    }
  }

  /** At a low rate one want takes long: whoever pauses does not wait for its end. */
  function paceOf(grant: Grant, channel: Channel): Pace {
    const site = channel.remote
    const pace = needs.throttle({ site, transfer: grant.transfer, direction: 'out' })
    const granted = async (bytes: number, signal: AbortSignal) => {
      await pace(bytes, signal)
      await needs.stillGranted(grant, channel)
    }
    return Object.assign(granted, { isLimited: () => pace.isLimited() })
  }

  async function serve(channel: Channel, grant: Grant, signal: AbortSignal): Promise<void> {
    const id = grant.transfer
    const trees = treesOf(grant.bundle)
    const ledger =
      ledgers.get(id) ??
      createLedger(
        trees.map((t) => t.blocks),
        needs.clock.now,
      )
    if (!grant.dry) {
      ledgers.set(id, ledger)
      await needs.progress.open(id)
      await demandStill(grant, channel)
    }
    using _session = grant.dry ? undefined : needs.progress.session(id)
    await using counters = grant.dry ? undefined : keeping(id)
    await channel.send({ type: 'opened' })
    if (!grant.dry) needs.progress.trouble(id, undefined)
    await using answer = createAnswerer({
      store: needs.store,
      bundle: grant.bundle,
      dry: grant.dry,
      ledger,
      channel,
      pace: paceOf(grant, channel),
      count: (more) => {
        if (!grant.dry) needs.progress.add(id, more)
      },
    })
    for (;;) {
      const { message } = await channel.receive(pullMessage, { signal })
      if (message.type === 'open') throw new Fault('invalid', 'content.want', { side: 'there' })
      if (message.tally && !grant.dry) needs.progress.set(id, tallied(message.tally, grant.bundle))
      if (message.type === 'finish') break
      await needs.stillGranted(grant, channel)
      await answer.want(message.nodes, message.blocks, signal)
      await counters?.saveSometimes()
    }
    await channel.send({ type: 'end', ...(await answer.end()), roots: trees.map((t) => t.root) })
    await channel.close()
  }
}

/** What the destination tells of itself, held to what is possible: it is only shown. */
function tallied(
  tally: Partial<Record<'held' | 'received' | 'there', number | undefined>>,
  bundle: Bundle,
) {
  const most = treesOf(bundle).reduce((sum, tree) => sum + tree.bytes, 0)
  const known: Partial<Counters> = {}
  if (tally.held !== undefined) known.held = Math.min(tally.held, most)
  if (tally.received !== undefined) known.received = tally.received
  if (tally.there !== undefined) known.there = Math.min(tally.there, most)
  return known
}
