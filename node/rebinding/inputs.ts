/** From the paths that a workflow names to the files that are there now. */
import { Fault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import { type Input, type Ref, refsBytesMax, refsMax } from '../../protocol/workflow.ts'
import { checkSlot, type Slot } from './galaxy.ts'

/** A file of a dataset's tree. */
export type TreeFile = { readonly path: string; readonly cid: FileCid }

/** A path that has to be there: a file, or a folder with all that is in it. */
export type Want = {
  readonly label: string
  readonly path: string
  readonly slot?: Slot | undefined
}

/** Labels are shown to people and travel, so a pointer of any length and content is cut to fit. */
const labelCharactersMax = 500

/** What the path refs of a document want. */
export function wantsOf(refs: readonly Ref[]): Want[] {
  return refs.flatMap(({ pointer, path }) =>
    path === undefined
      ? []
      : [{ label: pointer.replace(/\p{Cc}/gu, '\ufffd').slice(0, labelCharactersMax), path }],
  )
}

/**
 * The files that are wanted, in the order of the wants and then of the tree; reads the tree once.
 * Faults `invalid` with every path that is not there, and when a slot does not take what is.
 */
export async function resolveInputs(
  files: AsyncIterable<TreeFile>,
  wants: readonly Want[],
): Promise<Input[]> {
  if (wants.length === 0) return []
  const found = new Map<string, TreeFile[]>(wants.map((want) => [want.path, []]))
  for await (const { path, cid } of files) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const inside = found.get(path.slice(0, end))
      if (inside === undefined) continue
      inside.push({ path, cid })
      if (inside.length > refsMax) throw tooMany(path.slice(0, end))
    }
  }
  const absent = [...found].filter(([, inside]) => inside.length === 0).map(([path]) => path)
  if (absent.length > 0) {
    throw new Fault('invalid', 'rebinding.inputs', {
      about: absent[0],
      text: `The dataset has no file, and no folder with files, called ${absent.slice(0, 5).join(', ')}. Look with «dataset files».`,
      list: absent,
    })
  }
  const inputs = wants.flatMap((want) => {
    const inside = found.get(want.path)!
    const folder = inside[0]!.path === want.path ? undefined : want.path
    if (want.slot !== undefined)
      checkSlot(
        want.slot,
        folder,
        inside.map((file) => file.path),
      )
    return inside.map(({ path, cid }) => ({ label: want.label, path, cid }))
  })
  if (inputs.length > refsMax) throw tooMany('the dataset')
  return inputs
}

/** Faults `unsupported` when it is more than travels or than one record holds. */
export function checkRefsFit(refs: readonly Ref[], inputs: readonly Input[]): void {
  if (JSON.stringify([refs, inputs]).length <= refsBytesMax) return
  throw new Fault('unsupported', 'rebinding.inputs', {
    text: `The workflow names ${refs.length} places and ${inputs.length} files, more than can be kept with it. Name fewer, or a smaller folder.`,
  })
}

function tooMany(where: string): Fault {
  return new Fault('unsupported', 'rebinding.inputs', {
    about: where,
    text: `The workflow reads more than ${refsMax} files of ${where}. Name fewer, or a smaller folder.`,
  })
}
