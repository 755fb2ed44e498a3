/**
 * The site on the network. `open(site, protocol)` gives a channel to another site, whichever
 * connection it goes over; handlers answer the channels that others open. No other room sees libp2p.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { type Channel, createChannel } from '../../protocol/channel.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { laneCaps, laneProtocol } from '../../protocol/lane.ts'
import type { FrameCaps } from '../../protocol/wire.ts'
import type { Destination } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { createEvents } from '../base/events.ts'
import type { Identity } from '../sites/identity.ts'
import { type ConnectionInfo, type ConnectionKind, createConnections } from './connections.ts'
import { createDial, hostOf, parseDialAddress, parseSiteAddresses } from './dial.ts'
import { createGate, type Judgement, siteOf } from './gate.ts'
import { createHost, type HostInit, startHost } from './host.ts'
import { createLanes, type LaneInit } from './lanes/lanes.ts'
import { limits as defaults, type Limits } from './limits.ts'
import { createPlaces } from './places.ts'
import { type NetHandler, type NetLog, serve } from './serve.ts'
import { createStreamCarrier } from './stream.ts'

export type { ConnectionInfo, ConnectionKind } from './connections.ts'
export type { NetHandler, NetLog } from './serve.ts'

export type OpenOptions = {
  readonly signal?: AbortSignal | undefined
  /**
   * For content: over a lane where one can be had, else over the connection for content; the
   * handler's own `bulk` unless said here.
   */
  readonly bulk?: boolean | undefined
}

export type NetEvent = { readonly type: 'opened' | 'closed' } & ConnectionInfo

export interface Net extends AsyncDisposable {
  readonly site: SiteId
  /** Where others reach us, with our key: what was announced, or what we listen at. */
  addresses(): string[]
  /** HOST:PORT where we take lanes. */
  readonly lane: string | undefined
  /**
   * A channel to the site, over a lane or over a connection that is there or is made now. Faults: `unreachable` (in
   * words: nobody there, another key, no way, refused), `invalid` (no address, or our own),
   * `unsupported` (it does not speak the protocol), `busy` (too many streams at once).
   */
  open(to: Destination, protocol: string, options?: OpenOptions): Promise<Channel>
  /** Ends every connection to the site, every lane and every dial of it, at once. Does not keep it from coming back. */
  hangUp(site: SiteId): void
  connections(): ConnectionInfo[]
  /** How many lanes are open, theirs to us and ours to them. */
  lanesCount(): number
  on(listen: (event: NetEvent) => void): Disposable
}

export type NetInit = {
  readonly identity: Pick<Identity, 'site' | 'privateKey'>
  readonly clock: Clock
  /** Multiaddrs; an empty list dials only. */
  readonly listen: readonly string[]
  /** What to tell others instead of what we listen at: the outside of a router or a proxy. */
  readonly announce?: readonly string[] | undefined
  /** Where lanes are taken; none are offered without it. */
  readonly lane?: LaneInit | undefined
  readonly handlers: readonly NetHandler[]
  readonly log: NetLog
  readonly limits?: Partial<Limits> | undefined
} & Judgement

type StreamWanted = {
  readonly kind: ConnectionKind
  readonly protocol: string
  /** Streams of this protocol on one connection. */
  readonly max: number
  readonly signal: AbortSignal
}

/** What may be received on a protocol that we ourselves do not serve. */
const unservedCaps: FrameCaps = { headBytesMax: 64 * 1024, bodyBytesMax: 0 }
const unservedStreamsMax = 4

