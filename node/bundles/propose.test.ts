import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BundleDataset, BundleWorkflow } from '../../protocol/bundle.ts'
import type {
  DatasetId,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  WorkflowId,
} from '../../protocol/ids.ts'
import { openCatalog } from '../../test/catalog.ts'
import { filesOf, readContent } from '../catalog/contents.ts'
import { type Dataset, versionOf } from '../catalog/dataset.ts'
import { renderVersion, type Workflow } from '../catalog/workflow.ts'
import { buildTree, type Timed } from '../trees/build.ts'
import { openTree } from '../trees/trees.ts'
import {
  type Arrival,
  checkBinding,
  proposeNewDataset,
  proposeUnion,
  proposeWorkflow,
} from './propose.ts'

/**
 * Both sites keep their content in one store here: what arrives is in the store before anything is
 * proposed, and that is all a proposal knows of a transfer.
 */
async function openPair() {
  const catalog = await openCatalog()
  const ana = await catalog.person('ana')
  const write = async (name: string, files: Record<string, string>) => {
    const folder = join(catalog.path, name)
    await rm(folder, { recursive: true, force: true })
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    return folder
  }
  const arrival = (transfer: number, site = 'oslo'): Arrival => ({
    store: catalog.store,
    site: site as SiteId,
    transfer: String(transfer) as TransferId,
    by: { site: site as SiteId },
    at: 5,
  })
  const as = { id: 40 as DatasetId, project: 9 as ProjectId }
  return {
    catalog,
    arrival,
    as,
    /** A dataset at the source, as its latest version would travel. */
    async source(files: Record<string, string>, id?: number): Promise<Dataset> {
      const path = await write('source', files)
      if (id === undefined)
        return (await catalog.datasets.add({ name: 'mice', path, meta: { a: 'b' } }, ana)).dataset
      return (await catalog.datasets.update(id as DatasetId, { path }, ana)).dataset
    },
    /** One here that came from nowhere. */
    async local(files: Record<string, string>): Promise<Dataset> {
      return (await catalog.datasets.add({ name: 'ours', path: await write('local', files) }, ana))
        .dataset
    },
    async workflow(dataset: Dataset, document: unknown, more: object = {}): Promise<Workflow> {
      const path = join(catalog.path, 'document')
      await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document))
      const input = { name: 'gates', document: path, dataset: dataset.id, ...more }
      return (await catalog.workflows.add(input, ana)).workflow
    },
    async rendered(workflow: Workflow): Promise<string> {
      const one = versionOf(workflow)
      return new TextDecoder().decode(
        renderVersion(one, await readContent(catalog.store, one.tree, one.document)),
      )
    },
    paths: async (dataset: Dataset) => {
      const files: string[] = []
      for await (const { path } of filesOf(catalog.store, versionOf(dataset).tree.root))
        files.push(path)
      return files
    },
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

function bundled(dataset: Dataset, version = versionOf(dataset)): BundleDataset {
  return {
    id: dataset.id,
    version: version.version,
    name: dataset.name,
    meta: { ...dataset.meta },
    tree: version.tree,
    part: false,
  }
}

function bundledWorkflow(workflow: Workflow): BundleWorkflow {
  const { version, format, tree, document, refs, inputs, binding } = versionOf(workflow)
  const about = { dataset: binding.dataset, version: binding.version, root: binding.root }
  return {
    id: workflow.id,
    version,
    name: workflow.name,
    format,
    tree,
    document,
    refs: [...refs],
    inputs: [...inputs],
    about,
  }
}

const workflowAs = { id: 80 as WorkflowId, project: 9 as ProjectId }

