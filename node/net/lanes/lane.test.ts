/** What holds for a lane besides test/contracts/carrier.ts: its memory, its silences, its pieces. */
import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/fault.ts'
import {
  pattern,
  readAll,
  turns,
  until,
  writeUntilRefused,
} from '../../../test/contracts/carrier.ts'
import { openLanePair } from '../../../test/lane-pair.ts'
import { createManualClock } from '../../base/clock.ts'
import { limits } from '../limits.ts'

const mib = 2 ** 20

describe.for(['left', 'right'] as const)('a reader who is %s', (reader) => {
  const writer = reader === 'left' ? 'right' : 'left'

  test('slow, then quick, then slow: memory stays bounded and every byte arrives', async () => {
    await using pair = await openLanePair()
    const chunk = pattern(mib + 3, 1)
    let sent = 0
    const sending = (async () => {
      for (; sent < 64 * mib; sent += chunk.byteLength) await pair[writer].write(chunk)
      await pair[writer].closeWrite()
    })()
    let read = 0
    let waitingMax = 0
    let wrong = 0
    for await (const bytes of pair[reader].source) {
      for (let i = 0; i < bytes.byteLength; i += 4099)
        if (bytes[i] !== chunk[(read + i) % chunk.byteLength]) wrong++
      read += bytes.byteLength
      waitingMax = Math.max(waitingMax, pair[reader].waitingBytes)
      if (read % (8 * mib) < bytes.byteLength) await turns(200)
    }
    await sending
    expect({ read, wrong }).toEqual({ read: sent, wrong: 0 })
    expect(waitingMax).toBeLessThanOrEqual(limits.laneInboxBytes)
  })

  test('gets many small writes in order, and a short message is not kept waiting', async () => {
    await using pair = await openLanePair()
    const reads = pair[reader].source[Symbol.asyncIterator]()
    await pair[writer].write(pattern(3, 1))
    expect((await reads.next()).value).toEqual(pattern(3, 1))
    const all = pattern(300_000, 2)
    const sending = (async () => {
      for (let at = 0; at < all.byteLength; at += 37)
        await pair[writer].write(all.subarray(at, at + 37))
      await pair[writer].closeWrite()
    })()
    expect(Buffer.compare(await readAll(pair[reader]), all)).toBe(0)
    await sending
  })
})

describe('pieces', () => {
  test.for([1, 16_375, 16_376, 16_377, 16_380, 16_381, 16_384, 16_385, mib - 4, mib, mib + 1])(
    'of %d bytes, after a short one and before another, are whole',
    async (bytes) => {
      await using pair = await openLanePair()
      const parts = [pattern(5, 1), pattern(bytes, 2), pattern(7, 3), pattern(bytes, 4)]
      const sending = (async () => {
        for (const part of parts) await pair.left.write(part)
        await pair.left.closeWrite()
      })()
      expect(Buffer.compare(await readAll(pair.right), Buffer.concat(parts))).toBe(0)
      await sending
    },
  )

  test.for([
    ['a piece that is too long', Uint8Array.of(255, 255, 255, 255)],
    ['bytes after the end', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 65)],
  ] as const)('%s ends the lane', async ([, bytes]) => {
    await using pair = await openLanePair()
    pair.sockets.left.socket.write(bytes)
    await until(() => pair.right.failed.aborted)
    expect(pair.right.failed.reason).toMatchObject({ kind: 'invalid' })
    await expect(readAll(pair.left)).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('a socket that is closed as TLS would have it, without our end, is a cut line', async () => {
    await using pair = await openLanePair()
    await pair.left.write(pattern(10, 1))
    await turns(5)
    pair.sockets.left.socket.end()
    const read: number[] = []
    const reading = (async () => {
      for await (const bytes of pair.right.source) read.push(bytes.byteLength)
    })()
    await expect(reading).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
    expect(read).toEqual([10])
  })
})

describe('silence', () => {
  test('a reader that waits for a byte for idleMs is told that nobody is there', async () => {
    const clock = createManualClock()
    await using pair = await openLanePair({ clock })
    const reading = readAll(pair.right)
    reading.catch(() => {})
    await clock.advance(limits.idleMs - 1)
    await pair.left.write(pattern(1, 1))
    await until(() => pair.sockets.right.socket.bytesRead > 0)
    await turns(50)
    await clock.advance(limits.idleMs - 1)
    expect(pair.right.failed.aborted).toBe(false)
    await clock.advance(1)
    await expect(reading).rejects.toMatchObject({ kind: 'unreachable', side: 'between' })
  })

  test('a writer without room for stuckMs gives up', async () => {
    const clock = createManualClock()
    await using pair = await openLanePair({ clock })
    let done = false
    let written = 0
    const writing = (async () => {
      for (;;) {
        await pair.left.write(new Uint8Array(mib))
        written++
      }
    })().finally(() => {
      done = true
    })
    writing.catch(() => {})
    let before = -1
    await until(async () => {
      const settled = written === before
      before = written
      await turns(500)
      return settled
    })
    await clock.advance(limits.stuckMs - 1)
    expect(done).toBe(false)
    await clock.advance(1)
    await expect(writing).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('as long as nobody waits, nothing is given up', async () => {
    const clock = createManualClock()
    await using pair = await openLanePair({ clock })
    await clock.advance(100 * limits.idleMs)
    await pair.left.write(pattern(5, 1))
    const reads = pair.right.source[Symbol.asyncIterator]()
    expect((await reads.next()).value?.byteLength).toBe(5)
    await clock.advance(100 * limits.idleMs)
    expect(pair.right.failed.aborted).toBe(false)
  })

  test('a lane that was closed here and forgotten is broken off', async () => {
    const clock = createManualClock()
    await using pair = await openLanePair({ clock })
    await pair.left.closeWrite()
    await clock.advance(2 * limits.abandonedMs)
    expect(pair.left.failed.aborted).toBe(true)
    await pair.right.over
  })
})

describe('an end', () => {
  test('that both have said closes both sockets, and neither failed', async () => {
    await using pair = await openLanePair()
    await pair.left.write(pattern(100, 1))
    await pair.left.closeWrite()
    await pair.right.finish()
    await pair.left.finish()
    await until(() => pair.sockets.left.socket.closed && pair.sockets.right.socket.closed)
    expect(pair.right.failed.aborted).toBe(false)
    expect(pair.left.failed.aborted).toBe(false)
  })

  test('lets a last word arrive at a side that is still sending, then breaks off', async () => {
    const clock = createManualClock()
    await using pair = await openLanePair({ clock })
    const sending = writeUntilRefused(pair.left).catch((fault) => fault)
    await pair.right.write(pattern(50, 7))
    const finishing = pair.right.finish()
    expect(await readAll(pair.left)).toEqual(pattern(50, 7))
    await clock.advance(limits.lingerMs)
    await finishing
    expect(await sending).toMatchObject({ kind: 'unreachable' })
  })

  test('of a hundred lanes, cut at any moment, leaves nothing open', async () => {
    for (let i = 0; i < 100; i++) {
      await using pair = await openLanePair()
      const sending = writeUntilRefused(pair.left).catch((fault) => fault)
      const reading = readAll(pair.right).catch((fault) => fault)
      await turns(i)
      if (i % 3 === 0) pair.proxy.cut()
      else if (i % 3 === 1) pair.proxy.reset()
      else pair.right.abort(new Fault('gone', 'test'))
      expect(await sending).toMatchObject({ kind: 'unreachable' })
      await reading
      await until(() => pair.sockets.left.socket.closed && pair.sockets.right.socket.closed)
    }
  })
})
