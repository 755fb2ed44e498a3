/**
 * Ticks → what a send asks for. A tick on a folder holds for all that is below it, known or not, until a
 * tick further down says otherwise; so a folder of a million files costs one rule, and one file taken
 * from it another.
 */

/** A file, or a folder with what is below it. */
export type Thing = {
  readonly path: string
  readonly folder: boolean
  readonly files: number
  readonly bytes: number
}
type Rule = Thing & { readonly on: boolean }

/** Rules by path; the empty path is the whole dataset and always has one. */
export type Choice = ReadonlyMap<string, Rule>

export type Amount = { files: number; bytes: number }

/** The most patterns one send may name. */
export const patternsMax = 1000

export function everything({ files, bytes }: Amount): Choice {
  return new Map([['', { path: '', folder: true, files, bytes, on: true }]])
}

/** A tick on this thing, which ends every tick below it. */
export function tick(choice: Choice, thing: Thing, on: boolean): Choice {
  const rest = [...choice].filter(([path]) => path !== thing.path && !isBelow(path, thing.path))
  const next = new Map(rest)
  if (thing.path === '' || holdsAbove(next, thing.path) !== on)
    next.set(thing.path, { ...thing, on })
  return next
}

/** What is chosen of a thing: none of it, some, or all. */
export function chosenOf(choice: Choice, thing: Thing): Amount {
  const on = choice.get(thing.path)?.on ?? holdsAbove(choice, thing.path)
  const sum = on ? { files: thing.files, bytes: thing.bytes } : { files: 0, bytes: 0 }
  for (const rule of choice.values()) {
    // Each rule says the opposite of what holds above it.
    if (!isBelow(rule.path, thing.path)) continue
    sum.files += rule.on ? rule.files : -rule.files
    sum.bytes += rule.on ? rule.bytes : -rule.bytes
  }
  return sum
}

/**
 * The patterns, of which the last that matches decides. Undefined for everything; an empty list for
 * nothing, which the site must not be asked for.
 */
export function patternsOf(choice: Choice): string[] | undefined {
  const rules = [...choice.values()].filter(({ path }) => path !== '')
  if (rules.length === 0) return choice.get('')!.on ? undefined : []
  return rules
    .toSorted((a, b) => depthOf(a.path) - depthOf(b.path))
    .map(({ path, folder, on }) => `${on ? '' : '!'}${escaped(path)}${folder ? '/**' : ''}`)
}

const depthOf = (path: string) => path.split('/').length
const isBelow = (path: string, folder: string) =>
  folder === '' ? path !== '' : path.startsWith(`${folder}/`)

/** What holds for a path when nothing is said about itself. */
function holdsAbove(choice: Choice, path: string): boolean {
  for (let at = path; at !== ''; ) {
    at = at.slice(0, Math.max(at.lastIndexOf('/'), 0))
    const rule = choice.get(at)
    if (rule !== undefined) return rule.on
  }
  return choice.get('')!.on
}

/** A path as a pattern that means this path and no other. */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]{}()!+@|^$"'~]/g, (c) => (c === '\\' ? '[\\\\]' : `\\${c}`))
}
