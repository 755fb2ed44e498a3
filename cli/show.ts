/** How things look in a terminal: columns, facts, lists. Words and figures are those of `api/words.ts`. */
import { groupText, hidden, visible } from '../api/words.ts'

/** JSON that is the same value and shows as what it is: hidden characters as `\uXXXX`. */
export function jsonText(value: unknown): string {
  // Only strings hold such characters, and there an escape is the same text.
  return JSON.stringify(value).replace(hidden, (c) =>
    Array.from({ length: c.length }, (_, i) => {
      return `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`
    }).join(''),
  )
}

/** ISO text to the second. */
export function timeText(iso: string): string {
  const parsed = Date.parse(iso)
  return Number.isNaN(parsed)
    ? visible(iso)
    : new Date(parsed).toISOString().replace(/\.\d+Z$/, 'Z')
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
