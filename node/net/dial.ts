/** Addresses as people write them → what may be dialled, and failed dials → faults in words. */
import type { Connection, Libp2p } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Fault } from '../../protocol/fault.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { type Gate, siteOf } from './gate.ts'
import type { Limits } from './limits.ts'

export type DialAddress = { readonly address: Multiaddr; readonly site: SiteId | undefined }

// One host, one port, perhaps WebSockets: nothing that resolves to further addresses or goes through
// a third party. `\0`-free by the shape of multiaddrs.
const dialShape =
  /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/[0-9]+(?:\/(?:ws|wss|tls\/ws|tls\/sni\/[^/]+\/ws))?$/

/** `/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…`; the last part may be missing. Fault `invalid`. */
export function parseDialAddress(text: string): DialAddress {
  const wrong = (cause?: unknown) =>
    new Fault('invalid', 'net.address', {
      about: text.slice(0, 200),
      text: `${text.slice(0, 200)} is not an address of a site. Write one like /ip4/192.0.2.1/tcp/4001 or /dns/site.example.org/tcp/443/wss.`,
      cause,
    })
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw wrong(cause)
  }
  const parts = address.getComponents()
  const key = parts.at(-1)?.code === CODE_P2P ? parts.at(-1)?.value : undefined
  const bare = key === undefined ? address : address.decapsulateCode(CODE_P2P)
  if (!dialShape.test(bare.toString())) throw wrong()
  return { address: bare, site: key === undefined ? undefined : parseSiteId(key) }
}

/** Addresses of a site, wrong ones and those of another key left out. */
export function parseSiteAddresses(
  texts: readonly string[],
  site: SiteId,
  max: number,
): Multiaddr[] {
  const found = new Map<string, Multiaddr>()
  for (const text of texts.slice(0, max)) {
    try {
      const { address, site: named } = parseDialAddress(text)
      if (named === undefined || named === site) found.set(address.toString(), address)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
    }
  }
  return [...found.values()]
}

/** IP address or name, as it was dialled or as it came. */
export function hostOf(address: string): string | undefined {
  const named = /^(ip[46]|dns[46]?)$/
  return multiaddr(address)
    .getComponents()
    .find((part) => named.test(part.name))?.value
}

export type Dial = (
  addresses: readonly Multiaddr[],
  site: SiteId | undefined,
  options: { signal: AbortSignal; force: boolean },
) => Promise<Connection>

/** Dials these addresses, and no others, within the time there is. Fault `unreachable`, or `invalid`. */
export function createDial(o: { host: Libp2p; gate: Gate; clock: Clock; limits: Limits }): Dial {
  return async (addresses, site, options) => {
    const texts = addresses.map(String)
    if (addresses.length === 0) {
      throw new Fault('unreachable', 'net.dial', {
        about: site,
        text: 'No address of this site is known. It must connect to us, or its addresses be entered.',
      })
    }
    const late = new AbortController()
    using _timer = o.clock.after(o.limits.dialMs, () => late.abort())
    using _permit = o.gate.permit(addresses)
    const targets =
      site === undefined ? [...addresses] : addresses.map((one) => one.encapsulate(`/p2p/${site}`))
    let connection: Connection
    try {
      connection = await o.host.dial(targets, {
        force: options.force,
        signal: AbortSignal.any([options.signal, late.signal]),
      })
    } catch (cause) {
      options.signal.throwIfAborted()
      throw dialFault(cause, texts, site)
    }
    if (siteOf(connection.remotePeer) !== undefined) return connection
    connection.abort(new Error('not an Ed25519 key'))
    throw new Fault('unsupported', 'net.dial', {
      about: texts[0],
      side: 'there',
      text: `What answers at ${texts[0]} is not a Crossload site.`,
    })
  }
}

const reasons: readonly (readonly [RegExp, (where: string, site: string) => string])[] = [
  [/Can not dial self|dial self/, (where) => `${where} is our own address.`],
  [
    /does not match expected remote identity|UnexpectedPeer/,
    (where, site) => `At ${where} answers another site than ${site}. Ask its administrator.`,
  ],
  [/ECONNREFUSED/, (where) => `Nothing listens at ${where}. Is the other site running?`],
  [/ENOTFOUND|EAI_AGAIN/, (where) => `The name in ${where} is not known (any more).`],
  [/EHOSTUNREACH|ENETUNREACH/, (where) => `There is no way to ${where} from here.`],
  [
    /EncryptionFailed|ended|closed|reset|ECONNRESET|EOF|denied/i,
    (where) => `${where} closed the connection at once. It may refuse us, or be no Crossload site.`,
  ],
]

function dialFault(cause: unknown, texts: readonly string[], site: SiteId | undefined): Fault {
  const all = cause instanceof AggregateError ? cause.errors : [cause]
  const seen = all.map((one) => `${(one as Error)?.name}: ${(one as Error)?.message}`).join('\n')
  const where = texts.join(', ')
  const found = reasons.find(([pattern]) => pattern.test(seen))
  const why = found?.[1](where, site ?? 'the one named') ?? `${where} does not answer.`
  return new Fault(found === reasons[0] ? 'invalid' : 'unreachable', 'net.dial', {
    about: site ?? texts[0],
    side: 'between',
    list: all.length > 1 ? texts : undefined,
    text: why,
    cause,
  })
}
