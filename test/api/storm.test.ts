/** A short storm: every row of the table, each asker, a few questions. The long one is in test/faults. */
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { routes } from '../../api/routes.ts'
import { openFolder } from '../folder.ts'
import { seedsFor } from '../seeds.ts'
import { top } from '../site.ts'
import { openPrism, violationsOf } from './prism.ts'
import { storm } from './storm.ts'

test.each(seedsFor('a storm at the API', 1))(
  'seed %i: every answer is in the document, and none is a mistake of ours',
  async (seed) => {
    const { findings, answered } = await storm({ seed, each: 4, say: console.log })
    expect(findings).toEqual([])
    // Otherwise it has only knocked.
    expect(answered.size).toBeGreaterThan(Object.keys(routes).length / 2)
  },
  120_000,
)

const server = createServer((_question, reply) => {
  reply.setHeader('content-type', 'application/json')
  reply.end(JSON.stringify({ state: 'splendid' }))
}).listen(0, '127.0.0.1')
afterAll(() => void server.close())

test('Prism is a judge that can say no: of a value, of a status, of a field that is lacking', async () => {
  await using folder = await openFolder()
  const document = JSON.parse(await readFile(join(top, 'api/openapi.json'), 'utf8'))
  const worse = join(folder.path, 'openapi.json')
  delete document.paths['/api/site'].get.responses['200']
  await writeFile(worse, JSON.stringify(document))
  const { port } = server.address() as AddressInfo
  await using prism = await openPrism(`http://127.0.0.1:${port}`, worse)
  const headers = { authorization: 'Bearer somebody' }
  const judged = async (path: string) =>
    (await violationsOf(await fetch(prism.url + path, { headers }))).join()
  expect(await judged('/api/health')).toContain('state')
  expect(await judged('/api/site')).toContain('status code')
  expect(await judged('/api/journal')).toContain("required property 'records'")
}, 60_000)
