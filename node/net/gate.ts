/**
 * Who may come in and what may be dialled. Floods are turned away by address before the first byte is
 * read; keys are judged as soon as they are proved, before a stream can exist. Places are kept for
 * accepted sites, so that strangers, however many, never keep one out.
 */
import { isIPv4, isIPv6, type Socket } from 'node:net'
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createRate } from '../base/rate.ts'
import type { Limits } from './limits.ts'

export type Judgement = {
  readonly isAccepted: (site: SiteId) => boolean
  readonly isRefused: (site: SiteId) => boolean
}

export type Gate = {
  /** Asked for every socket that a listener takes; false closes it unread. */
  admit(socket: Socket): boolean
  /** The same for sockets that are none of the library's, and what ends their wait. */
  admitLane(socket: Socket): boolean
  laneProved(socket: Socket): void
  /** What the library asks. */
  readonly gater: ConnectionGater
  /** These addresses may be dialled until disposed; all others never. */
  permit(addresses: readonly Multiaddr[]): Disposable
  /** Accepted sites come from here: no rate is applied, and a reserve of pending places is kept. */
  know(address: Multiaddr, site: SiteId): void
  /** Connections from outside, by whether their site is accepted at this moment. */
  counts(): { accepted: number; strangers: number; pending: number }
}

type GateLimits = Pick<
  Limits,
  | 'connectionsMax'
  | 'strangerConnectionsMax'
  | 'connectionsPerSiteMax'
  | 'connectionsPerStrangerMax'
  | 'pendingMax'
  | 'pendingUnknownMax'
  | 'pendingPerHostMax'
  | 'pendingPerKnownHostMax'
  | 'pendingMs'
  | 'hostBurst'
  | 'hostEveryMs'
  | 'prefixBurst'
  | 'prefixEveryMs'
  | 'hostsMax'
  | 'knownHostsMax'
>

