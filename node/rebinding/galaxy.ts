/**
 * Galaxy workflows (`.ga`). The document stays untouched, because it names no data: it has input
 * slots, and what fills them is kept beside it and exported as a job file.
 */
import { z } from 'zod'
import { Fault } from '../../protocol/fault.ts'
import type { Input } from '../../protocol/workflow.ts'

export type Slot = {
  /** The label of the step, or its number where it has none (or one that is taken). */
  readonly label: string
  /** One file, or a collection of this type (`list`, `paired`, `list:paired`). */
  readonly collection: string | undefined
  readonly optional: boolean
}

/** Longer documents are no Galaxy workflows: the largest that people publish have a tenth of this. */
const galaxyCharactersMax = 4 * 1024 * 1024

const shape = z.object({
  a_galaxy_workflow: z.literal('true'),
  steps: z.record(
    z.string(),
    z.object({ type: z.string(), label: z.string().nullish(), tool_state: z.unknown() }),
  ),
})

const stateShape = z.object({
  optional: z.union([z.boolean(), z.string()]).optional(),
  collection_type: z.string().nullish(),
})

/** Whether a strict JSON text is a Galaxy workflow, told by its content alone. */
export function isGalaxy(text: string): boolean {
  // Only here is a whole document built in memory, so not one of any size.
  if (text.length > galaxyCharactersMax || !text.includes('"a_galaxy_workflow"')) return false
  return shape.safeParse(JSON.parse(text)).success
}

/** The slots for data, in the order of the steps. */
export function galaxySlots(text: string): Slot[] {
  const taken = new Set<string>()
  const steps = Object.entries(shape.parse(JSON.parse(text)).steps)
  return steps.flatMap(([number, step]) => {
    const isCollection = step.type === 'data_collection_input'
    if (!isCollection && step.type !== 'data_input') return []
    const label = step.label && !taken.has(step.label) ? step.label : number
    taken.add(label)
    const state = stateShape.safeParse(readState(step.tool_state)).data
    const collection = isCollection ? (state?.collection_type ?? 'list') : undefined
    return [{ label, collection, optional: String(state?.optional) === 'true' }]
  })
}

/** Galaxy keeps a step's state as JSON in a string, newer editors as an object. */
function readState(state: unknown): unknown {
  try {
    return typeof state === 'string' ? JSON.parse(state) : state
  } catch {
    return undefined
  }
}

/** Faults `invalid` with the list of labels when one is not a slot of the workflow. */
export function checkSlotLabels(slots: readonly Slot[], labels: Iterable<string>): void {
  const known = slots.map((slot) => slot.label)
  for (const label of labels) {
    if (known.includes(label)) continue
    throw new Fault('invalid', 'rebinding.galaxy', {
      about: label,
      text: `The workflow has no input called «${label}». ${known.length === 0 ? 'It has none for data.' : `It has: ${known.join(', ')}.`}`,
      list: known,
    })
  }
}

/**
 * Faults `invalid` unless the files found for a slot are what it takes: one file, or a folder that
 * is as deep as its collection. `folder` is undefined when the path was one file.
 */
export function checkSlot(slot: Slot, folder: string | undefined, files: readonly string[]): void {
  const ranks = slot.collection?.split(':') ?? []
  const no = (text: string) => new Fault('invalid', 'rebinding.galaxy', { about: slot.label, text })
  if (slot.collection === undefined) {
    if (folder === undefined) return
    throw no(`The input «${slot.label}» takes one file; ${folder} is a folder.`)
  }
  if (folder === undefined) {
    throw no(
      `The input «${slot.label}» takes a collection (${slot.collection}). Name a folder of the dataset.`,
    )
  }
  for (const file of files) {
    const depth = file.slice(folder.length + 1).split('/').length
    if (depth === ranks.length) continue
    throw no(
      `The input «${slot.label}» takes a collection (${slot.collection}), so its files lie ${ranks.length} deep in ${folder}. This one does not: ${file}.`,
    )
  }
  if (ranks.at(-1) !== 'paired') return
  for (const [parent, pair] of Map.groupBy(files, parentOf)) {
    if (pair.length !== 2)
      throw no(`The input «${slot.label}» takes pairs; ${parent} has ${pair.length} files.`)
  }
}

const parentOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf('/'), 0))

export type JobFile = { readonly was: string; readonly now: string }

/**
 * The job file that runs the workflow on the exported dataset: YAML in which every string is quoted,
 * paths relative to the dataset's folder. Elements keep the names they had at the source, so results
 * are named alike wherever it runs.
 */
export function galaxyJob(
  slots: readonly Slot[],
  inputs: readonly Input[],
  renamed: ReadonlyMap<string, string>,
): string {
  const byLabel = Map.groupBy(inputs, (input) => input.label)
  const lines = ['# Paths are relative to the folder of the exported dataset.']
  for (const { label, collection } of slots) {
    const files = (byLabel.get(label) ?? []).map(({ path }) => ({
      was: path,
      now: renamed.get(path) ?? path,
    }))
    const [first] = files
    if (first === undefined) continue
    lines.push(`${quote(label)}:`)
    if (collection === undefined) {
      lines.push('  class: File', `  path: ${quote(first.now)}`)
    } else {
      lines.push('  class: Collection', `  collection_type: ${quote(collection)}`)
      lines.push(...elements(collection.split(':'), files, '  '))
    }
  }
  return `${lines.join('\n')}\n`
}

function elements(ranks: readonly string[], files: readonly JobFile[], indent: string): string[] {
  const lines = [`${indent}elements:`]
  const deeper = ranks.slice(1)
  if (deeper.length === 0) {
    for (const [index, file] of files.entries()) {
      const name =
        ranks[0] === 'paired'
          ? index === 0
            ? 'forward'
            : 'reverse'
          : file.was.slice(file.was.lastIndexOf('/') + 1)
      lines.push(
        `${indent}  - class: File`,
        `${indent}    identifier: ${quote(name)}`,
        `${indent}    path: ${quote(file.now)}`,
      )
    }
    return lines
  }
  for (const [name, inside] of Map.groupBy(
    files,
    (file) => file.was.split('/').at(-ranks.length)!,
  )) {
    lines.push(`${indent}  - class: Collection`, `${indent}    type: ${quote(deeper.join(':'))}`)
    lines.push(
      `${indent}    identifier: ${quote(name)}`,
      ...elements(deeper, inside, `${indent}    `),
    )
  }
  return lines
}

/** A JSON string is a YAML one, but for a few characters that YAML takes for line ends or refuses. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
