/**
 * A person's document becomes a canonical one: what sort it is, by its content, and so which rules
 * find what it says about its dataset.
 */
import assert from 'node:assert/strict'
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { sameBytes } from '../../protocol/wire.ts'
import type { Input, Ref } from '../../protocol/workflow.ts'
import { canonicalize, render } from './canonical.ts'
import { checkSlotLabels, galaxySlots, isGalaxy, type Slot } from './galaxy.ts'
import { checkRefsFit, resolveInputs, type TreeFile, type Want, wantsOf } from './inputs.ts'
import { strictJson } from './json.ts'
import { type FoundRefs, findRefs, withoutSlash } from './refs.ts'

export type Document =
  | { readonly kind: 'json' | 'galaxy'; readonly text: string }
  /** Bound as a whole, by record. */
  | { readonly kind: 'opaque' }

/**
 * `format` is a label of the person's own and changes nothing, except that `json`, `galaxy` and
 * `opaque` are taken at their word: faults `invalid` when the document is not that.
 */
export function readDocument(bytes: Uint8Array, format?: string): Document {
  if (format === 'opaque') return { kind: 'opaque' }
  const text = strictJson(bytes)
  if (format === 'json' || format === 'galaxy') {
    if (text !== undefined && (format === 'json' || isGalaxy(text))) return { kind: format, text }
    const what = format === 'json' ? 'strict JSON in UTF-8' : 'a Galaxy workflow (.ga)'
    throw new Fault('invalid', 'rebinding.read', {
      about: format,
      text: `The document is not ${what}. Leave --format away, or give another.`,
    })
  }
  if (text === undefined) return { kind: 'opaque' }
  return { kind: isGalaxy(text) ? 'galaxy' : 'json', text }
}

/** A document, and what a person says about it. */
export type Reading = {
  readonly document: Uint8Array
  readonly format?: string | undefined
  readonly dataset: DatasetId
  /** The files of the dataset's version, in order. Read once at most. */
  readonly files: AsyncIterable<TreeFile>
  /** JSON Pointers to further places that name the dataset. */
  readonly refs?: readonly string[] | undefined
  /** What is bound by hand: a Galaxy slot, or for any other document a name of the person's own. */
  readonly inputs?: readonly { readonly label: string; readonly path: string }[] | undefined
  /** Take a document that names other datasets too; their IDs then travel as they are. */
  readonly allowUnbound?: boolean | undefined
  /** An earlier version, whose format, refs and inputs stand where none are given. */
  readonly before?:
    | { readonly format: string; readonly refs: readonly Ref[]; readonly inputs: readonly Input[] }
    | undefined
}

export type Read = {
  readonly canonical: Uint8Array
  readonly format: string
  readonly refs: readonly Ref[]
  readonly inputs: readonly Input[]
  /** Places that name another dataset and were left alone, because that was allowed. */
  readonly unbound: string[]
  /** Galaxy slots that nothing was bound to and that are not optional. */
  readonly open: string[]
}

/**
 * Faults `invalid` on a document that is not what its format says, on a ref, input or path that does
 * not fit, and on one that names other datasets unless that is allowed.
 */
export async function readWorkflow(reading: Reading): Promise<Read> {
  const { document: bytes, dataset, files, before } = reading
  const format = reading.format ?? before?.format
  const document = readDocument(bytes, format)
  const { refs, unbound } = refsOf(document, reading)
  const slots = document.kind === 'galaxy' ? galaxySlots(document.text) : undefined
  const named = wantsByHand(reading, slots)
  const inputs = await resolveInputs(files, [...wantsOf(refs), ...named])
  checkRefsFit(refs, inputs)
  const canonical = canonicalize(bytes, refs, dataset)
  assert(sameBytes(render(canonical, refs, dataset), bytes), 'a document comes back as it was')
  const bound = new Set(named.map((want) => want.label))
  const open = (slots ?? []).filter((slot) => !slot.optional && !bound.has(slot.label))
  return {
    canonical,
    format: format ?? document.kind,
    refs,
    inputs,
    unbound,
    open: open.map((slot) => slot.label),
  }
}

function refsOf(document: Document, { dataset, refs, allowUnbound, before }: Reading): FoundRefs {
  if (document.kind !== 'json') {
    const [pointer] = refs ?? []
    if (pointer === undefined) return { refs: [], unbound: [] }
    const why =
      document.kind === 'galaxy'
        ? 'a Galaxy workflow, whose inputs are bound with --input'
        : 'not strict JSON'
    throw new Fault('invalid', 'rebinding.read', {
      about: pointer,
      text: `--ref names a place in a JSON document; this one is ${why}.`,
    })
  }
  const earlier = refs === undefined ? (before?.refs ?? []).map((ref) => ref.pointer) : []
  const found = findRefs(document.text, dataset, refs, earlier)
  if (found.unbound.length === 0 || allowUnbound) return found
  throw new Fault('invalid', 'rebinding.read', {
    about: found.unbound[0],
    text: `The document names datasets other than ${dataset}, at ${found.unbound.slice(0, 5).join(', ')}. Their IDs mean nothing at another site. Remove them, or allow them to stay as they are with --allow-unbound.`,
    list: found.unbound,
  })
}

/** What the person bound, now or for the earlier version. */
function wantsByHand({ inputs, before }: Reading, slots: readonly Slot[] | undefined): Want[] {
  const kept = () => {
    const ofRefs = new Set(wantsOf(before?.refs ?? []).map((want) => want.label))
    return (before?.inputs ?? []).filter((one) => !ofRefs.has(one.label))
  }
  const named = inputs ?? kept()
  if (slots !== undefined)
    checkSlotLabels(
      slots,
      named.map((one) => one.label),
    )
  // What is kept names file by file what was a folder, so it is not held against its slot again.
  if (inputs === undefined) return named.map(({ label, path }) => ({ label, path }))
  const labels = new Set<string>()
  return inputs.map(({ label, path }) => {
    if (labels.has(label)) {
      throw new Fault('invalid', 'rebinding.read', {
        about: label,
        text: `The input «${label}» is bound twice.`,
      })
    }
    labels.add(label)
    return { label, path: withoutSlash(path), slot: slots?.find((slot) => slot.label === label) }
  })
}
