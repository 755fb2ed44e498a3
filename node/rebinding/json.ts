/**
 * Places in a JSON document, by pointer and by offset, without building the document in memory.
 * Nothing here changes a document; splicing is canonical.ts.
 */
import { type JSONPath, visit } from 'jsonc-parser'
import { Fault } from '../../protocol/fault.ts'

/** Deepest nesting that is read; the parser recurses. */
export const documentNestingMax = 200

/** A number, string, true, false or null, and where it stands. Offsets are UTF-16, of its token. */
export type Literal = {
  readonly value: string | number | boolean | null
  readonly offset: number
  readonly length: number
}

/**
 * The text of a document that is strict JSON in UTF-8, or nothing. No comments, no trailing commas,
 * no byte order mark: what is not exactly JSON is bound as a whole.
 */
export function strictJson(bytes: Uint8Array): string | undefined {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
  let depth = 0
  const enter = () => {
    if (++depth > documentNestingMax) throw new TooDeep()
  }
  const leave = () => void depth--
  try {
    visit(
      text,
      {
        onObjectBegin: enter,
        onArrayBegin: enter,
        onObjectEnd: leave,
        onArrayEnd: leave,
        onError() {
          throw new NotJson()
        },
      },
      { disallowComments: true },
    )
  } catch (thrown) {
    if (thrown instanceof NotJson) return undefined
    if (!(thrown instanceof TooDeep)) throw thrown
    throw new Fault('unsupported', 'rebinding.read', {
      text: `The document nests deeper than ${documentNestingMax} levels. Add it with --format opaque to bind it as a whole.`,
    })
  }
  return text
}

class NotJson extends Error {}
class TooDeep extends Error {}

/** RFC 6901. */
export function formatPointer(path: JSONPath): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Faults `invalid` on what is not a JSON Pointer. */
export function checkPointer(pointer: string): void {
  if (/^(?:\/(?:[^~/]|~[01])*)*$/u.test(pointer)) return
  throw new Fault('invalid', 'rebinding.pointer', {
    about: pointer.slice(0, 200),
    text: `«${pointer.slice(0, 200)}» is not a JSON Pointer. Write it as /steps/0/dataset.`,
  })
}

export type Walker = {
  literal(literal: Literal, path: () => JSONPath): void
  /** A member's name; `parent` is the path of its object. */
  name?(name: string, parent: () => JSONPath): void
}

/** Every literal and every name of a strict document, in document order. */
export function walkJson(text: string, walker: Walker): void {
  visit(text, {
    onLiteralValue: (value, offset, length, _line, _column, path) =>
      walker.literal({ value, offset, length }, path),
    onObjectProperty: (name, _offset, _length, _line, _column, path) => walker.name?.(name, path),
  })
}

/**
 * The literals at these pointers, each of which a reader of any sort would find: `invalid` where
 * there is none, and where a name stands twice in one object, since readers then differ.
 */
export function locate(text: string, pointers: Iterable<string>): Map<string, Literal> {
  const wanted = new Set(pointers)
  const onTheWay = new Set<string>()
  for (const pointer of wanted) {
    for (let at = pointer.lastIndexOf('/'); at >= 0; at = pointer.lastIndexOf('/', at - 1)) {
      onTheWay.add(pointer.slice(0, at))
      if (at === 0) break
    }
  }
  const found = new Map<string, Literal>()
  const names = new Set<string>()
  const enter = (_o: number, _l: number, _s: number, _c: number, path: () => JSONPath) =>
    onTheWay.has(formatPointer(path()))
  visit(text, {
    onObjectBegin: enter,
    onArrayBegin: enter,
    // Without these two the parser never ends its silence about what was not entered.
    onObjectEnd() {},
    onArrayEnd() {},
    onObjectProperty(name, _offset, _length, _line, _column, path) {
      const pointer = formatPointer([...path(), name])
      if (!wanted.has(pointer) && !onTheWay.has(pointer)) return
      if (names.has(pointer))
        throw unfit(pointer, `The document has ${pointer} twice. Remove one of them.`)
      names.add(pointer)
    },
    onLiteralValue(value, offset, length, _line, _column, path) {
      const pointer = formatPointer(path())
      if (wanted.has(pointer)) found.set(pointer, { value, offset, length })
    },
  })
  for (const pointer of wanted) {
    if (!found.has(pointer))
      throw unfit(pointer, `The document has no number or text at ${pointer}.`)
  }
  return found
}

function unfit(pointer: string, text: string): Fault {
  return new Fault('invalid', 'rebinding.locate', { about: pointer.slice(0, 2000), text })
}

/**
 * Where a stretch of a string's value stands in the document: its token may have escapes before it,
 * in it and after it. `from` and `to` count UTF-16 units of the value.
 */
export function rangeInString(
  text: string,
  string: Literal,
  from: number,
  to: number,
): [number, number] {
  let at = string.offset + 1
  let units = 0
  let start = at
  while (units < to) {
    if (units === from) start = at
    at += text[at] !== '\\' ? 1 : text[at + 1] === 'u' ? 6 : 2
    units++
  }
  return from === to ? [at, at] : [start, at]
}
