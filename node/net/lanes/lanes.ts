/**
 * Lanes: asked for over the control connection, promised, dialled, and left without a word where one
 * cannot be had, because a stream always can. Whoever opens a channel sees no difference but the speed.
 */

import type { Channel } from '../../../protocol/channel.ts'
import { asFault, Fault } from '../../../protocol/fault.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import {
  type LanePromise,
  laneAddressesMax,
  laneAnswer,
  laneCaps,
  laneIdentity,
  laneMessage,
  laneProtocol,
} from '../../../protocol/lane.ts'
import type { Clock } from '../../base/clock.ts'
import type { NetCarrier } from '../carrier.ts'
import type { Gate, Judgement } from '../gate.ts'
import type { Limits } from '../limits.ts'
import type { NetHandler, NetLog } from '../serve.ts'
import { dialLane } from './dial.ts'
import { type Door, openDoor, placeOf, placeText } from './door.ts'
import { createLaneCarrier, type LaneSocket } from './lane.ts'
import { createPromises, type Promised } from './promises.ts'

/** HOST:PORT where lanes are taken (port 0: a free one), and what others are told instead. */
export type LaneInit = { readonly listen: string; readonly announce?: string | undefined }

/** A channel to the site over which a lane is asked for, and the host at its other end. */
export type Asking = { readonly channel: Channel; readonly host: string | undefined }

export type Lanes = {
  /** Answers who asks for a lane; served like any other protocol. */
  readonly handler: NetHandler
  /** HOST:PORT where lanes are taken. */
  readonly address: string | undefined
  /** Takes lanes from now on. Faults: `busy` (the port is in use), `invalid` (no place to listen at). */
  listen(init: LaneInit): Promise<void>
  /** A lane for this protocol, or nothing: then a stream is the way. Rejects only with the signal's reason. */
  open(
    site: SiteId,
    protocol: string,
    o: { ask: (signal: AbortSignal) => Promise<Asking>; signal: AbortSignal },
  ): Promise<NetCarrier | undefined>
  /** Ends all lanes of the site, and all that it was promised. */
  hangUp(site: SiteId, why: Fault): void
  close(why: Fault): Promise<void>
}

