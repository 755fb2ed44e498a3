/**
 * Figures and names in words, the same in a terminal and in a browser. Whatever comes from afar, a file's
 * name or a person's, goes through `visible` first: a terminal obeys control characters and a reader
 * believes hidden ones.
 */
import type { ToldTransfer } from './shapes.ts'

/** Control, format (bidi, zero-width, tags), surrogate and line-separating characters. */
export const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu

/** The same text with every character that does not show as itself written as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(hidden, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)
}

/** Somebody as people type them; who was removed, or was theirs to whom it was sent, has no address any more. */
export function personText({
  person,
  alias,
}: {
  person: string
  alias?: string | undefined
}): string {
  if (person !== '') return alias === undefined ? person : `${person}@${alias}`
  return alias === undefined ? 'a removed person' : `somebody at ${alias}`
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** Bytes in powers of 1000, three digits. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.5 would be shown as 1000 of a unit, which is 1.00 of the next.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${units[unit]}`
}

export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${groupText(count)} ${count === 1 ? noun : plural}`
}

/** 1234567 → 1,234,567, whatever language is set. */
export function groupText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** Seconds to two units, for time left and time taken. */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?'
  const whole = Math.round(seconds)
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0 s'
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** Bytes that are at the destination, as far as this side can know. */
export function bytesThere({ state, bytes }: ToldTransfer): number {
  if (state === 'done') return bytes.chosen
  // What crossed twice after a cut is counted twice here: near enough, and never over the whole.
  const crossed = bytes.held + Math.max(bytes.sent, bytes.received)
  return Math.min(bytes.chosen, bytes.there ?? crossed)
}
