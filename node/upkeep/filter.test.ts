import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { FileCid } from '../../protocol/ids.ts'
import { blockCid } from '../../protocol/unixfs.ts'
import { createFilter, sliceOf, slicesCount } from './filter.ts'

const digestOf = (n: number) => createHash('sha256').update(String(n)).digest()
const cidOf = (n: number) => blockCid(digestOf(n), 'raw').toString() as FileCid
const seed = Uint8Array.of(1, 2, 3, 4)

describe('a set of names', () => {
  test('forgets none and believes in fewer than one in a hundred that it was not told', () => {
    const filter = createFilter(seed)
    const told = 300_000
    for (let n = 0; n < told; n++) filter.add(cidOf(n))
    let forgotten = 0
    for (let n = 0; n < told; n++) if (!filter.has(cidOf(n))) forgotten++
    expect(forgotten).toBe(0)
    let believed = 0
    for (let n = told; n < told + 100_000; n++) if (filter.has(cidOf(n))) believed++
    expect(believed).toBeLessThan(1000)
    expect(filter.count).toBeGreaterThan(told * 0.98)
  })

  test('is wrong about others with another seed', () => {
    const names = Array.from({ length: 60_000 }, (_, n) => cidOf(n))
    const wrongOf = (with_: Uint8Array) => {
      const filter = createFilter(with_)
      for (const cid of names.slice(0, 50_000)) filter.add(cid)
      return names.slice(50_000).filter((cid) => filter.has(cid))
    }
    const [one, other] = [wrongOf(seed), wrongOf(Uint8Array.of(9, 8, 7, 6))]
    expect(one.filter((cid) => other.includes(cid)).length).toBeLessThan(3)
  })

  test('counts a name that comes again once', () => {
    const filter = createFilter(seed)
    for (let i = 0; i < 5; i++) filter.add(cidOf(7))
    expect(filter.count).toBe(1)
  })
})

test('the part of a name is the last byte of its digest', () => {
  for (let n = 0; n < 2000; n++) expect(sliceOf(cidOf(n))).toBe(digestOf(n)[31])
  expect(slicesCount).toBe(256)
})