export function createLanes(
  o: {
    clock: Clock
    limits: Limits
    log: NetLog
    gate: Gate
    /** The handler of a protocol that lanes may carry. */
    served: (protocol: string) => NetHandler | undefined
    run: (handler: NetHandler, carrier: NetCarrier) => void
  } & Judgement,
): Lanes {
  const { clock, limits, log } = o
  const promises = createPromises<NetHandler>({ clock, limits })
  const open = new Map<SiteId, Set<NetCarrier>>()
  const restUntil = new Map<SiteId, number>()
  let door: Door | undefined
  let told: string[] = []

  function carry(site: SiteId, socket: LaneSocket): NetCarrier {
    const carrier = createLaneCarrier(socket, { remote: site, clock, limits })
    const ofSite = open.get(site) ?? new Set()
    open.set(site, ofSite.add(carrier))
    void carrier.over.then(() => {
      ofSite.delete(carrier)
      if (ofSite.size === 0 && open.get(site) === ofSite) open.delete(site)
    })
    return carrier
  }

  const handler: NetHandler = {
    protocol: laneProtocol,
    strangers: false,
    caps: laneCaps,
    streamsMax: 4,
    firstMessageMs: 10_000,
    async run(channel, { signal }) {
      const { message } = await channel.receive(laneMessage, { signal })
      const served = door === undefined ? undefined : o.served(message.protocol)
      const promised = served && promises.make(channel.remote, served)
      if (promised === undefined) return await channel.send({ type: 'none' }, undefined, { signal })
      const { ticket, key } = promised
      const ttlMs = limits.lanePromiseMs
      const answer = { type: 'lane', addresses: told, ticket, key, ttlMs }
      await channel.send(answer, undefined, { signal })
    },
  }

  /** A link that was ended since opens no lane, and its promise is used up all the same. */
  function use(identity: string): Promised<NetHandler> | undefined {
    const promised = promises.use(identity)
    if (promised === undefined) return undefined
    if (o.isAccepted(promised.site) && !o.isRefused(promised.site)) return promised
    promised.leave()
    return undefined
  }

  function arrived({ site, purpose, leave }: Promised<NetHandler>, socket: LaneSocket): void {
    const carrier = carry(site, socket)
    void carrier.over.then(leave)
    if (o.isAccepted(site) && !o.isRefused(site)) o.run(purpose, carrier)
    else carrier.abort(new Fault('denied', 'net.lane'))
  }

  async function listen(init: LaneInit): Promise<void> {
    const { clock, gate } = o
    const refused = (why: unknown) => log.debug({ why: String(why) }, 'a lane was refused')
    const place = placeOf(init.listen)
    door = await openDoor({ place, clock, limits, gate, use, arrived, refused })
    const { host, port } = door.place
    const anywhere = host === '0.0.0.0' || host === '::'
    told = [init.announce ?? (anywhere ? `*:${port}` : placeText(door.place))]
  }

  async function ask(
    protocol: string,
    asking: (signal: AbortSignal) => Promise<Asking>,
    signal: AbortSignal,
  ): Promise<{ promise: LanePromise; host: string | undefined }> {
    const late = new AbortController()
    using _timer = clock.after(limits.laneAskMs, () => late.abort(unanswered()))
    const { channel, host } = await asking(AbortSignal.any([signal, late.signal]))
    try {
      await channel.send({ protocol }, undefined, { signal: late.signal })
      const { message } = await channel.receive(laneAnswer, { signal: late.signal })
      if (message.type === 'lane') return { promise: message, host }
      throw new Fault('unsupported', 'net.lane', { side: 'there', text: 'It offers no lane.' })
    } finally {
      // The answer is here, or will never be.
      channel.close().catch(() => {})
    }
  }

  async function dial(
    promise: LanePromise,
    host: string | undefined,
    signal: AbortSignal,
  ): Promise<LaneSocket> {
    const identity = laneIdentity(promise.ticket)
    const { laneDialMs } = limits
    let failed: unknown = new Fault('unreachable', 'net.lane', { text: 'No address was told.' })
    for (const text of promise.addresses.slice(0, laneAddressesMax)) {
      const said = placeOf(text)
      const place = said.host === '*' ? host && { ...said, host } : said
      if (!place) continue
      try {
        return await dialLane(place, { identity, key: promise.key, clock, laneDialMs, signal })
      } catch (thrown) {
        signal.throwIfAborted()
        failed = thrown
      }
    }
    throw failed
  }

  return {
    handler,
    listen,
    get address() {
      return door && placeText(door.place)
    },
    async open(site, protocol, { ask: asking, signal }) {
      if ((restUntil.get(site) ?? 0) > clock.now()) return undefined
      let asked: Awaited<ReturnType<typeof ask>> | undefined
      try {
        asked = await ask(protocol, asking, signal)
        const carrier = carry(site, await dial(asked.promise, asked.host, signal))
        restUntil.delete(site)
        return carrier
      } catch (thrown) {
        signal.throwIfAborted()
        const fault = asFault(thrown, 'net.lane', site)
        // Whoever could not even be asked may be asked again by the next open.
        const mayAskAgain = asked === undefined && fault.again
        if (!mayAskAgain) restUntil.set(site, clock.now() + limits.laneRestMs)
        const { kind, about, cause } = fault
        log.debug({ site, protocol, kind, about, why: String(cause) }, `no lane: ${fault.message}`)
        return undefined
      }
    },
    hangUp(site, why) {
      promises.forget(site)
      restUntil.delete(site)
      for (const carrier of open.get(site) ?? []) carrier.abort(why)
    },
    async close(why) {
      promises.clear()
      for (const carrier of [...open.values()].flatMap((ofSite) => [...ofSite])) carrier.abort(why)
      await door?.close()
    },
  }
}

function unanswered(): Fault {
  return new Fault('unreachable', 'net.lane', {
    side: 'there',
    text: 'The other site did not say whether it offers a lane.',
  })
}
