/**
 * What one side has decided about a relation, and when. Both a link and a connection are two stances,
 * one of each side; each side owns its own, tells it, and keeps the newest it heard. So a message that
 * is repeated, late or out of order changes nothing, and what is told again is always the present.
 */
import { z } from 'zod'

export type Stance<Is extends string> = {
  readonly is: Is
  /** Milliseconds since 1970 at its owner's clock; only ever grows, and is compared only with its own past. */
  readonly changedAt: number
}

export const instant = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

export function stanceShape<const Is extends readonly [string, ...string[]]>(is: Is) {
  return z.object({ is: z.enum(is), changedAt: instant })
}

export function isNewer(a: Stance<string>, b: Stance<string>): boolean {
  return a.changedAt > b.changedAt
}

/** The owner's next instant: a clock that was set back must not make the newest look old. */
export function nextChange(now: number, before: Stance<string>): number {
  return Math.max(now, before.changedAt + 1)
}
