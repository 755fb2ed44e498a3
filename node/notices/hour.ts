/** When the daily mail is due. Pure: the instant comes in. */
import { dayMs, minuteMs, nextAt, wallAt } from '../base/wall.ts'

/**
 * The first instant after `at` at which it becomes this hour on the wall of `zone`, once a day: where
 * the clocks are put forward over the hour it is that moment, where they are put back it is the first.
 */
export function nextHour(zone: string, at: number, hour: number): number {
  const soughtMs = hour * 60 * minuteMs
  for (let from = at; ; ) {
    const next = nextAt(zone, from, [hour * 60])!
    const is = wallAt(zone, next).ms
    const before = wallAt(zone, next - 1).ms
    const goesOn = (is - before + dayMs) % dayMs === 1
    if (goesOn ? is === soughtMs : before < soughtMs && soughtMs < is) return next
    // The clocks were put forward to this very hour.
    if (!goesOn && is === soughtMs && before < is) return next
    from = next
  }
}
