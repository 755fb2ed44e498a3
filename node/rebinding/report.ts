/**
 * How a workflow fits a version of a dataset that it was not made on: for every input the path that
 * has the same content there. Content decides, not names.
 */
import type { FileCid } from '../../protocol/ids.ts'
import type {
  BindingReport,
  BindingRow,
  BindingState,
  Input,
  Ref,
} from '../../protocol/workflow.ts'
import type { TreeFile } from './inputs.ts'

/** States that a person accepts although the results may then not be reproduced. */
export type Allowed = readonly ('changed' | 'missing')[]

export type BindingQuestion = {
  readonly refs: readonly Ref[]
  readonly inputs: readonly Input[]
  /** The files of the local version, in order. Read once. */
  readonly files: AsyncIterable<TreeFile>
  readonly lacks?: BindingReport['lacks']
  readonly allow?: Allowed | undefined
}

export type Binding = {
  readonly report: BindingReport
  /** From the source's path of a file or folder to the local one, for `render` and the job file. */
  readonly renamed: Map<string, string>
}

/** How many other places of one folder's content are looked into. */
const foldersMax = 1000

export async function bindInputs(question: BindingQuestion): Promise<Binding> {
  const { refs, inputs, files, lacks, allow = [] } = question
  const whole = refs.some((ref) => ref.form !== 'path') || inputs.length === 0
  const folders = foldersOf(refs, inputs)
  const there = await lookThrough(files, inputs, folders)
  const renamed = new Map<string, string>()
  const rows = inputs.map((input): BindingRow => {
    const { label, path } = input
    const row = (state: BindingState, now?: string): BindingRow => ({
      label,
      path,
      state,
      ...(now === undefined ? {} : { now }),
    })
    const here = there.at.get(path)
    if (here === input.cid) return row('matched')
    const elsewhere = there.elsewhere.get(input)
    if (elsewhere === undefined) return row(here === undefined ? 'missing' : 'changed')
    renamed.set(path, elsewhere)
    return row('renamed', elsewhere)
  })
  const final = bindFolders(rows, folders, there.at, renamed)
  const ok = final.every(
    ({ state }) => state === 'matched' || state === 'renamed' || allow.includes(state),
  )
  const known = whole && lacks !== undefined ? { lacks } : {}
  return { report: { rows: final, whole, ...known, ok }, renamed }
}

/** A folder that a path ref names, what the workflow reads in it, and where all of that is now. */
type Folder = {
  readonly path: string
  readonly cids: Map<string, FileCid>
  readonly prefixes: Map<string, number>
}

function foldersOf(refs: readonly Ref[], inputs: readonly Input[]): Folder[] {
  const files = new Set(inputs.map((input) => input.path))
  const paths = new Set(
    refs.flatMap(({ path }) => (path === undefined || files.has(path) ? [] : [path])),
  )
  return [...paths].map((path) => {
    const inside = inputs.filter((input) => input.path.startsWith(`${path}/`))
    const cids = new Map(inside.map((input) => [input.path.slice(path.length + 1), input.cid]))
    return { path, cids, prefixes: new Map() }
  })
}

type There = { at: Map<string, FileCid>; elsewhere: Map<Input, string> }

async function lookThrough(
  files: AsyncIterable<TreeFile>,
  inputs: readonly Input[],
  folders: readonly Folder[],
): Promise<There> {
  const at = new Map<string, FileCid>()
  const elsewhere = new Map<Input, string>()
  if (inputs.length === 0) return { at, elsewhere }
  const paths = new Set(inputs.map((input) => input.path))
  const byCid = Map.groupBy(inputs, (input) => input.cid)
  for await (const { path, cid } of files) {
    if (paths.has(path)) at.set(path, cid)
    for (const input of byCid.get(cid) ?? []) {
      // The first in the tree's order, but rather one that has kept its name.
      const best = elsewhere.get(input)
      const better =
        nameOf(path) === nameOf(input.path) && (best === undefined || nameOf(best) !== nameOf(path))
      if (best === undefined || better) elsewhere.set(input, path)
    }
    if (!byCid.has(cid)) continue
    for (const folder of folders) countPrefix(folder, path, cid)
  }
  return { at, elsewhere }
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

/** `path` has this content; under which folder would it be a file of `folder`? */
function countPrefix(folder: Folder, path: string, cid: FileCid): void {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (folder.cids.get(path.slice(end + 1)) !== cid) continue
    const prefix = path.slice(0, end)
    const count = folder.prefixes.get(prefix)
    if (count === undefined && folder.prefixes.size >= foldersMax) continue
    folder.prefixes.set(prefix, (count ?? 0) + 1)
  }
}

/**
 * A ref to a folder can name one folder only: the same one, or one that has every file of it under
 * the same names. If there is neither, its files are changed or missing, even where each has a copy
 * somewhere.
 */
function bindFolders(
  rows: readonly BindingRow[],
  folders: readonly Folder[],
  at: ReadonlyMap<string, FileCid>,
  renamed: Map<string, string>,
): BindingRow[] {
  let bound = [...rows]
  for (const folder of folders) {
    const isInside = (row: BindingRow) => row.path.startsWith(`${folder.path}/`)
    if (bound.every((row) => !isInside(row) || row.state === 'matched')) continue
    const whole = [...folder.prefixes].find(([, count]) => count === folder.cids.size)?.[0]
    if (whole !== undefined) renamed.set(folder.path, whole)
    bound = bound.map((row) => {
      if (!isInside(row)) return row
      const { label, path } = row
      if (whole !== undefined) {
        const now = whole + path.slice(folder.path.length)
        renamed.set(path, now)
        return { label, path, state: 'renamed', now }
      }
      if (row.state !== 'renamed') return row
      renamed.delete(path)
      return { label, path, state: at.has(path) ? 'changed' : 'missing' }
    })
  }
  return bound
}
