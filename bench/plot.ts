/**
 * The plot of bench/README.md: for every promised row how far the measured value is from the promise,
 * on a scale of doublings, so that right of the line is always good. Every pair is a dot.
 */
import type { Case, Row } from './case.ts'
import type { Numbers } from './numbers.ts'
import { digits, verdict } from './table.ts'

const left = 470
const width = 1000
const rowHeight = 30
const top = 46
/** Doublings that are shown to either side of the promise; what is further lies at the edge. */
const doublings = 3

/** 1 is the promise, 2 is twice as good. */
export function score(row: Row, value: number): number {
  if (row.least === 0) return value === 0 ? 1 : 0
  return row.better === 'more' ? value / row.least! : row.least! / value
}

function x(of: number): number {
  const at = Math.min(Math.max(Math.log2(of), -doublings), doublings)
  return left + ((at + doublings) / (2 * doublings)) * (width - left - 120)
}

const colours = { aim: '#1a7f37', kept: '#0969da', missed: '#cf222e' }
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('`', '')
const short = (text: string, most: number) =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`

function drawRow(row: Row, y: number, kept: Numbers[string] | undefined): string[] {
  const text = (at: number, by: number, words: string, more = '') =>
    `<text x="${at}" y="${by}" ${more}>${escaped(words)}</text>`
  const drawn = [
    text(12, y - 1, short(row.work, 78)),
    text(12, y + 11, short(row.measure, 78), 'fill="#656d76" font-size="10"'),
  ]
  if (kept === undefined || 'skipped' in kept)
    return [
      ...drawn,
      text(left + 8, y + 4, kept === undefined ? 'not run yet' : 'skipped', 'fill="#656d76"'),
    ]
  const colour = colours[verdict(row, kept.value)!]
  const [one, here] = [x(1), x(score(row, kept.value))]
  drawn.push(
    `<rect x="${Math.min(one, here).toFixed(1)}" y="${y - 6}" width="${Math.max(1, Math.abs(here - one)).toFixed(1)}" height="12" fill="${colour}" opacity="0.75"/>`,
  )
  for (const value of kept.all)
    drawn.push(
      `<circle cx="${x(score(row, value)).toFixed(1)}" cy="${y}" r="2.5" fill="#1f2328" opacity="0.6"/>`,
    )
  if (row.aim !== undefined && row.least !== 0) {
    const aim = x(score(row, row.aim))
    drawn.push(
      `<path d="M${aim.toFixed(1)} ${y - 9}v18" stroke="#1a7f37" stroke-width="2" stroke-dasharray="3 2"/>`,
    )
  }
  drawn.push(
    text(width - 110, y + 4, digits(kept.value, row.unit), `fill="${colour}" font-weight="bold"`),
  )
  return drawn
}

export function plotOf(cases: readonly Case[], numbers: Numbers): string {
  const rows = cases.flatMap((one) => one.rows).filter(({ least }) => least !== undefined)
  const height = top + rows.length * rowHeight + 16
  const lines: string[] = []
  for (let at = -doublings; at <= doublings; at++) {
    const on = x(2 ** at).toFixed(1)
    const [colour, wide] = at === 0 ? ['#1f2328', 2] : ['#d0d7de', 1]
    const label = at === 0 ? 'promise' : at < 0 ? `${2 ** -at}× worse` : `${2 ** at}× better`
    lines.push(
      `<path d="M${on} ${top - 12}V${height - 10}" stroke="${colour}" stroke-width="${wide}"/>`,
      `<text x="${on}" y="${top - 20}" text-anchor="middle" font-size="10">${label}</text>`,
    )
  }
  const drawn = rows.flatMap((row, i) => drawRow(row, top + i * rowHeight + 8, numbers[row.id]))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">`,
    `<title>Measured values against what was promised; bars are medians, dots are pairs, dashes are aims</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...lines,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}
