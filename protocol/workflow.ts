/**
 * What a workflow says about the dataset it analyses. It is kept beside the document, never inside
 * it, so that both sites hold the same canonical bytes and each renders its own ID into them.
 */
import type { FileCid } from './ids.ts'

/** The most refs, and the most inputs, one version of a workflow has. */
export const refsMax = 4096
/** The most its refs and inputs together weigh as JSON, so that they fit a bundle and a record. */
export const refsBytesMax = 512 * 1024
/** The most a document weighs, in bytes: it is read whole wherever it is rendered. */
export const documentBytesMax = 8 * 1024 * 1024

/** Where a workflow's tree keeps its canonical document, and its results. */
export const documentPath = 'document'
export const resultsPath = 'results'

/**
 * One place in a JSON document that names the dataset. The canonical document has neutral text
 * there, and the form says which:
 *
 * | form | canonical | rendered for dataset 12 |
 * |---|---|---|
 * | `id-number` | `0` | `12` |
 * | `id-string` | `"0"` or `"dataset:0"` | `"12"` or `"dataset:12"` |
 * | `path` | `"dataset:0/PATH"` or `"PATH"` | `"dataset:12/PATH"` or `"PATH"`, PATH as it is called there |
 */
export type Ref = {
  /** RFC 6901, to a number or a string. */
  readonly pointer: string
  readonly form: 'id-number' | 'id-string' | 'path'
  /** A file or a folder of the source's dataset; with `path` only. */
  readonly path?: string | undefined
}

/** A file that the workflow reads: of a path ref, or of a slot that was bound by hand. */
export type Input = {
  /** The slot's label, or the pointer of the ref. Many files of one folder share it. */
  readonly label: string
  /** Where the source's dataset has it. */
  readonly path: string
  readonly cid: FileCid
}

export type BindingState =
  /** The same path with the same content. */
  | 'matched'
  /** The same content at another path. */
  | 'renamed'
  /** The path is there, the content is another and nowhere else. */
  | 'changed'
  | 'missing'

export type BindingRow = {
  readonly label: string
  readonly path: string
  readonly state: BindingState
  /** With `renamed`: where the destination's dataset has it. */
  readonly now?: string | undefined
}

/** How a workflow fits a version of a dataset. */
export type BindingReport = {
  readonly rows: readonly BindingRow[]
  /** It names the dataset as a whole (or names nothing in it), so any version fits. */
  readonly whole: boolean
  /** For `whole`: what the source's tree has and this one has not, or not alike, where that is known. */
  readonly lacks?: { readonly count: number; readonly paths: readonly string[] } | undefined
  /** Nothing is changed or missing, or what is was allowed. */
  readonly ok: boolean
}

/** How many paths of what is lacking a report lists; the rest is counted. */
export const lacksMax = 100

/** A report's rows that are not simply matched, as lines for a person or a fault. */
export function reportLines(report: BindingReport): string[] {
  return report.rows
    .filter((row) => row.state !== 'matched')
    .map((row) => {
      const what = row.label === row.path ? row.path : `${row.label}: ${row.path}`
      return row.now === undefined ? `${what} (${row.state})` : `${what} (now ${row.now})`
    })
}
