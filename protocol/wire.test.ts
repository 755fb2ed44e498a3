import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Fault } from './fault.ts'
import { decode, depthOf, encode, type Frame, frameBytes, nestingMax, readFrames } from './wire.ts'

const bytesMax = 1024 * 1024
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const read = (from: Uint8Array, max = bytesMax) => decode(from, z.unknown(), max, 'wire.test')
const kindOf = (run: () => unknown): string => {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.kind
    throw thrown
  }
  return 'none'
}

/** Whatever a message may be made of. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), tie('any'), { maxKeys: 4 }),
  ),
})).any

describe('canonical DAG-CBOR', () => {
  it('what is encoded is decoded to the same, and is encoded to the same again', () => {
    fc.assert(
      fc.property(value, (one) => {
        const written = encode(one)
        fc.pre(depthOf(written) <= nestingMax)
        const back = read(written)
        expect(Buffer.from(encode(back)).toString('hex')).toBe(Buffer.from(written).toString('hex'))
      }),
    )
  })

  it('any bytes are a value or a fault, and never crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        expect(['none', 'invalid']).toContain(kindOf(() => read(any)))
      }),
      { numRuns: 3000 },
    )
  })

  it('one bit more or less is another value or a fault, never the same value', () => {
    const whole = encode({ a: [1, 'two', Uint8Array.of(3)], b: { c: null, d: true } })
    for (let bit = 0; bit < whole.byteLength * 8; bit++) {
      const other = whole.slice()
      other[bit >> 3]! ^= 1 << (bit & 7)
      let back: unknown
      if (kindOf(() => (back = read(other))) === 'none') expect(encode(back)).toEqual(other)
    }
  })

  it.each([
    ['keys out of order', 'a2616201616102'],
    ['longer keys before shorter ones', 'a262616101616202'],
    ['a key twice', 'a2616101616102'],
    ['a key that is no text', 'a10102'],
    ['a number in two bytes where one would do', '1817'],
    ['a number in nine bytes where two would do', '1b0000000000000020'],
    ['a text of indefinite length', '7f61616162ff'],
    ['a list of indefinite length', '9f01ff'],
    ['half and single floats', 'f93e00'],
    ['a whole number as a float', 'fb4000000000000000'],
    ['minus zero', 'fb8000000000000000'],
    ['NaN', 'fb7ff8000000000000'],
    ['infinity', 'fb7ff0000000000000'],
    ['undefined', 'f7'],
    ['a simple value', 'e0'],
    ['a tag other than 42', 'c101'],
    ['a link that is none', 'd82a4100'],
    ['text that is not UTF-8', '61ff'],
    ['half of a surrogate pair', '63eda080'],
    ['bytes after the end', '0000'],
    ['nothing', ''],
    ['a length of 2^64 - 1', '5bffffffffffffffff'],
    ['a list of 2^64 - 1', '9bffffffffffffffff'],
    ['a map that ends early', 'a2616101'],
  ])('refuses %s', (_, hex) => {
    expect(kindOf(() => read(bytes(hex)))).toBe('invalid')
  })

  it('refuses more bytes than the cap before it looks at them', () => {
    expect(kindOf(() => read(encode('abc'), 4))).toBe('none')
    expect(kindOf(() => read(encode('abcd'), 4))).toBe('invalid')
  })

  it('names the first place that does not fit', () => {
    const shape = z.object({ trees: z.array(z.object({ bytes: z.number().min(0) })) })
    const wrong = encode({ trees: [{ bytes: 1 }, { bytes: -1 }] })
    expect(() => decode(wrong, shape, bytesMax, 'wire.test')).toThrow(
      expect.objectContaining({ kind: 'invalid', op: 'wire.test', about: 'trees.1.bytes' }),
    )
  })
})

describe('the depth scan', () => {
  const nested = (levels: number) => bytes(`${'81'.repeat(levels)}00`)

  it('lets through what is nested as deep as the cap and not deeper', () => {
    expect(depthOf(nested(nestingMax))).toBe(nestingMax)
    expect(kindOf(() => read(nested(nestingMax)))).toBe('none')
    expect(kindOf(() => read(nested(nestingMax + 1)))).toBe('invalid')
  })

  it.each([
    ['lists', '81'],
    ['maps', 'a16161'],
    ['tags', 'd82a'],
    ['lists of indefinite length', '9f'],
    ['maps of indefinite length', 'bf6161'],
    ['lists with something before', '8200'],
  ])('a hundred thousand %s in each other are refused and end nothing', (_, open) => {
    expect(kindOf(() => read(bytes(`${open.repeat(100_000)}00`), 1e7))).toBe('invalid')
  })

  it('counts lists, maps and tags that hold something, and is not led astray by their neighbours', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(depthOf(dagCbor.encode(one))).toBe(depth(one))
      }),
    )
    const cid = CID.parse('bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
    expect(depthOf(encode([cid, [[]], 1]))).toBe(2)
  })

  function depth(one: unknown): number {
    if (one === null || typeof one !== 'object' || one instanceof Uint8Array) return 0
    const inner = Object.values(one)
    return inner.length === 0 ? 0 : 1 + Math.max(...inner.map(depth))
  }
})

describe('frames', () => {
  const caps = { headBytesMax: 300, bodyBytesMax: 5000 }
  const frame = fc.record({
    head: fc.uint8Array({ maxLength: 40 }),
    body: fc.uint8Array({ maxLength: 200 }),
  })

  async function* chunks(all: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
    let at = 0
    for (const size of sizes) {
      const chunk = all.slice(at, at + size)
      yield chunk
      // Whoever lends a chunk may use its memory again.
      chunk.fill(0xee)
      at += size
    }
    if (at < all.byteLength) yield all.slice(at)
  }

  async function all(source: AsyncIterable<Uint8Array>): Promise<Frame[]> {
    const found: Frame[] = []
    for await (const one of readFrames(caps)(source)) found.push(one)
    return found
  }

  const written = (frames: readonly Frame[]) =>
    new Uint8Array(Buffer.concat(frames.flatMap(({ head, body }) => frameBytes(head, body))))

  it('cut into any chunks are the same frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.nat(90), { maxLength: 40 }),
        async (frames, sizes) => {
          expect(await all(chunks(written(frames), sizes))).toEqual(frames)
        },
      ),
    )
  })

  it('that arrive byte by byte are the same frames, empty ones too', async () => {
    const frames = [
      { head: new Uint8Array(0), body: new Uint8Array(0) },
      { head: Uint8Array.of(1), body: new Uint8Array(0) },
      { head: new Uint8Array(0), body: Uint8Array.of(2, 3) },
      { head: new Uint8Array(300).fill(4), body: new Uint8Array(5000).fill(5) },
    ]
    const bytes = written(frames)
    expect(await all(chunks(bytes, new Array(bytes.byteLength).fill(1)))).toEqual(frames)
  })

  it('a stream that ends inside a frame is unreachable, wherever it ends', async () => {
    const whole = written([{ head: bytes('a0'), body: bytes('010203') }])
    for (let length = 1; length < whole.byteLength; length++) {
      await expect(all(chunks(whole.slice(0, length), []))).rejects.toMatchObject({
        kind: 'unreachable',
        side: 'between',
      })
    }
  })

  it.each([
    ['a head over its cap', '0000012d00000000'],
    ['a body over its cap', '0000000100001389'],
    ['lengths of 4 GiB', 'ffffffffffffffff'],
  ])('%s is refused by its length alone, and nothing more is read', async (_, lengths) => {
    let asked = 0
    async function* source() {
      yield bytes(lengths)
      asked++
    }
    await expect(all(source())).rejects.toMatchObject({ kind: 'invalid' })
    expect(asked).toBe(0)
  })

  it('exactly at the cap passes', async () => {
    const whole = written([{ head: new Uint8Array(300), body: new Uint8Array(5000) }])
    expect(await all(chunks(whole, []))).toHaveLength(1)
  })
})
