import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePage,
  decodeRoot,
  type Entry,
  encodeRoot,
  inlineBlocksMax,
  type PageLink,
  pageBytesMax,
  pageEntriesMax,
} from './manifest.ts'
import { createPager, endsPage, type FinishedPage, type PageEnd, readPage } from './pages.ts'
import { comparePaths, whyRefused } from './paths.ts'
import { blockBytes, blockCid, digestBytes } from './unixfs.ts'
import { encode } from './wire.ts'

const sha256 = (bytes: Uint8Array) => new Uint8Array(hash('sha256', bytes, 'buffer'))

const small = (path: string, text = path): Entry => {
  return { kind: 'file', path, size: Buffer.byteLength(text), blocks: sha256(Buffer.from(text)) }
}
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => small(`scan/${String(i).padStart(6, '0')}.fcs`))

function paginate(entries: Entry[]): FinishedPage[] {
  const pager = createPager(sha256)
  return [...entries.flatMap((entry) => pager.add(entry)), ...pager.end()]
}

/** What a receiver does: every page in turn, with the end of the one before. */
function readAll(pages: { node: Uint8Array; link: PageLink }[]): Entry[] {
  const root = decodeRoot(encodeRoot(pages.map((page) => page.link)))
  let previous: PageEnd | undefined
  return root.pages.flatMap((link, i) => {
    const { page, end } = readPage(sha256, pages[i]!.node, link, previous)
    previous = end
    return page.entries
  })
}

const refusal = expect.objectContaining({ name: 'Fault', kind: 'invalid' })

describe('pages', () => {
  it('come back as the entries that went in, whatever they are', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => whyRefused(text) === undefined)
    const sizes = fc.integer({ min: 0, max: 30 * blockBytes })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, sizes), { selector: ([path]) => path, maxLength: 60 }),
        (files) => {
          const entries: Entry[] = files
            .map(([path, size]) => ({
              kind: 'file' as const,
              path,
              size,
              blocks: new Uint8Array(Math.ceil(size / blockBytes) * digestBytes),
            }))
            .sort((a, b) => comparePaths(a.path, b.path))
          let last = ''
          const apart = entries.filter(({ path }) => {
            const inside = last !== '' && path.startsWith(`${last}/`)
            if (!inside) last = path
            return !inside
          })
          expect(readAll(paginate(apart))).toEqual(apart)
        },
      ),
    )
  })

  it('end where the paths say, and hold about 512 entries', () => {
    const pages = paginate(numbered(20_000))
    expect(readAll(pages)).toHaveLength(20_000)
    for (const { link } of pages.slice(0, -1)) {
      expect(endsPage(sha256, link.last) || link.entries === pageEntriesMax).toBe(true)
    }
    expect(pages.length).toBeGreaterThan(20)
    expect(pages.length).toBeLessThan(80)
  })

  it('are the bytes that encoding a page whole would give', () => {
    for (const { node } of paginate(numbered(700))) expect(encode(decodePage(node))).toEqual(node)
  })

  it('change one by one: one changed file changes one page', () => {
    const entries = numbered(10_000)
    const before = paginate(entries).map(({ link }) => link.cid.toString())
    const after = paginate(entries.with(5000, small(entries[5000]!.path, 'other'))).map(
      ({ link }) => link.cid.toString(),
    )
    expect(after.filter((cid) => !before.includes(cid))).toHaveLength(1)
    expect(after).toHaveLength(before.length)
  })

  it('change one by one: one added or removed file changes two pages at most', () => {
    const entries = numbered(5000)
    const all = paginate(entries).map(({ link }) => link.cid.toString())
    for (let i = 0; i < entries.length; i += 487) {
      const less = paginate(entries.toSpliced(i, 1)).map(({ link }) => link.cid.toString())
      expect(less.filter((cid) => !all.includes(cid)).length).toBeLessThanOrEqual(1)
      expect(all.filter((cid) => !less.includes(cid)).length).toBeLessThanOrEqual(2)
    }
  })

  it('end before an entry that would pass the cap on bytes', () => {
    const size = inlineBlocksMax * blockBytes
    const entries: Entry[] = Array.from({ length: 30 }, (_, i) => ({
      kind: 'file',
      path: `big-${String(i).padStart(2, '0')}`,
      size,
      blocks: new Uint8Array(inlineBlocksMax * digestBytes),
    }))
    const pages = paginate(entries)
    for (const { node } of pages) expect(node.byteLength).toBeLessThanOrEqual(pageBytesMax)
    // Seven such entries fit, so nothing but the cap can have ended these pages.
    expect(pages.map(({ link }) => link.entries)).toEqual([7, 7, 7, 7, 2])
    expect(readAll(pages)).toEqual(entries)
  })

  it('end before an entry that would pass the cap on entries', () => {
    const quiet = Array.from({ length: 9000 }, (_, i) =>
      small(`${String(i).padStart(6, '0')}`),
    ).filter(({ path }) => !endsPage(sha256, path))
    const pages = paginate(quiet)
    expect(pages[0]!.link.entries).toBe(pageEntriesMax)
    expect(readAll(pages)).toHaveLength(quiet.length)
  })
})

describe('a receiver refuses', () => {
  const cut = (entries: Entry[], at: number[]): FinishedPage[] => {
    const bounds = [0, ...at, entries.length]
    return bounds.slice(1).map((end, i) => {
      const part = entries.slice(bounds[i], end)
      const node = encode({ entries: part })
      const bytes = part.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0)
      const link = {
        cid: blockCid(sha256(node), 'dag-cbor'),
        entries: part.length,
        files: part.length,
        bytes,
        blocks: part.length,
      }
      return { node, link: { ...link, first: part[0]!.path, last: part.at(-1)!.path } }
    })
  }

  it('pages that are cut elsewhere', () => {
    const entries = numbered(40)
    expect(() => readAll(cut(entries, []))).not.toThrow()
    expect(() => readAll(cut(entries, [20]))).toThrow(refusal)
  })

  it('a page over the cap on bytes or entries', () => {
    const many = numbered(pageEntriesMax + 1)
    expect(() => decodePage(encode({ entries: many }))).toThrow(refusal)
    expect(() => decodePage(new Uint8Array(pageBytesMax + 1))).toThrow(refusal)
  })

  it('a page with another first or last path than the root says', () => {
    const [page] = paginate(numbered(10)) as [FinishedPage]
    const moved = { ...page.link, last: `${page.link.last}x` }
    expect(() => readPage(sha256, page.node, moved, undefined)).toThrow(refusal)
  })
})

describe('a writer refuses', () => {
  it('entries out of order, twice, or inside a file', () => {
    for (const paths of [
      ['b', 'a'],
      ['a', 'a'],
      ['a', 'a/b'],
    ]) {
      expect(() => paginate(paths.map((path) => small(path)))).toThrow(refusal)
    }
  })

  it('more entries than one root holds, in words', () => {
    const cid = blockCid(sha256(new Uint8Array(1)), 'dag-cbor')
    const link = (i: number): PageLink => {
      const path = `${String(i).padStart(6, '0')}${'x'.repeat(200)}`
      return { cid, entries: 1, files: 1, bytes: 1, blocks: 1, first: path, last: path }
    }
    const root = (count: number) => encodeRoot(Array.from({ length: count }, (_, i) => link(i)))
    expect(decodeRoot(root(1000)).entries).toBe(1000)
    expect(() => root(3000)).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })
})
