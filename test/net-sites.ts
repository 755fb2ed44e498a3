/** Sites on the network without their rooms: real libp2p on loopback, handlers given by the test. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { z } from 'zod'
import { systemClock } from '../node/base/clock.ts'
import type { LaneInit } from '../node/net/lanes/lanes.ts'
import type { Limits } from '../node/net/limits.ts'
import { type Net, type NetHandler, openNet } from '../node/net/net.ts'
import type { Channel } from '../protocol/channel.ts'
import { parseSiteId, type SiteId } from '../protocol/ids.ts'

export interface NetSite extends AsyncDisposable {
  readonly net: Net
  readonly site: SiteId
  readonly accepted: Set<SiteId>
  readonly refused: Set<SiteId>
  readonly logged: { level: string; facts: object; text: string }[]
  /** Where it is reached: its site and its addresses. */
  readonly at: { site: SiteId; addresses: string[] }
}

export async function openNetSite(o: {
  handlers?: readonly NetHandler[]
  listen?: readonly string[]
  announce?: readonly string[]
  lane?: LaneInit
  limits?: Partial<Limits>
}): Promise<NetSite> {
  const privateKey = await generateKeyPair('Ed25519')
  const site = parseSiteId(peerIdFromPrivateKey(privateKey).toString())
  const accepted = new Set<SiteId>()
  const refused = new Set<SiteId>()
  const logged: NetSite['logged'] = []
  const write = (level: string) => (facts: object, text: string) => {
    logged.push({ level, facts, text })
  }
  const net = await openNet({
    identity: { site, privateKey },
    clock: systemClock,
    listen: o.listen ?? ['/ip4/127.0.0.1/tcp/0'],
    announce: o.announce,
    lane: o.lane,
    handlers: o.handlers ?? [],
    limits: o.limits,
    log: { debug: write('debug'), warn: write('warn'), error: write('error') },
    isAccepted: (one) => accepted.has(one),
    isRefused: (one) => refused.has(one),
  })
  return {
    net,
    site,
    accepted,
    refused,
    logged,
    get at() {
      return { site, addresses: net.addresses() }
    },
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  }
}

/** Each accepts the other. */
export function befriend(left: NetSite, right: NetSite): void {
  left.accepted.add(right.site)
  right.accepted.add(left.site)
}

export const anything = z.unknown()

export function handler(
  name: string,
  run: (channel: Channel, o: { signal: AbortSignal }) => Promise<void>,
  more: Partial<NetHandler> = {},
): NetHandler {
  return {
    protocol: `/test/${name}/1.0.0`,
    strangers: false,
    caps: { headBytesMax: 64 * 1024, bodyBytesMax: 2 ** 20 },
    streamsMax: 4,
    firstMessageMs: 5_000,
    run,
    ...more,
  }
}

/** Answers every message with itself until the other side closes. */
export const echo = handler('echo', async (channel) => {
  const { message, body } = await channel.receive(anything)
  await channel.send({ echo: message }, body)
})

export async function ask(
  net: Net,
  to: Parameters<Net['open']>[0],
  protocol: string,
  o?: { bulk?: boolean; signal?: AbortSignal },
): Promise<unknown> {
  const channel = await net.open(to, protocol, o)
  try {
    await channel.send({ hello: 1 })
    const { message } = await channel.receive(anything)
    return message
  } finally {
    await channel.close()
  }
}
