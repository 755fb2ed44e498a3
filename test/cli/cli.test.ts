/**
 * The command line as people see it: the scripts in `test/cli/*.txt` against two real sites. What a
 * command says is part of the product, so every word of it stands there.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asExpected, parseScript } from './script.ts'
import { openStage, type Stage } from './stage.ts'

/** In the order they are played; each goes on where the one before ended. */
const names = [
  'begin',
  'people',
  'links',
  'connections',
  'projects',
  'datasets',
  'workflows',
  'send',
  'transfers',
  'site',
  'trouble',
]

const scripts = await Promise.all(
  names.map(async (name) => {
    const text = await readFile(join(import.meta.dirname, `${name}.txt`), 'utf8')
    return { name, paragraphs: parseScript(text) }
  }),
)

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

describe.each(scripts)('$name', ({ paragraphs }) => {
  test.each(paragraphs)('$why', async ({ steps }) => {
    for (const step of steps) {
      const { code, out, err } = await stage.play(step)
      const seen = {
        ...{ at: step.at, command: step.command, code },
        out: asExpected(step.out, out, stage.known),
        err: asExpected(step.err, err, stage.known),
      }
      expect(seen).toEqual(step)
    }
  })
})
