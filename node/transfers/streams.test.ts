import { describe, expect, it } from 'vitest'
import { type Channel, createCarrierPair, createChannel } from '../../protocol/channel.ts'
import { type BlockPlace, contentCaps, pullMessage } from '../../protocol/content.ts'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import type { Run } from './session.ts'
import { openStreams, type Streams } from './streams.ts'
import { streamsMax } from './window.ts'

const [oslo, kyoto] = ['oslo' as SiteId, 'kyoto' as SiteId]
const mib = 1024 * 1024
const never = new AbortController().signal

/**
 * A source that answers every want with as many bytes of 7, over a line of this round trip. It begins
 * to answer when so many streams have been asked for, so that the window is full until then.
 */
function openSource(roundTripMs: number, o: { opens?: number; asked?: number } = {}) {
  const clock = createManualClock()
  const served: number[] = []
  const full = Promise.withResolvers<void>()
  let asked = 0
  async function serve(channel: Channel, stream: number): Promise<void> {
    let blocks = 0
    await channel.receive(pullMessage)
    await clock.advance(roundTripMs)
    await channel.send({ type: 'opened' })
    for (;;) {
      const { message } = await channel.receive(pullMessage)
      if (message.type === 'finish') break
      if (message.type !== 'want') throw new Error(`a source was told ${message.type}`)
      await full.promise
      for (const of of message.blocks) {
        blocks++
        served[stream]!++
        await channel.send({ type: 'blocks', of: [of] }, new Uint8Array(mib).fill(7))
      }
    }
    await channel.send({ type: 'end', nodes: 0, blocks, bytes: blocks * mib, roots: ['r'] })
    await channel.close()
  }
  const streams = openStreams({
    async open() {
      if (++asked >= (o.asked ?? 1)) full.resolve()
      if (served.length >= (o.opens ?? Number.POSITIVE_INFINITY))
        throw new Fault('busy', 'net.open', {})
      const [here, there] = createCarrierPair(kyoto, oslo)
      serve(createChannel(there, contentCaps), served.push(0) - 1).catch(() => {})
      return createChannel(here, contentCaps)
    },
    transfer: 'a'.repeat(32),
    clock,
    signal: never,
    tally: () => ({ held: 0, received: 0, there: 0 }),
    pace: Object.assign(async () => {}, { isLimited: () => false }),
  })
  return { streams, served, asked: () => asked }
}

/** Asks for so many blocks and waits until all have been taken. */
async function pull(streams: Streams, count: number): Promise<number[]> {
  const taken: number[] = []
  for (let index = 0; index < count; index++) {
    const run: Run = {
      place: [0, 0, 0, index, 1] satisfies BlockPlace,
      blocks: [{ entry: 0, index, bytes: mib }],
      bytes: mib,
      async take(_first, _count, body) {
        expect([body.byteLength, body[0], body.at(-1)]).toEqual([mib, 7, 7])
        taken.push(index)
      },
    }
    await streams.want(run)
  }
  await streams.settled()
  return taken.toSorted((a, b) => a - b)
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('the streams of a pull', () => {
  it('are none where nothing is wanted', async () => {
    const { streams, served } = openSource(1)
    await streams.settled()
    await streams.finish(['r'])
    expect(served).toEqual([])
  })

  it('are one on a short line', async () => {
    const { streams, served } = openSource(1)
    expect(await pull(streams, 40)).toEqual(upTo(40))
    await streams.finish(['r'])
    expect(served).toEqual([40])
  })

  it('are several on a long one, which share the work; each is ended by itself', async () => {
    const { streams, served } = openSource(100, { asked: streamsMax })
    expect(await pull(streams, 60)).toEqual(upTo(60))
    await streams.finish(['r'])
    expect(served).toHaveLength(streamsMax)
    expect(served.filter((blocks) => blocks > 0).length).toBeGreaterThan(1)
    expect(served.reduce((sum, one) => sum + one)).toBe(60)
  })

  it('are as many as are to be had, and nobody asks again and again for more', async () => {
    const { streams, served, asked } = openSource(100, { opens: 1, asked: 2 })
    expect(await pull(streams, 40)).toEqual(upTo(40))
    await streams.finish(['r'])
    expect(served).toEqual([40])
    // Those that were asked for together, before the first no, and none after it.
    expect(asked()).toBeLessThanOrEqual(streamsMax)
  })

  it('ask once more for what a taker could not use', async () => {
    const { streams, served } = openSource(1)
    let tries = 0
    const run: Run = {
      place: [0, 0, 0, 0, 1],
      blocks: [{ entry: 0, index: 0, bytes: mib }],
      bytes: mib,
      async take() {
        if (tries++ === 0) streams.wantAgain(run)
      },
    }
    await streams.want(run)
    await streams.settled()
    await streams.finish(['r'])
    expect([tries, served]).toEqual([2, [2]])
  })

  it('end with the fault of a taker', async () => {
    const { streams } = openSource(1)
    const full = new Fault('full', 'store.write', {})
    const run: Run = {
      place: [0, 0, 0, 0, 1],
      blocks: [{ entry: 0, index: 0, bytes: mib }],
      bytes: mib,
      take: () => Promise.reject(full),
    }
    await streams.want(run)
    await expect(streams.settled()).rejects.toBe(full)
  })
})
