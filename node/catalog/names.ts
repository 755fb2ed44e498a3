/** Text that people give to things: checked once, shown everywhere. */
import { Fault } from '../../protocol/fault.ts'

/** Characters of a name, of a key and of a value of metadata, and how many keys there are. */
export const nameCharactersMax = 200
export const labelCharactersMax = 500
export const formatCharactersMax = 100
export const metaKeyCharactersMax = 200
export const metaValueCharactersMax = 4096
export const metaKeysMax = 256

export type Meta = Readonly<Record<string, string>>

/** Plain text for people: it goes to terminals and across the wire, so nothing in it controls either. */
function isPlain(text: unknown, charactersMax: number): text is string {
  return (
    typeof text === 'string' &&
    text.length <= charactersMax &&
    text.isWellFormed() &&
    !/\p{Cc}/u.test(text)
  )
}

/** The name without spaces around it; faults `invalid`. The same name twice is fine: IDs identify. */
export function checkName(name: string, op: string): string {
  const trimmed = name.trim()
  if (trimmed !== '' && isPlain(trimmed, nameCharactersMax)) return trimmed
  throw new Fault('invalid', op, {
    about: name.slice(0, 80),
    text: `A name has 1 to ${nameCharactersMax} characters, none of them a control character.`,
  })
}

/** A label of a workflow's input, or of its format; faults `invalid`. */
export function checkLabel(label: string, op: string, charactersMax = labelCharactersMax): string {
  if (label !== '' && isPlain(label, charactersMax)) return label
  throw new Fault('invalid', op, {
    about: label.slice(0, 80),
    text: `A label has 1 to ${charactersMax} characters, none of them a control character.`,
  })
}

/** Faults `invalid` naming the key. */
export function checkMeta(meta: Meta, op: string): Meta {
  const entries = Object.entries(meta)
  if (entries.length > metaKeysMax) {
    throw new Fault('invalid', op, {
      text: `There are ${entries.length} keys of metadata; ${metaKeysMax} is the most.`,
    })
  }
  for (const [key, value] of entries) {
    if (key === '' || key === '__proto__' || !isPlain(key, metaKeyCharactersMax)) {
      throw new Fault('invalid', op, {
        about: key.slice(0, 80),
        text: `A key of metadata has 1 to ${metaKeyCharactersMax} characters, none of them a control character.`,
      })
    }
    if (!isPlain(value, metaValueCharactersMax)) {
      throw new Fault('invalid', op, {
        about: key,
        text: `The value of ${key} has more than ${metaValueCharactersMax} characters, or control characters.`,
      })
    }
  }
  return meta
}