describe('a dataset that arrives', () => {
  test('becomes a dataset of its own, which remembers where it came from', async () => {
    await using pair = await openPair()
    const source = await pair.source({ a: '1', b: '2' })
    const { tree } = versionOf(source)
    expect(proposeNewDataset(pair.arrival(1), bundled(source), pair.as)).toEqual({
      dataset: {
        id: 40,
        project: 9,
        name: 'mice',
        meta: { a: 'b' },
        inPlace: false,
        at: 'here',
        versions: [
          {
            version: 1,
            tree,
            at: 5,
            by: { site: 'oslo' },
            origin: { site: 'oslo', transfer: '1', dataset: source.id, version: 1, tree },
          },
        ],
      },
      version: 1,
      added: 2,
      replaced: 0,
      same: 0,
    })
    const hostile = { ...bundled(source), name: 'a\u001b[2J' }
    expect(() => proposeNewDataset(pair.arrival(1), hostile, pair.as)).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    )
  })

  test('into one of ours adds its files and removes nothing', async () => {
    await using pair = await openPair()
    const into = await pair.local({ a: '1', ours: 'x' })
    const source = await pair.source({ a: '1', b: '2' })
    const { dataset, ...counts } = await proposeUnion(pair.arrival(1), bundled(source), into)
    expect(counts).toEqual({ version: 2, added: 1, replaced: 0, same: 1 })
    expect(dataset).toMatchObject({
      id: into.id,
      name: 'ours',
      meta: {},
      versions: [{ version: 1 }, { version: 2 }],
    })
    expect(await pair.paths(dataset)).toEqual(['a', 'b', 'ours'])
  })

  test('replaces what came from an earlier version of the same source dataset, and only that', async () => {
    await using pair = await openPair()
    const source = await pair.source({ a: '1', b: '2' })
    const first = proposeNewDataset(pair.arrival(1), bundled(source), pair.as).dataset
    const changed = await pair.source({ a: 'changed', b: '2', c: '3' }, source.id)
    const second = await proposeUnion(pair.arrival(2), bundled(changed), first)
    expect(second).toMatchObject({ version: 2, added: 1, replaced: 1, same: 1 })
    // The same bundle from another site, or as another dataset, has no such right.
    const changedAgain = bundled(await pair.source({ a: 'again' }, source.id))
    const others: [Arrival, BundleDataset][] = [
      [pair.arrival(3, 'lima'), changedAgain],
      [pair.arrival(3), { ...changedAgain, id: 77 }],
    ]
    for (const [arrival, incoming] of others) {
      await expect(proposeUnion(arrival, incoming, second.dataset)).rejects.toMatchObject({
        kind: 'conflict',
        about: 40,
        list: ['a'],
      })
    }
    expect((await proposeUnion(pair.arrival(3), changedAgain, second.dataset)).replaced).toBe(1)
  })

  test('does not replace what was changed here since', async () => {
    await using pair = await openPair()
    const source = await pair.source({ a: '1', b: '2' })
    const first = proposeNewDataset(pair.arrival(1), bundled(source), pair.as).dataset
    const ours = versionOf(await pair.local({ a: 'ours', b: '2' }))
    const into: Dataset = { ...first, versions: [...first.versions, { ...ours, version: 2 }] }
    const incoming = bundled(await pair.source({ a: 'theirs', b: 'theirs' }, source.id))
    await expect(proposeUnion(pair.arrival(2), incoming, into)).rejects.toMatchObject({
      kind: 'conflict',
      list: ['a'],
    })
  })

  test('a second time changes nothing, and a first time leaves its trace even when nothing is new', async () => {
    await using pair = await openPair()
    const source = bundled(await pair.source({ a: '1' }))
    const into = await pair.local({ a: '1', ours: 'x' })
    const first = await proposeUnion(pair.arrival(1), source, into)
    expect(first).toMatchObject({ version: 2, added: 0, same: 1 })
    expect(versionOf(first.dataset).origin).toMatchObject({ site: 'oslo', tree: source.tree })
    const second = await proposeUnion(pair.arrival(2), source, first.dataset)
    expect(second).toMatchObject({ version: 2, added: 0, same: 1 })
    expect(second.dataset).toBe(first.dataset)
  })

  test('asks for an earlier version only where a path has changed', async () => {
    await using pair = await openPair()
    const first = await pair.source({ a: '1' })
    let { dataset } = proposeNewDataset(pair.arrival(1), bundled(first), pair.as)
    const second = await pair.source({ a: '1', b: '2' }, first.id)
    ;({ dataset } = await proposeUnion(pair.arrival(2), bundled(second), dataset))
    // Damaged since: what nobody asks for stops nothing, and fails nowhere else either.
    await pair.catalog.store.remove([versionOf(first, 1).tree.root])
    const third = await pair.source({ a: '1', b: '2', c: '3' }, first.id)
    const made = await proposeUnion(pair.arrival(3), bundled(third), dataset)
    expect(made).toMatchObject({ version: 3, added: 1, replaced: 0, same: 2 })
  })
})

