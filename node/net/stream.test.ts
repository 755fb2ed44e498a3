/**
 * The traps of libp2p 3 streams, one case each, over real connections. What holds for every carrier
 * is in test/contracts/carrier.ts; this is what holds for this one. Run on every upgrade of libp2p.
 */
import type { Stream } from '@libp2p/interface'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { pattern, readAll, turns, until, writeUntilRefused } from '../../test/contracts/carrier.ts'
import { openHostPair, type StreamPair, type Transport } from '../../test/stream-pair.ts'
import { createManualClock, systemClock } from '../base/clock.ts'
import { siteOf } from './gate.ts'
import { limits } from './limits.ts'
import { createStreamCarrier } from './stream.ts'

const mib = 1024 * 1024
const transports: Transport[] = ['tcp', 'websockets']

/** The window that this end has granted; it grows while the reader is quick. */
const grantedBytes = (stream: Stream) => (stream as Stream & { recvWindow: number }).recvWindow

describe.for(transports)('over %s', (transport) => {
  test('a slow reader at a grown window: memory stays bounded, and the stream is not reset', async () => {
    await using hosts = await openHostPair({ transport })
    await using pair = await hosts.openStream()
    const chunk = pattern(mib, 1)
    let sent = 0
    const sending = (async () => {
      for (; sent < 160 * mib; sent += chunk.byteLength) await pair.left.write(chunk)
      await pair.left.closeWrite()
    })()
    let read = 0
    let waitingMax = 0
    let windowMax = 0
    const rssBefore = process.memoryUsage().rss
    for await (const bytes of pair.right.source) {
      read += bytes.byteLength
      windowMax = Math.max(windowMax, grantedBytes(pair.streams.right))
      waitingMax = Math.max(waitingMax, pair.right.waitingBytes)
      // Quick first, so that the window grows; then slow, several times over.
      if (read > 40 * mib && read % (8 * mib) < bytes.byteLength) await turns(300)
    }
    await sending
    expect(read).toBe(sent)
    // Otherwise this has tested nothing.
    expect(windowMax).toBeGreaterThan(4 * mib)
    expect(waitingMax).toBeLessThan(2 * limits.streamWindowBytesMax + 2 * limits.queueHighBytes)
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(250 * mib)
  })

  test('a stream paused at a grown window stays open for as long as it takes', async () => {
    await using hosts = await openHostPair({ transport })
    await using pair = await hosts.openStream()
    const sending = writeUntilRefused(pair.left)
    const reads = pair.right.source[Symbol.asyncIterator]()
    while (grantedBytes(pair.streams.right) < limits.streamWindowBytesMax) await reads.next()
    // Nobody reads: everything that was granted arrives and waits.
    let before = -1
    await until(async () => {
      const settled = pair.right.waitingBytes === before
      before = pair.right.waitingBytes
      await turns(500)
      return settled
    })
    expect(before).toBeGreaterThan(4 * mib)
    expect(pair.right.failed.aborted).toBe(false)
    for (let read = 0; read < 50 * mib; ) read += (await reads.next()).value?.byteLength ?? 0
    expect(pair.left.failed.aborted).toBe(false)
    pair.left.abort(new Fault('gone', 'test.abort'))
    await expect(sending).rejects.toThrow()
  })

  test('drain works many times: the library never holds more than a chunk to be sent', async () => {
    await using hosts = await openHostPair({ transport })
    await using pair = await hosts.openStream()
    let drains = 0
    let heldMax = 0
    const look = () => {
      heldMax = Math.max(heldMax, pair.streams.left.writeBufferLength)
    }
    pair.streams.left.addEventListener('drain', () => {
      drains++
      look()
    })
    const reading = (async () => {
      let read = 0
      for await (const bytes of pair.right.source) {
        // Slower than the writer, again and again.
        if (read % mib < bytes.byteLength) await turns(20)
        read += bytes.byteLength
      }
      return read
    })()
    const chunk = pattern(mib, 1)
    for (let sent = 0; sent < 128 * mib; sent += chunk.byteLength) {
      await pair.left.write(chunk)
      look()
    }
    await pair.left.closeWrite()
    expect(await reading).toBe(128 * mib)
    expect(drains).toBeGreaterThan(5)
    expect(heldMax).toBeLessThanOrEqual(2 * limits.chunkBytes)
  })

  test.for([64 * 1024, mib])(
    'four streams at once share the line within a factor of two (writes of %d bytes)',
    async (size) => {
      await using hosts = await openHostPair({ transport })
      const read = [0, 0, 0, 0]
      let stop = false
      const ends = read.map(async (_, i) => {
        await using pair = await hosts.openStream()
        const writing = (async () => {
          const chunk = pattern(size, i)
          while (!stop) await pair.left.write(chunk)
          await pair.left.closeWrite()
        })()
        for await (const bytes of pair.right.source) {
          read[i]! += bytes.byteLength
          if (read.reduce((sum, one) => sum + one) > 100 * mib) stop = true
        }
        await writing
      })
      await Promise.all(ends)
      expect(Math.max(...read) / Math.min(...read)).toBeLessThan(2)
    },
  )

  test('what was given to write may be used again, also when streams crowd the line', async () => {
    // Slow, so that the library keeps bytes of several streams that it has taken but not sent.
    const proxied = { bytesPerSecond: 60_000_000 }
    await using hosts = await openHostPair({ transport, proxied })
    const ends = [0, 1, 2, 3].map(async () => {
      await using pair = await hosts.openStream()
      const writing = (async () => {
        const buffer = new Uint8Array(100_000)
        for (let i = 0; i < 250; i++) {
          buffer.fill(i)
          await pair.left.write(buffer)
          buffer.fill(255)
        }
        await pair.left.closeWrite()
      })()
      let at = 0
      let wrong = 0
      for await (const bytes of pair.right.source) {
        for (const byte of bytes) if (byte !== Math.floor(at++ / 100_000)) wrong++
      }
      await writing
      expect({ at, wrong }).toEqual({ at: 25_000_000, wrong: 0 })
    })
    await Promise.all(ends)
  })

  test.for([0, 1000])(
    'a stream that its other side closed, after %d bytes, before anybody listened here',
    async (bytes) => {
      await using hosts = await openHostPair({ transport })
      await hosts.right.handle('/test/early/1.0.0', async (stream) => {
        if (bytes > 0) stream.send(pattern(bytes, 1))
        await stream.close()
      })
      const stream = await hosts.connection.newStream('/test/early/1.0.0')
      await until(() => stream.remoteWriteStatus === 'closed')
      const remote = siteOf(hosts.right.peerId)!
      const carrier = createStreamCarrier(stream, { remote, clock: systemClock })
      expect(await readAll(carrier)).toEqual(pattern(bytes, 1))
      await carrier.closeWrite()
      await carrier.over
      expect(carrier.failed.aborted).toBe(false)
    },
  )

  test('a stream whose connection was gone before anybody listened here', async () => {
    await using hosts = await openHostPair({ transport })
    const { streams } = await hosts.openStream()
    hosts.connection.abort(new Error('test'))
    await until(() => streams.right.status !== 'open')
    const remote = siteOf(hosts.left.peerId)!
    const carrier = createStreamCarrier(streams.right, { remote, clock: systemClock })
    await expect(readAll(carrier)).rejects.toMatchObject({ kind: 'unreachable' })
    await expect(carrier.write(pattern(1, 1))).rejects.toMatchObject({ kind: 'unreachable' })
    await carrier.over
  })

  test('a connection that ends, however it ends, never looks like a whole conversation', async () => {
    for (const how of ['close', 'abort', 'stop'] as const) {
      await using hosts = await openHostPair({ transport })
      await using pair = await hosts.openStream()
      const writing = writeUntilRefused(pair.right).catch((fault) => fault)
      await pair.left.write(pattern(10, 1))
      const reads = pair.right.source[Symbol.asyncIterator]()
      await reads.next()
      if (how === 'close') await hosts.connection.close()
      else if (how === 'abort') hosts.connection.abort(new Error('test'))
      else await hosts.left.stop()
      expect(await writing).toMatchObject({ kind: 'unreachable' })
      await pair.right.over
    }
  })

  test('a line cut at any moment ends the streams and not the process', async () => {
    for (let round = 0; round < 25; round++) {
      await using hosts = await openHostPair({ transport, proxied: {} })
      const pairs = await Promise.all([hosts.openStream(), hosts.openStream()])
      const ends = pairs.flatMap((pair) => [
        writeUntilRefused(pair.left),
        readAll(pair.right),
        ...(round % 2 === 0 ? [pair.right.closeWrite()] : [readAll(pair.left)]),
      ])
      const settled = Promise.allSettled(ends)
      await turns(round * 3)
      if (round % 3 === 0) hosts.proxy?.reset()
      else hosts.proxy?.cut()
      const closing = pairs.map((pair) => pair.left.closeWrite())
      const results = await settled
      await Promise.all(closing)
      expect(results.filter((one) => one.status === 'rejected').length).toBeGreaterThanOrEqual(4)
    }
  })

  test('a thousand streams leave nothing behind', async () => {
    await using hosts = await openHostPair({ transport })
    for (let i = 0; i < 1000; i++) {
      const { left, right } = await hosts.openStream()
      await left.write(pattern(10, i))
      await Promise.all([left.closeWrite(), right.closeWrite()])
      expect((await readAll(right)).byteLength).toBe(10)
      await Promise.all([left.over, right.over])
    }
    expect(hosts.connection.streams).toEqual([])
    expect(hosts.right.getConnections().flatMap((one) => one.streams)).toEqual([])
  })

  test('many small writes arrive, and a short message is not kept waiting', async () => {
    await using hosts = await openHostPair({ transport })
    await using pair = await hosts.openStream()
    const reading = readBytes(pair)
    for (let i = 0; i < 20_000; i++) await pair.left.write(pattern(100, i))
    await pair.left.closeWrite()
    expect(await reading).toBe(2_000_000)
  })
})

