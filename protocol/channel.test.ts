import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Carrier, createCarrierPair, createChannel, pacedBytes } from './channel.ts'
import { Fault } from './fault.ts'
import type { SiteId } from './ids.ts'

const oslo = '12D3KooWoslo' as SiteId
const kyoto = '12D3KooWkyoto' as SiteId
const caps = { headBytesMax: 64 * 1024, bodyBytesMax: 1024 * 1024 }
const greeting = z.object({ type: z.literal('greeting'), text: z.string() })

function pair() {
  const [left, right] = createCarrierPair(oslo, kyoto)
  return [createChannel(left, caps), createChannel(right, caps)] as const
}

/** Fails in words instead of hanging when what should happen does not. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      AbortSignal.timeout(5000).addEventListener('abort', () => reject(new Error('still waiting')))
    }),
  ])
}

describe('a channel', () => {
  it('carries messages and bodies both ways, in order', async () => {
    const [here, there] = pair()
    expect([here.remote, there.remote]).toEqual([kyoto, oslo])
    await here.send({ type: 'greeting', text: 'one' }, Uint8Array.of(1, 2))
    await here.send({ type: 'greeting', text: 'two' })
    await there.send({ type: 'greeting', text: 'three' })
    expect(await there.receive(greeting)).toEqual({
      message: { type: 'greeting', text: 'one' },
      body: Uint8Array.of(1, 2),
    })
    expect((await there.receive(greeting)).message.text).toBe('two')
    expect((await here.receive(greeting)).message.text).toBe('three')
  })

  it('paces a message piece by piece, and what is not let through at all is broken off', async () => {
    const [here, there] = pair()
    const body = new Uint8Array(2 * pacedBytes + 1).fill(7)
    const paced: number[] = []
    const pace = async (bytes: number) => void paced.push(bytes)
    await here.send({ type: 'greeting', text: 'slow' }, body, { pace })
    expect(paced.slice(-3)).toEqual([pacedBytes, pacedBytes, 1])
    expect((await there.receive(greeting)).body).toEqual(body)
    const waited: number[] = []
    const stop = async (bytes: number) => {
      if (waited.push(bytes) > 2) throw new Error('enough')
    }
    await expect(here.send({ type: 'greeting', text: '' }, body, { pace: stop })).rejects.toThrow(
      'enough',
    )
    await expect(soon(there.receive(greeting))).rejects.toMatchObject({ kind: 'unreachable' })
  })

  it('an end of stream is unreachable, because whoever waits was promised more', async () => {
    const [here, there] = pair()
    await here.close()
    await expect(there.receive(greeting)).rejects.toMatchObject({
      kind: 'unreachable',
      side: 'between',
    })
  })

  it('what was sent before the close still arrives, and the other direction stays open', async () => {
    const [here, there] = pair()
    await here.send({ type: 'greeting', text: 'last' })
    await here.close()
    expect((await there.receive(greeting)).message.text).toBe('last')
    await there.send({ type: 'greeting', text: 'answer' })
    expect((await here.receive(greeting)).message.text).toBe('answer')
  })

  it('a refusal in words is thrown at the other side with its kind, about and list', async () => {
    const [here, there] = pair()
    const facts = { about: 'a/b', text: 'Not like this.', list: ['a/b', 'a/c'] }
    await there.refuse(new Fault('conflict', 'offer.check', facts))
    await expect(here.receive(greeting)).rejects.toMatchObject({
      kind: 'conflict',
      op: 'offer.check',
      about: 'a/b',
      message: 'Not like this.',
      list: ['a/b', 'a/c'],
      side: 'there',
    })
  })

  it('a message of its own type is that message, although it has a fault in it', async () => {
    const ended = z.object({ type: z.literal('ended'), fault: z.object({ kind: z.string() }) })
    const [here, there] = pair()
    await here.send({ type: 'ended', fault: { kind: 'missing', op: 'a.b', text: 'Gone.' } })
    const { message } = await there.receive(ended)
    expect(message.fault.kind).toBe('missing')
  })

  it('refuses a message that does not fit, and one that is over the cap', async () => {
    const [here, there] = pair()
    await here.send({ type: 'farewell' })
    await expect(there.receive(greeting)).rejects.toMatchObject({ kind: 'invalid' })
    const [again, small] = createCarrierPair(oslo, kyoto)
    await createChannel(again, caps).send({ type: 'greeting', text: 'x'.repeat(100) })
    const strict = createChannel(small, { headBytesMax: 100, bodyBytesMax: 0 })
    await expect(strict.receive(greeting)).rejects.toMatchObject({ kind: 'invalid' })
  })

  it('a wait that is abandoned ends with its reason, and ends the channel', async () => {
    const [here, there] = pair()
    const stop = new AbortController()
    const waiting = here.receive(greeting, { signal: stop.signal })
    stop.abort(new Fault('gone', 'test.stop'))
    await expect(soon(waiting)).rejects.toMatchObject({ op: 'test.stop' })
    await expect(soon(there.receive(greeting))).rejects.toBeInstanceOf(Fault)
  })

  it('an abort is a fault at both sides', async () => {
    const [here, there] = pair()
    here.abort(new Fault('internal', 'test.abort'))
    await expect(there.receive(greeting)).rejects.toMatchObject({ kind: 'unreachable' })
    await expect(there.send({ type: 'greeting', text: '' })).rejects.toBeInstanceOf(Fault)
    await expect(here.receive(greeting)).rejects.toMatchObject({ op: 'test.abort' })
  })
})

describe('a pair in memory', () => {
  const chunk = new Uint8Array(256 * 1024)

  /** Writes until it has to wait; resolves with the number of writes that had room. */
  async function fill(carrier: Carrier): Promise<{ writes: number; next: Promise<void> }> {
    for (let writes = 0; ; writes++) {
      const next = carrier.write(chunk)
      const turns = (async () => {
        for (let i = 0; i < 50; i++) await Promise.resolve()
        return 'waits'
      })()
      if ((await Promise.race([next, turns])) === 'waits') return { writes, next }
      if (writes > 1000) throw new Error('it never holds back')
    }
  }

  it('holds the writer back until the reader reads, in each direction by itself', async () => {
    const [left, right] = createCarrierPair(oslo, kyoto)
    const { writes, next } = await fill(left)
    expect(writes).toBe(4)
    await right.write(chunk)
    const reader = right.source[Symbol.asyncIterator]()
    expect((await reader.next()).value?.byteLength).toBe(chunk.byteLength)
    await soon(next)
  })

  it('keeps no reference to what was written', async () => {
    const [left, right] = createCarrierPair(oslo, kyoto)
    const lent = Uint8Array.of(1, 2, 3)
    await left.write(lent)
    lent.fill(0)
    const { value } = await right.source[Symbol.asyncIterator]().next()
    expect(value).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('a writer that waits for room ends when the other side aborts', async () => {
    const [left, right] = createCarrierPair(oslo, kyoto)
    const { next } = await fill(left)
    right.abort(new Fault('internal', 'test.abort'))
    await expect(soon(next)).rejects.toBeInstanceOf(Fault)
  })

  it('a writer that waits for room ends when it is told to', async () => {
    const [left] = createCarrierPair(oslo, kyoto)
    await fill(left)
    const stop = new AbortController()
    const waiting = left.write(chunk, { signal: stop.signal })
    stop.abort(new Fault('gone', 'test.stop'))
    await expect(soon(waiting)).rejects.toMatchObject({ op: 'test.stop' })
  })
})
