/**
 * How things look in a terminal. Whatever comes from afar, a file's name or a person's, goes through
 * `visible` first: a terminal obeys control characters and a reader believes hidden ones.
 */

/** Control, format (bidi, zero-width, tags), surrogate and line-separating characters. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu

/** The same text with every character that does not show as itself written as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(hidden, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)
}

/** JSON that is the same value and shows as what it is: hidden characters as `\uXXXX`. */
export function jsonText(value: unknown): string {
  // Only strings hold such characters, and there an escape is the same text.
  return JSON.stringify(value).replace(hidden, (c) =>
    Array.from({ length: c.length }, (_, i) => {
      return `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`
    }).join(''),
  )
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

/** 1234567 → 1,234,567, whatever the machine's language is. */
export function groupText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** ISO text to the second. */
export function timeText(iso: string): string {
  const parsed = Date.parse(iso)
  return Number.isNaN(parsed)
    ? visible(iso)
    : new Date(parsed).toISOString().replace(/\.\d+Z$/, 'Z')
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

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const wide =
  /^(?:\p{Emoji_Presentation}|[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\uFF01-\uFF60])/u

/** Columns that a text takes, near enough to line up what people name things. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}

/** The text cut to so many columns, with a mark where it was cut. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  for (const { segment } of graphemes.segment(text)) {
    if (widthOf(kept + segment) > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}

export type Cell = string | number | undefined

/** Columns under a head; numbers to the right. Cells are made visible here. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) =>
    head.map((_, i) => {
      const cell = row[i]
      return cell === undefined ? '' : visible(typeof cell === 'number' ? groupText(cell) : cell)
    }),
  )
  const right = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'),
  )
  const widths = head.map((title, i) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[i]!)), widthOf(title)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(widths[i]! - widthOf(cell))
        return right[i] ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  return [line(head), ...cells.map(line)].join('\n')
}

/** A list for people: a table, or, when there is nothing, the sentence that says how to make some. */
export function listText(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): string {
  return rows.length === 0 ? none : table(head, rows)
}

/** Facts under each other, names to the left. Facts that are not there take no line. */
export function facts(rows: readonly (readonly [string, Cell])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined && value !== '')
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${visible(String(value))}`).join('\n')
}