test('a slow line of 2 Mbit/s carries for 12 seconds without being given up', {
  timeout: 60_000,
}, async () => {
  await using hosts = await openHostPair({ transport: 'tcp', proxied: { bytesPerSecond: 250_000 } })
  await using pair = await hosts.openStream()
  const sending = writeUntilRefused(pair.left)
  sending.catch(() => {})
  let read = 0
  const startAt = performance.now()
  for await (const bytes of pair.right.source) {
    read += bytes.byteLength
    if (performance.now() - startAt > 12_000) break
  }
  expect(read).toBeGreaterThan(1_800_000)
  expect(hosts.connection.status).toBe('open')
  expect(pair.left.failed.aborted).toBe(false)
})

test('a drain that frees less than was written is no room for more', async () => {
  const stream = new (class extends EventTarget {
    status = 'open'
    remoteWriteStatus = 'writable'
    readableEnded = false
    readBufferLength = 0
    writeBufferLength = 0
    send(bytes: Uint8Array) {
      this.writeBufferLength += bytes.byteLength
      return false
    }
    drain(left: number) {
      this.writeBufferLength = left
      this.dispatchEvent(new Event('drain'))
    }
    abort() {}
  })()
  const carrier = createStreamCarrier(stream as unknown as Stream, {
    remote: 'oslo' as SiteId,
    clock: systemClock,
  })
  let written = false
  const writing = carrier.write(pattern(limits.chunkBytes, 1)).then(() => {
    written = true
  })
  await turns(10)
  stream.drain(limits.chunkBytes - 12)
  await turns(10)
  expect(written).toBe(false)
  stream.drain(0)
  await writing
  carrier.abort(new Fault('gone', 'test.abort'))
})

