import { describe, expect, test } from 'vitest'
import type { FileCid } from '../../protocol/ids.ts'
import { type Ref, reportLines } from '../../protocol/workflow.ts'
import { resolveInputs, type TreeFile, wantsOf } from './inputs.ts'
import { type Allowed, bindInputs } from './report.ts'

/** A tree as `path=content` lines. */
async function* tree(...files: string[]): AsyncGenerator<TreeFile> {
  for (const file of files) {
    const [path, content] = file.split('=')
    yield { path: path!, cid: content as FileCid }
  }
}

const pathRef = (path: string): Ref => ({
  pointer: `/${path.replaceAll('/', '~1')}`,
  form: 'path',
  path,
})

/** Made on `source`, bound to `here`: the states by path, and what is renamed. */
async function bound(source: string[], here: string[], paths: string[], allow: Allowed = []) {
  const refs = paths.map(pathRef)
  const inputs = await resolveInputs(tree(...source), wantsOf(refs))
  const { report, renamed } = await bindInputs({ refs, inputs, files: tree(...here), allow })
  const rows = report.rows.map((row) => `${row.path} ${row.state}${row.now ? ` ${row.now}` : ''}`)
  return { rows, ok: report.ok, renamed: Object.fromEntries(renamed), report }
}

describe('a file that a workflow reads', () => {
  test('is matched by path and content', async () => {
    const { rows, ok, renamed, report } = await bound(['a=1'], ['a=1', 'b=1'], ['a'])
    expect([rows, ok, renamed, report.whole]).toEqual([['a matched'], true, {}, false])
    expect(reportLines(report)).toEqual([])
  })

  test('is renamed when its content is elsewhere, rather under its own name', async () => {
    const { rows, ok, renamed } = await bound(
      ['d/a=1', 'b=2'],
      ['b=9', 'c=2', 'x/1=1', 'x/a=1', 'y/a=1'],
      ['d/a', 'b'],
    )
    expect(rows).toEqual(['d/a renamed x/a', 'b renamed c'])
    expect([ok, renamed]).toEqual([true, { 'd/a': 'x/a', b: 'c' }])
  })

  test('is changed or missing otherwise, which is refused unless it is allowed', async () => {
    const [source, here, paths] = [['a=1', 'b=2'], ['a=9'], ['a', 'b']]
    const refused = await bound(source, here, paths)
    expect(refused.rows).toEqual(['a changed', 'b missing'])
    expect(refused.ok).toBe(false)
    expect(reportLines(refused.report)).toEqual(['/a: a (changed)', '/b: b (missing)'])
    expect((await bound(source, here, paths, ['changed'])).ok).toBe(false)
    expect((await bound(source, here, paths, ['changed', 'missing'])).ok).toBe(true)
  })
})

describe('a folder that a workflow reads', () => {
  const source = ['f/a=1', 'f/s/b=2', 'g=3']

  test('is matched file by file', async () => {
    expect((await bound(source, source, ['f'])).rows).toEqual(['f/a matched', 'f/s/b matched'])
  })

  test('is renamed when all of it is in one other folder', async () => {
    const { rows, renamed } = await bound(
      source,
      ['f/a=1', 'n/f2/a=1', 'n/f2/s/b=2', 'z/b=2'],
      ['f'],
    )
    expect(rows).toEqual(['f/a renamed n/f2/a', 'f/s/b renamed n/f2/s/b'])
    expect(renamed).toEqual({ f: 'n/f2', 'f/a': 'n/f2/a', 'f/s/b': 'n/f2/s/b' })
  })

  test('is missing when its files are scattered, for no folder can be named', async () => {
    const { rows, ok, renamed } = await bound(source, ['f/a=1', 'z/b=2'], ['f'])
    expect([rows, ok, renamed]).toEqual([['f/a matched', 'f/s/b missing'], false, {}])
  })
})

test('a workflow that names the whole dataset binds any version and says what is lacking', async () => {
  const refs: Ref[] = [{ pointer: '/dataset', form: 'id-number' }]
  const lacks = { count: 2, paths: ['a', 'b'] }
  expect((await bindInputs({ refs, inputs: [], files: tree(), lacks })).report).toEqual({
    rows: [],
    whole: true,
    lacks,
    ok: true,
  })
  const inputs = [{ label: 'x', path: 'a', cid: '1' as FileCid }]
  const byPath = await bindInputs({ refs: [pathRef('a')], inputs, files: tree('a=1'), lacks })
  expect(byPath.report).toEqual({
    rows: [{ label: 'x', path: 'a', state: 'matched' }],
    whole: false,
    ok: true,
  })
})

describe('at add time', () => {
  test('a path that is not there is named, every one of them', async () => {
    const wants = wantsOf([pathRef('a'), pathRef('no'), pathRef('d/no')])
    await expect(resolveInputs(tree('a=1', 'd/e=2', 'no.txt=3'), wants)).rejects.toMatchObject({
      kind: 'invalid',
      about: 'no',
      list: ['no', 'd/no'],
    })
  })

  test('a label is plain text, whatever the names in the document', () => {
    expect(
      wantsOf([{ pointer: `/\u001b[2J${'x'.repeat(600)}`, form: 'path', path: 'a' }])[0]!.label,
    ).toMatch(/^\/\ufffd\[2Jx{495}$/)
  })
})
