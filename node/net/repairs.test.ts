/** Each fails when its repair is taken out, and so says when a new libp2p no longer needs it. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { until } from '../../test/contracts/carrier.ts'
import { openBareHost, openHostPair, type Transport } from '../../test/stream-pair.ts'
import { limits } from './limits.ts'
import { limitSockets } from './repairs.ts'

/** The parts of the muxer that only a hostile site would use. */
type Forger = {
  muxer: { sendFrame(header: object, data?: Uint8Array): void; streams: { streamId: number }[] }
}
const dataFrame = 0

describe.for(['tcp', 'websockets'] as Transport[])('over %s', (transport) => {
  test.for(['the side that dialled', 'the side that was dialled'])(
    'aborting a connection at %s closes its socket',
    async (who) => {
      await using hosts = await openHostPair({ transport, proxied: {} })
      expect(hosts.proxy?.lines).toBe(1)
      const host = who === 'the side that dialled' ? hosts.left : hosts.right
      await until(() => host.getConnections().length === 1)
      host.getConnections()[0]?.abort(new Error('test'))
      await until(() => hosts.proxy?.lines === 0)
    },
  )

  test('a dial that fails after the socket is open closes it', async () => {
    // The other end would close it too, later.
    const patient = { upgradeMs: 600_000 }
    await using hosts = await openHostPair({ transport, proxied: {}, limits: patient })
    const stranger = await openBareHost({ listen: [] })
    try {
      const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
      const ws = transport === 'tcp' ? '' : '/ws'
      const address = multiaddr(`/ip4/127.0.0.1/tcp/${hosts.proxy?.port}${ws}/p2p/${other}`)
      await expect(stranger.dial(address)).rejects.toThrow()
      await until(() => hosts.proxy?.lines === 1)
    } finally {
      await stranger.stop()
    }
  })

  test('a frame that declares more than any frame of ours ends its connection, unread', async () => {
    await using hosts = await openHostPair({ transport })
    await using pair = await hosts.openStream()
    const { muxer } = hosts.connection as Connection & Forger
    const header = (length: number) => ({
      type: dataFrame,
      flag: 0,
      streamID: muxer.streams[0]!.streamId,
      length,
    })
    // The largest that is allowed arrives, within the window.
    muxer.sendFrame(header(100), new Uint8Array(100))
    await until(() => pair.right.waitingBytes === 100)
    muxer.sendFrame(header(limits.muxerFrameBytesMax + 1), new Uint8Array(1))
    await pair.right.over
    expect(pair.right.failed.aborted).toBe(true)
    await until(() => hosts.right.getConnections().length === 0)
  })
})

test('a listener of another shape is noticed', () => {
  expect(limitSockets({ socket: {} }, { socketsMax: 1, admit: () => true })).toBe(false)
})
