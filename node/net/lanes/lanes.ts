/**
 * Lanes: asked for over the control connection, promised, dialled, and left without a word where one
 * cannot be had, because a stream always can. Whoever opens a channel sees no difference but the speed.
 */

import type { Channel } from '../../../protocol/channel.ts'
import { asFault, Fault } from '../../../protocol/fault.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import {
  type LaneAnswer,
  type LaneMessage,
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

/** A channel to the site over which a lane is asked for. */
type Ask = (signal: AbortSignal) => Promise<Channel>

/** What becomes of a lane that was promised, once it is there. */
type Purpose = (carrier: NetCarrier) => void

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
    o: { ask: Ask; signal: AbortSignal },
  ): Promise<NetCarrier | undefined>
  /** How many are open. */
  count(): number
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
    /** The host at the other end of a connection with the site, if there is one. */
    hostOf: (site: SiteId) => string | undefined
    /** The handler of a protocol that lanes may carry. */
    served: (protocol: string) => NetHandler | undefined
    run: (handler: NetHandler, carrier: NetCarrier) => void
  } & Judgement,
): Lanes {
  const { clock, limits, log } = o
  const promises = createPromises<Purpose>({ clock, limits })
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
      const answer = await answerTo(channel.remote, message, signal)
      await channel.send(answer ?? { type: 'none' }, undefined, { signal })
    },
  }

  async function answerTo(
    site: SiteId,
    { protocol, back }: LaneMessage,
    signal: AbortSignal,
  ): Promise<LaneAnswer | undefined> {
    const served = o.served(protocol)
    if (served === undefined) return undefined
    const purpose: Purpose = (carrier) => o.run(served, carrier)
    if (back === undefined) {
      const promised = promiseTo(site, purpose)
      return promised && { type: 'lane', ...promised }
    }
    const leave = promises.place(site)
    if (leave === undefined) return undefined
    try {
      begin(site, await dial(site, back, signal), { purpose, leave })
      return { type: 'back' }
    } catch (thrown) {
      leave()
      signal.throwIfAborted()
      log.debug({ site, why: String(thrown) }, 'the site could not be dialled back')
      return undefined
    }
  }

  function promiseTo(site: SiteId, purpose: Purpose): LanePromise | undefined {
    const promised = door && promises.make(site, purpose)
    if (promised === undefined) return undefined
    const { ticket, key } = promised
    return { addresses: told, ticket, key, ttlMs: limits.lanePromiseMs }
  }

  /** A link that was ended since opens no lane, and its promise is used up all the same. */
  function use(identity: string): Promised<Purpose> | undefined {
    const promised = promises.use(identity)
    if (promised === undefined) return undefined
    if (o.isAccepted(promised.site) && !o.isRefused(promised.site)) return promised
    promised.leave()
    return undefined
  }

  function begin(
    site: SiteId,
    socket: LaneSocket,
    { purpose, leave }: Pick<Promised<Purpose>, 'purpose' | 'leave'>,
  ): void {
    const carrier = carry(site, socket)
    void carrier.over.then(leave)
    // The link may have ended while the two shook hands.
    if (o.isAccepted(site) && !o.isRefused(site)) purpose(carrier)
    else carrier.abort(new Fault('denied', 'net.lane'))
  }

  async function listen(init: LaneInit): Promise<void> {
    const { clock, gate } = o
    const refused = (why: unknown) => log.debug({ why: String(why) }, 'a lane was refused')
    const place = placeOf(init.listen)
    const arrived = (promised: Promised<Purpose>, socket: LaneSocket) =>
      begin(promised.site, socket, promised)
    door = await openDoor({ place, clock, limits, gate, use, arrived, refused })
    const { host, port } = door.place
    const anywhere = host === '0.0.0.0' || host === '::'
    told = [init.announce ?? (anywhere ? `*:${port}` : placeText(door.place))]
  }

  async function question(ask: Ask, message: LaneMessage, ms: number, signal: AbortSignal) {
    const late = new AbortController()
    using _timer = clock.after(ms, () => late.abort(unanswered()))
    const waiting = { signal: AbortSignal.any([signal, late.signal]) }
    const channel = await ask(waiting.signal)
    try {
      await channel.send(message, undefined, waiting)
      return (await channel.receive(laneAnswer, waiting)).message
    } finally {
      // The answer is here, or will never be.
      channel.close().catch(() => {})
    }
  }

  async function dial(
    site: SiteId,
    promise: LanePromise,
    signal: AbortSignal,
  ): Promise<LaneSocket> {
    const identity = laneIdentity(promise.ticket)
    const { laneDialMs } = limits
    let failed: unknown = new Fault('unreachable', 'net.lane', { text: 'It named no address.' })
    for (const text of promise.addresses.slice(0, laneAddressesMax)) {
      const said = placeOf(text)
      const host = said.host === '*' ? o.hostOf(site) : said.host
      if (host === undefined) continue
      try {
        const place = { host, port: said.port }
        return await dialLane(place, { identity, key: promise.key, clock, laneDialMs, signal })
      } catch (thrown) {
        signal.throwIfAborted()
        failed = thrown
      }
    }
    throw failed
  }

  /** We dial. */
  async function reach(site: SiteId, protocol: string, ask: Ask, signal: AbortSignal) {
    const answer = await question(ask, { protocol }, limits.laneAskMs, signal)
    if (answer.type !== 'lane') throw noneOffered()
    const carrier = carry(site, await dial(site, answer, signal))
    if (o.isAccepted(site)) return carrier
    carrier.abort(new Fault('denied', 'net.lane'))
    throw noneOffered()
  }

  /** They dial us, because they cannot be dialled. */
  async function beReached(site: SiteId, protocol: string, ask: Ask, signal: AbortSignal) {
    const came = Promise.withResolvers<NetCarrier>()
    const back = promiseTo(site, came.resolve)
    if (back === undefined) throw noneOffered()
    const ms = limits.laneAskMs + laneAddressesMax * limits.laneDialMs
    try {
      const answer = await question(ask, { protocol, back }, ms, signal)
      if (answer.type !== 'back') throw noneOffered()
      using _late = clock.after(limits.laneDialMs, () => came.reject(unanswered()))
      return await came.promise
    } catch (thrown) {
      promises.use(laneIdentity(back.ticket))?.leave()
      void came.promise.then((carrier) => carrier.abort(asFault(thrown, 'net.lane')))
      throw thrown
    }
  }

  return {
    handler,
    listen,
    get address() {
      return door && placeText(door.place)
    },
    async open(site, protocol, { ask, signal }) {
      if (!o.isAccepted(site) || (restUntil.get(site) ?? 0) > clock.now()) return undefined
      try {
        return await reach(site, protocol, ask, signal).catch((thrown) => {
          signal.throwIfAborted()
          if (door === undefined || !wasAsked(thrown)) throw thrown
          return beReached(site, protocol, ask, signal)
        })
      } catch (thrown) {
        signal.throwIfAborted()
        const fault = asFault(thrown, 'net.lane', site)
        if (wasAsked(fault)) restUntil.set(site, clock.now() + limits.laneRestMs)
        const { kind, about, cause } = fault
        log.debug({ site, protocol, kind, about, why: String(cause) }, `no lane: ${fault.message}`)
        return undefined
      }
    },
    count: () => [...open.values()].reduce((sum, ofSite) => sum + ofSite.size, 0),
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

/** Whoever could not even be asked may be asked again by the next open. */
function wasAsked(thrown: unknown): boolean {
  return !(thrown instanceof Fault && thrown.again) || thrown.op === 'net.lane'
}

function noneOffered(): Fault {
  return new Fault('unsupported', 'net.lane', { side: 'there', text: 'It offers no lane.' })
}

function unanswered(): Fault {
  return new Fault('unreachable', 'net.ask', {
    side: 'there',
    text: 'The other site did not say whether it offers a lane.',
  })
}
