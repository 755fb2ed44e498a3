import { UnixFS } from 'ipfs-unixfs'
import { describe, expect, test } from 'vitest'
import { fileData } from './unixfs.ts'

const gib = 2 ** 30
const library = (sizes: number[]) => new UnixFS({ type: 'file', blockSizes: sizes.map(BigInt) })

describe('what a node of a file says of itself', () => {
  test.each([
    [[1]],
    [[127, 128]],
    [[1_048_576, 5]],
    [[gib, gib - 1]],
    [[gib, gib, gib, gib, 7]],
    [[2 ** 52]],
  ])('is what the library writes: %j', (sizes) => {
    expect(Buffer.from(fileData(sizes)).toString('hex')).toBe(
      Buffer.from(library(sizes).marshal()).toString('hex'),
    )
  })

  test.each([[[gib, gib]], [[gib, gib, gib, gib - 1]], [[gib, gib, 1]]])(
    'is read by the library where it cannot write it, from 2 GiB to 4 GiB: %j',
    (sizes) => {
      const read = UnixFS.unmarshal(fileData(sizes))
      expect(read.type).toBe('file')
      expect(read.blockSizes.map(Number)).toEqual(sizes)
      expect(Number(read.fileSize())).toBe(sizes.reduce((a, b) => a + b))
      expect(fileData(sizes)).toEqual(fileData(sizes))
    },
  )
  test('says the size in its own words, byte by byte', () => {
    // 2^31 as a varint: four bytes of nothing with the sign to go on, then 2^31 / 2^28 = 8.
    expect(Buffer.from(fileData([gib, gib])).toString('hex')).toBe(
      '0802' + '18' + '8080808008' + '208080808004' + '208080808004',
    )
  })
})
