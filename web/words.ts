/** Figures and states in words, the same as on the command line. */
import type { ToldTransfer, TransferState } from '../api/shapes.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** Bytes in powers of 1000, three digits. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** 1234567 → 1,234,567, whatever the browser's language is. */
export function groupText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${groupText(count)} ${count === 1 ? noun : plural}`
}

/** Seconds to two units. */
export function durationText(seconds: number): string {
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

const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu

/** Names from afar: what would not show as itself, or turn a line around, is written out. */
export function visible(text: string): string {
  return text.replace(hidden, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)
}

type StateWords = { text: string; color: string }

export const stateWords: Record<TransferState, StateWords> = {
  waiting: { text: 'Waiting for the destination', color: 'gray' },
  parked: { text: 'Waiting for a person at the destination', color: 'gray' },
  moving: { text: 'Moving', color: 'blue' },
  whole: { text: 'All there, being imported', color: 'blue' },
  paused: { text: 'Paused', color: 'gray' },
  done: { text: 'Complete', color: 'teal' },
  refused: { text: 'Refused by the destination', color: 'red' },
  failed: { text: 'Failed', color: 'red' },
  cancelled: { text: 'Cancelled', color: 'gray' },
}

/** Bytes that are at the destination, as far as this side can know. */
export function bytesThere({ state, bytes }: ToldTransfer): number {
  if (state === 'done') return bytes.chosen
  // What crossed twice after a cut is counted twice here: near enough, and never over the whole.
  const crossed = bytes.held + Math.max(bytes.sent, bytes.received)
  return Math.min(bytes.chosen, bytes.there ?? crossed)
}

export function percentOf(view: ToldTransfer): number {
  if (view.state === 'done') return 100
  // Nothing to move is not yet moved: only a receipt makes it whole.
  if (view.bytes.chosen === 0) return 0
  return Math.floor((bytesThere(view) / view.bytes.chosen) * 100)
}

export function timeLeftText(view: ToldTransfer): string | undefined {
  if (view.state !== 'moving' || view.bytesPerSecond <= 0) return undefined
  return `${durationText((view.bytes.chosen - bytesThere(view)) / view.bytesPerSecond)} left`
}

/** The names of what moves. */
export function whatText({
  dataset,
  workflows,
}: Pick<ToldTransfer, 'dataset' | 'workflows'>): string {
  return [...(dataset === undefined ? [] : [dataset]), ...workflows].map(visible).join(', ')
}

type End = Pick<ToldTransfer['source'], 'alias' | 'person'>

/** A person at a site as people type it; at our own site the address alone. */
export function endText({ alias, person }: End): string {
  return alias === undefined ? person : `${person}@${alias}`
}
