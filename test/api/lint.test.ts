/** The document of the API passes Redocly's own rules, warnings counted as errors, with no exception. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { run, top } from '../site.ts'
import { offlineEnv, offlineWord } from './offline.ts'

const committed = join(top, 'api/openapi.json')
const redocly = join(top, 'node_modules/@redocly/cli/bin/cli.js')

/** In a folder of its own, where no configuration of ours or of anybody's home can soften a rule. */
async function lint(path: string, cwd: string) {
  const args = [redocly, 'lint', path, '--extends', 'recommended-strict', '--format', 'stylish']
  const ran = await run(process.execPath, args, { cwd, env: offlineEnv })
  return { code: ran.code, said: ran.stdout + ran.stderr }
}

test('the document passes without an error and without a warning, and nobody is asked', async () => {
  await using folder = await openFolder()
  const { code, said } = await lint(committed, folder.path)
  expect([code, said]).toEqual([0, expect.stringContaining('is valid')])
  expect(said).not.toMatch(/warning/i)
  expect(said).not.toContain(offlineWord)
}, 60_000)

test('a document without the sentences of its nouns does not pass', async () => {
  await using folder = await openFolder()
  const document = JSON.parse(await readFile(committed, 'utf8'))
  for (const tag of document.tags) delete tag.description
  const worse = join(folder.path, 'openapi.json')
  await writeFile(worse, JSON.stringify(document))
  const { code, said } = await lint(worse, folder.path)
  expect([code, said]).toEqual([1, expect.stringContaining('tag-description')])
}, 60_000)
