/** Windows of a limit as people type and read them: `mon-fri 08:00-18:00 out=10MB/s in=none`. */
import { Fault } from '../protocol/fault.ts'
import { rateOf, rateText } from './rates.ts'
import type { Told } from './routes.ts'

export type LimitWindow = Told<'limits.list'>[number]['windows'][number]
type Day = LimitWindow['days'][number]

const days: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

export function windowOf(text: string): LimitWindow {
  const [on = '', span = '', ...rates] = text.trim().split(/\s+/)
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(span) ?? []
  if (from === undefined || to === undefined || rates.length === 0) throw unclear(text)
  const window: LimitWindow = { days: daysOf(on, text), from, to }
  for (const rate of rates) {
    const [, direction, value] = /^(out|in)=(.*)$/.exec(rate) ?? []
    if ((direction !== 'out' && direction !== 'in') || direction in window) throw unclear(text)
    window[direction] = rateOf(value!)
  }
  return window
}

/** `daily`, `sat`, `mon-fri`, `fri-mon`, and several with commas. */
function daysOf(text: string, whole: string): Day[] {
  if (text === 'daily') return [...days]
  const found = new Set<Day>()
  for (const part of text.split(',')) {
    const [first, last = first, ...more] = part.split('-').map((day) => days.indexOf(day as Day))
    if (first === undefined || last === undefined || first < 0 || last < 0 || more.length > 0)
      throw unclear(whole)
    for (let at = first; ; at = (at + 1) % 7) {
      found.add(days[at]!)
      if (at === last) break
    }
  }
  return days.filter((day) => found.has(day))
}

export function windowText({ days: on, from, to, ...rates }: LimitWindow): string {
  const said = (['out', 'in'] as const).flatMap((direction) => {
    const rate = rates[direction]
    return rate === undefined ? [] : [`${direction}=${rateText(rate).replace(' ', '')}`]
  })
  return [daysText(on), `${from}-${to}`, ...said].join(' ')
}

/** Days that follow one another as one span. */
function daysText(on: readonly Day[]): string {
  if (on.length === days.length) return 'daily'
  const spans: Day[][] = []
  for (const day of days.filter((one) => on.includes(one))) {
    const last = spans.at(-1)?.at(-1)
    if (last !== undefined && days.indexOf(day) === days.indexOf(last) + 1) spans.at(-1)!.push(day)
    else spans.push([day])
  }
  return spans.flatMap((span) => (span.length > 2 ? [`${span[0]}-${span.at(-1)}`] : span)).join(',')
}

function unclear(text: string): Fault {
  return new Fault('invalid', 'windows.read', {
    about: text.slice(0, 80),
    text: 'A window is written as days, times and rates, for example --window "mon-fri 08:00-18:00 out=10MB/s in=none" or --window "daily 20:00-06:00 out=none".',
  })
}
