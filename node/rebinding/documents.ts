/** What sort of document it is, by its content, and so which rules find its refs. */
import { Fault } from '../../protocol/fault.ts'
import { isGalaxy } from './galaxy.ts'
import { strictJson } from './json.ts'

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
