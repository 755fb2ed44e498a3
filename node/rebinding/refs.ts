/**
 * The rules that find what a JSON document says about its dataset: which places are refs, and which
 * look like the ID of another dataset and would be left behind.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { type Ref, refsMax } from '../../protocol/workflow.ts'
import { type Cursor, checkPointer, type Literal, walkJson } from './json.ts'

export type FoundRefs = {
  /** In document order. */
  readonly refs: Ref[]
  /** Pointers of IDs that are not this dataset's, or stand where they cannot be changed. */
  readonly unbound: string[]
}

/** Names whose value is the ID of a dataset (or a list of them). */
const idNames = new Set<unknown>(['dataset', 'datasetId', 'dataset_id'])
const idText = /^[1-9][0-9]{0,15}$/
const datasetText = /^dataset:([1-9][0-9]{0,15})(?:\/(.*))?$/s

/**
 * The refs of a strict JSON text to `dataset`: its ID as the value of `dataset`, `datasetId` or
 * `dataset_id` (a number or a string, alone or in a list), the strings `dataset:ID` and
 * `dataset:ID/path` anywhere, and the places that `extra` points to, which hold the ID, such a
 * string, or a path in the dataset. Whether paths are there is for the caller to check, whether the
 * places can be changed exactly is for `canonicalize`. Faults `invalid` on a pointer that does not
 * fit. `earlier` are pointers of an earlier version: what does not fit there any more is unbound.
 */
export function findRefs(
  text: string,
  dataset: DatasetId,
  extra: readonly string[] = [],
  earlier: readonly string[] = [],
): FoundRefs {
  const named = new Set(extra)
  for (const pointer of named) checkPointer(pointer)
  const once = new Set(earlier)
  const refs: Ref[] = []
  const unbound: string[] = []
  walkJson(text, {
    name(name, cursor) {
      if (datasetText.test(name)) unbound.push(cursor.pointer())
    },
    literal(literal, cursor) {
      // Most places say nothing, and asking each for its pointer is what costs.
      const byRule = read(literal, cursor, dataset)
      if (byRule === undefined && named.size === 0 && once.size === 0) return
      const pointer = cursor.pointer()
      const found = named.delete(pointer)
        ? readNamed(literal, pointer, dataset)
        : (byRule ?? (once.has(pointer) ? readEarlier(literal, pointer, dataset) : undefined))
      if (found === 'other') unbound.push(pointer)
      else if (found !== undefined) refs.push({ pointer, ...found })
    },
  })
  const [absent] = named
  if (absent !== undefined) {
    throw unfit(absent, `The document has no number or text at ${absent}. Check --ref.`)
  }
  if (refs.length > refsMax) {
    throw new Fault('unsupported', 'rebinding.find', {
      text: `The document names the dataset at ${refs.length} places; ${refsMax} is the most. Add it with --format opaque to bind it as a whole.`,
    })
  }
  return { refs, unbound }
}

type Found = Pick<Ref, 'form' | 'path'>

function read({ value }: Literal, cursor: Cursor, dataset: DatasetId): Found | 'other' | undefined {
  if (typeof value === 'string') {
    const inText = readText(value, dataset)
    if (inText !== undefined) return inText
  }
  if (!idNames.has(cursor.name)) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) {
    return value === dataset ? { form: 'id-number' } : 'other'
  }
  if (typeof value !== 'string' || !idText.test(value)) return undefined
  return value === String(dataset) ? { form: 'id-string' } : 'other'
}

/** `dataset:ID` and `dataset:ID/path`; a slash at the end says folder and is no part of the path. */
function readText(value: string, dataset: DatasetId): Found | 'other' | undefined {
  const [, id, rest] = datasetText.exec(value) ?? []
  if (id === undefined) return undefined
  if (id !== String(dataset)) return 'other'
  const path = withoutSlash(rest ?? '')
  return path === '' ? { form: 'id-string' } : { form: 'path', path }
}

export const withoutSlash = (path: string) => (path.endsWith('/') ? path.slice(0, -1) : path)

function readNamed({ value }: Literal, pointer: string, dataset: DatasetId): Found {
  if (value === dataset) return { form: 'id-number' }
  if (value === String(dataset)) return { form: 'id-string' }
  if (typeof value === 'string') {
    const inText = readText(value, dataset)
    if (inText !== undefined && inText !== 'other') return inText
    // Anything that begins like a dataset's name would be taken for one when it is rendered.
    const path = withoutSlash(value)
    if (path !== '' && !/^dataset:[0-9]/.test(value)) return { form: 'path', path }
  }
  throw unfit(
    pointer,
    `${pointer} holds ${JSON.stringify(value)?.slice(0, 100)}. --ref names places that hold the dataset's ID (${dataset}), dataset:${dataset}, or a path in it.`,
  )
}

function readEarlier(
  literal: Literal,
  pointer: string,
  dataset: DatasetId,
): Found | 'other' | undefined {
  if (typeof literal.value !== 'string' && typeof literal.value !== 'number') return undefined
  try {
    return readNamed(literal, pointer, dataset)
  } catch (thrown) {
    if (thrown instanceof Fault) return 'other'
    throw thrown
  }
}

function unfit(pointer: string, text: string): Fault {
  return new Fault('invalid', 'rebinding.find', { about: pointer.slice(0, 2000), text })
}
