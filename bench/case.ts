/** What a case of the bench is: a named piece of work, the rows of the table that it fills, and its run. */
import type { Scratch } from './scratch.ts'

/** A row of the table. `least` and `aim` are what was promised; without them it is told, not promised. */
export type Row = {
  /** Unique, and how its number is remembered between runs. */
  readonly id: string
  readonly work: string
  readonly measure: string
  readonly least?: number
  readonly aim?: number
  /** Which way is good. */
  readonly better: 'more' | 'less'
  readonly unit: '×' | '%' | 'MiB' | 'MB' | 'MB/s' | 'bytes' | 'ms'
}

export type Measured = {
  /** The median of `all`. */
  readonly value: number
  /** One for each pair. */
  readonly all: readonly number[]
  /** What it was made of, in a few words. */
  readonly note: string
}

export type Found = Readonly<Record<string, Measured | { readonly skipped: string }>>

export type Bench = {
  readonly quick: boolean
  readonly pairs: number
  readonly scratch: Scratch
  /** The promised size, or the smoke test's, or a share of the promised one when asked for. */
  sized(full: number, quick: number): number
  say(text: string): void
}

export type Case = {
  readonly name: string
  readonly rows: readonly Row[]
  /** Takes many minutes or much disk; runs with `--long` or when named. */
  readonly long?: true
  run(bench: Bench): Promise<Found>
}

/** Thrown where a rival or a part of ours is not there: the case is named as skipped, with the reason. */
export class Skipped extends Error {}
