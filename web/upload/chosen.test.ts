import { expect, test } from 'vitest'
import { type Chosen, fromField, inOneFolder } from './chosen.ts'

/** All of one moment, so that two of the same name are equal. */
const lastModified = 0
const file = (name: string, webkitRelativePath = '') =>
  Object.defineProperty(new File(['x'], name, { lastModified }), 'webkitRelativePath', {
    value: webkitRelativePath,
  })
const chosen = (...paths: string[]): Chosen[] => paths.map((path) => ({ path, file: file('x') }))
const paths = (files: readonly Chosen[]) => files.map(({ path }) => path)

test('a folder keeps its structure, single files have their names', () => {
  const all = fromField([file('a.fcs', 'plate/deep/a.fcs'), file('b.fcs')])
  expect(paths(all)).toEqual(['plate/deep/a.fcs', 'b.fcs'])
})

test('one folder that everything lies in is the dataset itself', () => {
  const one = inOneFolder(chosen('plate/a.fcs', 'plate/deep/b.fcs'))
  expect([one.name, paths(one.files)]).toEqual(['plate', ['a.fcs', 'deep/b.fcs']])
  for (const several of [['plate/a', 'other/a'], ['plate/a', 'plate'], ['a', 'b'], [], ['a']])
    expect(inOneFolder(chosen(...several))).toEqual({
      files: chosen(...several).map((c, i) => ({ ...c, path: several[i] })),
    })
})