describe('silence', () => {
  test('a reader that waits for a byte for idleMs is told that nobody is there', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    const clock = createManualClock()
    await using pair = await hosts.openStream({ clock })
    const reading = readAll(pair.right)
    reading.catch(() => {})
    await clock.advance(limits.idleMs - 1)
    // A byte starts the time anew.
    await pair.left.write(pattern(1, 1))
    await until(() => hosts.right.getConnections()[0]!.streams[0]!.readBufferLength === 0)
    await turns(50)
    await clock.advance(limits.idleMs - 1)
    expect(pair.right.failed.aborted).toBe(false)
    await clock.advance(1)
    await expect(reading).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
  })

  test('as long as nobody waits, nothing is given up', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    const clock = createManualClock()
    await using pair = await hosts.openStream({ clock })
    await clock.advance(100 * limits.idleMs)
    await pair.left.write(pattern(5, 1))
    const reads = pair.right.source[Symbol.asyncIterator]()
    expect((await reads.next()).value?.byteLength).toBe(5)
    // Long work between two reads is the reader's matter.
    await clock.advance(100 * limits.idleMs)
    expect(pair.right.failed.aborted).toBe(false)
  })

  test('a writer without room for stuckMs gives up', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    const clock = createManualClock()
    await using pair = await hosts.openStream({ clock })
    let done = false
    const writing = writeUntilRefused(pair.left).finally(() => {
      done = true
    })
    writing.catch(() => {})
    await until(() => pair.streams.left.writeBufferLength > 0)
    await turns(200)
    await clock.advance(limits.stuckMs - 1)
    expect(done).toBe(false)
    await clock.advance(1)
    await expect(writing).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('a stream that was closed here and forgotten is broken off', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    const clock = createManualClock()
    await using pair = await hosts.openStream({ clock })
    await pair.left.closeWrite()
    await clock.advance(2 * limits.abandonedMs)
    expect(pair.left.failed.aborted).toBe(true)
    await pair.right.over
  })
})

describe('finish', () => {
  test('ends at once when the other side has closed too', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    await using pair = await hosts.openStream({ clock: createManualClock() })
    await pair.left.write(pattern(100, 1))
    await pair.left.closeWrite()
    await pair.right.finish()
    await pair.left.finish()
    expect(pair.right.failed.aborted).toBe(false)
    expect(pair.left.failed.aborted).toBe(false)
  })

  test('lets a last word arrive at a side that is still sending, then breaks off', async () => {
    await using hosts = await openHostPair({ transport: 'tcp' })
    const clock = createManualClock()
    await using pair = await hosts.openStream({ clock })
    const sending = writeUntilRefused(pair.left).catch((fault) => fault)
    await pair.right.write(pattern(50, 7))
    const finishing = pair.right.finish()
    expect(await readAll(pair.left)).toEqual(pattern(50, 7))
    await clock.advance(limits.lingerMs)
    await finishing
    expect(await sending).toMatchObject({ kind: 'unreachable' })
  })
})

async function readBytes(pair: StreamPair): Promise<number> {
  let read = 0
  for await (const bytes of pair.right.source) read += bytes.byteLength
  return read
}
