/** Whatever can be asked of a site can be asked in its console: each row of the table is used by a page. */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { type RouteName, routes } from '../api/routes.ts'

const top = import.meta.dirname

/** Of these the console has the answer from another row, or they are for programs. */
const elsewhere: Partial<Record<RouteName, string>> = {
  'site.openapi': 'a document for programs',
  'workflows.versions': 'workflows.show has them',
  'transfers.follow': 'notices.watch tells of all',
  'transfers.watch': 'notices.watch tells of them too',
}

const source = globSync('**/*.{ts,tsx}', { cwd: top, exclude: (path) => path.startsWith('dist') })
  .filter((path) => !path.endsWith('.test.ts'))
  .map((path) => readFileSync(resolve(top, path), 'utf8'))
  .join('\n')

test('every row of the table of routes is used by a page', () => {
  const unused = (Object.keys(routes) as RouteName[]).filter(
    (name) => !source.includes(`'${name}'`) && elsewhere[name] === undefined,
  )
  expect(unused).toEqual([])
})

test('what is said to be elsewhere is', () => {
  const used = Object.keys(elsewhere).filter((name) => source.includes(`'${name}'`))
  expect(used).toEqual([])
})
