import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { FileCid } from '../../protocol/ids.ts'
import type { Input } from '../../protocol/workflow.ts'
import { readDocument } from './documents.ts'
import { checkSlot, checkSlotLabels, galaxyJob, galaxySlots, type Slot } from './galaxy.ts'

const real = async (name: string) => {
  const bytes = await readFile(new URL(`../../test/data/workflows/${name}`, import.meta.url))
  const document = readDocument(bytes)
  if (document.kind !== 'galaxy') throw new Error(`${name} is ${document.kind}`)
  return document.text
}
const input = (label: string, path: string): Input => ({ label, path, cid: 'c' as FileCid })
const slot = (label: string, collection?: string): Slot => ({ label, collection, optional: false })

describe('real Galaxy workflows', () => {
  test('are known by their content and have their input slots', async () => {
    expect(galaxySlots(await real('segmentation-and-counting.ga'))).toEqual([slot('input_image')])
    expect(galaxySlots(await real('histological-staining-area-quantification.ga'))).toEqual([
      slot('ROI image for staining analysis', 'list'),
    ])
  })

  test('refuse a label they do not have and say which they have', async () => {
    const slots = galaxySlots(await real('segmentation-and-counting.ga'))
    expect(() => checkSlotLabels(slots, ['input_image'])).not.toThrow()
    expect(() => checkSlotLabels(slots, ['image'])).toThrow(
      expect.objectContaining({ kind: 'invalid', about: 'image', list: ['input_image'] }),
    )
  })
})

test('what a document is, content tells; a label is taken at its word only for the three kinds', () => {
  const kind = (text: string, format?: string) =>
    readDocument(new TextEncoder().encode(text), format).kind
  const galaxy = '{"a_galaxy_workflow":"true","steps":{}}'
  expect(kind(galaxy)).toBe('galaxy')
  expect(kind(galaxy, 'ours')).toBe('galaxy')
  expect(kind(galaxy, 'json')).toBe('json')
  expect(kind(galaxy, 'opaque')).toBe('opaque')
  expect(kind('{"a_galaxy_workflow":"false"}')).toBe('json')
  expect(kind('{"a":1}', 'omiq')).toBe('json')
  expect(kind('x <- 1')).toBe('opaque')
  expect(() => kind('{}', 'galaxy')).toThrow(/not a Galaxy workflow/)
  expect(() => kind('x <- 1', 'json')).toThrow(/not strict JSON/)
})

test('steps without a label, or with one that is taken, go by their number', () => {
  const steps = {
    10: { type: 'data_input', label: 'a', tool_state: { optional: true } },
    9: { type: 'data_input', label: null, tool_state: '{"optional": "true"}' },
    11: { type: 'data_collection_input', label: 'a', tool_state: 'not JSON' },
    12: { type: 'parameter_input', label: 'p', tool_state: '{}' },
  }
  expect(galaxySlots(JSON.stringify({ a_galaxy_workflow: 'true', steps }))).toEqual([
    { label: '9', collection: undefined, optional: true },
    { label: 'a', collection: undefined, optional: true },
    { label: '11', collection: 'list', optional: false },
  ])
})

describe('a slot', () => {
  test('for one file takes a file', () => {
    expect(() => checkSlot(slot('x'), undefined, ['a.tif'])).not.toThrow()
    expect(() => checkSlot(slot('x'), 'f', ['f/a.tif'])).toThrow(/takes one file; f is a folder/)
  })

  test('for a collection takes a folder of its depth', () => {
    expect(() => checkSlot(slot('x', 'list'), 'f', ['f/a', 'f/b'])).not.toThrow()
    expect(() => checkSlot(slot('x', 'list'), undefined, ['f/a'])).toThrow(/Name a folder/)
    expect(() => checkSlot(slot('x', 'list'), 'f', ['f/a', 'f/b/c'])).toThrow(/f\/b\/c/)
    expect(() => checkSlot(slot('x', 'list:paired'), 'f', ['f/s/1', 'f/s/2'])).not.toThrow()
    expect(() => checkSlot(slot('x', 'list:paired'), 'f', ['f/s/1'])).toThrow(/f\/s has 1 files/)
  })
})

describe('the job file', () => {
  test('names files by their path in the exported dataset, and elements as at the source', () => {
    const slots = [slot('image'), slot('open'), slot('all: of "them"', 'list')]
    const inputs = [
      input('image', 'a/x.tif'),
      input('all: of "them"', 'b/1.tif'),
      input('all: of "them"', 'b/2.tif'),
    ]
    expect(galaxyJob(slots, inputs, new Map([['b/2.tif', 'c/zwei\u0085.tif']]))).toBe(
      `# Paths are relative to the folder of the exported dataset.
"image":
  class: File
  path: "a/x.tif"
"all: of \\"them\\"":
  class: Collection
  collection_type: "list"
  elements:
    - class: File
      identifier: "1.tif"
      path: "b/1.tif"
    - class: File
      identifier: "2.tif"
      path: "c/zwei\\u0085.tif"
`,
    )
  })

  test('nests collections of collections', () => {
    const inputs = ['s1/f', 's1/r', 's2/f', 's2/r'].map((path) => input('pairs', `d/${path}`))
    expect(galaxyJob([slot('pairs', 'list:paired')], inputs, new Map())).toBe(
      `# Paths are relative to the folder of the exported dataset.
"pairs":
  class: Collection
  collection_type: "list:paired"
  elements:
    - class: Collection
      type: "paired"
      identifier: "s1"
      elements:
        - class: File
          identifier: "forward"
          path: "d/s1/f"
        - class: File
          identifier: "reverse"
          path: "d/s1/r"
    - class: Collection
      type: "paired"
      identifier: "s2"
      elements:
        - class: File
          identifier: "forward"
          path: "d/s2/f"
        - class: File
          identifier: "reverse"
          path: "d/s2/r"
`,
    )
  })
})
