/** The program as a process: which Node it wants, and the site that it starts. */
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const program = resolve(import.meta.dirname, 'crossload.js')

function start(args: readonly string[], options: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  })
  return { status, stdout, stderr }
}

it('tells an old Node in one sentence, before it would fail on the first type', () => {
  const old = `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`
  const { status, stdout, stderr } = start(['site'], [`--import=data:text/javascript,${old}`])
  expect([status, stdout]).toEqual([12, ''])
  expect(stderr).toContain('Node 24 or newer is needed and this is 20.20.2.')
  expect(stderr.match(/\n/g)).toHaveLength(1)
})

it('prints help and ends with 0', () => {
  const { status, stdout, stderr } = start(['--help'])
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toContain('Usage: crossload')
})

it('ends as the site that it started ended', () => {
  const home = join(tmpdir(), 'crossload-is-not-there')
  const { status, stderr } = start(['serve', '--home', home])
  expect([status, stderr]).toEqual([4, expect.stringContaining('crossload init')])
})
