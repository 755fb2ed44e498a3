import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { until } from '../../test/contracts/carrier.ts'
import {
  anything,
  ask,
  befriend,
  echo,
  handler,
  type NetSite,
  openNetSite,
} from '../../test/net-sites.ts'
import { openBareHost, portOf } from '../../test/stream-pair.ts'
import { openProxy } from '../../test/tcp-proxy.ts'

const tcp = '/ip4/127.0.0.1/tcp/0'
const ws = '/ip4/127.0.0.1/tcp/0/ws'
const portAt = (site: NetSite, i = 0) => portOf(multiaddr(site.net.addresses()[i]))

describe('open', () => {
  test.for([tcp, ws])(
    'oslo talks to kyoto at %s, over one connection for all talks',
    async (at) => {
      await using kyoto = await openNetSite({ handlers: [echo], listen: [at] })
      await using oslo = await openNetSite({ handlers: [echo], listen: [] })
      befriend(oslo, kyoto)
      for (let i = 0; i < 10; i++) {
        expect(await ask(oslo.net, kyoto.at, echo.protocol)).toEqual({ echo: { hello: 1 } })
      }
      expect(oslo.net.connections()).toMatchObject([{ site: kyoto.site, kind: 'control' }])
      // And back over the same one: oslo listens nowhere.
      const back = { site: oslo.site, addresses: oslo.net.addresses() }
      expect(await ask(kyoto.net, back, echo.protocol)).toEqual({ echo: { hello: 1 } })
      expect(kyoto.net.connections().length).toBe(1)
    },
  )

  test('an address is enough: the site shows itself, and the channel says who it is', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ handlers: [echo], listen: [] })
    befriend(oslo, kyoto)
    const [address] = kyoto.net.addresses()
    for (const text of [address!, address!.replace(/\/p2p\/.*/, '')]) {
      const channel = await oslo.net.open({ address: text }, echo.protocol)
      expect(channel.remote).toBe(kyoto.site)
      await channel.send('x')
      await channel.receive(anything)
      await channel.close()
    }
  })

  test('another site at the address is not talked to', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using lima = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ listen: [] })
    befriend(oslo, kyoto)
    befriend(oslo, lima)
    const [address] = lima.net.addresses()
    const bare = address!.replace(/\/p2p\/.*/, '')
    const opening = oslo.net.open({ site: kyoto.site, addresses: [bare] }, echo.protocol)
    await expect(opening).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('answers another site'),
    })
    // Addresses that say so themselves are not even dialled.
    const none = oslo.net.open({ site: kyoto.site, addresses: [address!] }, echo.protocol)
    await expect(none).rejects.toMatchObject({ message: expect.stringContaining('No address') })
  })

  test('of several addresses one that answers is enough', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ listen: [] })
    befriend(oslo, kyoto)
    const addresses = ['nonsense', await freeAddress(), ...kyoto.net.addresses()]
    expect(await ask(oslo.net, { site: kyoto.site, addresses }, echo.protocol)).toBeDefined()
  })

  test('what is no address, or our own, is invalid; what does not answer is unreachable', async () => {
    await using oslo = await openNetSite({})
    const from = (address: string) => oslo.net.open({ address }, echo.protocol)
    const wrong = ['nonsense', '/ip4/192.0.2.1/udp/1', '/unix/tmp/x', '/dnsaddr/example.org', '']
    for (const address of wrong) {
      await expect(from(address), address).rejects.toMatchObject({ kind: 'invalid' })
    }
    const own = oslo.net.addresses()[0]!
    await expect(from(own)).rejects.toMatchObject({ kind: 'invalid' })
    await expect(from(own.replace(/\/p2p\/.*/, ''))).rejects.toMatchObject({ kind: 'invalid' })
    await expect(from(await freeAddress())).rejects.toMatchObject({
      kind: 'unreachable',
      side: 'between',
      message: expect.stringContaining('Nothing listens'),
    })
  })

  test('what takes the call and says nothing is given up in time', async () => {
    await using oslo = await openNetSite({ listen: [], limits: { dialMs: 300, addressMs: 200 } })
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
    for (const end of ['', '/ws']) {
      const startAt = performance.now()
      const opening = oslo.net.open({ address: address + end }, echo.protocol)
      await expect(opening).rejects.toMatchObject({ kind: 'unreachable' })
      expect(performance.now() - startAt).toBeLessThan(2000)
    }
    server.close()
  })

  test('a caller that gives up is not kept waiting', async () => {
    await using oslo = await openNetSite({ listen: [] })
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
    const stop = new AbortController()
    const opening = oslo.net.open({ address }, echo.protocol, { signal: stop.signal })
    stop.abort(new Error('the person left'))
    await expect(opening).rejects.toThrow('the person left')
    server.close()
  })

  test('a protocol that the other side does not speak is unsupported', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ listen: [] })
    befriend(oslo, kyoto)
    const opening = oslo.net.open(kyoto.at, '/test/other/1.0.0')
    await expect(opening).rejects.toMatchObject({ kind: 'unsupported', side: 'there' })
    expect(await ask(oslo.net, kyoto.at, echo.protocol)).toBeDefined()
  })

  test('a connection that died unseen is replaced', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ listen: [], limits: { openStreamMs: 300 } })
    befriend(oslo, kyoto)
    await using proxy = await openProxy({ to: { port: portAt(kyoto) } })
    const detour = { site: kyoto.site, addresses: [`/ip4/127.0.0.1/tcp/${proxy.port}`] }
    await ask(oslo.net, detour, echo.protocol)
    proxy.freeze()
    expect(await ask(oslo.net, kyoto.at, echo.protocol)).toBeDefined()
  })

  test('streams beyond the number for their protocol wait for a place', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    await using oslo = await openNetSite({ handlers: [echo] })
    // However slow the machine is, the many have time; the one that waits in vain has little.
    await using lima = await openNetSite({ handlers: [echo], limits: { openWaitMs: 300 } })
    befriend(oslo, kyoto)
    befriend(lima, kyoto)
    const many = Array.from({ length: 40 }, () => ask(oslo.net, kyoto.at, echo.protocol))
    expect((await Promise.all(many)).length).toBe(40)
    const open = () => lima.net.open(kyoto.at, echo.protocol)
    const held = await Promise.all([open(), open(), open(), open()])
    await expect(open()).rejects.toMatchObject({ kind: 'busy' })
    const next = open()
    held[0]?.abort(new Fault('gone', 'test'))
    await next
  })
})

