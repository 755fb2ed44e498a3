/** Every command and option that a text of the site names has its way in the console. */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { inConsole } from './next-steps.ts'

const top = resolve(import.meta.dirname, '..')

/** They speak before there is a site, in a terminal. */
const inTerminal = ['node/config.ts', 'node/init.ts', 'node/main.ts', 'node/settings.ts']
/** Not said to anybody. */
const notSaid = ['crossload reader', 'crossload map', 'crossload bundle', 'crossload receipt']
/** Told by what reads a line that people type, and by the API's document. */
const inLines = ['api/windows.ts', 'api/openapi.ts']

const sources = ['node', 'protocol', 'api']
  .flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: top }))
  .filter((path) => !path.endsWith('.test.ts'))
  .filter((path) => ![...inTerminal, ...inLines].includes(path))
  .map((path) => ({ path, text: withoutComments(readFileSync(resolve(top, path), 'utf8')) }))

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** From where it is named to the end of its line of source. */
function namedIn(pattern: RegExp): { path: string; line: string }[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => pattern.test(line) && !notSaid.some((one) => line.includes(one)))
      .map((line) => ({ path, line: line.slice(line.search(pattern)) })),
  )
}

test('the sources were read', () => {
  expect(sources.length).toBeGreaterThan(150)
  expect(namedIn(/crossload [a-z]/).length).toBeGreaterThan(7)
  expect(namedIn(/--[a-z]/).length).toBeGreaterThan(7)
})

test('each command that is named leads to a page', () => {
  const lost = namedIn(/crossload [a-z]/).filter(({ line }) => inConsole(line).steps.length === 0)
  expect(lost).toEqual([])
})

test('each option that is named has the console’s own word', () => {
  const pattern = /(?<=[\s'"`])--[a-z][^\n'"`]*/g
  const left = sources.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)]
      .map(({ index, 0: option }) => textAround(text, index, option))
      .filter((said) => /--[a-z]/.test(inConsole(said).text))
      .map((said) => ({ path, said })),
  )
  expect(left).toEqual([])
})

/** The literal in which something stands, from its quote on. */
function textAround(text: string, at: number, from: string): string {
  const before = text.slice(text.lastIndexOf('\n', at) + 1, at)
  const quote = Math.max(...["'", '"', '`'].map((one) => before.lastIndexOf(one)))
  return before.slice(quote + 1) + from
}

test('what happened stays, and what to do next is a page of the console', () => {
  expect(
    inConsole(
      'You have no accepted connection with ana@kyoto. Ask for one with: crossload connect ana@kyoto',
    ),
  ).toEqual({
    text: 'You have no accepted connection with ana@kyoto.',
    steps: [
      {
        says: 'Ask for one in your profile, under External Connections',
        to: '/profile#connections',
      },
    ],
  })
  expect(inConsole('There is no hold 7. crossload hold list shows them.')).toMatchObject({
    text: 'There is no hold 7.',
    steps: [{ to: '/administration#storage' }],
  })
  expect(inConsole('a b: it is a link; --links follow takes what it points to').text).toBe(
    'a b: it is a link; “Follow links” takes what it points to',
  )
  expect(inConsole('The disk is full. Free some space.')).toEqual({
    text: 'The disk is full. Free some space.',
    steps: [],
  })
})
