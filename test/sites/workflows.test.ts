/**
 * The OMIQ migration's third case. Oslo sends a dataset once; then two workflows with their results by
 * the ID that it has at Kyoto. They arrive bound to Kyoto's dataset, and not one byte of it crosses
 * again. What does not fit is refused with a report, and nothing is half bound.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ToldTransfer } from '../../api/shapes.ts'
import type { Fault } from '../../protocol/fault.ts'
import { acceptedPair, diff, isDone, isEnded, type Pair, until } from '../site.ts'
import { cytometry, galaxy } from '../trees.ts'

let pair: Pair
let folder: string
let here: number
let there: number
let first: ToldTransfer

beforeAll(async () => {
  pair = await acceptedPair()
  folder = await mkdtemp(join(tmpdir(), 'crossload-workflows-'))
  const { atOslo, atKyoto, to } = pair
  // Kyoto has other things already, so its IDs are not Oslo's.
  const other = join(folder, 'other')
  await mkdir(other)
  await writeFile(join(other, 'kyotos-own.txt'), 'ours')
  for (const name of ['One', 'Two', 'Three'])
    await atKyoto.call('datasets.add', { name, path: other })
  here = (
    await atOslo.call('datasets.add', {
      name: 'Blood panel',
      path: cytometry,
      meta: { instrument: 'FACScan' },
    })
  ).id
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: here }, dest: 0 })
  first = await until(atOslo, sent.id, isDone)
  there = first.destination.dataset!
}, 60_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function writeAnalysis(
  name: string,
  inputs: string[],
): Promise<{ document: string; results: string }> {
  const results = join(folder, `${name}-results`)
  await mkdir(join(results, 'figures'), { recursive: true })
  await writeFile(join(results, 'statistics.csv'), `population,percent\n${name},12.5\n`)
  await writeFile(join(results, 'figures/empty.svg'), '')
  const document = join(folder, `${name}.json`)
  const text = JSON.stringify(
    {
      name,
      datasetId: here,
      note: `about ${here} cells`,
      source: `dataset:${here}`,
      inputs: inputs.map((path) => `dataset:${here}/${path}`),
    },
    undefined,
    2,
  )
  await writeFile(document, text)
  return { document, results }
}

const cidOf = async (client: Pair['atOslo'], id: number) =>
  (await client.call('workflows.show', { id })).document

test('the dataset has its own ID at Kyoto, and both histories say both', async () => {
  expect(there).not.toBe(here)
  expect(first.source.dataset).toBe(here)
  const atKyoto = await pair.atKyoto.call('transfers.show', { id: first.id })
  expect(atKyoto.source.dataset).toBe(here)
  expect(atKyoto.destination.dataset).toBe(there)
  const shown = await pair.atKyoto.call('datasets.show', { id: there })
  expect(shown.name).toBe('Blood panel')
  expect(shown.meta).toEqual({ instrument: 'FACScan' })
})

test.each([
  ['gating', ['0877408774.B08', '0877408774.E07']],
  ['compensation', ['compensation/060909.001', 'compensation/compmatrix']],
])(
  'the %s workflow follows by the Dest Dataset ID, bound, with no dataset bytes',
  async (name, inputs) => {
    const { atOslo, atKyoto, to } = pair
    const { document, results } = await writeAnalysis(name, inputs)
    const added = await atOslo.call('workflows.add', { name, document, dataset: here, results })
    const sent = await atOslo.call('transfers.send', { to, workflows: [added.id], dest: there })
    const done = await until(atOslo, sent.id, isDone)
    const arrived = await until(atKyoto, sent.id, isDone)
    expect([done.bytes.dataset, arrived.bytes.dataset]).toEqual([0, 0])
    expect(done.bytes.sent).toBeGreaterThan(0)
    expect(done.bytes.sent).toBeLessThan(2000)
    const id = done.destination.workflows[0]!
    const bound = join(folder, `bound-${name}`)
    await atKyoto.call('workflows.export', { id, folder: bound })
    const file = (await readdir(bound)).find((one) => one.endsWith('.json'))!
    const text = await readFile(join(bound, file), 'utf8')
    expect(text).toBe(
      (await readFile(document, 'utf8'))
        .replaceAll(`dataset:${here}`, `dataset:${there}`)
        .replace(`"datasetId": ${here}`, `"datasetId": ${there}`),
    )
    expect(JSON.parse(text).datasetId).toBe(there)
    expect(await diff(results, join(bound, 'results'))).toBe('')
    expect(await cidOf(atKyoto, id)).toBe(await cidOf(atOslo, added.id))
  },
)

test('a Galaxy workflow crosses untouched, its slots bound to the files of the dataset', async () => {
  const { atOslo, atKyoto, to } = pair
  const document = join(galaxy, 'segmentation-and-counting.ga')
  const added = await atOslo.call('workflows.add', {
    name: 'Counting',
    document,
    dataset: here,
    inputs: [{ label: 'input_image', path: '0877408774.F06' }],
  })
  const sent = await atOslo.call('transfers.send', { to, workflows: [added.id], dest: there })
  const done = await until(atOslo, sent.id, isDone)
  const bound = join(folder, 'bound-galaxy')
  await atKyoto.call('workflows.export', { id: done.destination.workflows[0]!, folder: bound })
  const names = await readdir(bound)
  const original = await readFile(document)
  const copy = await readFile(join(bound, names.find((one) => one.endsWith('.ga'))!))
  expect(copy.equals(original)).toBe(true)
  const job = await readFile(join(bound, names.find((one) => /job/.test(one))!), 'utf8')
  expect(job).toContain('0877408774.F06')
})

test('a workflow whose inputs are missing there is refused with a report, and nothing is bound', async () => {
  const { atOslo, atKyoto, to } = pair
  const small = await atOslo.call('transfers.send', {
    to,
    dataset: { id: here, files: ['compensation/*'] },
    dest: 0,
  })
  const part = await until(atOslo, small.id, isDone)
  const { document } = await writeAnalysis('wanting', ['0877408774.B08', 'compensation/compmatrix'])
  const added = await atOslo.call('workflows.add', { name: 'Wanting', document, dataset: here })
  const before = await atKyoto.call('workflows.list', {})
  const sent = await atOslo.call('transfers.send', {
    to,
    workflows: [added.id],
    dest: part.destination.dataset!,
  })
  const ended = isEnded(sent) ? sent : await until(atOslo, sent.id, isEnded)
  expect(ended.state).toBe('refused')
  expect(ended.fault?.kind).toBe('conflict')
  expect(JSON.stringify(ended.fault)).toContain('0877408774.B08')
  expect(await atKyoto.call('workflows.list', {})).toEqual(before)
  const allowed = await atOslo.call('transfers.send', {
    to,
    workflows: [added.id],
    dest: part.destination.dataset!,
    allow: true,
  })
  await until(atOslo, allowed.id, isDone)
})

test('an unknown destination ID and a foreign one are refused with the same words', async () => {
  const { oslo, kyoto, atOslo, to } = pair
  const kenji = await kyoto.as('kenji@kyoto.example')
  const foreign = (await kenji.call('datasets.add', { name: "Kenji's", path: cytometry })).id
  const said: string[] = []
  for (const dest of [foreign, 99_999]) {
    const sent = await atOslo.call('transfers.send', { to, dataset: { id: here }, dest })
    const ended = isEnded(sent) ? sent : await until(atOslo, sent.id, isEnded)
    expect(ended.state).toBe('refused')
    expect(ended.fault?.kind).toBe('missing')
    said.push(JSON.stringify(ended.fault).replaceAll(String(dest), 'ID'))
  }
  expect(said[0]).toBe(said[1])
  expect(oslo.log()).not.toContain('internal')
})

test('workflow and files travel together, already bound; then a second send adds a version by union', async () => {
  const { atOslo, atKyoto, to } = pair
  const { document, results } = await writeAnalysis('together', ['0877408774.B08'])
  const added = await atOslo.call('workflows.add', {
    name: 'Together',
    document,
    dataset: here,
    results,
  })
  const sent = await atOslo.call('transfers.send', {
    to,
    workflows: [added.id],
    withFiles: true,
    files: ['0877*'],
    dest: 0,
  })
  const done = await until(atOslo, sent.id, isDone)
  const dataset = done.destination.dataset!
  expect(done.destination.workflows).toHaveLength(1)
  expect(
    (await atKyoto.call('datasets.files', { id: dataset })).files.map(({ path }) => path),
  ).toEqual(['0877408774.B08', '0877408774.E07', '0877408774.F06'])
  const rest = await atOslo.call('transfers.send', { to, dataset: { id: here }, dest: dataset })
  const union = await until(atOslo, rest.id, isDone)
  expect(union.destination.dataset).toBe(dataset)
  expect(
    (await atKyoto.call('datasets.versions', { id: dataset })).map(({ version }) => version),
  ).toEqual([1, 2])
  const out = join(folder, 'union')
  await atKyoto.call('datasets.export', { id: dataset, folder: out })
  expect(await diff(cytometry, out)).toBe('')
})

test('nothing of collaborators, groups or connections is in a bundle or at Kyoto', async () => {
  const { oslo, atOslo, atKyoto } = pair
  await oslo.as('bea@oslo.example')
  const project = await atOslo.call('projects.add', { name: 'Shared panel' })
  await atOslo.call('projects.set-member', {
    id: project.id,
    email: 'bea@oslo.example',
    role: 'member',
  })
  await oslo.admin.call('groups.add', { name: 'Panel readers', claims: ['panel-staff'] })
  const group = { id: project.id, group: 'Panel readers', role: 'viewer' } as const
  expect((await atOslo.call('projects.set-group', group)).groups).toHaveLength(1)
  const dataset = await atOslo.call('datasets.add', {
    name: 'Shared',
    path: cytometry,
    project: project.id,
  })
  const sent = await atOslo.call('transfers.send', {
    to: pair.to,
    dataset: { id: dataset.id },
    dest: 0,
  })
  expect(sent.willNot).toEqual(['collaborators', 'groups', 'connections'])
  const done = await until(atOslo, sent.id, isDone)
  const { project: at } = await atKyoto.call('datasets.show', { id: done.destination.dataset! })
  const { members, groups } = await atKyoto.call('projects.show', { id: at })
  expect(members.map(({ email }) => email)).toEqual(['ana@lab.example'])
  expect(groups).toEqual([])
  expect(await pair.kyoto.admin.call('groups.list', {})).toEqual([])
  const journal = JSON.stringify(await pair.kyoto.admin.call('journal.read', {}))
  for (const home of ['bea@oslo.example', 'Panel readers', 'panel-staff'])
    expect(journal).not.toContain(home)
})

test('a member who is no owner may not send', async () => {
  const { oslo, atOslo } = pair
  const bea = await oslo.as('bea@oslo.example')
  const shared = (await atOslo.call('datasets.list', {})).find(({ name }) => name === 'Shared')!
  await expect(bea.call('datasets.show', { id: shared.id })).resolves.toMatchObject({
    name: 'Shared',
  })
  const refusal = await bea
    .call('transfers.send', { to: pair.to, dataset: { id: shared.id }, dest: 0 })
    .catch((thrown: Fault) => thrown)
  expect(refusal).toMatchObject({ name: 'Fault', side: 'here' })
  expect(['denied', 'missing']).toContain((refusal as Fault).kind)
})
