import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DatasetId, WorkflowId } from '../../protocol/ids.ts'
import { documentBytesMax } from '../../protocol/workflow.ts'
import { type Catalog, openCatalog } from '../../test/catalog.ts'
import { keys } from '../db/keys.ts'
import { versionOf } from './dataset.ts'

const galaxyFiles = new URL('../../test/data/workflows/', import.meta.url)

async function put(catalog: Catalog, path: string, content: string | Uint8Array): Promise<string> {
  const full = join(catalog.path, path)
  await mkdir(dirname(full), { recursive: true })
  await writeFile(full, content)
  return full
}

/** Ana with a dataset, which has ID 2 so that 1 is a foreign number in its documents. */
async function lab() {
  const catalog = await openCatalog()
  const ana = await catalog.person('ana')
  for (const name of ['fcs/a.fcs', 'fcs/b.fcs', 'readme.txt'])
    await put(catalog, `in/${name}`, name)
  const path = join(catalog.path, 'in')
  await catalog.datasets.add({ name: 'other', path }, ana)
  const { dataset } = await catalog.datasets.add({ name: 'mice', path }, ana)
  const add = async (document: unknown, more: object = {}) => {
    const text = typeof document === 'string' ? document : JSON.stringify(document)
    const file = await put(catalog, 'document', text)
    return catalog.workflows.add(
      { name: 'gates', document: file, dataset: dataset.id, ...more },
      ana,
    )
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  return {
    catalog,
    ana,
    dataset,
    add,
    text,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

describe('a JSON document', () => {
  const source =
    '{ "dataset": 2,\n  "gate": {"file": "dataset:2/fcs/a.fcs", "n": 2},\n  "extra": "readme.txt" }\n'

  test('is kept canonical and comes back as it was, bound to its dataset', async () => {
    await using it = await lab()
    const { workflow, unbound, open } = await it.add(source, { refs: ['/extra'] })
    expect({ unbound, open }).toEqual({ unbound: [], open: [] })
    expect(workflow).toMatchObject({ id: 1, name: 'gates', project: it.ana.personal, at: 'here' })
    const one = versionOf(workflow)
    expect(one).toMatchObject({
      version: 1,
      format: 'json',
      refs: [
        { pointer: '/dataset', form: 'id-number' },
        { pointer: '/gate/file', form: 'path', path: 'fcs/a.fcs' },
        { pointer: '/extra', form: 'path', path: 'readme.txt' },
      ],
      inputs: [
        { label: '/gate/file', path: 'fcs/a.fcs' },
        { label: '/extra', path: 'readme.txt' },
      ],
      binding: { dataset: 2, version: 1, root: versionOf(it.dataset).tree.root, renamed: [] },
      by: { user: it.ana.id },
    })
    const { workflows } = it.catalog
    expect(it.text(await workflows.document(workflow.id, it.ana))).toBe(source)
    expect(it.text(await workflows.document(workflow.id, it.ana, { canonical: true }))).toBe(
      source.replace('"dataset": 2', '"dataset": 0').replace('dataset:2', 'dataset:0'),
    )
  })

  test('that names other datasets is refused, unless that is allowed', async () => {
    await using it = await lab()
    const document = { dataset: 2, compare: { dataset: 1 }, also: 'dataset:9/x' }
    await expect(it.add(document)).rejects.toMatchObject({
      kind: 'invalid',
      about: '/compare/dataset',
      list: ['/compare/dataset', '/also'],
    })
    const { workflow, unbound } = await it.add(document, { allowUnbound: true })
    expect(unbound).toEqual(['/compare/dataset', '/also'])
    expect(versionOf(workflow).refs).toEqual([{ pointer: '/dataset', form: 'id-number' }])
  })

  test('that names a path the dataset lacks is refused, and nothing is added', async () => {
    await using it = await lab()
    const missing = it.add({ a: 'dataset:2/no.fcs', b: 'dataset:2/fcs/a.fcs' })
    await expect(missing).rejects.toMatchObject({
      kind: 'invalid',
      about: 'no.fcs',
      list: ['no.fcs'],
    })
    await expect(it.add({ a: 'no.fcs' }, { refs: ['/a'] })).rejects.toMatchObject({
      about: 'no.fcs',
    })
    expect(await it.catalog.workflows.list(it.ana)).toEqual([])
  })
})

test('a document that is not JSON is bound as a whole, with the inputs that one names', async () => {
  await using it = await lab()
  const source = 'read("dataset:2/fcs/a.fcs")\n'
  const { workflow } = await it.add(source, { inputs: [{ label: 'all', path: 'fcs/' }] })
  const one = versionOf(workflow)
  expect(one).toMatchObject({
    format: 'opaque',
    refs: [],
    inputs: [
      { label: 'all', path: 'fcs/a.fcs' },
      { label: 'all', path: 'fcs/b.fcs' },
    ],
  })
  expect(it.text(await it.catalog.workflows.document(workflow.id, it.ana))).toBe(source)
  await expect(it.add(source, { refs: ['/a'] })).rejects.toMatchObject({
    kind: 'invalid',
    about: '/a',
  })
  await expect(it.add(source, { format: 'json' })).rejects.toMatchObject({
    kind: 'invalid',
    about: 'json',
  })
  expect(versionOf((await it.add(source, { format: 'R' })).workflow).format).toBe('R')
  const twice = {
    inputs: [
      { label: 'x', path: 'fcs' },
      { label: 'x', path: 'fcs/a.fcs' },
    ],
  }
  await expect(it.add(source, twice)).rejects.toMatchObject({ kind: 'invalid', about: 'x' })
})

describe('a real Galaxy workflow', () => {
  test('stays untouched; its slot is bound by label and written into a job file', async () => {
    await using it = await lab()
    const { catalog, ana, dataset } = it
    const name = 'segmentation-and-counting.ga'
    const source = await readFile(new URL(name, galaxyFiles))
    const document = await put(catalog, name, source)
    const add = (inputs: { label: string; path: string }[]) =>
      catalog.workflows.add(
        { name: 'Count nuclei / 2', document, dataset: dataset.id, inputs },
        ana,
      )
    await expect(add([{ label: 'image', path: 'fcs/a.fcs' }])).rejects.toMatchObject({
      kind: 'invalid',
      list: ['input_image'],
    })
    await expect(add([{ label: 'input_image', path: 'fcs' }])).rejects.toMatchObject({
      kind: 'invalid',
      about: 'input_image',
    })
    expect((await add([])).open).toEqual(['input_image'])
    const { workflow, open } = await add([{ label: 'input_image', path: 'fcs/a.fcs' }])
    expect(open).toEqual([])
    expect(versionOf(workflow)).toMatchObject({ format: 'galaxy', refs: [] })
    const folder = join(catalog.path, 'out')
    const exported = await catalog.workflows.export(workflow.id, folder, ana)
    expect(exported).toEqual({
      version: 1,
      document: 'Count nuclei - 2.ga',
      job: 'Count nuclei - 2-job.yml',
      files: 0,
      bytes: 0,
    })
    expect(await readFile(join(folder, exported.document))).toEqual(source)
    expect(await readFile(join(folder, exported.job!), 'utf8')).toContain(
      '"input_image":\n  class: File\n  path: "fcs/a.fcs"\n',
    )
    expect((await readdir(folder)).sort()).toEqual([exported.job, exported.document].sort())
  })

  test('takes a folder for a collection', async () => {
    await using it = await lab()
    const { catalog, ana, dataset } = it
    const document = new URL('histological-staining-area-quantification.ga', galaxyFiles).pathname
    const label = 'ROI image for staining analysis'
    const inputs = [{ label, path: 'fcs' }]
    const { workflow } = await catalog.workflows.add(
      { name: 'x', document, dataset: dataset.id, inputs },
      ana,
    )
    expect(versionOf(workflow).inputs.map((input) => input.path)).toEqual([
      'fcs/a.fcs',
      'fcs/b.fcs',
    ])
    await catalog.workflows.export(workflow.id, join(catalog.path, 'out'), ana)
    expect(await readFile(join(catalog.path, 'out/x-job.yml'), 'utf8')).toContain(
      'identifier: "b.fcs"\n      path: "fcs/b.fcs"',
    )
  })
})

describe('results', () => {
  test('travel in the tree as they are and come out beside the bound document', async () => {
    await using it = await lab()
    const { catalog, ana } = it
    const results = join(catalog.path, 'results')
    await put(catalog, 'results/counts.csv', 'dataset,2\n')
    await put(catalog, 'results/plots/p.svg', '<svg/>')
    await mkdir(join(results, 'empty'))
    await utimes(join(results, 'counts.csv'), 1000, 1000)
    const { workflow } = await it.add({ dataset: 2 }, { results })
    expect(versionOf(workflow).tree).toMatchObject({ files: 3, entries: 4 })
    const bound = join(catalog.path, 'bound')
    expect(await catalog.workflows.export(workflow.id, bound, ana)).toEqual({
      version: 1,
      document: 'gates.json',
      files: 2,
      bytes: 16,
    })
    const names = [
      'gates.json',
      'results',
      'results/counts.csv',
      'results/empty',
      'results/plots',
      'results/plots/p.svg',
    ]
    expect((await readdir(bound, { recursive: true })).sort()).toEqual(names)
    expect(await readFile(join(bound, 'gates.json'), 'utf8')).toBe('{"dataset":2}')
    expect(await readFile(join(bound, 'results/counts.csv'), 'utf8')).toBe('dataset,2\n')
    const canonical = join(catalog.path, 'canonical')
    await catalog.workflows.export(workflow.id, canonical, ana, { canonical: true })
    expect(await readFile(join(canonical, 'document'), 'utf8')).toBe('{"dataset":0}')
    expect((await readdir(canonical)).sort()).toEqual(['document', 'results'])
    await expect(catalog.workflows.export(workflow.id, bound, ana)).rejects.toMatchObject({
      kind: 'exists',
      about: bound,
    })
    expect((await readdir(catalog.path)).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('may be none, an empty folder, or one file; the document may be large', async () => {
    await using it = await lab()
    const { catalog, ana } = it
    const large = `{"dataset":2,"x":"${'y'.repeat(2_500_000)}"}`
    const without = await it.add(large)
    expect(versionOf(without.workflow).tree.entries).toBe(1)
    expect(it.text(await catalog.workflows.document(without.workflow.id, ana))).toBe(large)
    const empty = join(catalog.path, 'none')
    await mkdir(empty)
    const { workflow } = await it.add({ dataset: 2 }, { results: empty })
    await catalog.workflows.export(workflow.id, join(catalog.path, 'out'), ana)
    expect((await readdir(join(catalog.path, 'out'))).sort()).toEqual(['gates.json', 'results'])
    const file = await put(catalog, 'one.csv', '1')
    await catalog.workflows.export(
      (await it.add({ dataset: 2 }, { results: file })).workflow.id,
      join(catalog.path, 'out2'),
      ana,
    )
    expect(await readFile(join(catalog.path, 'out2/results/one.csv'), 'utf8')).toBe('1')
  })

  test('two sites whose datasets have different IDs hold the same tree', async () => {
    await using oslo = await lab()
    await using kyoto = await openCatalog()
    const ana = await kyoto.person('ana')
    const document = await put(kyoto, 'document', '{"dataset":1}')
    for (const name of ['fcs/a.fcs', 'fcs/b.fcs', 'readme.txt'])
      await put(kyoto, `in/${name}`, name)
    const { dataset } = await kyoto.datasets.add({ name: 'y', path: join(kyoto.path, 'in') }, ana)
    const there = await kyoto.workflows.add({ name: 'y', document, dataset: dataset.id }, ana)
    const here = await oslo.add({ dataset: 2 })
    expect(versionOf(here.workflow).tree.root).toBe(versionOf(there.workflow).tree.root)
  })
})

describe('an update', () => {
  test('changes what is given and keeps the rest; nothing new is refused in words', async () => {
    await using it = await lab()
    const { catalog, ana } = it
    const results = join(catalog.path, 'results')
    await put(catalog, 'results/r.csv', '1')
    const first = { dataset: 2, plain: 'readme.txt' }
    const { id } = (
      await it.add(first, {
        results,
        refs: ['/plain'],
        inputs: [{ label: 'mine', path: 'fcs/b.fcs' }],
      })
    ).workflow
    const update = async (document: unknown, more: object = {}) => {
      const file = await put(catalog, 'document', JSON.stringify(document))
      return catalog.workflows.update(id, { document: file, ...more }, ana)
    }
    await expect(update(first)).rejects.toMatchObject({ kind: 'exists', about: id })
    const { workflow } = await update({ note: 'new', ...first })
    expect(workflow.versions.map((one) => one.version)).toEqual([1, 2])
    const [before, after] = workflow.versions
    expect(after!.refs).toEqual(before!.refs)
    expect(after!.inputs).toEqual(before!.inputs)
    expect(after!.tree.files).toBe(2)
    expect(after!.document).not.toBe(before!.document)
    await put(catalog, 'results/s.csv', '2')
    const third = (await update({ note: 'new', ...first }, { results, refs: [], inputs: [] }))
      .workflow
    expect(versionOf(third)).toMatchObject({ inputs: [], tree: { files: 3 } })
    expect(it.text(await catalog.workflows.document(id, ana, { version: 1 }))).toBe(
      JSON.stringify(first),
    )
  })

  test('binds to the latest version of the dataset, which must still have its inputs', async () => {
    await using it = await lab()
    const { catalog, ana, dataset } = it
    const document = { file: 'dataset:2/fcs/a.fcs' }
    const { id } = (await it.add(document)).workflow
    const file = join(catalog.path, 'document')
    await put(catalog, 'in2/fcs/a.fcs', 'changed')
    await catalog.datasets.update(dataset.id, { path: join(catalog.path, 'in2') }, ana)
    const { workflow } = await catalog.workflows.update(id, { document: file }, ana)
    expect(workflow.versions.map((one) => one.binding.version)).toEqual([1, 2])
    await put(catalog, 'in3/other', 'x')
    await catalog.datasets.update(dataset.id, { path: join(catalog.path, 'in3') }, ana)
    await expect(catalog.workflows.update(id, { document: file }, ana)).rejects.toMatchObject({
      kind: 'invalid',
      about: 'fcs/a.fcs',
    })
  })

  test('that races another is told', async () => {
    await using it = await lab()
    const { catalog, ana } = it
    const { id } = (await it.add({ dataset: 2 })).workflow
    const documents = await Promise.all(
      ['a', 'b'].map((name) => put(catalog, name, `{"dataset":2,"n":"${name}"}`)),
    )
    const ended = await Promise.allSettled(
      documents.map((document) => catalog.workflows.update(id, { document }, ana)),
    )
    expect(ended.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(ended.find((one) => one.status === 'rejected')?.reason).toMatchObject({
      kind: 'conflict',
      about: id,
    })
  })
})

describe('rights', () => {
  test('who may not see the dataset or the project adds nothing and sees nothing', async () => {
    await using it = await lab()
    const { catalog, dataset } = it
    const ben = await catalog.person('ben')
    const { id } = (await it.add({ dataset: 2 })).workflow
    const document = join(catalog.path, 'document')
    const add = (dataset: DatasetId) => catalog.workflows.add({ name: 'x', document, dataset }, ben)
    await expect(add(dataset.id)).rejects.toMatchObject({ kind: 'missing', about: 2 })
    await expect(add(77 as DatasetId)).rejects.toMatchObject({ kind: 'missing', about: 77 })
    for (const one of [id, 77 as WorkflowId]) {
      await expect(catalog.workflows.show(one, ben)).rejects.toMatchObject({
        kind: 'missing',
        about: one,
      })
      await expect(catalog.workflows.document(one, ben)).rejects.toMatchObject({
        kind: 'missing',
        about: one,
      })
      await expect(catalog.workflows.remove(one, ben)).rejects.toMatchObject({
        kind: 'missing',
        about: one,
      })
    }
    expect(await catalog.workflows.list(ben)).toEqual([])
  })

  test('a viewer of the dataset keeps a workflow on it in a project of their own', async () => {
    await using it = await lab()
    const { catalog, ana, dataset } = it
    const ben = await catalog.person('ben')
    await catalog.projects.setMember(ana.personal, { user: ben.id, role: 'viewer' }, ana)
    const document = await put(catalog, 'document', '{"dataset":2}')
    const add = (project?: typeof ben.personal) =>
      catalog.workflows.add({ name: 'x', document, dataset: dataset.id, project }, ben)
    await expect(add()).rejects.toMatchObject({ kind: 'denied' })
    const { workflow } = await add(ben.personal)
    expect(await catalog.workflows.list(ben, { mine: true, dataset: dataset.id })).toEqual([
      JSON.parse(JSON.stringify(workflow)),
    ])
    expect(await catalog.workflows.list(ana)).toEqual([])
  })

  test('a workflow that was removed says so; a dataset that was removed gets no new ones', async () => {
    await using it = await lab()
    const { catalog, ana, dataset } = it
    const { id } = (await it.add({ dataset: 2 })).workflow
    await catalog.datasets.remove(dataset.id, ana)
    await expect(it.add({ dataset: 2 })).rejects.toMatchObject({ kind: 'gone', about: 2 })
    expect(it.text(await catalog.workflows.document(id, ana))).toBe('{"dataset":2}')
    await catalog.workflows.remove(id, ana)
    await expect(catalog.workflows.show(id, ana)).rejects.toMatchObject({ kind: 'gone', about: id })
    expect(await catalog.rebuilt(keys.workflows())).toMatchObject([{ id, at: 'removed' }])
  })
})

test('documents that cannot be read are refused by what they are', async () => {
  await using it = await lab()
  const { catalog, ana, dataset } = it
  const add = (document: string) =>
    catalog.workflows.add({ name: 'x', document, dataset: dataset.id }, ana)
  await expect(add(catalog.path)).rejects.toMatchObject({ kind: 'invalid', about: catalog.path })
  await expect(add('/dev/null')).rejects.toMatchObject({ kind: 'invalid' })
  await expect(add(join(catalog.path, 'none'))).rejects.toMatchObject({ kind: 'missing' })
  const large = await put(catalog, 'large', new Uint8Array(documentBytesMax + 1))
  await expect(add(large)).rejects.toMatchObject({ kind: 'unsupported', about: large })
})
