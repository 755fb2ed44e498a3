import { expect, test } from 'vitest'
import { openApi } from './openapi.ts'
import { routes } from './routes.ts'

type Operation = {
  operationId: string
  parameters: { name: string; in: string }[]
  responses: Record<string, { $ref?: string }>
}

const document = openApi('0.1.0')
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    line: `${method.toUpperCase()} ${path}`,
    ...(operation as Operation),
  })),
)

/** Written again with `npx vitest run api/openapi -u`. */
test('the document that is committed is the one that a site serves', async () => {
  await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('openapi.json')
})

test('every route is in it once, by its method and path', () => {
  const lines = Object.entries(routes).map(
    ([name, { method, path }]) => `${name} ${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
  )
  expect(operations.map(({ operationId, line }) => `${operationId} ${line}`).sort()).toEqual(
    lines.sort(),
  )
})

test('every name in a path is a parameter of it, and nothing is said twice', () => {
  for (const { line, parameters } of operations) {
    const named = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
    expect([line, inPath]).toEqual([line, named])
    const all = parameters.map(({ name }) => name)
    expect(new Set(all).size).toBe(all.length)
  }
})

test('whatever it points at is there', () => {
  const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
  expect(pointers.length).toBeGreaterThan(100)
  for (const [, pointer] of pointers) {
    let at: unknown = document
    for (const part of pointer!.split('/')) at = (at as Record<string, unknown>)[part]
    expect([pointer, typeof at]).toEqual([pointer, 'object'])
  }
})
