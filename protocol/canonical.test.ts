/**
 * The direct reader and writer of manifests against the general way: DAG-CBOR to values, values to
 * bytes again, a schema. That way is the judge here and has no other use.
 */
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Fault } from './fault.ts'
import {
  checkEntry,
  checkFollows,
  decodeList,
  decodePage,
  decodeRoot,
  decodeTimesPage,
  decodeTimesRoot,
  type Entry,
  encodeList,
  encodeRoot,
  encodeTimesPage,
  encodeTimesRoot,
  entriesMax,
  fileBytesMax,
  listBytesMax,
  listsMax,
  type PageLink,
  pageBytesMax,
  pageEntriesMax,
  pagesMax,
  rootBytesMax,
  timesBytesMax,
} from './manifest.ts'
import { createPager } from './pages.ts'
import { whyRefused } from './paths.ts'
import { blockBytes, blockCid, blocksOf, cidText, digestBytes, sha256Code } from './unixfs.ts'
import { decode, encode as encodeAny } from './wire.ts'

/** Plain, so that a comparison is one of bytes. */
const encode = (value: unknown) => Uint8Array.from(encodeAny(value))

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const nodeCid = z.custom<CID>((value) => {
  const cid = CID.asCID(value)
  return (
    cid?.version === 1 &&
    cid.code === 0x71 &&
    cid.multihash.code === sha256Code &&
    cid.multihash.digest.byteLength === digestBytes
  )
})
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)
const fileShape = z.strictObject({
  kind: z.literal('file'),
  path: z.string(),
  size: count.max(fileBytesMax),
  blocks: bytes.optional(),
  lists: z.array(nodeCid).max(listsMax).optional(),
})
const dirShape = z.strictObject({ kind: z.literal('dir'), path: z.string() })
const pageShape = z.strictObject({
  entries: z
    .array(z.discriminatedUnion('kind', [fileShape, dirShape]))
    .min(1)
    .max(pageEntriesMax),
})
const linkShape = z.strictObject({
  cid: nodeCid,
  entries: count.min(1).max(pageEntriesMax),
  files: count,
  bytes: count,
  blocks: count,
  first: z.string(),
  last: z.string(),
})
const rootShape = z.strictObject({
  v: z.literal(1),
  entries: count.max(entriesMax),
  files: count,
  bytes: count,
  blocks: count,
  pages: z.array(linkShape).max(pagesMax),
})
const timesRootShape = z.strictObject({ v: z.literal(1), pages: z.array(nodeCid).max(pagesMax) })
const timesPageShape = z.strictObject({
  times: z.array(z.number().int().nullable()).min(1).max(pageEntriesMax),
})
const listShape = z.strictObject({ digests: bytes })

function judgePage(node: Uint8Array) {
  const page = decode(node, pageShape, pageBytesMax, 'judge') as { entries: Entry[] }
  let previous: string | undefined
  for (const entry of page.entries) {
    checkEntry(entry)
    checkFollows(previous, entry.path)
    previous = entry.path
  }
  return page
}

const sha256 = (of: Uint8Array) => new Uint8Array(hash('sha256', of, 'buffer'))

/** The value, or the kind of the refusal. Anything but a fault fails the test. */
function outcome(run: () => unknown): unknown {
  try {
    return { value: run() }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { kind: thrown.kind }
  }
}

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const cid = digest.map((of) => blockCid(of, 'dag-cbor'))
const path = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join('/'))
  .filter((text) => whyRefused(text) === undefined)
