/** The table of bench/README.md. What is between the two marks is written here, the rest by people. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Case, Row } from './case.ts'
import type { Kept, Numbers } from './numbers.ts'

const begin = '<!-- numbers: written by npm run bench -->'
const end = '<!-- /numbers -->'

export function digits(value: number, unit: Row['unit']): string {
  if (unit === 'bytes') return `${Math.round(value)}`
  const text = unit === '×' ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0)
  return unit === '×' ? `${text}×` : `${text} ${unit}`
}

/** Whether a promise was kept; nothing is said of rows that promise nothing. */
export function verdict(row: Row, value: number): 'aim' | 'kept' | 'missed' | undefined {
  if (row.least === undefined) return undefined
  const reaches = (mark: number) => (row.better === 'more' ? value >= mark : value <= mark)
  if (row.aim !== undefined && reaches(row.aim)) return 'aim'
  return reaches(row.least) ? 'kept' : 'missed'
}

function lineOf(of: Case, row: Row, kept: Kept | undefined): string {
  const sign = row.better === 'more' ? '≥' : '≤'
  const mark = (value: number | undefined) =>
    value === undefined ? '–' : `${sign} ${digits(value, row.unit)}`
  const cells = [row.work, row.measure, mark(row.least), mark(row.aim)]
  if (kept === undefined) return [...cells, `not run yet (\`--only ${of.name}\`)`, ''].join(' | ')
  if ('skipped' in kept) return [...cells, `skipped: ${kept.skipped}`, kept.at].join(' | ')
  const said = { aim: ', aim reached', kept: ', kept', missed: ', **missed**' }
  const word = verdict(row, kept.value)
  const value = `${digits(kept.value, row.unit)}${word === undefined ? '' : said[word]} (${kept.note}; ${kept.pairs === 1 ? 'once' : `${kept.pairs} times`})`
  return [...cells, value, `${kept.at}, ${kept.commit}`].join(' | ')
}

export function tableOf(cases: readonly Case[], numbers: Numbers): string {
  const head = 'work | measure | at least | aim | measured | when'
  const rows = cases.flatMap((one) => one.rows.map((row) => lineOf(one, row, numbers[row.id])))
  const lines = [head, '---|---|---|---|---|---', ...rows].map((line) => `| ${line} |`)
  return lines.join('\n').replace('| ---|---|---|---|---|--- |', '|---|---|---|---|---|---|')
}

export async function writeReadme(path: string, o: { table: string; machine: string }) {
  const text = await readFile(path, 'utf8').catch(() => `# Bench\n\n${begin}\n${end}\n`)
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has lost its marks ${begin} and ${end}`)
  const numbers = `${begin}\n${o.machine}\n\n${o.table}\n\n![Ratios to what was promised](ratios.svg)\n`
  await writeFile(path, text.slice(0, from) + numbers + text.slice(to))
}
