/**
 * The command line as people see it: the scripts in `test/cli/*.txt` against two real sites. What a
 * command says is part of the product, so every word of it stands there.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { faultKinds } from '../../protocol/fault.ts'
import { asExpected, parseScript, type Step } from './script.ts'
import { openStage, type Stage } from './stage.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** In the order they are played; each goes on where the one before ended. */
const names = [
  'begin',
  'people',
  'links',
  'connections',
  'projects',
  'groups',
  'datasets',
  'workflows',
  'send',
  'transfers',
  'limits',
  'site',
  'upkeep',
  'trouble',
  'deposit',
  'hooks',
  'notices',
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
})
afterAll(() => stage[Symbol.asyncDispose]())

/** How long word from one site to another may take, and how often it is looked for, in milliseconds. */
const laterMs = 60_000
const pollMs = 50

/** The step as it went: equal to what was expected when all is as it should be. */
async function play(step: Step): Promise<Step> {
  const { code, out, err } = await stage.play(step)
  const { known } = stage
  return {
    ...step,
    code,
    out: asExpected(step.out, out, known),
    err: asExpected(step.err, err, known),
  }
}

/** Every command that there is, by asking for help and reading on. */
async function commandsUnder(words: readonly string[]): Promise<string[]> {
  const command = ['crossload', ...words, '--help'].join(' ')
  const { out } = await stage.play({ at: 'oslo', command })
  const [, list] = out.split(/^Commands:$/m)
  if (list === undefined) return [words.join(' ')]
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!)
  const below = names.filter((name) => name !== 'help')
  return (await Promise.all(below.map((name) => commandsUnder([...words, name])))).flat()
}

test('a command waits for a site that is just being started, when it is told to', async () => {
  const kyoto = stage.sites.get('kyoto')!
  await kyoto.kill('SIGTERM')
  const asked = stage.play({ at: 'kyoto', command: 'crossload people list --wait 30s' })
  await kyoto.start()
  const { code, out } = await asked
  expect([code, out]).toEqual([0, expect.stringContaining('admin@kyoto.example')])
})

test('every command, and every exit code that a person can be given here, is in a script', async () => {
  const steps = scripts.flatMap(({ paragraphs }) => paragraphs.flatMap((one) => one.steps))
  const all = await commandsUnder([])
  expect(all.length).toBeGreaterThan(40)
  const played = steps.map(({ command }) => `${command} `)
  expect(all.filter((one) => !played.some((line) => line.startsWith(`crossload ${one} `)))).toEqual(
    [],
  )
  // A full disk is filled elsewhere, a site of another version is met elsewhere, and a mistake of ours
  // is not made on purpose.
  const elsewhere = ['full', 'unsupported', 'internal']
  const codes = Object.entries(faultKinds).filter(([kind]) => !elsewhere.includes(kind))
  const seen = new Set(steps.map(({ code }) => code))
  expect(codes.filter(([, { exit }]) => !seen.has(exit)).map(([kind]) => kind)).toEqual([])
})

describe.each(scripts)('$name', ({ paragraphs }) => {
  test.each(paragraphs)('$why', async ({ steps }) => {
    for (const step of steps) {
      const late = AbortSignal.timeout(laterMs)
      let seen = await play(step)
      while (step.later && !late.aborted && !isDeepStrictEqual(seen, step)) {
        await pause(pollMs)
        seen = await play(step)
      }
      expect(seen).toEqual(step)
    }
  })
})
