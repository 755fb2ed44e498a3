/** Lanes between two real sites on the network: had, refused, broken, and done without. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import type { Channel } from '../../../protocol/channel.ts'
import { Fault } from '../../../protocol/fault.ts'
import {
  type LanePromise,
  laneAnswer,
  laneCipher,
  laneIdentity,
  laneProtocol,
} from '../../../protocol/lane.ts'
import { until } from '../../../test/contracts/carrier.ts'
import { openDetour } from '../../../test/lane-pair.ts'
import {
  anything,
  ask,
  befriend,
  echo,
  handler,
  type NetSite,
  openNetSite,
} from '../../../test/net-sites.ts'
import { openBareHost, portOf } from '../../../test/stream-pair.ts'
import { openProxy } from '../../../test/tcp-proxy.ts'
import { systemClock } from '../../base/clock.ts'
import type { Limits } from '../limits.ts'
import { dialLane } from './dial.ts'
import { placeOf } from './door.ts'
import type { LaneInit } from './lanes.ts'

/** Says how it was reached, then gives every message back. */
const bulk = handler(
  'bulk',
  async (channel) => {
    for (;;) {
      const { message, body } = await channel.receive(anything)
      await channel.send({ via: channel.via, from: channel.remote, message }, body)
    }
  },
  { bulk: true },
)
const here = { listen: '127.0.0.1:0' }

