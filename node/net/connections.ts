/**
 * The connections there are, and which one a stream is opened on. Control and bulk go over different
 * connections, because whatever is opened on a connection that carries bulk waits behind all that is
 * queued there. Which is which is not negotiated: whoever dials a second connection uses it for bulk
 * only, and the other side learns it from the first stream that arrives on it.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Dial } from './dial.ts'
import { type Gate, siteOf } from './gate.ts'
import type { Limits } from './limits.ts'

export type ConnectionKind = 'control' | 'bulk'

export type ConnectionInfo = {
  readonly site: SiteId
  readonly kind: ConnectionKind
  readonly address: string
}

export type Connections = {
  list(): ConnectionInfo[]
  /** One to open a stream on: there already, or dialled. `fresh` when it was dialled just now. */
  reach(
    site: SiteId,
    addresses: readonly Multiaddr[],
    kind: ConnectionKind,
    signal: AbortSignal,
  ): Promise<{ connection: Connection; fresh: boolean }>
  /** Whoever answers at an address whose key is not known. */
  meet(address: Multiaddr, signal: AbortSignal): Promise<Connection>
  /** The first stream that the other side opened on this connection carries bulk. */
  firstStream(connection: Connection, bulk: boolean): void
  hangUp(site: SiteId, why: Fault): void
  /** Ends all dials at once, and the connections in peace where that is quick. */
  close(why: Fault): Promise<void>
}

export function createConnections(o: {
  host: Libp2p
  gate: Gate
  clock: Clock
  limits: Limits
  dial: Dial
  isAccepted: (site: SiteId) => boolean
  changed: (type: 'opened' | 'closed', info: ConnectionInfo) => void
}): Connections {
  const { host, clock, limits } = o
  /** In the order in which they were opened, the same at both ends. */
  const open = new Map<SiteId, Connection[]>()
  const bulk = new WeakSet<Connection>()
  const used = new WeakSet<Connection>()
  /** One dial of a site at a time: the library joins two into one. */
  const dialling = new Map<SiteId, { last: Promise<unknown>; stop: AbortController }>()
  const bulkDials = new Set<SiteId>()
  const restUntil = new Map<SiteId, number>()

  const info = (connection: Connection): ConnectionInfo => ({
    site: siteOf(connection.remotePeer)!,
    kind: bulk.has(connection) ? 'bulk' : 'control',
    address: connection.remoteAddr.toString(),
  })

  host.addEventListener('connection:open', ({ detail: connection }) => {
    const site = siteOf(connection.remotePeer)
    if (site === undefined || connection.status !== 'open') return
    if (connection.direction === 'outbound' && bulkDials.has(site)) bulk.add(connection)
    open.set(site, [...(open.get(site) ?? []), connection])
    if (o.isAccepted(site)) o.gate.know(connection.remoteAddr, site)
    else if (connection.direction === 'inbound') showOutLater(connection, site)
    o.changed('opened', info(connection))
  })

  host.addEventListener('connection:close', ({ detail: connection }) => {
    const site = siteOf(connection.remotePeer)
    const present = site === undefined ? undefined : open.get(site)
    if (site === undefined || !present?.includes(connection)) return
    const left = present.filter((one) => one !== connection)
    if (left.length > 0) open.set(site, left)
    else {
      open.delete(site)
      // The library remembers every key it ever met; keys cost nothing.
      host.peerStore.delete(connection.remotePeer).catch(() => {})
    }
    o.changed('closed', info(connection))
  })

  function showOutLater(connection: Connection, site: SiteId): void {
    const late = clock.after(limits.strangerStayMs, () => {
      if (!o.isAccepted(site)) connection.abort(new Error('a stranger has stayed long enough'))
    })
    connection.addEventListener('close', () => late[Symbol.dispose](), { once: true })
  }

  /** What there is for this kind: of its own kind the oldest. */
  function present(site: SiteId, kind: ConnectionKind): Connection | undefined {
    return open
      .get(site)
      ?.find((one) => one.status === 'open' && bulk.has(one) === (kind === 'bulk'))
  }

  async function dialNext(
    site: SiteId,
    addresses: readonly Multiaddr[],
    kind: ConnectionKind,
  ): Promise<{ connection: Connection; fresh: boolean }> {
    const before = dialling.get(site)
    const stop = before?.stop.signal.aborted === false ? before.stop : new AbortController()
    const turn = (before?.last ?? Promise.resolve()).then(async () => {
      const there = present(site, kind)
      if (there !== undefined) return { connection: there, fresh: false }
      if (kind === 'bulk') bulkDials.add(site)
      try {
        const connection = await o.dial(addresses, site, { signal: stop.signal, force: true })
        return { connection, fresh: true }
      } finally {
        bulkDials.delete(site)
      }
    })
    const entry = { last: turn.catch(() => {}), stop }
    dialling.set(site, entry)
    void entry.last.then(() => {
      if (dialling.get(site) === entry) dialling.delete(site)
    })
    return await turn
  }

  async function reach(
    site: SiteId,
    addresses: readonly Multiaddr[],
    kind: ConnectionKind,
  ): Promise<{ connection: Connection; fresh: boolean }> {
    const there = present(site, kind)
    if (there !== undefined) return { connection: there, fresh: false }
    // Control comes first, so that both ends agree on which one it is.
    const other =
      kind === 'bulk'
        ? (present(site, 'control') ?? (await dialNext(site, addresses, 'control')).connection)
        : present(site, 'bulk')
    if (other === undefined) return await dialNext(site, addresses, kind)
    const rest = (restUntil.get(site) ?? 0) > clock.now()
    if (addresses.length === 0 || rest) return { connection: other, fresh: false }
    try {
      const dialled = await dialNext(site, addresses, kind)
      restUntil.delete(site)
      return dialled
    } catch (thrown) {
      // It may be reachable from one side only. One connection is slower, none is worse.
      if (other.status !== 'open') throw thrown
      restUntil.set(site, clock.now() + limits.bulkRestMs)
      return { connection: other, fresh: false }
    }
  }

  return {
    list: () => [...open.values()].flat().map(info),
    reach: (site, addresses, kind, signal) => raced(reach(site, addresses, kind), signal),
    meet: (address, signal) => o.dial([address], undefined, { signal, force: false }),
    firstStream(connection, isBulk) {
      if (used.has(connection)) return
      used.add(connection)
      const site = siteOf(connection.remotePeer)
      const several = site !== undefined && (open.get(site)?.length ?? 0) > 1
      if (isBulk && several && connection.direction === 'inbound') bulk.add(connection)
    },
    hangUp(site, why) {
      dialling.get(site)?.stop.abort(why)
      restUntil.delete(site)
      for (const connection of open.get(site) ?? []) connection.abort(why)
    },
    async close(why) {
      for (const { stop } of dialling.values()) stop.abort(why)
      const ending = [...open.values()].flat().map(async (connection) => {
        const late = new AbortController()
        using _timer = clock.after(limits.closeMs, () => late.abort())
        try {
          await connection.close({ signal: late.signal })
        } catch (cause) {
          connection.abort(cause as Error)
        }
      })
      await Promise.all(ending)
    },
  }
}

/** The promise, or the signal's reason as soon as it aborts; what runs then goes on for others. */
function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
