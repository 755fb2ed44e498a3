import { argon2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { demandStrong, hashPassword, isPassword } from './password.ts'

const good = 'four words in a row'

describe('a password', () => {
  test('is right when it is the same, however its letters were typed', async () => {
    const kept = await hashPassword('Blåbär på fjället', systemClock)
    expect(await isPassword(kept, 'Blåbär på fjället')).toBe(true)
    expect(await isPassword(kept, 'Bla\u030abär på fjället'.normalize('NFD'))).toBe(true)
    expect(await isPassword(kept, 'blåbär på fjället')).toBe(false)
    expect(await isPassword(kept, '')).toBe(false)
  })

  test('is kept as argon2id of 19 MiB in two passes, with a salt of its own', async () => {
    const [one, other] = [
      await hashPassword(good, systemClock),
      await hashPassword(good, systemClock),
    ]
    expect(one).not.toBe(other)
    const parts = one.split('$')
    expect(parts.slice(0, 4)).toEqual(['', 'argon2id', 'v=19', 'm=19456,t=2,p=1'])
    const hash = argon2Sync('argon2id', {
      message: Buffer.from(good),
      nonce: Buffer.from(parts[4]!, 'base64'),
      memory: 19_456,
      passes: 2,
      parallelism: 1,
      tagLength: 32,
    })
    expect(Buffer.from(parts[5]!, 'base64')).toEqual(Buffer.from(hash))
  })

  test('that was kept with other numbers still opens', async () => {
    const nonce = Buffer.alloc(16, 7)
    const hash = argon2Sync('argon2id', {
      message: Buffer.from(good),
      nonce,
      memory: 64,
      passes: 1,
      parallelism: 1,
      tagLength: 32,
    })
    const [salt, kept] = [nonce, Buffer.from(hash)].map((bytes) =>
      bytes.toString('base64').replace(/=+$/, ''),
    )
    expect(await isPassword(`$argon2id$v=19$m=64,t=1,p=1$${salt}$${kept}`, good)).toBe(true)
  })

  test.each([
    ['short', 'elevenchars'],
    ['of a few characters only', 'abababababab'],
    ['too long', 'abcdef'.repeat(40)],
    ['that holds the address', 'my ana@lab.example!'],
  ])('%s is refused, in words', (_why, password) => {
    expect(() => demandStrong(password, 'ana@lab.example')).toThrow(/assword/)
  })

  test('of a few words is taken', () => {
    expect(() => demandStrong(good, 'ana@lab.example')).not.toThrow()
  })
})
