/** Names, heads and scanning, against the packages that define them and against noise. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { FileCid, Root } from '../../../protocol/ids.ts'
import { blockBytes, blockCid } from '../../../protocol/unixfs.ts'
import { openFolder } from '../../../test/folder.ts'
import { sha256 } from '../sha256.ts'
import { cidOfKey, decodeLocation, encodeLocation, keyOf, keyOfCid, rawCode } from './names.ts'
import { scanPack } from './scan.ts'
import { endOf, headBytes, isHead, packHeader, readHead, writeHead } from './section.ts'

const nameOf = (digest: Uint8Array, codec: 'raw' | 'dag-cbor') =>
  blockCid(digest, codec).toString() as FileCid | Root

describe('names', () => {
  it('are the same as any CID library writes them', () => {
    for (let i = 0; i < 500; i++) {
      const digest = randomBytes(32)
      for (const codec of ['raw', 'dag-cbor'] as const) {
        const name = nameOf(digest, codec)
        const key = keyOfCid(name)
        expect(Buffer.from(key.subarray(1)).equals(digest)).toBe(true)
        expect(key[0]).toBe(CID.parse(name).code)
        expect(cidOfKey(key)).toBe(name)
      }
    }
  })

  it('of another form are our own mistake', () => {
    for (const text of ['', 'bafkrei', `B${'a'.repeat(58)}`, `b${'1'.repeat(58)}`])
      expect(() => keyOfCid(text as FileCid)).toThrow()
    // Letters whose last bits stand for nothing, and must be zeros.
    const name = nameOf(new Uint8Array(32), 'raw')
    expect(name).toBe(`bafkrei${'a'.repeat(52)}`)
    for (const text of [`${name.slice(0, -1)}b`, `bafkreii${'a'.repeat(51)}`])
      expect(() => keyOfCid(text as FileCid)).toThrow()
  })

  it('lie at locations of any size', () => {
    const location = { pack: 99_999_999, offset: 2 ** 28, bytes: blockBytes }
    expect(decodeLocation(encodeLocation(location))).toEqual(location)
    expect(decodeLocation(new Uint8Array(11))).toBeUndefined()
    expect(decodeLocation(undefined)).toBeUndefined()
  })
})

describe('a head', () => {
  it.each([0, 1, 91, 92, 16_347, 16_348, blockBytes])(
    'of %i bytes is read as it was written, and is short when it is cut',
    (bytes) => {
      const key = keyOf(rawCode, sha256(Uint8Array.of(1)))
      const into = new Uint8Array(100)
      const content = writeHead(into, 7, key, bytes)
      expect(content).toBe(7 + headBytes(bytes))
      expect(readHead(into, 7, content)).toEqual({ key, bytes, content })
      expect(isHead(into, 7, key, bytes)).toBe(true)
      expect(isHead(into, 7, key, bytes + 1)).toBe(false)
      expect(isHead(into, 7, keyOf(rawCode, sha256(Uint8Array.of(2))), bytes)).toBe(false)
      for (let end = 7; end < content; end++) expect(readHead(into, 7, end)).toBe('short')
    },
  )

  it('that nobody here writes is bad', () => {
    const cid = Buffer.concat([Buffer.from('01551220', 'hex'), randomBytes(32)])
    const head = (varint: string, rest = cid) => Buffer.concat([Buffer.from(varint, 'hex'), rest])
    const bad: Buffer[] = [
      head('23'),
      head('00'),
      // More than a block.
      head('a58040'),
      head('a4808000'),
      // Not as short as it can be.
      head('a400'),
      head('24', Buffer.concat([Buffer.from('01701220', 'hex'), cid.subarray(4)])),
      head('24', Buffer.concat([Buffer.from('00551220', 'hex'), cid.subarray(4)])),
      head('24', Buffer.concat([Buffer.from('01551320', 'hex'), cid.subarray(4)])),
    ]
    expect(readHead(head('24'), 0, 37)).toMatchObject({ bytes: 0 })
    for (const bytes of bad) expect(readHead(bytes, 0, bytes.byteLength)).toBe('bad')
  })
})

describe('scanning', () => {
  /** Sections of these contents, with what comes between. */
  function packOf(parts: readonly (Uint8Array | { noise: Uint8Array })[]) {
    const bytes: Uint8Array[] = [packHeader]
    let offset = packHeader.byteLength
    const sections: { offset: number; end: number }[] = []
    for (const part of parts) {
      if ('noise' in part) {
        bytes.push(part.noise)
        offset += part.noise.byteLength
        continue
      }
      const section = new Uint8Array(headBytes(part.byteLength) + part.byteLength)
      section.set(part, writeHead(section, 0, keyOf(rawCode, sha256(part)), part.byteLength))
      bytes.push(section)
      const end = endOf({ pack: 1, offset, bytes: part.byteLength })
      sections.push({ offset, end })
      offset = end
    }
    return { bytes: Buffer.concat(bytes), sections }
  }

  async function scan(bytes: Uint8Array) {
    await using folder = await openFolder()
    const path = join(folder.path, 'pack')
    await writeFile(path, bytes)
    await using file = await open(path, 'r')
    const found: { offset: number; end: number }[] = []
    for await (const sections of scanPack(file, packHeader.byteLength, bytes.byteLength))
      for (const { offset, end, content, key } of sections) {
        expect(Buffer.from(key.subarray(1)).equals(sha256(content))).toBe(true)
        found.push({ offset, end })
      }
    return found
  }

  it('finds every section, also where the window ends', async () => {
    const contents = Array.from({ length: 40 }, (_, i) =>
      randomBytes(i % 7 === 0 ? blockBytes - i : (i * 30_011) % 200_000),
    )
    const { bytes, sections } = packOf(contents)
    expect(bytes.byteLength).toBeGreaterThan(8 * 1_048_576)
    expect(await scan(bytes)).toEqual(sections)
  })

  it('goes on behind noise of any length, also when it looks like a head', async () => {
    const heads = Buffer.alloc(5000)
    for (let i = 0; i < 100; i++) heads.set(Buffer.from('a48040015512200102', 'hex'), i * 50)
    for (const noise of [
      Uint8Array.of(0),
      randomBytes(37),
      new Uint8Array(4 * 1_048_576 - 57),
      randomBytes(9 * 1_048_576),
      heads,
    ]) {
      const { bytes, sections } = packOf([
        randomBytes(500),
        { noise },
        randomBytes(0),
        randomBytes(70_000),
        { noise },
        randomBytes(3),
        { noise: noise.subarray(0, 5000) },
      ])
      expect(await scan(bytes)).toEqual(sections)
    }
  })

  it('passes over what the disk cannot read', async () => {
    const contents = Array.from({ length: 50 }, () => randomBytes(50_000))
    const { bytes, sections } = packOf(contents)
    const bad = sections[20]!.offset + 5000
    // A disk with one bad place, which fails every read that touches it.
    const disk = {
      async read(into: Uint8Array, offset: number, length: number, position: number) {
        if (position <= bad && bad < position + length)
          throw Object.assign(new Error('input/output error'), { code: 'EIO' })
        const bytesRead = bytes.copy(into, offset, position, position + length)
        return { bytesRead, buffer: into }
      },
    }
    const found: number[] = []
    const scanned = scanPack(disk as FileHandle, packHeader.byteLength, bytes.byteLength)
    for await (const some of scanned) for (const { offset } of some) found.push(offset)
    expect(found).toEqual(sections.map(({ offset }) => offset).filter((_, i) => i !== 20))
  })

  it('finds nothing in nothing', async () => {
    expect(await scan(packHeader)).toEqual([])
    expect(await scan(Buffer.concat([packHeader, new Uint8Array(100_000)]))).toEqual([])
  })
})
