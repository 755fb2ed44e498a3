/** What every `Carrier` promises (protocol/channel.ts), asked of each kind in the same words. */
import { describe, expect, test } from 'vitest'
import type { Carrier } from '../../protocol/channel.ts'
import { Fault } from '../../protocol/fault.ts'

export interface CarrierPair extends AsyncDisposable {
  readonly left: Carrier
  readonly right: Carrier
  /** Cuts the line without a word to either end; absent where there is no line. */
  readonly cut?: (() => void) | undefined
  /** As `cut`, with a reset. */
  readonly reset?: (() => void) | undefined
  /** The most that one end may be ahead of a reader that does not read. */
  readonly aheadBytesMax: number
}

const mib = 1024 * 1024

export function carrierContract(name: string, openPair: () => Promise<CarrierPair>): void {
  describe(`${name} keeps the promises of a carrier`, () => {
    test('bytes arrive in order and whole, both ways at once', async () => {
      await using pair = await openPair()
      const there = pattern(5 * mib + 17, 1)
      const back = pattern(3 * mib + 5, 2)
      const sent = [
        writeInPieces(pair.left, there, [1, 70_000, mib, 3, 200_000]),
        writeInPieces(pair.right, back, [mib + 1, 9]),
      ]
      const [right, left] = await Promise.all([readAll(pair.right), readAll(pair.left), ...sent])
      expect(same(right, there)).toBe(true)
      expect(same(left, back)).toBe(true)
    })

    test('the source ends when the other side has closed its side, and ours still carries', async () => {
      await using pair = await openPair()
      await pair.left.write(pattern(10, 1))
      await pair.left.closeWrite()
      expect(await readAll(pair.right)).toEqual(pattern(10, 1))
      await pair.right.write(pattern(20, 2))
      await pair.right.closeWrite()
      expect(await readAll(pair.left)).toEqual(pattern(20, 2))
    })

    test('the other side may have closed long before the first read', async () => {
      await using pair = await openPair()
      await pair.right.write(pattern(1000, 3))
      await pair.right.closeWrite()
      await pair.left.closeWrite()
      expect(await readAll(pair.right)).toEqual(new Uint8Array(0))
      expect(await readAll(pair.left)).toEqual(pattern(1000, 3))
    })

    test('what was written before a close still arrives', async () => {
      await using pair = await openPair()
      const bytes = pattern(4 * mib, 4)
      const written = pair.left.write(bytes).then(() => pair.left.closeWrite())
      expect(same(await readAll(pair.right), bytes)).toBe(true)
      await written
    })

    test('a reader that does not read slows the writer and fills no memory', async () => {
      await using pair = await openPair()
      const chunk = pattern(256 * 1024, 5)
      let written = 0
      const total = pair.aheadBytesMax * 2
      const writing = (async () => {
        for (; written < total; written += chunk.byteLength) await pair.left.write(chunk)
        await pair.left.closeWrite()
      })()
      await until(async () => {
        const before = written
        await turns(200)
        return before > 0 && written === before
      })
      expect(written).toBeLessThanOrEqual(pair.aheadBytesMax)
      // And it goes on, to the last byte, once somebody reads.
      let read = 0
      for await (const bytes of pair.right.source) read += bytes.byteLength
      await writing
      expect(read).toBe(written)
    })

    test('write keeps no reference to what it was given', async () => {
      await using pair = await openPair()
      const buffer = new Uint8Array(100_000)
      const received = readAll(pair.right)
      for (let i = 0; i < 100; i++) {
        buffer.fill(i)
        await pair.left.write(buffer)
        buffer.fill(255)
      }
      await pair.left.closeWrite()
      const bytes = await received
      expect(bytes.byteLength).toBe(100 * buffer.byteLength)
      expect(bytes.every((byte, at) => byte === Math.floor(at / buffer.byteLength))).toBe(true)
    })

    test('abort ends both directions: here with the fault, there as a failure', async () => {
      await using pair = await openPair()
      await pair.left.write(pattern(10, 1))
      const fault = new Fault('gone', 'test.abort', { text: 'enough' })
      pair.left.abort(fault)
      pair.left.abort(new Fault('invalid', 'test.abort'))
      await expect(readAll(pair.left)).rejects.toBe(fault)
      await expect(pair.left.write(pattern(1, 1))).rejects.toThrow()
      await expect(readAll(pair.right)).rejects.toMatchObject({ kind: 'unreachable' })
      await expect(writeUntilRefused(pair.right)).rejects.toMatchObject({ kind: 'unreachable' })
    })

    test('a writer that waits hears of an abort by the other side', async () => {
      await using pair = await openPair()
      const writing = writeUntilRefused(pair.left)
      await turns(50)
      pair.right.abort(new Fault('gone', 'test.abort'))
      await expect(writing).rejects.toMatchObject({ kind: 'unreachable' })
    })

    test('a write that was abandoned ends with its signal', async () => {
      await using pair = await openPair()
      const stop = new AbortController()
      const writing = writeUntilRefused(pair.left, stop.signal)
      await turns(50)
      stop.abort(new Error('the person left'))
      await expect(writing).rejects.toThrow('the person left')
      await expect(pair.left.write(pattern(1, 1), { signal: stop.signal })).rejects.toThrow(
        'the person left',
      )
    })

    test.for(['cut', 'reset'] as const)(
      'a line that is gone (%s) is a failure for reader and writer, never an end',
      async (how, context) => {
        await using pair = await openPair()
        const { left, right } = pair
        const act = pair[how]
        if (act === undefined) return context.skip()
        await left.write(pattern(1000, 1))
        const reads = right.source[Symbol.asyncIterator]()
        expect((await reads.next()).value?.byteLength).toBe(1000)
        const waiting = [reads.next(), readAll(left), writeUntilRefused(left)]
        const ends = Promise.allSettled(waiting)
        act()
        for (const end of await ends) {
          expect(end).toMatchObject({ status: 'rejected', reason: { kind: 'unreachable' } })
        }
        await expect(right.write(pattern(1, 1))).rejects.toMatchObject({ kind: 'unreachable' })
      },
    )
  })
}

/** Bytes that differ from place to place, so that a swap or a gap is seen. */
export function pattern(bytes: number, seed: number): Uint8Array {
  const made = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) made[i] = (i * 31 + (i >> 8) * 7 + seed) & 255
  return made
}

export async function readAll(carrier: Carrier): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of carrier.source) chunks.push(chunk.slice())
  return new Uint8Array(Buffer.concat(chunks))
}

/** Writes until a write fails; a carrier that takes bytes for ever fails the test by its time. */
export async function writeUntilRefused(carrier: Carrier, signal?: AbortSignal): Promise<never> {
  for (;;) {
    await carrier.write(new Uint8Array(64 * 1024), { signal })
    await turns(1)
  }
}

/** Turns of the event loop, in which whatever can happen by itself does. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Asks again until it is so; the deadline is the test's own. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function writeInPieces(carrier: Carrier, bytes: Uint8Array, sizes: number[]): Promise<void> {
  for (let at = 0, i = 0; at < bytes.byteLength; i++) {
    const end = at + sizes[i % sizes.length]!
    await carrier.write(bytes.subarray(at, end))
    at = end
  }
  await carrier.closeWrite()
}

/** Faster to say than toEqual for megabytes. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
