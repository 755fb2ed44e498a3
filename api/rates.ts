/** Rates as people type and read them: always with a unit, because bits and bytes look alike. */
import { Fault } from '../protocol/fault.ts'

/** Bytes per second; null is no limit. */
type Rate = number | null

const units: Record<string, number> = {
  'kB/s': 1e3,
  'MB/s': 1e6,
  'GB/s': 1e9,
  'kbit/s': 1e3 / 8,
  'Mbit/s': 1e6 / 8,
  'Gbit/s': 1e9 / 8,
}

/** `10MB/s`, `2.5 MB/s`, `100Mbit/s`, `none`. That 0 is no rate is for the site to say. */
export function rateOf(text: string): Rate {
  if (text === 'none') return null
  const [, count = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?) ?(\D*)$/.exec(text) ?? []
  if (count !== '' && Number(count) === 0) return 0
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (count !== '' && factor !== undefined) return Math.round(Number(count) * factor)
  throw new Fault('invalid', 'rates.read', {
    about: text.slice(0, 80),
    text: 'A rate is a number with its unit: 500kB/s, 10MB/s or 100Mbit/s (kB, MB, GB are bytes; kbit, Mbit, Gbit are bits), or none for no limit.',
  })
}

/** In the largest unit of bytes that leaves a number of at least 1; typed again, it is the same rate. */
export function rateText(rate: Rate): string {
  if (rate === null) return 'none'
  const unit = rate >= 1e9 ? 'GB/s' : rate >= 1e6 ? 'MB/s' : 'kB/s'
  const shown = rate / units[unit]!
  // Nine decimals show every byte of a gigabyte.
  return `${Number(shown.toFixed(9))} ${unit}`
}
