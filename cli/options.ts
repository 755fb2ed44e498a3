/** What people type after a command, read once and the same everywhere. */
import { Fault } from '../protocol/fault.ts'
import { parseLocalId } from '../protocol/ids.ts'

/** For an option that may be given several times. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

/** `KEY=VALUE`, split at the first `=`: a value may hold more of them. */
export function pairOf(
  text: string,
  flag: string,
  example = `${flag} instrument=FACScan`,
): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new Fault('invalid', 'cli.options', {
    about: text.slice(0, 80),
    text: `${flag} wants NAME=VALUE, for example ${example}.`,
  })
}

export function pairsOf(texts: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(texts.map((text) => pairOf(text, flag)))
}

export function idOf<T extends number>(text: string, noun: string): T {
  return parseLocalId<T>(text, noun)
}

/** How many of something. */
export function countOf(text: string, flag: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text)
  throw new Fault('invalid', 'cli.options', {
    about: text.slice(0, 80),
    text: `${flag} wants a whole number, 1 or more.`,
  })
}

/** 0 is a new dataset. */
export function destOf<T extends number>(text: string): T | 0 {
  return text === '0' || text === '' ? 0 : idOf<T>(text, 'dataset at the destination')
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `90s`, `30m`, `48h`, `7d` → milliseconds. */
export function durationOf(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,6})([smhd])$/.exec(text) ?? []
  if (count !== undefined && unit !== undefined) return Number(count) * units[unit]! * 1000
  throw new Fault('invalid', 'cli.options', {
    about: text.slice(0, 80),
    text: 'A time is written as 90s, 30m, 48h or 7d.',
  })
}

/** Only the fields that were given, for inputs that refuse what nobody named. */
export function given<T extends object>(fields: T): { [K in keyof T]: T[K] } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as T
}
