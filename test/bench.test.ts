/**
 * The bench itself: that its command runs and writes a table and a plot with every row, or the reason
 * why one is missing; that its long line is as long and as wide as it says; and its arithmetic.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Row } from '../bench/case.ts'
import { cases } from '../bench/cases.ts'
import { ceilingOf } from '../bench/line.ts'
import { median, ratios } from '../bench/median.ts'
import { keep, readNumbers } from '../bench/numbers.ts'
import { score } from '../bench/plot.ts'
import { verdict } from '../bench/table.ts'
import { openFolder } from './folder.ts'
import { run, top } from './site.ts'

const smokeMs = 180_000

/** Without a rival there is nothing to compare with; the package is named in the README. */
const rivals = ['/usr/bin/rsync', '/usr/bin/ssh', '/usr/sbin/sshd']
const lackRival = rivals.some((path) => !existsSync(path))

test.skipIf(lackRival)(
  'runs in small, and writes a table and a plot',
  {
    timeout: smokeMs,
  },
  async () => {
    await using folder = await openFolder()
    const only = ['large', 'line']
    const sizes = ['--quick', '--pairs', '1']
    const args = ['bench/bench.ts', ...sizes, '--only', only.join(), '--out', folder.path]
    const { code, stdout, stderr } = await run(process.execPath, args, { cwd: top })
    expect(code, `${stdout}${stderr}`).toBe(0)

    const numbers = await readNumbers(join(folder.path, 'numbers.json'))
    const readme = await readFile(join(folder.path, 'README.md'), 'utf8')
    const plot = await readFile(join(folder.path, 'ratios.svg'), 'utf8')
    expect(plot.trim()).toMatch(/^<svg [\s\S]+<\/svg>$/)
    for (const { name, rows } of cases) {
      for (const row of rows) {
        const line = readme
          .split('\n')
          .find((one) => one.includes(`| ${row.work} | ${row.measure} |`))
        const kept = numbers[row.id]
        if (!only.includes(name)) expect(line).toContain(`--only ${name}`)
        else if (kept !== undefined && 'skipped' in kept) {
          expect(kept.skipped).toMatch(/\w+/)
          expect(line).toContain(`skipped: ${kept.skipped}`)
        } else {
          expect(kept?.all).toHaveLength(1)
          expect(kept?.value, row.id).toBeGreaterThan(0)
          expect(line).toContain(kept?.note)
        }
        if (row.least !== undefined) expect(plot).toContain(`>${row.work}<`)
      }
    }
  },
)

describe('the long line', () => {
  test('lets through what it says, as late as it says', async () => {
    const { bytesPerSecond, roundTripMs } = await ceilingOf(
      { bytesPerSecond: 4e6, delayMs: 25, everyMs: 20 },
      1,
    )
    // Never more; less when this machine has other things to do.
    expect(bytesPerSecond).toBeLessThan(4e6 * 1.1)
    expect(bytesPerSecond).toBeGreaterThan(4e6 * 0.5)
    expect(roundTripMs).toBeGreaterThanOrEqual(50)
  })
})

describe('numbers', () => {
  const faster: Row = {
    id: 'a',
    work: '',
    measure: '',
    least: 1,
    aim: 2,
    better: 'more',
    unit: '×',
  }
  const cheaper: Row = { ...faster, least: 1, aim: 0.5, better: 'less' }

  test('are medians of ratios, pair by pair', () => {
    const costs = (walls: number[]) => walls.map((wall) => ({ wall, cpu: 1 }))
    // The ratios are 2, 1 and 10; a ratio of medians would be 20 / 3.
    const { value, all } = ratios(costs([2, 20, 30]), costs([1, 20, 3]), 'wall', '')
    expect(all).toEqual([2, 1, 10])
    expect(value).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  test('reach an aim, keep a promise or miss it, in their own direction', () => {
    expect([3, 1.5, 0.9].map((value) => verdict(faster, value))).toEqual(['aim', 'kept', 'missed'])
    expect([0.4, 0.9, 1.1].map((value) => verdict(cheaper, value))).toEqual([
      'aim',
      'kept',
      'missed',
    ])
    expect(score(faster, 2)).toBe(2)
    expect(score(cheaper, 0.5)).toBe(2)
  })

  test('stay when a later run skips them', () => {
    const told = { at: '2026-01-01', commit: 'abc' }
    const measured = { value: 2, all: [2], note: '' }
    const once = keep({}, { a: measured, b: { skipped: 'not there' } }, told)
    const twice = keep(once, { a: { skipped: 'not there' }, b: measured }, told)
    expect(twice.a).toEqual(once.a)
    expect(twice.b).toEqual({ ...told, ...measured, pairs: 1 })
  })
})
