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

/** Where a walk is. Told in numbers and names, and put into words only when somebody asks. */
export interface Cursor {
  /** The name that the value at hand stands under, directly or in a list. */
  readonly name: string | undefined
  pointer(): string
}

export type Walker = {
  /** Before a member of the object that the cursor is in; `pointer` is that of the member. */
  name?(name: string, cursor: Cursor): void
  literal(literal: Literal, cursor: Cursor): void
}

type Frame = { readonly isList: boolean; at: string | number }

/** Every literal and every name of a strict document, in document order. */
export function walkJson(text: string, walker: Walker): void {
  const frames: Frame[] = []
  const cursor: Cursor = {
    get name() {
      const last = frames.at(-1)
      const named = last?.isList ? frames.at(-2) : last
      return named === undefined || named.isList ? undefined : String(named.at)
    },
    pointer: () => formatPointer(frames.map((frame) => frame.at)),
  }
  /** A list counts its values as they begin; an object has told the name before. */
  const count = () => {
    const last = frames.at(-1)
    if (last?.isList) last.at = Number(last.at) + 1
  }
  const enter = (isList: boolean) => () => {
    count()
    frames.push({ isList, at: isList ? -1 : '' })
  }
  const leave = () => void frames.pop()
  visit(text, {
    onObjectBegin: enter(false),
    onArrayBegin: enter(true),
    onObjectEnd: leave,
    onArrayEnd: leave,
    onObjectProperty(name) {
      frames.at(-1)!.at = name
      walker.name?.(name, cursor)
    },
    onLiteralValue(value, offset, length) {
      count()
      walker.literal({ value, offset, length }, cursor)
    },
  })
}

/** A place that is wanted, or on the way to one; below it by name or index. */
type Wanted = {
  readonly pointer: string
  isWanted: boolean
  isSeen: boolean
  readonly below: Map<string, Wanted>
  /** The same for those that can be an index: millions of numbers are not made text to be looked up. */
  readonly items: Map<number, Wanted>
}

function wantedOf(pointers: readonly string[]): Wanted {
  const place = (pointer: string): Wanted => ({
    pointer,
    isWanted: false,
    isSeen: false,
    below: new Map(),
    items: new Map(),
  })
  const top = place('')
  for (const pointer of pointers) {
    let at = top
    for (const part of pointer.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const next = at.below.get(name) ?? place(`${at.pointer}/${part}`)
      at.below.set(name, next)
      if (/^(?:0|[1-9][0-9]{0,9})$/.test(name)) at.items.set(Number(name), next)
      at = next
    }
    at.isWanted = true
  }
  return top
}

/**
 * The literals at these pointers, each of which a reader of any sort would find: `invalid` where
 * there is none, and where a name stands twice in one object, since readers then differ.
 */
export function locate(text: string, pointers: readonly string[]): Map<string, Literal> {
  const found = new Map<string, Literal>()
  const top = wantedOf(pointers)
  type Level = {
    isList: boolean
    next: number
    wanted: Wanted | undefined
    value?: Wanted | undefined
  }
  const levels: Level[] = []
  /** What is wanted of the value that begins here. */
  const here = (): Wanted | undefined => {
    const last = levels.at(-1)
    if (last === undefined) return top
    if (!last.isList) return last.value
    return last.wanted?.items.get(last.next++)
  }
  const enter = (isList: boolean) => () => void levels.push({ isList, next: 0, wanted: here() })
  const leave = () => void levels.pop()
  visit(text, {
    onObjectBegin: enter(false),
    onArrayBegin: enter(true),
    onObjectEnd: leave,
    onArrayEnd: leave,
    onObjectProperty(name) {
      const last = levels.at(-1)!
      last.value = last.wanted?.below.get(name)
      if (last.value === undefined) return
      const { isSeen, pointer } = last.value
      if (isSeen) throw unfit(pointer, `The document has ${pointer} twice. Remove one of them.`)
      last.value.isSeen = true
    },
    onLiteralValue(value, offset, length) {
      const wanted = here()
      if (wanted?.isWanted) found.set(wanted.pointer, { value, offset, length })
    },
  })
  for (const pointer of pointers) {
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