export function createGate(o: { clock: Clock; limits: GateLimits } & Judgement): Gate {
  const { clock, limits, isAccepted, isRefused } = o
  const { hostsMax: keysMax } = limits
  const perHost = createRate<string>({
    clock,
    burst: limits.hostBurst,
    everyMs: limits.hostEveryMs,
    keysMax,
  })
  const perPrefix = createRate<string>({
    clock,
    burst: limits.prefixBurst,
    everyMs: limits.prefixEveryMs,
    keysMax,
  })
  const knownHosts = new Map<string, SiteId>()
  const pending = new Map<string, { host: string; known: boolean; end: () => void }>()
  const places = new Map<SiteId, MultiaddrConnection[]>()
  const dialled = new Map<string, number>()

  const isKnown = (host: string) => {
    const site = knownHosts.get(host)
    return site !== undefined && isAccepted(site)
  }

  function admitAs(listener: 'library' | 'lane', socket: Socket): boolean {
    const host = hostText(socket.remoteAddress)
    if (host === undefined || socket.remotePort === undefined) return false
    const known = isKnown(host)
    const waiting = [...pending.values()]
    const ofHost = waiting.filter((one) => one.host === host).length
    if (waiting.length >= limits.pendingMax) return false
    if (ofHost >= (known ? limits.pendingPerKnownHostMax : limits.pendingPerHostMax)) return false
    if (!known) {
      if (waiting.filter((one) => !one.known).length >= limits.pendingUnknownMax) return false
      if (!perHost.take(host) || !perPrefix.take(prefixOf(host))) return false
    }
    const key = pendingKey(listener, host, socket.remotePort)
    const late = clock.after(limits.pendingMs, () => socket.destroy())
    const end = () => {
      late[Symbol.dispose]()
      pending.delete(key)
    }
    pending.set(key, { host, known, end })
    socket.once('close', end)
    return true
  }

  function counts() {
    let accepted = 0
    let strangers = 0
    for (const [site, { length }] of places) {
      if (isAccepted(site)) accepted += length
      else strangers += length
    }
    return { accepted, strangers, pending: pending.size }
  }

  /** A key was proved: its socket waits no longer, and either has a place or is closed. */
  function denyProved(peer: PeerId, connection: MultiaddrConnection): boolean {
    const from = endpointOf(connection.remoteAddr)
    pending.get(pendingKey('library', from?.host, from?.port))?.end()
    const site = siteOf(peer)
    if (site === undefined || isRefused(site) || connection.status !== 'open') return true
    const accepted = isAccepted(site)
    const now = counts()
    const ofSite = places.get(site) ?? []
    if (!accepted && now.strangers >= limits.strangerConnectionsMax) return true
    if (!accepted && ofSite.length >= limits.connectionsPerStrangerMax) return true
    if (accepted && ofSite.length >= limits.connectionsPerSiteMax) {
      // The key is the same, so the newest is the true one: a site that lost its power twice must not
      // wait until the system gives up its old lines.
      ofSite[0]?.abort(new Error('replaced by a newer connection'))
    } else if (now.accepted + now.strangers >= limits.connectionsMax) return true
    places.set(site, [...(places.get(site) ?? []), connection])
    connection.addEventListener('close', () => leave(site, connection), { once: true })
    if (accepted) know(connection.remoteAddr, site)
    return false
  }

  function leave(site: SiteId, connection: MultiaddrConnection): void {
    const left = (places.get(site) ?? []).filter((one) => one !== connection)
    if (left.length > 0) places.set(site, left)
    else places.delete(site)
  }

  function know(address: Multiaddr, site: SiteId): void {
    const host = endpointOf(address)?.host
    if (host === undefined) return
    knownHosts.delete(host)
    knownHosts.set(host, site)
    const oldest = knownHosts.keys().next()
    if (knownHosts.size > limits.knownHostsMax && !oldest.done) knownHosts.delete(oldest.value)
  }

  return {
    admit: (socket) => admitAs('library', socket),
    admitLane: (socket) => admitAs('lane', socket),
    laneProved({ remoteAddress, remotePort }) {
      pending.get(pendingKey('lane', hostText(remoteAddress), remotePort))?.end()
    },
    know,
    counts,
    gater: {
      denyDialMultiaddr: (address) => !dialled.has(dialText(address)),
      denyInboundEncryptedConnection: denyProved,
      denyInboundRelayReservation: () => true,
      denyInboundRelayedConnection: () => true,
      denyOutboundRelayedConnection: () => true,
    },
    permit(addresses) {
      const texts = addresses.map(dialText)
      for (const text of texts) dialled.set(text, (dialled.get(text) ?? 0) + 1)
      return {
        [Symbol.dispose]() {
          for (const text of texts) {
            const left = (dialled.get(text) ?? 1) - 1
            if (left > 0) dialled.set(text, left)
            else dialled.delete(text)
          }
        },
      }
    },
  }
}

/** One and the same port there may call at both listeners at once. */
const pendingKey = (listener: string, host: string | undefined, port: number | undefined) =>
  `${listener} ${host} ${port}`

/** The site that a proved key belongs to; none when it is not an Ed25519 key. */
export function siteOf(peer: PeerId): SiteId | undefined {
  return peer.type === 'Ed25519' ? parseSiteId(peer.toString()) : undefined
}

/** The address without the key that is expected there. */
function dialText(address: Multiaddr): string {
  return address.decapsulateCode(CODE_P2P).toString()
}

function endpointOf(address: Multiaddr): { host: string; port: number } | undefined {
  const parts = address.getComponents()
  const host = hostText(parts.find((part) => part.name === 'ip4' || part.name === 'ip6')?.value)
  const port = Number(parts.find((part) => part.name === 'tcp')?.value)
  return host === undefined ? undefined : { host, port }
}

/** One text for one address: IPv4 within IPv6 as IPv4, no zone, the shortest form. */
function hostText(text: string | undefined): string | undefined {
  const bare = text?.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
  if (bare === undefined || isIPv4(bare)) return bare
  return isIPv6(bare) ? multiaddr(`/ip6/${bare}`).getComponents()[0]?.value : undefined
}

/** The network whose addresses are one neighbour's to choose from: a /24, or a /64. */
export function prefixOf(host: string): string {
  if (isIPv4(host)) return host.split('.').slice(0, 3).join('.')
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4).join(':')
}
