import { expect, test } from 'vitest'
import { createCarrierPair, createChannel } from '../../protocol/channel.ts'
import { contentCaps, type PullMessage, pullMessage } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import type { Run } from './session.ts'
import { openStreams, signOfLifeMs } from './streams.ts'

const oslo = '12D3KooWoslo' as SiteId
const kyoto = '12D3KooWkyoto' as SiteId

/** Of each block. */
const bytes = 10

/** A source that answers every want, and notes all that it hears. */
function openSource() {
  const [there, here] = createCarrierPair(oslo, kyoto)
  const channel = createChannel(there, contentCaps)
  const heard: PullMessage[] = []
  const answering = (async () => {
    for (;;) {
      const { message } = await channel.receive(pullMessage)
      heard.push(message)
      if (message.type === 'open') await channel.send({ type: 'opened' })
      if (message.type !== 'want') continue
      for (const _ of message.nodes) await channel.send({ type: 'node' }, Uint8Array.of(1))
      for (const of of message.blocks) {
        await channel.send({ type: 'blocks', of: [of] }, new Uint8Array(bytes))
      }
    }
  })().catch(() => {})
  return { heard, answering, channel: createChannel(here, contentCaps) }
}

test('whoever is held back by a rate asks for what it may have, and is heard now and then', async () => {
  const clock = createManualClock()
  const source = openSource()
  const allowed = [Promise.resolve(), new Promise<void>(() => {})]
  const streams = openStreams({
    open: async () => source.channel,
    transfer: 'a'.repeat(32),
    clock,
    signal: new AbortController().signal,
    tally: () => ({ held: 0, received: 0, there: 0 }),
    pace: Object.assign(() => allowed.shift()!, { isLimited: () => true }),
  })
  const run = (at: number): Run => ({
    place: [0, 0, at, 0, 1],
    blocks: [{ entry: at, index: 0, bytes }],
    bytes,
    take: async () => {},
  })
  await streams.want(run(0))
  const waiting = streams.want(run(1)).catch(() => {})
  await clock.advance(signOfLifeMs / 2)
  // The first was let through: it does not wait for company that may come late.
  expect(source.heard.slice(1)).toMatchObject([
    { type: 'want', nodes: [], blocks: [[0, 0, 0, 0, 1]] },
  ])
  await clock.advance(signOfLifeMs * 2)
  expect(source.heard.slice(2)).toMatchObject([
    { type: 'want', nodes: [{ node: 'root' }], blocks: [] },
    { type: 'want', nodes: [{ node: 'root' }], blocks: [] },
  ])
  streams.abort(new Fault('gone', 'test.end'))
  await source.answering
  void waiting
})
