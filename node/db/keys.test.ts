import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DatasetId, Root, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { keys, sumKey } from './keys.ts'

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER })
/** As LevelDB compares: byte by byte. */
const order = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))

describe('key order is value order', () => {
  test('of one number', () => {
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        expect(order(keys.user(a as UserId), keys.user(b as UserId))).toBe(Math.sign(a - b))
      }),
    )
  })

  test('of an instant, then an id', () => {
    const id = fc.stringMatching(/^[0-9a-f]{32}$/)
    fc.assert(
      fc.property(whole, id, whole, id, (at, a, later, b) => {
        const key = order(
          keys.transferAt(at, a as TransferId),
          keys.transferAt(later, b as TransferId),
        )
        expect(key).toBe(Math.sign(at - later) || order(a, b))
      }),
    )
  })
})

test('two values never share a key, and a prefix holds its own keys only', () => {
  const part = fc.stringMatching(/^[^/]{1,8}$/).filter((text) => text.isWellFormed())
  fc.assert(
    fc.property(part, fc.tuple(part, part), fc.tuple(part, part), (root, a, b) => {
      const of = ([site, id]: [string, string]) => keys.incoming(site as SiteId, id as TransferId)
      expect(of(a) === of(b)).toBe(a[0] === b[0] && a[1] === b[1])
      expect(of(a).startsWith(keys.incomingFrom(b[0] as SiteId))).toBe(a[0] === b[0])
      const known = keys.knownRoot(root as Root, 7 as DatasetId)
      expect(known.startsWith(keys.knownRoots(a[0] as Root))).toBe(root === a[0])
    }),
  )
})

test('a noun that begins with another is not within it', () => {
  expect(keys.linkBySite('x' as SiteId).startsWith(keys.links())).toBe(false)
  expect(keys.transferAt(1, 'x' as TransferId).startsWith(keys.transfers())).toBe(false)
  expect(keys.usersByEmail().startsWith(keys.users())).toBe(false)
  expect(order(sumKey, keys.bundles())).toBe(-1)
})

test('what would make a key ambiguous is our own mistake', () => {
  expect(() => keys.user(-1 as UserId)).toThrow()
  expect(() => keys.user(1.5 as UserId)).toThrow()
  expect(() => keys.user((2 ** 53) as UserId)).toThrow()
  expect(() => keys.meta('')).toThrow()
  expect(() => keys.incoming('a/b' as SiteId, 'c' as TransferId)).toThrow()
  expect(() => keys.meta('\ud800')).toThrow()
})
