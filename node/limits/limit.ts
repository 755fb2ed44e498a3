/**
 * A limit as people set it: a rate for each direction, and windows in which another one holds. Pure:
 * which rate is in force at an instant, and until when.
 *
 * A window is in force whenever a clock on the wall of its zone shows a time in it, from `from` to
 * just before `to`, on a day that it begins on. So a window over a night that the clocks are changed
 * in is an hour shorter or longer, and one that lies in the hour that comes twice is in force twice.
 */
import { Fault } from '../../protocol/fault.ts'
import {
  dayMs,
  isZone,
  minuteMs,
  nextAt,
  type Wall,
  type Weekday,
  wallAt,
  weekdays,
} from '../base/wall.ts'

/** Bytes per second; null is no limit. */
export type Rate = number | null
export type Direction = 'out' | 'in'

export type Window = {
  /** The days on which it begins; over midnight it goes on into the next. */
  readonly days: readonly Weekday[]
  /** `HH:MM` of the wall. `to` may be before `from`: the next day; or the same: a whole day; or `24:00`. */
  readonly from: string
  readonly to: string
  /** A direction that is not named keeps what holds without this window. */
  readonly out?: Rate
  readonly in?: Rate
}

export type Limit = {
  /** IANA name of the time zone in which the windows are read. */
  readonly zone: string
  readonly out: Rate
  readonly in: Rate
  /** Where several are in force, the first that names the direction counts. */
  readonly windows: readonly Window[]
  /** Of the whole site only: whether sites in the same local network are exempt. */
  readonly localExempt: boolean
}

/** The rate in force and the index of the window that it comes from, if it comes from one. */
export type InForce = { readonly rate: Rate; readonly window?: number }

/** Bytes per second. Less is a mistyped unit, or wants a pause: a block would take over a minute. */
export const rateMin = 16_000
/** Windows that one limit may have. */
export const windowsMax = 32
/** Every pattern of windows comes round in a week, and one of them may be in an hour that is left out. */
const roundMs = 15 * dayMs

export const noLimit = (zone: string): Limit => ({
  zone,
  out: null,
  in: null,
  windows: [],
  localExempt: false,
})

/** The limit itself. Faults `invalid`, in words. */
export function checkLimit(limit: Limit): Limit {
  if (!isZone(limit.zone)) {
    throw refused(
      `There is no time zone ${limit.zone}. Write its name, for example Europe/Oslo.`,
      limit.zone,
    )
  }
  if (limit.windows.length > windowsMax) {
    throw refused(`A limit has at most ${windowsMax} windows. Join some of them.`)
  }
  for (const rate of [limit.out, limit.in]) checkRate(rate)
  for (const window of limit.windows) checkWindow(window)
  return limit
}

function checkWindow(window: Window): void {
  if (window.days.length === 0 || window.days.some((day) => !weekdays.includes(day))) {
    throw refused('A window names the days that it begins on, for example mon-fri.')
  }
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(window.from) || !isEnd(window.to)) {
    throw refused(
      'A window goes from one time of the day to another, for example 20:00-06:00.',
      `${window.from}-${window.to}`,
    )
  }
  if (window.out === undefined && window.in === undefined) {
    throw refused('A window says which rate holds in it, for example out=10MB/s or in=none.')
  }
  for (const rate of [window.out, window.in]) if (rate !== undefined) checkRate(rate)
}

function isEnd(text: string): boolean {
  return text === '24:00' || /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(text)
}

function checkRate(rate: Rate): void {
  if (rate === null) return
  if (rate === 0) {
    throw refused(
      'A rate of 0 would stop everything; pause the transfer or the link instead, or write none for no limit.',
      0,
    )
  }
  if (!Number.isSafeInteger(rate) || rate < 0) {
    throw refused('A rate is a whole number of bytes per second.', rate)
  }
  if (rate < rateMin) {
    throw refused(
      `A rate is at least ${rateMin / 1000} kB/s; with less hardly anything would arrive. Choose more, or pause the transfer or the link.`,
      rate,
    )
  }
}

function refused(text: string, about?: string | number): Fault {
  return new Fault('invalid', 'limits.set', { text, about })
}

/** Which rate holds at an instant. */
export function inForce(limit: Limit, direction: Direction, at: number): InForce {
  if (limit.windows.length === 0) return { rate: limit[direction] }
  const wall = wallAt(limit.zone, at)
  for (const [index, window] of limit.windows.entries()) {
    const rate = window[direction]
    if (rate !== undefined && isIn(window, wall)) return { rate, window: index }
  }
  return { rate: limit[direction] }
}

/** The first instant after `at` at which another window may be in force; none without windows. */
export function nextBoundary(limit: Limit, at: number): number | undefined {
  return nextAt(limit.zone, at, limit.windows.flatMap(minutesOf))
}

/** Until when what is in force at an instant stays so; undefined when it stays for good. */
export function inForceUntil(limit: Limit, direction: Direction, at: number): number | undefined {
  const now = inForce(limit, direction, at)
  let next = nextBoundary(limit, at)
  while (next !== undefined && next - at <= roundMs) {
    const then = inForce(limit, direction, next)
    if (then.rate !== now.rate || then.window !== now.window) return next
    next = nextBoundary(limit, next)
  }
  return undefined
}

const dayMinutes = 24 * 60

function isIn(window: Window, { weekday, ms }: Wall): boolean {
  const [from, to] = spanOf(window)
  const minute = ms / minuteMs
  const begins = (day: number) => window.days.includes(weekdays[(day + 7) % 7]!)
  if (begins(weekday) && from <= minute && minute < to) return true
  return begins(weekday - 1) && minute + dayMinutes < to
}

/** Minutes since the midnight of the day it begins on; the end is after the beginning. */
function spanOf(window: Window): [number, number] {
  const from = minuteOf(window.from)
  const to = minuteOf(window.to)
  return [from, to > from ? to : to + dayMinutes]
}

function minutesOf(window: Window): number[] {
  return spanOf(window).map((minute) => minute % dayMinutes)
}

function minuteOf(text: string): number {
  const [hour = 0, minute = 0] = text.split(':').map(Number)
  return hour * 60 + minute
}
