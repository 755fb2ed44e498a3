import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LinkId, parseAlias, parseSiteId } from '../../protocol/ids.ts'
import { aliasFrom, createLink, learnAbout, moveLink } from './link.ts'
import { isShared, openLink } from './policy.ts'

const site = parseSiteId(`12D3KooW${'A'.repeat(44)}`)
const link = createLink({ id: 1 as LinkId, site, alias: 'oslo', name: 'Oslo', at: 5 })
const accepted = moveLink(link, 10, [
  { type: 'want', changedAt: 10 },
  { type: 'heard', stance: { is: 'willing', changedAt: 3 }, fresh: false, at: 10 },
])

describe('an alias made of a name', () => {
  it.each([
    ['Oslo Cytometry', 'oslo-cytometry'],
    ['Zürich / Bildarchiv', 'zurich-bildarchiv'],
    ['京都大学', 'site'],
    ['127.0.0.1', '127-0-0-1'],
    ['--', 'site'],
    ['A very long name of a very long institute', 'a-very-long-name-of-a-very-long'],
  ])('%s: %s', (name, alias) => {
    expect(aliasFrom(name, () => false)).toBe(alias)
  })

  it('is always an alias, and always free', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (name, count) => {
        const taken = new Set<string>()
        for (let i = 0; i < count; i++) taken.add(aliasFrom(name, (alias) => taken.has(alias)))
        expect(taken.size).toBe(count)
        for (const alias of taken) expect(parseAlias(alias)).toBe(alias)
      }),
    )
  })
})

describe('a link', () => {
  it('is the same object when nothing changed', () => {
    expect(moveLink(accepted, 20, [{ type: 'accept', at: 20 }])).toBe(accepted)
    expect(learnAbout(accepted, { name: 'Oslo', addresses: [] })).toBe(accepted)
  })

  it('keeps the instant since when it stands where it stands', () => {
    expect(accepted).toMatchObject({ at: 'accepted', changedAt: 10 })
    expect(moveLink(accepted, 20, [{ type: 'told', changedAt: 10 }]).changedAt).toBe(10)
    expect(moveLink(accepted, 20, [{ type: 'pause', at: 20 }]).changedAt).toBe(20)
  })

  it('refuses in words what does not belong', () => {
    expect(() => moveLink(link, 20, [{ type: 'resume', at: 20 }])).toThrow(
      expect.objectContaining({ kind: 'conflict', about: 'oslo' }),
    )
  })
})

describe('what a link allows', () => {
  it('is nothing unless it is accepted, with words for each case', () => {
    expect(openLink(accepted, 'test')).toBe(accepted)
    expect(() => openLink(undefined, 'test')).toThrow(expect.objectContaining({ kind: 'missing' }))
    const texts = (['asked', 'paused', 'refused', 'removed'] as const).map((at) => {
      try {
        openLink({ ...accepted, at }, 'test')
        return 'open'
      } catch (fault) {
        // A pause passes, so what waits for it is tried again; the rest needs an administrator.
        const kind = at === 'paused' ? 'busy' : 'denied'
        expect(fault).toMatchObject({ kind, about: 'oslo' })
        return (fault as Error).message
      }
    })
    expect(new Set(texts).size).toBe(4)
    expect(texts).not.toContain('open')
  })

  it('shares what others sent only when told to, and only while accepted', () => {
    const shared = { ...accepted, policy: { shared: true } }
    expect([isShared(accepted), isShared(shared), isShared({ ...shared, at: 'paused' })]).toEqual([
      false,
      true,
      false,
    ])
  })
})