/** Listening when it resolves. Faults: `busy` (a port is in use), `invalid` (no address to listen at). */
export async function openNet(o: NetInit): Promise<Net> {
  const { clock, isAccepted, isRefused } = o
  const { site: self, privateKey } = o.identity
  const limits: Limits = { ...defaults, ...o.limits }
  const gate = createGate({ clock, limits, isAccepted, isRefused })
  const init: HostInit = {
    privateKey,
    listen: o.listen,
    announce: o.announce,
    clock,
    limits,
    gater: gate.gater,
    admit: gate.admit,
    mayExceed(peer) {
      const site = peer === undefined ? undefined : siteOf(peer)
      return site !== undefined && isAccepted(site)
    },
  }
  const host = await createHost(init)
  const events = createEvents<NetEvent>()
  const connections = createConnections({
    host,
    gate,
    clock,
    limits,
    dial: createDial({ host, gate, clock, limits }),
    isAccepted,
    changed: (type, info) => events.emit({ type, ...info }),
  })
  const table = new Map(o.handlers.map((handler) => [handler.protocol, handler]))
  const lanes = createLanes({
    clock,
    limits,
    log: o.log,
    gate,
    isAccepted,
    isRefused,
    hostOf(site) {
      const known = connections.list().find((one) => one.site === site)
      return known && hostOf(known.address)
    },
    served(protocol) {
      const handler = table.get(protocol)
      return handler?.bulk ? handler : undefined
    },
    run: (handler, carrier) => serving.run(handler, carrier),
  })
  const serving = await serve({
    host,
    handlers: [...o.handlers, lanes.handler],
    clock,
    limits,
    log: o.log,
    isAccepted,
    isRefused,
    opened: (connection, handler) => connections.firstStream(connection, handler.bulk === true),
  })
  const stopped = new AbortController()
  const places = createPlaces({ clock, waitMs: limits.openWaitMs })
  await startHost(host, init)
  try {
    if (o.lane !== undefined) await lanes.listen(o.lane)
  } catch (thrown) {
    await host.stop()
    throw thrown
  }

  async function open(to: Destination, protocol: string, options?: OpenOptions): Promise<Channel> {
    const handler = table.get(protocol)
    const caps = handler?.caps ?? unservedCaps
    const kind = (options?.bulk ?? handler?.bulk ?? false) ? 'bulk' : 'control'
    const signal = anySignal(stopped.signal, options?.signal)
    if (kind === 'bulk' && 'site' in to && to.site !== self) {
      const ask = (waiting: AbortSignal) => askOver(to, waiting)
      const lane = await lanes.open(to.site, protocol, { ask, signal })
      if (lane !== undefined) return createChannel(lane, caps)
    }
    const max = handler?.streamsMax ?? unservedStreamsMax
    return createChannel(await openStream(to, { kind, protocol, max, signal }), caps)
  }

  async function askOver(to: Destination, signal: AbortSignal): Promise<Channel> {
    const max = lanes.handler.streamsMax
    const control = { kind: 'control', protocol: laneProtocol, max, signal } as const
    return createChannel(await openStream(to, control), laneCaps)
  }

  async function openStream(to: Destination, what: StreamWanted) {
    const { signal } = what
    const found = await find(to, what.kind, signal)
    try {
      return await openOn(found.connection, what)
    } catch (thrown) {
      signal.throwIfAborted()
      // A connection that was there may have died unseen; one more try, over a new one.
      if (found.fresh || !deadUnder(thrown, found.connection)) throw thrown
      found.connection.abort(new Error('dead'))
      return await openOn((await find(to, what.kind, signal)).connection, what)
    }
  }

  async function find(to: Destination, kind: 'control' | 'bulk', signal: AbortSignal) {
    if ('site' in to) {
      if (to.site === self) throw ourselves(to.site)
      const addresses = parseSiteAddresses(to.addresses, to.site, limits.addressesMax)
      if (isAccepted(to.site)) for (const address of addresses) gate.know(address, to.site)
      return await connections.reach(to.site, addresses, kind, signal)
    }
    const { address, site } = parseDialAddress(to.address)
    if (site === self) throw ourselves(site)
    if (site !== undefined) return await connections.reach(site, [address], kind, signal)
    return { connection: await connections.meet(address, signal), fresh: true }
  }

  async function openOn(connection: Connection, { protocol, max, signal }: StreamWanted) {
    const leave = await places.take(connection, protocol, max, signal)
    const late = new AbortController()
    // Behind the queue of a connection at work, an answer may take its time.
    const waitMs = connection.streams.length > 0 ? limits.openBehindMs : limits.openStreamMs
    const timer = clock.after(waitMs, () => late.abort())
    let stream: Stream
    try {
      stream = await connection.newStream(protocol, { signal: anySignal(late.signal, signal) })
    } catch (cause) {
      leave()
      signal.throwIfAborted()
      throw streamFault(cause, protocol)
    } finally {
      timer[Symbol.dispose]()
    }
    const remote = siteOf(connection.remotePeer)!
    const carrier = createStreamCarrier(stream, { remote, clock, limits })
    void carrier.over.then(leave)
    return carrier
  }

  return {
    site: self,
    addresses: () => host.getMultiaddrs().map((address) => withKey(address.toString(), self)),
    get lane() {
      return lanes.address
    },
    open,
    hangUp(site) {
      const why = ended('Here the connection to this site was ended.')
      lanes.hangUp(site, why)
      connections.hangUp(site, why)
    },
    connections: connections.list,
    lanesCount: lanes.count,
    on: events.on,
    async [Symbol.asyncDispose]() {
      const why = ended('This site is stopping.')
      stopped.abort(why)
      await serving.stop()
      await lanes.close(why)
      await connections.close(why)
      await host.stop()
    },
  }
}

/** What was under way may be tried again once there is a connection again. */
function ended(text: string): Fault {
  return new Fault('unreachable', 'net.open', { text })
}

function withKey(address: string, site: SiteId): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${site}`
}

function ourselves(site: SiteId): Fault {
  return new Fault('invalid', 'net.open', { about: site, text: 'This is our own site.' })
}

function anySignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second])
}

/** Nothing was said yet, so trying again is safe; but never cut off what others do on it. */
function deadUnder(thrown: unknown, connection: Connection): boolean {
  const unreachable = thrown instanceof Fault && thrown.kind === 'unreachable'
  return unreachable && (connection.status !== 'open' || connection.streams.length === 0)
}

function streamFault(cause: unknown, protocol: string): Fault {
  if (cause instanceof Fault) return cause
  const name = (cause as Error)?.name
  if (name === 'UnsupportedProtocolError') {
    return new Fault('unsupported', 'net.open', {
      about: protocol,
      side: 'there',
      text: `The other site does not speak ${protocol}. One of the two sites needs an update.`,
      cause,
    })
  }
  if (name === 'TooManyOutboundProtocolStreamsError') {
    return new Fault('busy', 'net.open', { about: protocol, cause })
  }
  return new Fault('unreachable', 'net.open', {
    about: protocol,
    side: 'between',
    text: 'The other site closed the connection or did not answer on it. It is tried again.',
    cause,
  })
}
