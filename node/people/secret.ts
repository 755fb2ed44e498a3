/**
 * What somebody comes in with: 256 random bits as text. The site keeps only its SHA-256, so a stolen index
 * or journal opens nothing; and it is found by its hash, so how long the search takes tells nothing.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

const secretBytes = 32
/** How one looks, for a pattern. */
export const secretPattern = '[A-Za-z0-9_-]{43}'

export function newSecret(clock: Clock): string {
  return Buffer.from(clock.random(secretBytes)).toString('base64url')
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