describe('a workflow that arrives', () => {
  const document = (id: number) => `{"dataset":${id}, "files":["dataset:${id}/fcs/a.fcs"]}`
  const files = { 'fcs/a.fcs': 'a', 'fcs/b.fcs': 'b' }

  test('is bound to the dataset it came with, and names only ours', async () => {
    await using pair = await openPair()
    const source = await pair.source(files)
    const workflow = await pair.workflow(source, document(source.id))
    const { dataset } = proposeNewDataset(pair.arrival(1), bundled(source), pair.as)
    const made = await proposeWorkflow(
      pair.arrival(1),
      bundledWorkflow(workflow),
      { dataset },
      workflowAs,
    )
    expect(made.report).toEqual({
      rows: [{ label: '/files/0', path: 'fcs/a.fcs', state: 'matched' }],
      whole: true,
      lacks: { count: 0, paths: [] },
      ok: true,
    })
    expect(made.workflow).toMatchObject({ ...workflowAs, name: 'gates', at: 'here' })
    const [there, here] = [versionOf(workflow), versionOf(made.workflow)]
    expect(here).toMatchObject({
      version: 1,
      tree: there.tree,
      document: there.document,
      binding: { dataset: 40, version: 1, root: versionOf(dataset).tree.root, renamed: [] },
      origin: { site: 'oslo', transfer: '1', workflow: workflow.id, version: 1 },
    })
    expect(await pair.rendered(made.workflow)).toBe(document(40))
  })

  test('follows files that have other names here', async () => {
    await using pair = await openPair()
    const workflow = await pair.workflow(await pair.source(files), document(1))
    const dataset = await pair.local({ 'x/eins.fcs': 'a', 'fcs/b.fcs': 'b' })
    const { workflow: made, report } = await proposeWorkflow(
      pair.arrival(1),
      bundledWorkflow(workflow),
      { dataset },
      workflowAs,
    )
    expect(report.rows).toEqual([
      { label: '/files/0', path: 'fcs/a.fcs', state: 'renamed', now: 'x/eins.fcs' },
    ])
    expect(report.ok).toBe(true)
    expect(await pair.rendered(made)).toBe('{"dataset":2, "files":["dataset:2/x/eins.fcs"]}')
  })

  test('whose files are changed or missing is refused with a report, unless that is allowed', async () => {
    await using pair = await openPair()
    const workflow = await pair.workflow(await pair.source(files), {
      a: 'dataset:1/fcs/a.fcs',
      b: 'dataset:1/fcs/b.fcs',
    })
    const dataset = await pair.local({ 'fcs/a.fcs': 'other' })
    const incoming = bundledWorkflow(workflow)
    const refused = await proposeWorkflow(pair.arrival(1), incoming, { dataset }, workflowAs)
    expect(refused.report.rows.map((row) => row.state)).toEqual(['changed', 'missing'])
    expect(() => checkBinding('gates', dataset, refused.report)).toThrow(
      expect.objectContaining({
        kind: 'conflict',
        about: dataset.id,
        list: ['/a: fcs/a.fcs (changed)', '/b: fcs/b.fcs (missing)'],
      }),
    )
    const allowed = await proposeWorkflow(
      pair.arrival(1),
      incoming,
      { dataset, allow: true },
      workflowAs,
    )
    expect(() => checkBinding('gates', dataset, allowed.report)).not.toThrow()
    expect(await pair.rendered(allowed.workflow)).toBe(
      '{"a":"dataset:2/fcs/a.fcs","b":"dataset:2/fcs/b.fcs"}',
    )
  })

  test('that names the whole dataset binds to any, and says what is lacking where that can be known', async () => {
    await using pair = await openPair()
    const source = await pair.source({ a: '1', b: '2' })
    const incoming = bundledWorkflow(await pair.workflow(source, { dataset: source.id }))
    const first = proposeNewDataset(pair.arrival(1), bundled(source), pair.as).dataset
    const ours = versionOf(await pair.local({ a: 'changed' }))
    const dataset: Dataset = { ...first, versions: [...first.versions, { ...ours, version: 2 }] }
    const bind = async (to: { dataset: Dataset; version?: number }) =>
      (await proposeWorkflow(pair.arrival(2), incoming, to, workflowAs)).report
    expect(await bind({ dataset })).toEqual({
      rows: [],
      whole: true,
      lacks: { count: 2, paths: ['b', 'a'] },
      ok: true,
    })
    expect((await bind({ dataset, version: 1 })).lacks).toEqual({ count: 0, paths: [] })
    expect(await bind({ dataset: await pair.local({ z: '9' }) })).toEqual({
      rows: [],
      whole: true,
      ok: true,
    })
  })

  test('opaque, with inputs by hand, gets a report too', async () => {
    await using pair = await openPair()
    const source = await pair.source(files)
    const incoming = bundledWorkflow(
      await pair.workflow(source, 'x <- 1', { inputs: [{ label: 'all', path: 'fcs' }] }),
    )
    const dataset = await pair.local({ 'fcs/a.fcs': 'a' })
    const { report } = await proposeWorkflow(pair.arrival(1), incoming, { dataset }, workflowAs)
    expect(report.rows).toEqual([
      { label: 'all', path: 'fcs/a.fcs', state: 'matched' },
      { label: 'all', path: 'fcs/b.fcs', state: 'missing' },
    ])
  })
})