const size = fc.oneof(
  fc.integer({ min: 0, max: 3 * blockBytes }),
  fc.constantFrom(0, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 1024 * blockBytes + 1),
)
const entry: fc.Arbitrary<Entry> = fc.oneof(
  path.map((of): Entry => ({ kind: 'dir', path: of })),
  fc.tuple(path, size).map(([of, bytes]): Entry => {
    const blocks = blocksOf(bytes)
    if (blocks <= 1024)
      return { kind: 'file', path: of, size: bytes, blocks: new Uint8Array(blocks * 32).fill(7) }
    const lists = [blockCid(sha256(new Uint8Array(1)), 'dag-cbor')]
    return { kind: 'file', path: of, size: bytes, lists }
  }),
)
/** Values that are nearly entries: wrong kinds, missing and added fields. */
const nearly = fc.oneof(
  { weight: 6, arbitrary: entry },
  { weight: 1, arbitrary: entry.map((one) => ({ ...one, mode: 1 })) },
  { weight: 1, arbitrary: entry.map((one) => ({ ...one, kind: 'link' })) },
  { weight: 1, arbitrary: entry.map((one) => ({ ...one, path: `${one.path}/..` })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        entry,
        fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        ),
      )
      .map(([one, value]) => ({ ...one, size: value })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('file'), path, size }) },
  { weight: 1, arbitrary: fc.dictionary(fc.string(), fc.integer()) },
)
/** One change of bytes: overwritten, put in, left out, cut. */
const harm = fc.record({
  at: fc.nat(),
  to: fc.nat(255),
  how: fc.constantFrom('over', 'in', 'out', 'cut', 'none'),
})
function harmed(node: Uint8Array, { at, to, how }: { at: number; to: number; how: string }) {
  const i = at % Math.max(1, node.byteLength)
  const parts = { over: [[to], i + 1], in: [[to], i], out: [[], i + 1], cut: [[], node.byteLength] }
  if (how === 'none') return node
  const [put, from] = parts[how as keyof typeof parts] as [number[], number]
  return Uint8Array.from([...node.subarray(0, i), ...put, ...node.subarray(from)])
}

const runs = { numRuns: 3000 }

