/**
 * Between a document as one site has it and the canonical document that all sites share: neutral
 * text at the refs, every other byte as it was.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import type { Ref } from '../../protocol/workflow.ts'
import { type Literal, locate, rangeInString, strictJson } from './json.ts'
import { withoutSlash } from './refs.ts'

/** Stands where a dataset's ID was; no dataset ever has it. */
const neutralId = '0'

/**
 * The canonical form of a document in which `refs` name `dataset`. Faults `invalid` where a ref's
 * place does not hold what it should in plain digits, or could be read in two ways: whatever this
 * returns, `render` for the same dataset turns back into exactly `document`.
 */
export function canonicalize(
  document: Uint8Array,
  refs: readonly Ref[],
  dataset: DatasetId,
): Uint8Array {
  return rewrite(document, refs, String(dataset), neutralId)
}

/**
 * The document for `dataset`, whose files may have other paths (`renamed`: from the source's path of
 * a file or folder to the local one). Faults `invalid` where the canonical document has no neutral
 * text at a ref.
 */
export function render(
  canonical: Uint8Array,
  refs: readonly Ref[],
  dataset: DatasetId,
  renamed: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  return rewrite(canonical, refs, neutralId, String(dataset), renamed)
}

/** Faults `invalid` unless `refs`, from afar, fit the canonical document that came with them. */
export function checkCanonical(canonical: Uint8Array, refs: readonly Ref[]): void {
  if (new Set(refs.map((ref) => ref.pointer)).size < refs.length) {
    throw new Fault('invalid', 'rebinding.check', {
      text: 'Two refs of the workflow are at one place.',
    })
  }
  for (const ref of refs) {
    if ((ref.form === 'path') === (ref.path !== undefined)) continue
    throw new Fault('invalid', 'rebinding.check', {
      about: ref.pointer,
      text: 'A ref has a path and should not, or should and has none.',
    })
  }
  rewrite(canonical, refs, neutralId, neutralId)
}

type Edit = { from: number; to: number; text: string }

function rewrite(
  bytes: Uint8Array,
  refs: readonly Ref[],
  was: string,
  becomes: string,
  renamed: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  if (refs.length === 0) return bytes
  const text = strictJson(bytes)
  if (text === undefined) {
    throw new Fault('invalid', 'rebinding.rewrite', {
      text: 'The document has refs and is not strict JSON.',
    })
  }
  const places = locate(
    text,
    refs.map((ref) => ref.pointer),
  )
  const edits = refs.flatMap((ref) =>
    editsAt(text, places.get(ref.pointer)!, ref, was, becomes, renamed),
  )
  return new TextEncoder().encode(splice(text, edits))
}

function editsAt(
  text: string,
  place: Literal,
  ref: Ref,
  was: string,
  becomes: string,
  renamed: ReadonlyMap<string, string>,
): Edit[] {
  const parts = partsOf(text, place, ref, was)
  if (parts === undefined) {
    const token = text.slice(place.offset, place.offset + place.length).slice(0, 100)
    throw new Fault('invalid', 'rebinding.rewrite', {
      about: ref.pointer.slice(0, 2000),
      text: `${ref.pointer} holds ${token}, which is not the plain ID ${was}${ref.path === undefined ? '' : ` and the path ${ref.path}`}.`,
    })
  }
  const edits: Edit[] = []
  if (parts.id !== undefined) edits.push({ from: parts.id[0], to: parts.id[1], text: becomes })
  const path = ref.path === undefined ? undefined : renamed.get(ref.path)
  if (parts.path !== undefined && path !== undefined) {
    edits.push({ from: parts.path[0], to: parts.path[1], text: JSON.stringify(path).slice(1, -1) })
  }
  return edits
}

type Range = [number, number]

/** Where the ID and the path stand, when the place holds exactly what the ref says it does. */
function partsOf(
  text: string,
  place: Literal,
  ref: Ref,
  id: string,
): { id?: Range; path?: Range } | undefined {
  const { value, offset, length } = place
  if (ref.form === 'id-number') {
    const exact = typeof value === 'number' && text.slice(offset, offset + length) === id
    return exact ? { id: [offset, offset + length] } : undefined
  }
  if (typeof value !== 'string') return undefined
  const plain = withoutSlash(value)
  const prefix = 'dataset:'
  if (ref.form === 'path') {
    const path = ref.path ?? ''
    if (plain === path) return { path: rangeInString(text, place, 0, path.length) }
    if (plain !== `${prefix}${id}/${path}`) return undefined
    const at = prefix.length + id.length + 1
    const digits = plainRange(text, place, prefix.length, id)
    return digits && { id: digits, path: rangeInString(text, place, at, at + path.length) }
  }
  if (value !== id && plain !== `${prefix}${id}`) return undefined
  const digits = plainRange(text, place, value === id ? 0 : prefix.length, id)
  return digits && { id: digits }
}

/** An ID written with escapes (`\u0037`) could not come back as it was. */
function plainRange(text: string, place: Literal, at: number, id: string): Range | undefined {
  const range = rangeInString(text, place, at, at + id.length)
  return text.slice(...range) === id ? range : undefined
}

function splice(text: string, edits: Edit[]): string {
  const inOrder = edits.toSorted((a, b) => a.from - b.from)
  const pieces: string[] = []
  let at = 0
  for (const edit of inOrder) {
    pieces.push(text.slice(at, edit.from), edit.text)
    at = edit.to
  }
  pieces.push(text.slice(at))
  return pieces.join('')
}
