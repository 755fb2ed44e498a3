/**
 * Passwords as argon2id, written the way everybody writes it:
 * `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`. The numbers stand in the text, so that stronger ones can
 * come later and the old ones still open. 19 MiB and two passes are what OWASP's Password Storage Cheat
 * Sheet asks for at least.
 */
import { argon2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { createPool } from '../base/work.ts'

/** KiB of memory, passes, lanes; bytes of salt and of hash. */
const memory = 19_456
const passes = 2
const parallelism = 1
const saltBytes = 16
const hashBytes = 32

export const passwordCharactersMin = 12
export const passwordCharactersMax = 200

/** Hashes made at one time; each takes its memory, so a crowd at the door waits in line. */
const hashing = createPool({ limit: 2 })
const compute = promisify(argon2)

type Cost = { memory: number; passes: number; parallelism: number }

const costNow: Cost = { memory, passes, parallelism }

function hashOf(password: string, nonce: Uint8Array, cost: Cost, tagLength: number) {
  // The same letters can be typed in two ways; both are the same password.
  const message = Buffer.from(password.normalize('NFKC'))
  return hashing.run(() => compute('argon2id', { message, nonce, tagLength, ...cost }))
}

export async function hashPassword(password: string, clock: Clock): Promise<string> {
  const salt = clock.random(saltBytes)
  const hash = await hashOf(password, salt, costNow, hashBytes)
  const [m, t, p] = [memory, passes, parallelism]
  return `$argon2id$v=19$m=${m},t=${t},p=${p}$${plain(salt)}$${plain(hash)}`
}

const written = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

export async function isPassword(kept: string, password: string): Promise<boolean> {
  const parts = written.exec(kept)
  if (parts === null)
    throw new Fault('corrupt', 'people.password', {
      text: 'What is kept of a password is damaged.',
    })
  const [m, t, p] = parts.slice(1, 4).map(Number) as [number, number, number]
  const salt = Buffer.from(parts[4]!, 'base64')
  const hash = Buffer.from(parts[5]!, 'base64')
  const cost = { memory: m, passes: t, parallelism: p }
  return timingSafeEqual(await hashOf(password, salt, cost, hash.byteLength), hash)
}

/** As long as a true answer takes: how long it takes to be refused tells nobody who has an account. */
export async function pretendToCheck(password: string, clock: Clock): Promise<void> {
  await hashOf(password, clock.random(saltBytes), costNow, hashBytes)
}

/** Faults `invalid`, in words, for a password that would be guessed. */
export function demandStrong(password: string, email: string): void {
  const characters = [...password].length
  const text =
    characters < passwordCharactersMin
      ? `A password has at least ${passwordCharactersMin} characters. A few words in a row are easy to remember.`
      : characters > passwordCharactersMax
        ? `A password has at most ${passwordCharactersMax} characters.`
        : new Set(password).size < 5
          ? 'This password repeats a few characters only. Choose another one.'
          : password.toLowerCase().includes(email.toLowerCase())
            ? 'A password does not hold the e-mail address. Choose another one.'
            : undefined
  if (text !== undefined) throw new Fault('invalid', 'people.password', { text })
}

const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
