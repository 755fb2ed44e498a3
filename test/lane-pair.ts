/** Two carriers over a real lane: a door and a dial on loopback, with a cable that can be cut between. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Clock, systemClock } from '../node/base/clock.ts'
import type { NetCarrier } from '../node/net/carrier.ts'
import { dialLane } from '../node/net/lanes/dial.ts'
import { openDoor } from '../node/net/lanes/door.ts'
import { createLaneCarrier, type LaneSocket } from '../node/net/lanes/lane.ts'
import { createPromises } from '../node/net/lanes/promises.ts'
import { type Limits, limits } from '../node/net/limits.ts'
import type { SiteId } from '../protocol/ids.ts'
import { laneIdentity } from '../protocol/lane.ts'
import { openProxy, type TcpProxy } from './tcp-proxy.ts'

export interface LanePair extends AsyncDisposable {
  /** The end that dialled. */
  readonly left: NetCarrier
  readonly right: NetCarrier
  readonly sockets: { readonly left: LaneSocket; readonly right: LaneSocket }
  readonly proxy: TcpProxy
}

/** `left` is `oslo`, who dialled; `right` is `kyoto`. */
export async function openLanePair(
  o: { clock?: Clock; limits?: Partial<Limits>; proxied?: Partial<TcpProxyOptions> } = {},
): Promise<LanePair> {
  await using stack = new AsyncDisposableStack()
  const cap = { ...limits, ...o.limits }
  const clock = o.clock ?? systemClock
  const promises = createPromises<string>({ clock: systemClock, limits: cap })
  const arrived = Promise.withResolvers<LaneSocket>()
  const door = await openDoor({
    place: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    limits: cap,
    gate: { admitLane: () => true, laneProved: () => {} },
    use: promises.use,
    arrived: (_promised, lane) => arrived.resolve(lane),
    refused: arrived.reject,
  })
  stack.defer(() => door.close())
  const proxy = stack.use(await openProxy({ to: { port: door.place.port }, ...o.proxied }))
  const { ticket, key } = promises.make('oslo' as SiteId, 'pair')!
  const carrierOf = (lane: LaneSocket, remote: string) =>
    createLaneCarrier(lane, { remote: remote as SiteId, clock, limits: cap })
  const right = arrived.promise.then((lane) => ({ lane, carrier: carrierOf(lane, 'oslo') }))
  const lane = await dialLane(
    { host: '127.0.0.1', port: proxy.port },
    {
      identity: laneIdentity(ticket),
      key,
      clock: systemClock,
      laneDialMs: cap.laneDialMs,
      signal: new AbortController().signal,
    },
  )
  const left = carrierOf(lane, 'kyoto')
  const there = await right
  stack.defer(() => void lane.socket.destroy())
  const rest = stack.move()
  return {
    left,
    right: there.carrier,
    sockets: { left: lane, right: there.lane },
    proxy,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

type TcpProxyOptions = Parameters<typeof openProxy>[0]

export type Detour = AsyncDisposable & {
  readonly lane: { readonly listen: string; readonly announce: string }
  readonly proxy: TcpProxy
}

/** A cable for the lanes of a site that does not run yet: where it is to listen, and what to tell others. */
export async function openDetour(o: { bytesPerSecond?: number } = {}): Promise<Detour> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const proxy = await openProxy({ to: { port }, ...o })
  const lane = { listen: `127.0.0.1:${port}`, announce: `127.0.0.1:${proxy.port}` }
  return { lane, proxy, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() }
}
