/**
 * What a clock on the wall shows in a time zone, and when it next shows a certain time. Pure: the
 * rules of the zones come with the platform, the instant comes in.
 */

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** Index into `weekdays`, and milliseconds since the midnight before. */
export type Wall = { readonly weekday: number; readonly ms: number }

export const minuteMs = 60_000
export const dayMs = 24 * 60 * minuteMs
/** 1970-01-01 was a Thursday. */
const weekdayOfZero = 3

/** A zone's clock is made once: it takes a while, and there are some hundreds of zones at most. */
const made = new Map<string, Intl.DateTimeFormat>()

/** Whether the platform knows a zone by this name, such as `Europe/Oslo`. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

export function wallAt(zone: string, at: number): Wall {
  const local = at + offsetAt(zone, at)
  const day = Math.floor(local / dayMs)
  return { weekday: modulo(day + weekdayOfZero, 7), ms: local - day * dayMs }
}

/**
 * The first instant after `at` at which the wall shows one of these minutes of the day, or at which
 * the clocks are changed, whichever is first. Until then the wall shows none of them.
 */
export function nextAt(zone: string, at: number, minutes: readonly number[]): number | undefined {
  if (minutes.length === 0) return undefined
  const offset = offsetAt(zone, at)
  const { ms } = wallAt(zone, at)
  const waits = minutes.map((minute) => modulo(minute * minuteMs - ms, dayMs) || dayMs)
  const next = at + Math.min(...waits)
  return offsetAt(zone, next) === offset ? next : changeBetween(zone, at, next, offset)
}

/** The instant in (from, to] at which the zone leaves `offset`. No zone changes twice in a day. */
function changeBetween(zone: string, from: number, to: number, offset: number): number {
  let before = from
  let after = to
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(zone, middle) === offset) before = middle
    else after = middle
  }
  return after
}

/** Milliseconds that the wall is ahead of UTC. */
function offsetAt(zone: string, at: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of formatOf(zone).formatToParts(at)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = made.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  made.set(zone, format)
  return format
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
