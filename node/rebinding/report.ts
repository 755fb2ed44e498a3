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

/** Folders that are looked for elsewhere, and other folders that each of them may turn out to be. */
const foldersMax = 64
const prefixesMax = 1000

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
    const elsewhere = there.byName.get(named(input.cid, path)) ?? there.first.get(input.cid)
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
  /** Of the inputs, by index. */
  readonly inside: number[]
  /** By the path within the folder. */
  readonly cids: Map<string, FileCid>
  /** Other folders, with how many files of this one they have under the same names. */
  readonly prefixes: Map<string, number>
}

function foldersOf(refs: readonly Ref[], inputs: readonly Input[]): Folder[] {
  const files = new Set(inputs.map((input) => input.path))
  const folders = new Map<string, Folder>()
  for (const { path } of refs) {
    if (path === undefined || files.has(path)) continue
    folders.set(path, { path, inside: [], cids: new Map(), prefixes: new Map() })
  }
  for (const [index, { path, cid }] of inputs.entries()) {
    for (const end of slashesOf(path)) {
      const folder = folders.get(path.slice(0, end))
      folder?.inside.push(index)
      folder?.cids.set(path.slice(end + 1), cid)
    }
  }
  return [...folders.values()]
}

/** Where the folders of a path end, the deepest first. */
function* slashesOf(path: string): Generator<number> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield end
}

type There = {
  /** Content at the paths that the inputs have. */
  readonly at: Map<string, FileCid>
  /** The first path that has a content; and the first of those that end in a name. */
  readonly first: Map<FileCid, string>
  readonly byName: Map<string, string>
}

const named = (cid: FileCid, path: string) => `${cid}/${path.slice(path.lastIndexOf('/') + 1)}`

async function lookThrough(
  files: AsyncIterable<TreeFile>,
  inputs: readonly Input[],
  folders: readonly Folder[],
): Promise<There> {
  const there: There = { at: new Map(), first: new Map(), byName: new Map() }
  if (inputs.length === 0) return there
  const paths = new Set(inputs.map((input) => input.path))
  const cids = new Set(inputs.map((input) => input.cid))
  const names = new Set(inputs.map((input) => named(input.cid, input.path)))
  for await (const { path, cid } of files) {
    if (paths.has(path)) there.at.set(path, cid)
    if (!cids.has(cid)) continue
    if (!there.first.has(cid)) there.first.set(cid, path)
    const name = named(cid, path)
    if (!names.has(name)) continue
    if (!there.byName.has(name)) there.byName.set(name, path)
    for (const folder of folders.slice(0, foldersMax)) countPrefix(folder, path, cid)
  }
  return there
}

/** `path` has this content; under which folder would it be a file of `folder`? */
function countPrefix({ cids, prefixes }: Folder, path: string, cid: FileCid): void {
  for (const end of slashesOf(path)) {
    if (cids.get(path.slice(end + 1)) !== cid) continue
    const prefix = path.slice(0, end)
    const count = prefixes.get(prefix)
    if (count !== undefined || prefixes.size < prefixesMax) prefixes.set(prefix, (count ?? 0) + 1)
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
  const bound = [...rows]
  for (const { path: folder, inside, cids, prefixes } of folders) {
    if (inside.every((index) => bound[index]!.state === 'matched')) continue
    const now = [...prefixes].find(([, count]) => count === cids.size)?.[0]
    if (now !== undefined) renamed.set(folder, now)
    for (const index of inside) {
      const { label, path, state } = bound[index]!
      if (now !== undefined) {
        const moved = now + path.slice(folder.length)
        renamed.set(path, moved)
        bound[index] = { label, path, state: 'renamed', now: moved }
      } else if (state === 'renamed') {
        renamed.delete(path)
        bound[index] = { label, path, state: at.has(path) ? 'changed' : 'missing' }
      }
    }
  }
  return bound
}