/** `kyoto` takes lanes, `oslo` wants them; both serve `bulk` and `echo`. */
async function openPair(
  o: {
    kyoto?: Partial<Parameters<typeof openNetSite>[0]>
    oslo?: Partial<Limits>
    osloLane?: LaneInit
    handlers?: Parameters<typeof openNetSite>[0]['handlers']
  } = {},
) {
  await using stack = new AsyncDisposableStack()
  const handlers = o.handlers ?? [bulk, echo]
  const kyoto = stack.use(await openNetSite({ handlers, lane: here, ...o.kyoto }))
  const { oslo: limits = {}, osloLane } = o
  const lane = osloLane === undefined ? {} : { lane: osloLane }
  const oslo = stack.use(await openNetSite({ handlers, listen: [], limits, ...lane }))
  befriend(oslo, kyoto)
  const rest = stack.move()
  return { kyoto, oslo, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

async function talk(channel: Channel, message: unknown): Promise<unknown> {
  await channel.send(message)
  return (await channel.receive(anything)).message
}

/** What kyoto promises oslo, asked for by hand. */
async function promised(
  { oslo, kyoto }: { oslo: NetSite; kyoto: NetSite },
  protocol = bulk.protocol,
): Promise<LanePromise> {
  const channel = await oslo.net.open(kyoto.at, laneProtocol)
  await channel.send({ protocol })
  const { message } = await channel.receive(laneAnswer)
  await channel.close()
  if (message.type !== 'lane') throw new Error('none was promised')
  return message
}

function dialWith(lane: string, ticket: Uint8Array, key: Uint8Array) {
  return dialLane(placeOf(lane), {
    identity: laneIdentity(ticket),
    key,
    clock: systemClock,
    laneDialMs: 2000,
    signal: new AbortController().signal,
  })
}

/** How a dial is refused, as the one who dials sees it. */
async function refusal(dialling: Promise<unknown>): Promise<string> {
  const fault = await dialling.then(
    () => undefined,
    (thrown) => thrown as Fault,
  )
  if (!(fault instanceof Fault)) throw new Error('it was let in')
  return (fault.cause as NodeJS.ErrnoException).code ?? String(fault.cause)
}

describe('a lane', () => {
  test('carries a protocol for content, and its handler sees who is there', async () => {
    await using pair = await openPair()
    const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
    expect(channel.via).toBe('lane')
    expect(channel.remote).toBe(pair.kyoto.site)
    const answer = await talk(channel, 'hello')
    expect(answer).toEqual({ via: 'lane', from: pair.oslo.site, message: 'hello' })
    // Only to ask a connection was needed, and it is one for talk.
    expect(pair.oslo.net.connections()).toMatchObject([{ kind: 'control' }])
    await channel.close()
  })

  test('is for content only', async () => {
    await using pair = await openPair()
    expect((await pair.oslo.net.open(pair.kyoto.at, echo.protocol)).via).toBe('stream')
    await expect(promised(pair, echo.protocol)).rejects.toThrow('none was promised')
    await expect(promised(pair, '/test/unknown/1.0.0')).rejects.toThrow('none was promised')
  })

  test('opened twice is two sockets, and one ends without the other', async () => {
    await using detour = await openDetour()
    await using pair = await openPair({ kyoto: { lane: detour.lane } })
    const open = () => pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
    const [first, second] = await Promise.all([open(), open()])
    expect([first.via, second.via]).toEqual(['lane', 'lane'])
    expect(detour.proxy.lines).toBe(2)
    first.abort(new Fault('gone', 'test'))
    expect(await talk(second, 1)).toMatchObject({ via: 'lane', message: 1 })
  })

  test('at a place of any host is dialled at the host of the connection', async () => {
    await using pair = await openPair({ kyoto: { lane: { listen: '0.0.0.0:0' } } })
    expect((await promised(pair)).addresses).toEqual([expect.stringMatching(/^\*:\d+$/)])
    expect((await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)).via).toBe('lane')
  })

  test('tells the fault of its handler as a stream would', async () => {
    const broken = handler(
      'broken',
      async (channel) => {
        await channel.receive(anything)
        throw new Fault('full', 'test.run', { text: 'No room here.' })
      },
      { bulk: true },
    )
    await using pair = await openPair({ handlers: [broken] })
    const channel = await pair.oslo.net.open(pair.kyoto.at, broken.protocol)
    expect(channel.via).toBe('lane')
    await expect(talk(channel, 1)).rejects.toMatchObject({ kind: 'full', message: 'No room here.' })
  })

  test('on which nothing is said is ended', async () => {
    const brief = handler('brief', bulk.run, { bulk: true, firstMessageMs: 100 })
    await using pair = await openPair({ handlers: [brief] })
    const channel = await pair.oslo.net.open(pair.kyoto.at, brief.protocol)
    await expect(channel.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('ends with its link, and when its site stops', async () => {
    await using pair = await openPair()
    const open = () => pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
    const first = await open()
    await talk(first, 1)
    pair.kyoto.net.hangUp(pair.oslo.site)
    await expect(first.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
    const second = await open()
    await talk(second, 1)
    pair.oslo.net.hangUp(pair.kyoto.site)
    await expect(second.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
    const third = await open()
    expect(third.via).toBe('lane')
    await talk(third, 1)
    await pair.kyoto.net[Symbol.asyncDispose]()
    await expect(third.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('outlives the connection over which it was asked for', async () => {
    await using pair = await openPair()
    const port = portOf(multiaddr(pair.kyoto.net.addresses()[0]))
    await using proxy = await openProxy({ to: { port } })
    const addresses = [`/ip4/127.0.0.1/tcp/${proxy.port}`]
    const channel = await pair.oslo.net.open({ site: pair.kyoto.site, addresses }, bulk.protocol)
    await talk(channel, 1)
    proxy.cut()
    await until(() => pair.oslo.net.connections().length === 0)
    expect(await talk(channel, 2)).toMatchObject({ via: 'lane', message: 2 })
  })
})

describe('a lane the other way', () => {
  const nobodyThere = { ...here, announce: '127.0.0.1:1' }

  test.for([
    ['takes none', {}],
    ['cannot be reached', { lane: nobodyThere }],
  ] as const)('is had where the site that serves %s but can dial', async ([, kyoto]) => {
    await using pair = await openPair({ osloLane: here })
    await using other = await openNetSite({ handlers: [bulk], ...kyoto })
    befriend(pair.oslo, other)
    const channel = await pair.oslo.net.open(other.at, bulk.protocol)
    expect(channel.via).toBe('lane')
    expect(channel.remote).toBe(other.site)
    const answer = await talk(channel, 'hello')
    expect(answer).toEqual({ via: 'lane', from: pair.oslo.site, message: 'hello' })
    await channel.close()
    await expect(channel.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('that cannot be had either is a stream, and nothing is left promised', async () => {
    await using pair = await openPair({
      kyoto: { lane: nobodyThere },
      osloLane: nobodyThere,
      oslo: { lanesMax: 1, laneRestMs: 0 },
    })
    for (let i = 0; i < 3; i++) {
      const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
      expect(channel.via).toBe('stream')
      channel.abort(new Fault('gone', 'test'))
    }
    const asked = await promised({ oslo: pair.kyoto, kyoto: pair.oslo })
    expect(asked.addresses).toEqual(['127.0.0.1:1'])
  })

  test('counts among the lanes of the site that asks for it', async () => {
    await using kyoto = await openNetSite({ handlers: [bulk], limits: { lanesPerSiteMax: 1 } })
    await using pair = await openPair({ osloLane: here })
    befriend(pair.oslo, kyoto)
    const open = () => pair.oslo.net.open(kyoto.at, bulk.protocol)
    expect([(await open()).via, (await open()).via]).toEqual(['lane', 'stream'])
  })
})

describe('a lane that breaks', () => {
  test('in the middle of a message is a cut line', async () => {
    await using detour = await openDetour()
    const half = handler(
      'half',
      async (channel, { signal }) => {
        await channel.receive(anything)
        for (;;) await channel.send({}, new Uint8Array(2 ** 20), { signal })
      },
      { bulk: true },
    )
    await using pair = await openPair({ kyoto: { lane: detour.lane }, handlers: [half, echo] })
    const channel = await pair.oslo.net.open(pair.kyoto.at, half.protocol)
    await talk(channel, 1)
    detour.proxy.cut()
    const reading = (async () => {
      for (;;) await channel.receive(anything)
    })()
    await expect(reading).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
    // The next one is a lane again.
    expect((await pair.oslo.net.open(pair.kyoto.at, half.protocol)).via).toBe('lane')
  })

  test('by silence is given up while talk goes on', async () => {
    await using detour = await openDetour()
    await using pair = await openPair({ kyoto: { lane: detour.lane }, oslo: { idleMs: 400 } })
    const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
    await talk(channel, 1)
    detour.proxy.freeze()
    const startAt = performance.now()
    const waiting = talk(channel, 2)
    waiting.catch(() => {})
    expect(await ask(pair.oslo.net, pair.kyoto.at, echo.protocol)).toBeDefined()
    await expect(waiting).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
    expect(performance.now() - startAt).toBeGreaterThan(350)
    expect(await ask(pair.oslo.net, pair.kyoto.at, echo.protocol)).toBeDefined()
  })
})

describe('without a word, a stream', () => {
  test('where no lane is offered', async () => {
    await using kyoto = await openNetSite({ handlers: [bulk] })
    await using oslo = await openNetSite({ handlers: [bulk], listen: [] })
    befriend(oslo, kyoto)
    const channel = await oslo.net.open(kyoto.at, bulk.protocol)
    expect(channel.via).toBe('stream')
    expect(await talk(channel, 1)).toMatchObject({ via: 'stream', message: 1 })
    expect(oslo.logged.every(({ level }) => level === 'debug')).toBe(true)
  })

  test('where lanes are not spoken', async () => {
    await using stack = new AsyncDisposableStack()
    const host = await openBareHost({ listen: ['/ip4/127.0.0.1/tcp/0'] })
    const old = stack.adopt(host, (one) => one.stop())
    await using oslo = await openNetSite({ handlers: [bulk], listen: [] })
    const site = old.peerId.toString() as NetSite['site']
    oslo.accepted.add(site)
    await old.handle(bulk.protocol, () => {})
    const at = { site, addresses: old.getMultiaddrs().map(String) }
    expect((await oslo.net.open(at, bulk.protocol)).via).toBe('stream')
  })

  test('where nothing listens; and for a while it is not tried again', async () => {
    const detour = await openDetour()
    const { announce } = detour.lane
    await detour.proxy[Symbol.asyncDispose]()
    await using pair = await openPair({
      kyoto: { lane: { listen: '127.0.0.1:0', announce } },
      oslo: { laneRestMs: 300 },
    })
    const open = async () => {
      const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
      channel.abort(new Fault('gone', 'test'))
      return channel.via
    }
    expect(await open()).toBe('stream')
    // Now it would be there, but was it asked?
    await using _late = await openProxy({
      to: placeOf(pair.kyoto.net.lane!),
      port: placeOf(announce).port,
    })
    expect(await open()).toBe('stream')
    await until(async () => (await open()) === 'lane')
  })

  test('where a socket is taken and nothing is said, in time', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const announce = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    await using pair = await openPair({
      kyoto: { lane: { ...here, announce } },
      oslo: { laneDialMs: 200 },
    })
    const startAt = performance.now()
    expect((await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)).via).toBe('stream')
    expect(performance.now() - startAt).toBeLessThan(1500)
    silent.close()
  })

  test('where somebody answers who shows a certificate instead of the key', async () => {
    const impostor = createTlsServer({ cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') })
    impostor.listen(0, '127.0.0.1')
    await once(impostor, 'listening')
    const at = `127.0.0.1:${(impostor.address() as AddressInfo).port}`
    await expect(dialWith(at, new Uint8Array(16), new Uint8Array(32))).rejects.toThrow()
    impostor.close()
  })

  test('and a caller that gives up is not kept waiting', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const announce = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    await using pair = await openPair({ kyoto: { lane: { ...here, announce } } })
    const stop = new AbortController()
    const called = once(silent, 'connection')
    const opening = pair.oslo.net.open(pair.kyoto.at, bulk.protocol, { signal: stop.signal })
    await called
    stop.abort(new Error('the person left'))
    await expect(opening).rejects.toThrow('the person left')
    silent.close()
  })
})

describe('the door', () => {
  test('lets in a ticket with its key once; whatever else is tried, one sees the same', async () => {
    await using pair = await openPair()
    await using brief = await openPair({ kyoto: { limits: { lanePromiseMs: 1 } } })
    await using lima = await openNetSite({ handlers: [bulk], listen: [] })
    befriend(lima, pair.kyoto)
    const at = pair.kyoto.net.lane!
    const good = await promised(pair)
    const { socket } = await dialWith(at, good.ticket, good.key)
    const other = await promised({ oslo: lima, kyoto: pair.kyoto })
    const foreign = await promised(pair)
    const expired = await promised(brief)
    const promisedAt = performance.now()
    await until(() => performance.now() > promisedAt + expired.ttlMs)
    const seen = {
      used: await refusal(dialWith(at, good.ticket, good.key)),
      'wrong key': await refusal(
        dialWith(at, (await promised(pair)).ticket, new Uint8Array(32).fill(7)),
      ),
      unknown: await refusal(dialWith(at, new Uint8Array(16), new Uint8Array(32))),
      "another site's ticket": await refusal(dialWith(at, foreign.ticket, other.key)),
      expired: await refusal(dialWith(brief.kyoto.net.lane!, expired.ticket, expired.key)),
    }
    const [code] = Object.values(seen)
    expect(code).toMatch(/ALERT/)
    expect(seen).toEqual(Object.fromEntries(Object.keys(seen).map((how) => [how, code])))
    socket.destroy()
  })

  test('a session of TLS is no second way in', async () => {
    await using pair = await openPair()
    const { ticket, key } = await promised(pair)
    const options = {
      ...placeOf(pair.kyoto.net.lane!),
      minVersion: 'TLSv1.3' as const,
      ciphers: laneCipher,
      rejectUnauthorized: false,
    }
    const first = connectTls({
      ...options,
      pskCallback: () => ({ psk: key, identity: laneIdentity(ticket) }),
    })
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    const second = connectTls({ ...options, session })
    let secured = false
    second.on('secureConnect', () => {
      secured = true
    })
    second.on('error', () => {})
    await new Promise((resolve) => second.once('close', resolve))
    expect(secured).toBe(false)
  })

  test('opens only for those who are accepted when they come', async () => {
    await using pair = await openPair()
    const { ticket, key } = await promised(pair)
    pair.kyoto.accepted.delete(pair.oslo.site)
    await refusal(dialWith(pair.kyoto.net.lane!, ticket, key))
    pair.kyoto.accepted.add(pair.oslo.site)
    // It was tried, so it is used up.
    await refusal(dialWith(pair.kyoto.net.lane!, ticket, key))
  })

  test('forgets what it promised to a site when the link ends', async () => {
    await using pair = await openPair()
    const { ticket, key } = await promised(pair)
    pair.kyoto.net.hangUp(pair.oslo.site)
    await refusal(dialWith(pair.kyoto.net.lane!, ticket, key))
  })

  test('is not for strangers, who cannot even ask', async () => {
    await using pair = await openPair()
    await using stranger = await openNetSite({ handlers: [bulk], listen: [] })
    stranger.accepted.add(pair.kyoto.site)
    await expect(promised({ oslo: stranger, kyoto: pair.kyoto })).rejects.toMatchObject({
      kind: 'unreachable',
    })
  })

  test('promises one site so many at a time; a place comes back when a lane ends or time is over', async () => {
    await using pair = await openPair({
      kyoto: { limits: { lanesPerSiteMax: 2, lanesMax: 3, lanePromiseMs: 500 } },
      oslo: { laneRestMs: 0 },
    })
    const via = async () => {
      const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
      await talk(channel, 1)
      return channel
    }
    const [first, second, third] = [await via(), await via(), await via()]
    expect([first.via, second.via, third.via]).toEqual(['lane', 'lane', 'stream'])
    await using lima = await openNetSite({ handlers: [bulk], listen: [] })
    befriend(lima, pair.kyoto)
    await promised({ oslo: lima, kyoto: pair.kyoto })
    await expect(promised({ oslo: lima, kyoto: pair.kyoto })).rejects.toThrow('none was promised')
    first.abort(new Fault('gone', 'test'))
    await until(() => promised(pair).then(Boolean, () => false))
    await until(() => promised({ oslo: lima, kyoto: pair.kyoto }).then(Boolean, () => false))
  })

  test('closes on a handshake that never ends', async () => {
    await using pair = await openPair({ kyoto: { limits: { pendingMs: 200 } } })
    const { host, port } = placeOf(pair.kyoto.net.lane!)
    const startAt = performance.now()
    for (const bytes of ['', '\x16\x03\x01', 'GET / HTTP/1.1\r\n']) {
      const socket = connect({ port, host })
      socket.on('error', () => {})
      socket.resume()
      if (bytes !== '') socket.write(bytes, 'latin1')
      await once(socket, 'close')
    }
    expect(performance.now() - startAt).toBeLessThan(2000)
    // And a lane that has proved its key is not touched by that deadline.
    const channel = await pair.oslo.net.open(pair.kyoto.at, bulk.protocol)
    await talk(channel, 1)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await talk(channel, 2)).toMatchObject({ via: 'lane' })
  })

  test('a port in use is said to be', async () => {
    await using kyoto = await openNetSite({ lane: here })
    await expect(openNetSite({ lane: { listen: kyoto.net.lane! } })).rejects.toMatchObject({
      kind: 'busy',
    })
  })
})

/** A key that opens nothing, and its own certificate for it. */
function pem(what: 'CERTIFICATE' | 'PRIVATE KEY'): string {
  const base64 =
    what === 'PRIVATE KEY'
      ? 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9GfwSnLfgcvAAOofpGghrsabEwde7PoH5ngNw2l7hHahRANCAARuINv3wQ5Fny6wfi35ccl58Q93Gp+wdLhcbTDSxVuYvNrekl6NwO7SBH5v+F5sQwYkabiVvOKrz7eVjCotyKvw'
      : 'MIIBhTCCASugAwIBAgIUQ+m8jpWkBswtx5EKfOTYkGCzKzowCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwMbGFuZS5leGFtcGxlMCAXDTI2MTEyNTA4MTg0MloYDzIxMjYxMTAxMDgxODQyWjAXMRUwEwYDVQQDDAxsYW5lLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARuINv3wQ5Fny6wfi35ccl58Q93Gp+wdLhcbTDSxVuYvNrekl6NwO7SBH5v+F5sQwYkabiVvOKrz7eVjCotyKvwo1MwUTAdBgNVHQ4EFgQUhrarXFLYplVLZfzq4g0brQw6Iw0wHwYDVR0jBBgwFoAUhrarXFLYplVLZfzq4g0brQw6Iw0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAnIrMD55NlI0hrEitmPDLWR+Ntgf5uLsSPyaZ538NmqoCIARuIqHAIDIjGoHFJ39qHumlDSXjQQnpQjR0Yn1EjJ3d'
  return `-----BEGIN ${what}-----\n${base64}\n-----END ${what}-----\n`
}
