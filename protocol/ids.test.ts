import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from './fault.ts'
import {
  parseAddressee,
  parseAlias,
  parseEmail,
  parseFileCid,
  parseLocalId,
  parseRoot,
  parseSiteId,
  parseTransferId,
} from './ids.ts'

const invalid = expect.objectContaining({ kind: 'invalid', op: 'ids.parse' })

describe('EMAIL@ALIAS', () => {
  it('splits at the last @', () => {
    expect(parseAddressee('ana@lab.example@oslo')).toEqual({
      email: 'ana@lab.example',
      alias: 'oslo',
    })
  })

  it.each([
    '',
    '@',
    'ana',
    'ana@lab.example',
    'ana@lab.example@',
    '@lab.example@oslo',
    'ana@lab@example@oslo',
    'ana@lab.example@Oslo',
    'ana@lab.example@o slo',
    'ana @lab.example@oslo',
  ])('refuses "%s"', (text) => {
    expect(() => parseAddressee(text)).toThrow(invalid)
  })

  it('any text is an addressee or a fault, and an addressee is what was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'B', '@', '.', ' ', '-') }), (text) => {
        try {
          const { email, alias } = parseAddressee(text)
          expect(`${email}@${alias}`).toBe(text.trim().toLowerCase())
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault)
        }
      }),
    )
  })
})

describe('the one text form', () => {
  it('of an e-mail address is in small letters, without the spaces around it', () => {
    expect(parseEmail(' Ana.Ø@Lab.Example ')).toBe('ana.ø@lab.example')
    expect(parseEmail(parseEmail('ANA@x'))).toBe('ana@x')
  })

  it.each(['ana', 'a b@x', 'a@b@c', 'a\u001b@x', 'a\u202e@x', '<a@x>', `${'a'.repeat(65)}@x`])(
    'no e-mail address is %j',
    (text) => {
      expect(() => parseEmail(text)).toThrow(invalid)
    },
  )

  it('of an alias is 1 to 32 small letters, digits and inner hyphens', () => {
    for (const good of ['o', 'oslo', 'oslo-2', 'a'.repeat(32)]) expect(parseAlias(good)).toBe(good)
    for (const bad of ['', '-', 'oslo-', '-oslo', 'Oslo', 'osl\u00f8', 'a'.repeat(33), 'a@b']) {
      expect(() => parseAlias(bad)).toThrow(invalid)
    }
  })

  it('of a transfer is 32 hexadecimal digits, of a site a peer id, of content a CIDv1', () => {
    const hex = '000102030405060708090a0b0c0d0e0f'
    const site = `12D3KooW${'a'.repeat(44)}`
    const root = `bafyrei${'a'.repeat(52)}`
    const raw = `bafkrei${'a'.repeat(52)}`
    const file = `bafybei${'a'.repeat(52)}`
    expect([parseTransferId(hex), parseSiteId(site), parseRoot(root)]).toEqual([hex, site, root])
    expect([parseFileCid(raw), parseFileCid(file)]).toEqual([raw, file])
    expect(() => parseTransferId(hex.toUpperCase())).toThrow(invalid)
    expect(() => parseTransferId(`${hex}\n`)).toThrow(invalid)
    expect(() => parseSiteId(site.replace('a', '0'))).toThrow(invalid)
    expect(() => parseSiteId(root)).toThrow(invalid)
    expect(() => parseRoot(raw)).toThrow(invalid)
    expect(() => parseFileCid(root)).toThrow(invalid)
  })

  it('of a local ID is a whole number, 1 or more', () => {
    expect([parseLocalId('12', 'dataset'), parseLocalId(12, 'dataset')]).toEqual([12, 12])
    expect(parseLocalId(Number.MAX_SAFE_INTEGER, 'dataset')).toBe(Number.MAX_SAFE_INTEGER)
    for (const bad of ['0', '-1', '01', '1.5', '1e3', '', ' 1', '9007199254740992', 0, -1, 1.5]) {
      expect(() => parseLocalId(bad, 'dataset')).toThrow(invalid)
    }
  })

  it('quotes no more of what it refuses than fits a line', () => {
    try {
      parseTransferId('x'.repeat(10_000))
      expect.unreachable()
    } catch (thrown) {
      expect(String((thrown as Fault).about).length).toBeLessThanOrEqual(80)
    }
  })
})