describe('a hostile workflow', () => {
  const files = { a: '1' }

  test.each<[string, (good: BundleWorkflow, other: BundleWorkflow) => Partial<BundleWorkflow>]>([
    ['another document than its tree has', (_, other) => ({ document: other.document })],
    ['a tree without a document', (good) => ({ tree: { ...good.tree, root: good.about.root } })],
    ['refs that do not fit the document', () => ({ refs: [{ pointer: '/x', form: 'id-number' }] })],
    ['a ref with a path that no input speaks of', (good) => ({ refs: [...good.refs], inputs: [] })],
    ['an input that climbs', (good) => ({ inputs: [{ ...good.inputs[0]!, path: '../a' }] })],
    ['a format that it is not', () => ({ format: 'galaxy' })],
    ['a format that steers a terminal', () => ({ format: 'a\u001b' })],
  ])('with %s is invalid', async (_what, twist) => {
    await using pair = await openPair()
    const source = await pair.source(files)
    const good = bundledWorkflow(await pair.workflow(source, { a: 'dataset:1/a' }))
    const other = bundledWorkflow(await pair.workflow(source, { b: 'dataset:1/a' }))
    const to = { dataset: source }
    await expect(proposeWorkflow(pair.arrival(1), good, to, workflowAs)).resolves.toMatchObject({
      report: { ok: true },
    })
    const bad = { ...good, ...twist(good, other) }
    await expect(proposeWorkflow(pair.arrival(1), bad, to, workflowAs)).rejects.toMatchObject({
      kind: 'invalid',
    })
  })

  test('whose tree has more than a document and results is invalid', async () => {
    await using pair = await openPair()
    const source = await pair.source(files)
    const good = bundledWorkflow(await pair.workflow(source, { dataset: 1 }))
    const { store } = pair.catalog
    const reader = await openTree(store, good.tree.root as Root)
    await using stage = await store.stage()
    async function* more(): AsyncGenerator<Timed> {
      for await (const timed of reader.walk()) yield timed
      yield { entry: { kind: 'dir', path: 'elsewhere' }, time: null }
    }
    const tree = await buildTree(stage, more())
    await stage.keep(tree.root)
    const proposed = proposeWorkflow(
      pair.arrival(1),
      { ...good, tree },
      { dataset: source },
      workflowAs,
    )
    await expect(proposed).rejects.toMatchObject({ kind: 'invalid', about: 'elsewhere' })
  })
})
