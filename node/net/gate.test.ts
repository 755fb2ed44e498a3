import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MultiaddrConnection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import type { SiteId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import { createGate, prefixOf, siteOf } from './gate.ts'
import { limits } from './limits.ts'

test('a host may open a burst, then as many a second as its rate; others are not touched', async () => {
  const { gate, clock, arrive } = setUp()
  const tried = times(20, () => arrive('192.0.2.1'))
  expect(tried.filter(Boolean).length).toBe(limits.hostBurst)
  expect(arrive('198.51.100.1')).toBeDefined()
  for (const socket of tried) socket?.emit('close')
  await clock.advance(5 * limits.hostEveryMs)
  expect(times(20, () => arrive('192.0.2.1')).filter(Boolean).length).toBe(5)
  expect(gate.counts().pending).toBe(1 + 5)
})

test('the addresses of one network share a burst as well', () => {
  const { arrive } = setUp()
  const from = (i: number) => arrive(`192.0.2.${i}`)
  expect(times(200, from).filter(Boolean).length).toBe(limits.prefixBurst)
  const six = (i: number) => arrive(`2001:db8:0:1::${i.toString(16)}`)
  expect(times(200, six).filter(Boolean).length).toBe(limits.prefixBurst)
})

test('sockets that prove no key in time are closed, and their places are free again', async () => {
  const { gate, clock, arrive } = setUp()
  const socket = arrive('192.0.2.1')
  await clock.advance(limits.pendingMs - 1)
  expect(socket?.destroyed).toBe(false)
  await clock.advance(1)
  expect(socket?.destroyed).toBe(true)
  expect(gate.counts().pending).toBe(0)
})

test('a proved key ends the wait, whatever way its address is written', async () => {
  const { gate, clock, arrive, accepted } = setUp()
  const written: [string, string][] = [
    ['192.0.2.1', '/ip4/192.0.2.1/tcp/7'],
    ['::ffff:192.0.2.9', '/ip4/192.0.2.9/tcp/7'],
    ['2001:db8::a', '/ip6/2001:db8::a/tcp/7'],
    ['fe80::1%eth0', '/ip6/fe80::1/tcp/7'],
  ]
  for (const [host, address] of written) {
    const socket = arrive(host, 7)
    const site = await key()
    accepted.add(siteOf(site)!)
    expect(prove(gate, site, address).denied).toBe(false)
    await clock.advance(2 * limits.pendingMs)
    expect(socket?.destroyed, host).toBe(false)
  }
  expect(gate.counts()).toEqual({ accepted: 4, strangers: 0, pending: 0 })
})

test('however many strangers come, from wherever, an accepted site finds its place', async () => {
  const { gate, arrive, accepted } = setUp()
  const friend = await key()
  accepted.add(siteOf(friend)!)
  const { connection } = prove(gate, friend, '/ip4/203.0.113.5/tcp/1')
  // Silent sockets from everywhere: they take their share of the pending places and no more.
  times(250, (a) => times(4, (b) => arrive(`198.${a}.${b}.1`)))
  expect(gate.counts().pending).toBe(limits.pendingUnknownMax)
  expect(arrive('203.0.113.5')).toBeDefined()
  // Strangers with keys: the same.
  for (let i = 0; i < limits.connectionsMax; i++) prove(gate, await key(), '/ip4/192.0.2.1/tcp/1')
  expect(gate.counts().strangers).toBe(limits.strangerConnectionsMax)
  expect(prove(gate, friend, '/ip4/203.0.113.5/tcp/2').denied).toBe(false)
  // A place is free again when its connection closes.
  connection.dispatchEvent(new Event('close'))
  expect(gate.counts().accepted).toBe(1)
})

test('hosts of accepted sites are exempt from the rate while they are accepted, not from every limit', async () => {
  const { gate, arrive, accepted } = setUp()
  const friend = siteOf(await key())!
  accepted.add(friend)
  gate.know(multiaddr('/ip4/203.0.113.5/tcp/4001'), friend)
  const many = times(200, () => arrive('203.0.113.5')).filter(Boolean)
  expect(many.length).toBe(limits.pendingPerKnownHostMax)
  for (const socket of many) socket?.emit('close')
  accepted.delete(friend)
  expect(times(200, () => arrive('203.0.113.5')).filter(Boolean).length).toBe(limits.hostBurst)
})

test('a stranger holds few connections; of an accepted site the newest replace the oldest', async () => {
  const { gate, accepted } = setUp()
  const stranger = await key()
  const friend = await key()
  accepted.add(siteOf(friend)!)
  const tries = (peer: PeerId) => times(10, () => prove(gate, peer, '/ip4/192.0.2.1/tcp/1'))
  const granted = tries(stranger).filter((one) => !one.denied)
  expect(granted.length).toBe(limits.connectionsPerStrangerMax)
  const opened = tries(friend)
  expect(opened.every((one) => !one.denied)).toBe(true)
  const open = opened.map((one) => one.connection.status === 'open')
  expect(open).toEqual(times(10, (i) => i >= 10 - limits.connectionsPerSiteMax))
  expect(gate.counts()).toMatchObject({ accepted: limits.connectionsPerSiteMax })
})

test('refused sites, other sorts of keys and closed connections are turned away', async () => {
  const { gate, refused } = setUp()
  const site = await key()
  refused.add(siteOf(site)!)
  expect(prove(gate, site, '/ip4/192.0.2.1/tcp/1').denied).toBe(true)
  const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
  expect(prove(gate, other, '/ip4/192.0.2.1/tcp/1').denied).toBe(true)
  expect(prove(gate, await key(), '/ip4/192.0.2.1/tcp/1', 'closed').denied).toBe(true)
  expect(gate.counts()).toEqual({ accepted: 0, strangers: 0, pending: 0 })
})

test('only what is permitted is dialled, and only as long as it is', () => {
  const { gate } = setUp()
  const denied = (text: string) => gate.gater.denyDialMultiaddr?.(multiaddr(text))
  const site = '/p2p/12D3KooWGzBS1UsDDr3BqfvqMFAA3TVA3bLQnWdrqWvkRhPVqWUu'
  const address = multiaddr('/ip4/192.0.2.1/tcp/4001')
  expect(denied('/ip4/192.0.2.1/tcp/4001')).toBe(true)
  {
    using _permit = gate.permit([address])
    using _again = gate.permit([address])
    expect(denied(`/ip4/192.0.2.1/tcp/4001${site}`)).toBe(false)
    expect(denied('/ip4/192.0.2.1/tcp/4002')).toBe(true)
    expect(denied('/ip4/192.0.2.1/tcp/4001/ws')).toBe(true)
    expect(denied('/ip4/169.254.169.254/tcp/80')).toBe(true)
  }
  expect(denied('/ip4/192.0.2.1/tcp/4001')).toBe(true)
})

test('the network of an address', () => {
  expect(prefixOf('192.0.2.77')).toBe('192.0.2')
  expect(prefixOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2')
  expect(prefixOf('2001:db8::6')).toBe('2001:db8:0:0')
  expect(prefixOf('::1')).toBe('0:0:0:0')
  expect(prefixOf('fe80::')).toBe('fe80:0:0:0')
})

function setUp() {
  const accepted = new Set<SiteId>()
  const refused = new Set<SiteId>()
  const clock = createManualClock()
  const gate = createGate({
    clock,
    limits,
    isAccepted: (site) => accepted.has(site),
    isRefused: (site) => refused.has(site),
  })
  let ports = 1000
  /** A socket that was let in, or nothing. */
  function arrive(host: string, port = ports++) {
    const events = new EventEmitter()
    const destroy = () => {
      socket.destroyed = true
      socket.emit('close')
    }
    const socket = Object.assign(events, {
      remoteAddress: host,
      remotePort: port,
      destroyed: false,
      destroy,
    })
    return gate.admit(socket as unknown as Socket) ? socket : undefined
  }
  return { accepted, refused, clock, gate, arrive }
}

function prove(gate: ReturnType<typeof createGate>, peer: PeerId, from: string, status = 'open') {
  const remoteAddr: Multiaddr = multiaddr(from)
  const abort = () => {
    connection.status = 'aborted'
    connection.dispatchEvent(new Event('close'))
  }
  const connection = Object.assign(new EventTarget(), { remoteAddr, status, abort })
  const denied = gate.gater.denyInboundEncryptedConnection?.(
    peer,
    connection as unknown as MultiaddrConnection,
  )
  return { denied, connection }
}

async function key(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
}

function times<T>(count: number, run: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => run(i))
}