describe('control and bulk', () => {
  const content = handler('content', async (channel) => void (await channel.receive(anything)), {
    bulk: true,
  })
  const handlers = [echo, content]

  test('go over two connections, and both ends agree on which is which', async () => {
    await using kyoto = await openNetSite({ handlers })
    await using oslo = await openNetSite({ handlers })
    befriend(oslo, kyoto)
    const kinds = (site: NetSite) =>
      site.net
        .connections()
        .map((one) => one.kind)
        .sort()
    // Many at once still make two, also in the moment in which only one end knows of the connection.
    const opened = await Promise.all([
      ...[1, 2, 3].map(() => oslo.net.open(kyoto.at, content.protocol)),
      ...[1, 2, 3].map(() => oslo.net.open(kyoto.at, echo.protocol)),
      oslo.net.open(kyoto.at, echo.protocol, { bulk: true }),
    ])
    for (const channel of opened) await channel.send('x')
    expect(kinds(oslo)).toEqual(['bulk', 'control'])
    await until(() => kinds(kyoto).join() === 'bulk,control')
    // The other side finds both, and makes none.
    await (await kyoto.net.open(oslo.at, content.protocol)).send('x')
    await (await kyoto.net.open(oslo.at, echo.protocol)).send('x')
    expect(kinds(kyoto)).toEqual(['bulk', 'control'])
    expect(kinds(oslo)).toEqual(['bulk', 'control'])
  })

  test('share the only connection when no second one can be made', async () => {
    await using kyoto = await openNetSite({ handlers })
    await using oslo = await openNetSite({ handlers, listen: [] })
    befriend(oslo, kyoto)
    await ask(oslo.net, kyoto.at, echo.protocol)
    for (const addresses of [[], [await freeAddress()]]) {
      await (await kyoto.net.open({ site: oslo.site, addresses }, content.protocol)).send('x')
      expect(kyoto.net.connections().map((one) => one.kind)).toEqual(['control'])
      expect(oslo.net.connections().map((one) => one.kind)).toEqual(['control'])
    }
  })

  test('control is quick while bulk fills the line', async () => {
    const flood = handler(
      'flood',
      async (channel, { signal }) => {
        await channel.receive(anything)
        while (!signal.aborted) await channel.send('more', new Uint8Array(2 ** 20))
      },
      { bulk: true },
    )
    await using kyoto = await openNetSite({ handlers: [echo, flood] })
    await using oslo = await openNetSite({ handlers: [echo, flood], listen: [] })
    befriend(oslo, kyoto)
    const at = await slowly(kyoto, 1_000_000)
    await using _proxy = at.proxy
    const channel = await oslo.net.open(at, flood.protocol)
    await channel.send('go')
    await channel.receive(anything)
    const startAt = performance.now()
    await ask(oslo.net, at, echo.protocol)
    expect(performance.now() - startAt).toBeLessThan(1500)
    channel.abort(new Fault('gone', 'test'))
  })
})

