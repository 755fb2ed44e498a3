/**
 * The last number of every row, kept in a file: a run of one case leaves the others as they were, each
 * with its day and its commit.
 */
import { readFile, writeFile } from 'node:fs/promises'
import type { Found, Measured } from './case.ts'

export type Kept = { readonly at: string; readonly commit: string } & (
  | (Measured & { readonly pairs: number })
  | { readonly skipped: string }
)
export type Numbers = Record<string, Kept>

export async function readNumbers(path: string): Promise<Numbers> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Numbers
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw thrown
  }
}

/** A number that was measured is not replaced by one that was skipped. */
export function keep(
  numbers: Numbers,
  found: Found,
  told: { at: string; commit: string },
): Numbers {
  const kept = { ...numbers }
  for (const [id, one] of Object.entries(found)) {
    const before = kept[id]
    if ('skipped' in one && before !== undefined && !('skipped' in before)) continue
    kept[id] = 'skipped' in one ? { ...told, ...one } : { ...told, ...one, pairs: one.all.length }
  }
  return kept
}

export const writeNumbers = (path: string, numbers: Numbers) =>
  writeFile(path, `${JSON.stringify(numbers, null, 2)}\n`)