describe('manifests read directly', () => {
  it('are pages to it exactly when they are pages to the judge', () => {
    const sorted = fc.array(nearly, { minLength: 0, maxLength: 4 }).map((all) => {
      const pathOf = (one: object) => String((one as { path?: unknown }).path ?? '')
      return all.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))
    })
    let accepted = 0
    fc.assert(
      fc.property(sorted, harm, (entries, how) => {
        const node = harmed(encode({ entries }), how)
        const judged = outcome(() => judgePage(node))
        expect(outcome(() => decodePage(node))).toEqual(judged)
        if ('value' in (judged as object)) accepted++
      }),
      runs,
    )
    // Or the comparison would be one of refusals only.
    expect(accepted).toBeGreaterThan(100)
  })

  it('are roots to it exactly when they are roots to the judge', () => {
    const link = fc.record({
      cid,
      entries: fc.constantFrom(1, 2, 23, 24, 2048, 2049, 0),
      files: fc.nat(3),
      bytes: fc.maxSafeNat(),
      blocks: fc.nat(70000),
      first: path,
      last: path,
    })
    fc.assert(
      fc.property(fc.array(link, { maxLength: 3 }), fc.nat(3), harm, (pages, v, how) => {
        const sum = (of: 'entries' | 'files' | 'bytes' | 'blocks') =>
          pages.reduce((all, page) => all + page[of], 0)
        const [entries, files] = [sum('entries'), sum('files')]
        const value = {
          v: v === 3 ? 2 : 1,
          entries,
          files,
          bytes: sum('bytes'),
          blocks: sum('blocks'),
        }
        const node = harmed(encode({ ...value, pages }), how)
        const read = outcome(() => decodeRoot(node)) as { value?: { pages: PageLink[] } }
        const judged = outcome(() => decode(node, rootShape, rootBytesMax, 'judge'))
        // What a root says beyond its shape is refused after it was read, so only that way round.
        if (read.value !== undefined) {
          expect(read).toEqual(judged)
          expect(encodeRoot(read.value.pages)).toEqual(node)
        } else if ('kind' in (judged as object)) expect(read).toEqual(judged)
      }),
      runs,
    )
  })

  it('are times to it exactly when they are times to the judge', () => {
    const time = fc.oneof(
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.constantFrom(0, -1, -24, -25, -(2 ** 53 - 1), 2 ** 53 - 1),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    fc.assert(
      fc.property(fc.array(time, { maxLength: 5 }), harm, (times, how) => {
        const node = harmed(encode({ times }), how)
        const judge = () => {
          const page = decode(node, timesPageShape, timesBytesMax, 'judge')
          if (page.times.length !== times.length) throw new Fault('invalid', 'judge')
          return page.times
        }
        expect(outcome(() => decodeTimesPage(node, times.length))).toEqual(outcome(judge))
      }),
      runs,
    )
    fc.assert(
      fc.property(fc.array(cid, { maxLength: 3 }), harm, (pages, how) => {
        const node = harmed(encode({ v: 1, pages }), how)
        const judge = () => {
          const root = decode(node, timesRootShape, rootBytesMax, 'judge')
          if (root.pages.length !== pages.length) throw new Fault('invalid', 'judge')
          return root.pages
        }
        expect(outcome(() => decodeTimesRoot(node, pages.length))).toEqual(outcome(judge))
      }),
      runs,
    )
  })

  it('are lists to it exactly when they are lists to the judge', () => {
    const digests = fc.integer({ min: 0, max: 3 }).map((n) => new Uint8Array(n * digestBytes))
    fc.assert(
      fc.property(digests, harm, (all, how) => {
        const node = harmed(encode({ digests: all }), how)
        const judge = () => {
          const list = decode(node, listShape, listBytesMax, 'judge')
          if (list.digests.byteLength !== all.byteLength) throw new Fault('invalid', 'judge')
          return list.digests
        }
        const read = () => decodeList(node, (all.byteLength / digestBytes) * blockBytes, 0)
        expect(outcome(read)).toEqual(outcome(judge))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('manifests written directly', () => {
  it('are the bytes that the general way writes', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const pager = createPager(sha256)
        const [page] = [...pager.add(one), ...pager.end()]
        expect(page!.node).toEqual(encode({ entries: [one] }))
      }),
      runs,
    )
    const times = fc.array(fc.option(fc.maxSafeInteger()), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(times, fc.array(cid, { maxLength: 4 }), digest, (all, pages, one) => {
        expect(encodeTimesPage(all)).toEqual(encode({ times: all }))
        expect(encodeTimesRoot(pages)).toEqual(encode({ v: 1, pages }))
        expect(encodeList(one)).toEqual(encode({ digests: one }))
      }),
      { numRuns: 500 },
    )
  })

  it('have the names that the CID package gives', () => {
    fc.assert(
      fc.property(digest, fc.constantFrom('raw', 'dag-pb', 'dag-cbor'), (of, codec) => {
        expect(cidText(of, codec)).toBe(blockCid(of, codec).toString())
      }),
    )
  })
})

describe('a path looked at once', () => {
  it('is refused for the same reason as in many looks', () => {
    const parts = fc.array(
      fc.oneof(
        fc.constantFrom(
          '',
          '.',
          '..',
          'a',
          '\0',
          '\x7f',
          '\x9f',
          '\ud800',
          'é',
          '😀',
          'x'.repeat(255),
        ),
        fc.string({ unit: 'binary', maxLength: 300 }),
      ),
      { maxLength: 70 },
    )
    fc.assert(
      fc.property(parts, (all) => {
        const text = all.join('/')
        expect(whyRefused(text)).toBe(reason(text))
      }),
      runs,
    )
  })
})

function reason(text: string): string | undefined {
  const size = (of: string) => new TextEncoder().encode(of).byteLength
  if (text === '') return 'the name is empty'
  if (!text.isWellFormed()) return 'the name is not valid UTF-8'
  if (/\p{Cc}/u.test(text)) return 'the name has control characters'
  if (text.startsWith('/')) return 'the path is absolute'
  if (size(text) > 1024) return 'the path is over 1024 bytes'
  const components = text.split('/')
  if (components.length > 64) return 'the path is over 64 folders deep'
  for (const one of components) {
    if (one === '') return 'the path has an empty component'
    if (one === '.' || one === '..') return 'the path climbs'
    if (size(one) > 255) return 'a name is over 255 bytes'
  }
  return undefined
}