describe('serving', () => {
  const told: unknown[] = []
  const knock = handler(
    'knock',
    async (channel) => {
      told.push((await channel.receive(anything)).message)
      await channel.send('thanks')
    },
    { strangers: true },
  )

  test('a stranger reaches the door and nothing else', async () => {
    let reached = 0
    const inner = ['hello', 'offer', 'content', 'connection'].map((name) =>
      handler(name, async () => void reached++),
    )
    await using kyoto = await openNetSite({ handlers: [knock, ...inner] })
    await using lima = await openNetSite({ handlers: [knock, ...inner] })
    lima.accepted.add(kyoto.site)
    expect(await ask(lima.net, kyoto.at, knock.protocol)).toBe('thanks')
    for (const { protocol } of inner) {
      await expect(ask(lima.net, kyoto.at, protocol)).rejects.toMatchObject({
        kind: 'unreachable',
        side: 'between',
      })
    }
    for (const protocol of ['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0']) {
      await expect(lima.net.open(kyoto.at, protocol)).rejects.toMatchObject({ kind: 'unsupported' })
    }
    expect(reached).toBe(0)
  })

  test('a refused site is not let in, and one refused later is shown out', async () => {
    await using kyoto = await openNetSite({ handlers: [knock, echo] })
    await using lima = await openNetSite({ handlers: [knock, echo] })
    befriend(kyoto, lima)
    const talking = ask(lima.net, kyoto.at, '/test/echo/1.0.0')
    await talking
    kyoto.accepted.delete(lima.site)
    kyoto.refused.add(lima.site)
    // Even before anybody hangs up.
    await expect(ask(lima.net, kyoto.at, knock.protocol)).rejects.toMatchObject({
      kind: 'unreachable',
    })
    await until(() => kyoto.net.connections().length === 0)
    await expect(ask(lima.net, kyoto.at, knock.protocol)).rejects.toMatchObject({
      kind: 'unreachable',
    })
  })

  test('a fault is told in words; a mistake of ours as a number only, which the log explains', async () => {
    const picky = handler('picky', async (channel) => {
      await channel.receive(anything)
      throw new Fault('missing', 'catalog.get', { about: 7, text: 'No dataset 7.', list: ['a'] })
    })
    const broken = handler('broken', async (channel) => {
      await channel.receive(anything)
      throw new TypeError('secret detail')
    })
    await using kyoto = await openNetSite({ handlers: [picky, broken] })
    await using oslo = await openNetSite({ handlers: [picky, broken] })
    befriend(oslo, kyoto)
    await expect(ask(oslo.net, kyoto.at, picky.protocol)).rejects.toMatchObject({
      kind: 'missing',
      about: 7,
      message: 'No dataset 7.',
      list: ['a'],
      side: 'there',
    })
    const fault = await ask(oslo.net, kyoto.at, broken.protocol).catch((thrown: Fault) => thrown)
    if (!(fault instanceof Fault)) throw new Error('it did not fail')
    expect(fault).toMatchObject({ kind: 'internal', side: 'there' })
    expect(fault.about).toMatch(/^[0-9a-f]{10}$/)
    expect(JSON.stringify([fault, fault.message])).not.toContain('secret')
    const errors = kyoto.logged.filter((one) => one.level === 'error')
    expect(errors).toMatchObject([{ facts: { reference: fault.about, site: oslo.site } }])
  })

  test('what is not a message of ours is refused in words', async () => {
    const small = { headBytesMax: 1000, bodyBytesMax: 0 }
    const strict = handler('strict', async (channel) => void (await channel.receive(anything)), {
      caps: small,
    })
    await using kyoto = await openNetSite({ handlers: [strict] })
    await using oslo = await openNetSite({})
    befriend(oslo, kyoto)
    const channel = await oslo.net.open(kyoto.at, strict.protocol)
    await channel.send('x'.repeat(2000))
    await expect(channel.receive(anything)).rejects.toMatchObject({
      kind: 'invalid',
      side: 'there',
    })
    await channel.close()
  })

  test('a stream on which nothing whole is said in time is broken off', async () => {
    const ends: unknown[] = []
    const slow = handler(
      'slow',
      (channel) =>
        channel.receive(anything).then(
          () => {},
          (thrown) => void ends.push(thrown),
        ),
      { firstMessageMs: 100 },
    )
    await using kyoto = await openNetSite({ handlers: [slow] })
    await using oslo = await openNetSite({})
    befriend(oslo, kyoto)
    const channel = await oslo.net.open(kyoto.at, slow.protocol)
    await expect(channel.receive(anything)).rejects.toMatchObject({ kind: 'unreachable' })
    expect(ends).toMatchObject([{ kind: 'unreachable', side: 'there' }])
  })

  test('after the first message the deadline is over', async () => {
    const go = Promise.withResolvers<void>()
    const patient = handler(
      'patient',
      async (channel) => {
        await channel.receive(anything)
        await go.promise
        await channel.send('done')
      },
      { firstMessageMs: 100 },
    )
    await using kyoto = await openNetSite({ handlers: [patient] })
    await using oslo = await openNetSite({})
    befriend(oslo, kyoto)
    const asked = ask(oslo.net, kyoto.at, patient.protocol)
    const timer = setTimeout(go.resolve, 300)
    expect(await asked).toBe('done')
    clearTimeout(timer)
  })

  test('who waits for a byte longer than idleMs is told', async () => {
    const mute = handler('mute', async (channel, { signal }) => {
      await channel.receive(anything)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await using kyoto = await openNetSite({ handlers: [mute] })
    await using oslo = await openNetSite({ limits: { idleMs: 150 } })
    befriend(oslo, kyoto)
    await expect(ask(oslo.net, kyoto.at, mute.protocol)).rejects.toMatchObject({
      kind: 'unreachable',
      side: 'between',
    })
  })

  test('more streams than a protocol allows are reset, one connection at a time', async () => {
    let present = 0
    let most = 0
    const held = handler('held', async (_, { signal }) => {
      most = Math.max(most, ++present)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      present--
    })
    await using kyoto = await openNetSite({ handlers: [held] })
    const hostile = await openBareHost({ listen: [] })
    kyoto.accepted.add(hostile.peerId.toString() as NetSite['site'])
    const connection = await hostile.dial(multiaddr(kyoto.net.addresses()[0]))
    const opening = Array.from({ length: 30 }, () => connection.newStream(held.protocol))
    const streams = (await Promise.allSettled(opening)).flatMap((one): Stream[] =>
      one.status === 'fulfilled' ? [one.value] : [],
    )
    await until(() => streams.filter((one) => one.status === 'open').length === held.streamsMax)
    expect(most).toBe(held.streamsMax)
    await hostile.stop()
    await until(() => present === 0)
  })

  test('a stranger that sends without end is cut off', async () => {
    const sink = handler(
      'sink',
      async (channel) => {
        for (;;) await channel.receive(anything)
      },
      { strangers: true },
    )
    await using kyoto = await openNetSite({
      handlers: [sink],
      limits: { strangerBytesMax: 500_000 },
    })
    await using lima = await openNetSite({ handlers: [sink] })
    const channel = await lima.net.open(kyoto.at, sink.protocol)
    const sending = (async () => {
      for (;;) await channel.send('x', new Uint8Array(50_000))
    })()
    await expect(sending).rejects.toMatchObject({ kind: 'unreachable' })
    await until(() => kyoto.net.connections().length === 0)
  })

  test('a stranger has its say and is shown out; a site accepted meanwhile stays', async () => {
    await using kyoto = await openNetSite({ handlers: [knock], limits: { strangerStayMs: 200 } })
    await using lima = await openNetSite({ handlers: [knock] })
    await using oslo = await openNetSite({ handlers: [knock] })
    await ask(lima.net, kyoto.at, knock.protocol)
    await ask(oslo.net, kyoto.at, knock.protocol)
    kyoto.accepted.add(oslo.site)
    await until(() => kyoto.net.connections().length < 2)
    expect(kyoto.net.connections()).toMatchObject([{ site: oslo.site }])
    await until(() => lima.net.connections().length === 0)
  })
})

describe('hangUp', () => {
  test.for([tcp, ws])(
    'ends every connection to the site at once, and only those (%s)',
    async (at) => {
      const broken: unknown[] = []
      const wait = handler('wait', async (channel) => {
        await channel.receive(anything)
        await channel.receive(anything).catch((thrown) => broken.push(thrown))
      })
      const handlers = [wait, echo]
      await using kyoto = await openNetSite({ handlers, listen: [at] })
      await using oslo = await openNetSite({ handlers })
      await using lima = await openNetSite({ handlers })
      befriend(oslo, kyoto)
      befriend(lima, kyoto)
      const seen: string[] = []
      kyoto.net.on((event) => seen.push(`${event.type} ${event.kind}`))
      const channel = await oslo.net.open(kyoto.at, wait.protocol)
      await channel.send('x')
      await ask(oslo.net, kyoto.at, echo.protocol, { bulk: true })
      await ask(lima.net, kyoto.at, echo.protocol)
      const receiving = channel.receive(anything)
      kyoto.net.hangUp(oslo.site)
      expect(kyoto.net.connections().map((one) => one.site)).toEqual([lima.site])
      await expect(receiving).rejects.toMatchObject({ kind: 'unreachable' })
      await until(() => broken.length === 1 && oslo.net.connections().length === 0)
      expect(seen.filter((one) => one.startsWith('closed')).length).toBe(2)
      // It may come back.
      expect(await ask(oslo.net, kyoto.at, echo.protocol)).toBeDefined()
    },
  )
})

test('hangUp ends a dial too, as something that may be tried again', async () => {
  await using oslo = await openNetSite({ listen: [] })
  await using kyoto = await openNetSite({})
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const at = { site: kyoto.site, addresses: [`/ip4/127.0.0.1/tcp/${port}`] }
  const opening = oslo.net.open(at, echo.protocol)
  await once(server, 'connection')
  oslo.net.hangUp(kyoto.site)
  await expect(opening).rejects.toMatchObject({ kind: 'unreachable', side: 'here' })
  server.close()
})

describe('floods', () => {
  test.for([tcp, ws])('100 silent sockets do not keep an accepted site out (%s)', async (at) => {
    await using kyoto = await openNetSite({
      handlers: [echo],
      listen: [at],
      limits: { pendingMs: 1500 },
    })
    await using oslo = await openNetSite({ handlers: [echo] })
    befriend(oslo, kyoto)
    // Kyoto knows where oslo lives, as it does after the first connection or once it has an address.
    await ask(kyoto.net, oslo.at, echo.protocol)
    kyoto.net.hangUp(oslo.site)
    await until(() => oslo.net.connections().length === 0)
    const flood = await openSilent(portAt(kyoto), 100)
    const startAt = performance.now()
    expect(await ask(oslo.net, kyoto.at, echo.protocol)).toBeDefined()
    expect(performance.now() - startAt).toBeLessThan(1000)
    // And none of them stays.
    await until(() => flood.every((socket) => socket.destroyed))
    expect(oslo.net.connections().length).toBe(1)
  })

  test.for([
    '/ip4/127.0.0.1/tcp/0',
    '/ip4/127.0.0.1/tcp/0/ws',
    '/ip6/::1/tcp/0',
    '/ip6/::1/tcp/0/ws',
  ])('a connection that proved its key outlives the time for that (%s)', async (at, context) => {
    const six = Object.values(networkInterfaces())
      .flat()
      .some((one) => one?.address === '::1')
    if (at.startsWith('/ip6') && !six) return context.skip()
    await using kyoto = await openNetSite({
      handlers: [echo],
      listen: [at],
      limits: { pendingMs: 300 },
    })
    await using oslo = await openNetSite({ listen: [] })
    befriend(oslo, kyoto)
    await ask(oslo.net, kyoto.at, echo.protocol)
    const silent = connect(portAt(kyoto), at.startsWith('/ip6') ? '::1' : '127.0.0.1')
    await once(silent.resume(), 'close')
    await ask(oslo.net, { site: kyoto.site, addresses: [] }, echo.protocol)
    expect(oslo.net.connections().length).toBe(1)
  })

  test('from where nobody is known, a flood is turned away before it is read', async () => {
    await using kyoto = await openNetSite({ handlers: [echo] })
    const flood = await openSilent(portAt(kyoto), 100)
    await until(() => flood.filter((socket) => socket.destroyed).length > 80)
  })
})

describe('stopping', () => {
  test.for([tcp, ws])(
    'interrupts handlers and ends connections within two seconds (%s)',
    async (at) => {
      let reached = 0
      let interrupted = 0
      const deaf = handler('deaf', async (channel, { signal }) => {
        await channel.receive(anything)
        reached++
        signal.addEventListener('abort', () => interrupted++)
        await new Promise(() => {})
      })
      const kyoto = await openNetSite({ handlers: [deaf], listen: [at] })
      await using oslo = await openNetSite({ handlers: [deaf] })
      befriend(oslo, kyoto)
      const asked = Promise.allSettled([1, 2].map(() => ask(oslo.net, kyoto.at, deaf.protocol)))
      await until(() => reached === 2)
      const at2 = kyoto.at
      const startAt = performance.now()
      await kyoto[Symbol.asyncDispose]()
      expect(performance.now() - startAt).toBeLessThan(2000)
      for (const end of await asked) expect(end).toMatchObject({ reason: { kind: 'unreachable' } })
      expect(interrupted).toBe(2)
      await until(() => oslo.net.connections().length === 0)
      await expect(kyoto.net.open(oslo.at, deaf.protocol)).rejects.toMatchObject({
        kind: 'unreachable',
        again: true,
      })
      await expect(oslo.net.open(at2, deaf.protocol)).rejects.toMatchObject({ kind: 'unreachable' })
    },
  )

  test.for([
    { at: tcp, frozen: false },
    { at: ws, frozen: false },
    { at: tcp, frozen: true },
    { at: ws, frozen: true },
  ])('lets the process end by itself ($at, a line that answers no more: $frozen)', async (how) => {
    await using kyoto = await openNetSite({ handlers: [echo], listen: [how.at] })
    await using proxy = await openProxy({ to: { port: portAt(kyoto) } })
    const address = kyoto.net.addresses()[0]!.replace(`/${portAt(kyoto)}`, `/${proxy.port}`)
    const sites = fileURLToPath(new URL('../../test/net-sites.ts', import.meta.url))
    const script = `
      import { ask, echo, openNetSite } from ${JSON.stringify(sites)}
      const oslo = await openNetSite({ handlers: [echo], listen: ['${tcp}', '${ws}'] })
      process.stdout.write(oslo.site)
      process.stdin.once('data', async () => {
        const at = { site: '${kyoto.site}', addresses: ['${address}'] }
        oslo.accepted.add(at.site)
        await ask(oslo.net, at, echo.protocol)
        await oslo.net.open(at, echo.protocol, { bulk: true })
        process.stdout.write('up')
        process.stdin.once('data', () => {
          process.stdin.destroy()
          oslo[Symbol.asyncDispose]()
        })
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const [site] = await once(child.stdout, 'data')
    kyoto.accepted.add(String(site) as NetSite['site'])
    child.stdin.write('go')
    await once(child.stdout, 'data')
    if (how.frozen) proxy.freeze()
    const startAt = performance.now()
    child.stdin.write('stop')
    expect(await exited).toEqual([0, null])
    expect(performance.now() - startAt).toBeLessThan(how.frozen ? 4000 : 2000)
  })
})

describe('listening', () => {
  test('addresses carry our key; what is announced replaces what is listened at', async () => {
    await using kyoto = await openNetSite({ listen: [tcp, ws] })
    expect(kyoto.net.addresses().length).toBe(2)
    for (const address of kyoto.net.addresses()) {
      expect(address.endsWith(`/p2p/${kyoto.site}`)).toBe(true)
    }
    const announce = ['/dns4/site.example.org/tcp/443/wss']
    await using oslo = await openNetSite({ announce })
    expect(oslo.net.addresses()).toEqual([`${announce[0]}/p2p/${oslo.site}`])
  })

  test.for(['', '/ws'])('a port in use is busy, and says which (%s)', async (end) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await expect(
      openNetSite({ listen: [`/ip4/127.0.0.1/tcp/${port}${end}`] }),
    ).rejects.toMatchObject({ kind: 'busy', about: `127.0.0.1:${port}` })
    server.close()
  })

  test('an address that is not ours, or none at all, is invalid', async () => {
    for (const address of ['/ip4/192.0.2.1/tcp/4001', '/ip4/127.0.0.1/udp/1', 'nonsense']) {
      await expect(openNetSite({ listen: [address] }), address).rejects.toMatchObject({
        kind: 'invalid',
      })
    }
  })
})

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `/ip4/127.0.0.1/tcp/${port}`
}

async function openSilent(port: number, count: number): Promise<Socket[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      // Reads, so that it notices when it is closed.
      socket.resume()
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      return socket
    }),
  )
}

async function slowly(site: NetSite, bytesPerSecond: number) {
  const proxy = await openProxy({ to: { port: portAt(site) }, bytesPerSecond })
  return { proxy, site: site.site, addresses: [`/ip4/127.0.0.1/tcp/${proxy.port}`] }
}
