import { limits } from '../../node/net/limits.ts'
import { createCarrierPair } from '../../protocol/channel.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { openLanePair } from '../lane-pair.ts'
import { openHostPair, type Transport } from '../stream-pair.ts'
import { type CarrierPair, carrierContract } from './carrier.ts'

carrierContract('a pair in memory', async () => {
  const [left, right] = createCarrierPair('oslo' as SiteId, 'kyoto' as SiteId)
  return { left, right, aheadBytesMax: 2 ** 21, async [Symbol.asyncDispose]() {} }
})

carrierContract('a libp2p stream over TCP', () => openReal('tcp'))

carrierContract('a libp2p stream over WebSockets', () => openReal('websockets'))

carrierContract('a lane, from the side that dialled', () => openLane((pair) => pair))

carrierContract('a lane, from the side that was dialled', () =>
  openLane(({ left, right }) => ({ left: right, right: left })),
)

async function openLane(
  ends: (pair: Pick<CarrierPair, 'left' | 'right'>) => Pick<CarrierPair, 'left' | 'right'>,
): Promise<CarrierPair> {
  const pair = await openLanePair()
  return {
    ...ends(pair),
    cut: pair.proxy.cut,
    reset: pair.proxy.reset,
    // Our inbox, what is in flight, and what two sockets and the proxy hold.
    aheadBytesMax: limits.laneInboxBytes + limits.laneChunkBytes + 20 * 2 ** 20,
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  }
}

async function openReal(transport: Transport): Promise<CarrierPair> {
  await using stack = new AsyncDisposableStack()
  const hosts = stack.use(await openHostPair({ transport, proxied: {} }))
  const { left, right } = await hosts.openStream()
  const rest = stack.move()
  return {
    left,
    right,
    cut: hosts.proxy?.cut,
    reset: hosts.proxy?.reset,
    // Both windows, our queue, and what two sockets and the proxy hold.
    aheadBytesMax: limits.streamWindowBytesMax + limits.queueHighBytes + 16 * 2 ** 20,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}
