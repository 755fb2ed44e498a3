import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import { type Catalog, openCatalog } from '../../test/catalog.ts'
import { keys } from '../db/keys.ts'
import type { KnownRoot } from './dataset.ts'

/** A folder of the test with these files. */
async function files(catalog: Catalog, name: string, contents: Record<string, string>) {
  const folder = join(catalog.path, name)
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

const two = { 'a/one.fcs': '1', 'two.fcs': '22' }

describe('a dataset', () => {
  test('is added from a folder, listed, and comes out again as it was', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const { dataset } = await datasets.add({ name: ' Mice ', path, meta: { strain: 'B6' } }, ana)
    expect(dataset).toMatchObject({
      id: 1,
      name: 'Mice',
      project: ana.personal,
      meta: { strain: 'B6' },
      at: 'here',
    })
    expect(dataset.versions).toMatchObject([
      { version: 1, by: { user: ana.id }, tree: { files: 2, bytes: 3 } },
    ])
    expect(await datasets.show(dataset.id, ana)).toEqual(JSON.parse(JSON.stringify(dataset)))
    expect(await datasets.list(ana)).toHaveLength(1)
    const out = join(catalog.path, 'out')
    expect(await datasets.export(dataset.id, out, ana)).toEqual({ files: 2, bytes: 3, version: 1 })
    expect((await readdir(out, { recursive: true })).sort()).toEqual(['a', 'a/one.fcs', 'two.fcs'])
    expect(await readFile(join(out, 'two.fcs'), 'utf8')).toBe('22')
    expect(await datasets.verify(dataset.id, ana)).toMatchObject({
      files: 2,
      bytes: 3,
      bad: [],
      version: 1,
    })
  })

  test('has its files in pages, in the order of the tree', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const names = ['a/b', 'a.txt', 'c', 'ä', '😀']
    const path = await files(catalog, 'in', Object.fromEntries(names.map((name) => [name, name])))
    const { id } = (await datasets.add({ name: 'x', path }, ana)).dataset
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await datasets.files(id, ana, { after, limit: 2 })
      expect(page.files.length).toBeLessThanOrEqual(2)
      seen.push(...page.files.map((file) => file.path))
      after = page.next
    } while (after !== undefined)
    expect(seen).toEqual(names)
    const [first] = (await datasets.files(id, ana)).files
    expect(first).toEqual({ path: 'a/b', size: 3, cid: expect.stringMatching(/^bafkrei/) })
  })

  test('gets its next version by update; equal content is refused in words', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const { id } = (await datasets.add({ name: 'x', path }, ana)).dataset
    await expect(datasets.update(id, { path }, ana)).rejects.toMatchObject({
      kind: 'exists',
      message: 'Version 1 of dataset 1 has exactly this content. Nothing was added.',
    })
    await writeFile(join(path, 'three'), '3')
    expect((await datasets.update(id, { path }, ana)).dataset.versions).toHaveLength(2)
    expect((await datasets.files(id, ana, { version: 1 })).files).toHaveLength(2)
    expect((await datasets.files(id, ana)).files).toHaveLength(3)
    await expect(datasets.files(id, ana, { version: 3 })).rejects.toMatchObject({
      kind: 'missing',
      about: 3,
    })
  })

  test('left in place stays so when it is updated, and a changed file is refused by its path', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const { id } = (await datasets.add({ name: 'x', path, inPlace: true }, ana)).dataset
    await writeFile(join(path, 'three'), '3')
    const { dataset } = await datasets.update(id, { path }, ana)
    expect(dataset.inPlace).toBe(true)
    await writeFile(join(path, 'three'), 'changed')
    await expect(datasets.export(id, join(catalog.path, 'out'), ana)).rejects.toMatchObject({
      kind: 'conflict',
    })
    expect((await datasets.verify(id, ana)).bad).toEqual([expect.stringContaining('three')])
  })

  test('has metadata that are set and taken away', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const { id } = (await datasets.add({ name: 'x', path, meta: { a: '1', b: '2' } }, ana)).dataset
    expect((await datasets.meta(id, { a: null, c: '3' }, ana)).meta).toEqual({ b: '2', c: '3' })
    await expect(datasets.meta(id, { '': 'x' }, ana)).rejects.toMatchObject({ kind: 'invalid' })
    await expect(datasets.meta(id, { d: 'a\u001b[2J' }, ana)).rejects.toMatchObject({
      kind: 'invalid',
      about: 'd',
    })
  })

  test('that was removed is out of the list and says so, but keeps its record and its ID', async () => {
    await using catalog = await openCatalog()
    const { datasets, db } = catalog
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const { dataset } = await datasets.add({ name: 'x', path }, ana)
    const { root } = dataset.versions[0]!.tree
    expect(await datasets.knowing(root, ana)).toEqual([{ dataset: 1, version: 1 }])
    await datasets.remove(dataset.id, ana)
    expect(await datasets.list(ana)).toEqual([])
    await expect(datasets.show(dataset.id, ana)).rejects.toMatchObject({ kind: 'gone', about: 1 })
    expect(await datasets.get(dataset.id)).toMatchObject({
      at: 'removed',
      versions: [{ version: 1 }],
    })
    expect(await datasets.knowing(root, ana)).toEqual([])
    expect(await db.get<KnownRoot>(keys.knownRoot(root, dataset.id))).toBeUndefined()
    expect((await datasets.add({ name: 'y', path }, ana)).dataset.id).toBe(2)
  })

  test('of the same name twice is two datasets', async () => {
    await using catalog = await openCatalog()
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const add = () => catalog.datasets.add({ name: 'same', path }, ana)
    const both = await Promise.all([add(), add()])
    expect(both.map(({ dataset }) => dataset.id).sort()).toEqual([1, 2])
  })
})

test('two updates that race: one makes the version, the other is told', async () => {
  await using catalog = await openCatalog()
  const { datasets } = catalog
  const ana = await catalog.person('ana')
  const { id } = (await datasets.add({ name: 'x', path: await files(catalog, 'in', two) }, ana))
    .dataset
  const other = await files(catalog, 'other', { b: '2' })
  const third = await files(catalog, 'third', { c: '3' })
  const ended = await Promise.allSettled(
    [other, third].map((path) => datasets.update(id, { path }, ana)),
  )
  expect(ended.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(ended.find((one) => one.status === 'rejected')?.reason).toMatchObject({
    kind: 'conflict',
    about: id,
  })
  expect(await datasets.versions(id, ana)).toHaveLength(2)
})

describe('rights', () => {
  test('a foreign dataset and an unknown one are the same fault', async () => {
    await using catalog = await openCatalog()
    const { datasets } = catalog
    const ana = await catalog.person('ana')
    const ben = await catalog.person('ben')
    const path = await files(catalog, 'in', two)
    const { id } = (await datasets.add({ name: 'x', path }, ana)).dataset
    const unknown = 7 as DatasetId
    const doors: ((one: DatasetId) => Promise<unknown>)[] = [
      (one) => datasets.show(one, ben),
      (one) => datasets.files(one, ben),
      (one) => datasets.versions(one, ben),
      (one) => datasets.meta(one, {}, ben),
      (one) => datasets.update(one, { path }, ben),
      (one) => datasets.export(one, join(catalog.path, 'out'), ben),
      (one) => datasets.verify(one, ben),
      (one) => datasets.remove(one, ben),
      (one) => datasets.need(one, ben, 'dataset.send'),
    ]
    for (const door of doors) {
      const text = (one: number) => ({
        kind: 'missing',
        about: one,
        message: `There is no dataset ${one} that you may see.`,
      })
      await expect(door(id)).rejects.toMatchObject(text(id))
      await expect(door(unknown)).rejects.toMatchObject(text(unknown))
    }
    expect(await datasets.list(ben)).toEqual([])
    expect(
      await datasets.knowing((await datasets.show(id, ana)).versions[0]!.tree.root, ben),
    ).toEqual([])
    // Removing it does not tell either.
    await datasets.remove(id, ana)
    await expect(datasets.show(id, ben)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('a viewer looks, a member changes, an owner sends and removes', async () => {
    await using catalog = await openCatalog()
    const { datasets, projects } = catalog
    const [ana, ben, cy] = [
      await catalog.person('ana'),
      await catalog.person('ben'),
      await catalog.person('cy'),
    ]
    const project = await projects.add({ name: 'lab' }, ana)
    await projects.setMember(project.id, { user: ben.id, role: 'member' }, ana)
    await projects.setMember(project.id, { user: cy.id, role: 'viewer' }, ana)
    const path = await files(catalog, 'in', two)
    const { id } = (await datasets.add({ name: 'x', path, project: project.id }, ben)).dataset
    expect((await datasets.list(cy)).map((one) => one.id)).toEqual([id])
    expect(await datasets.list(cy, { mine: true })).toEqual([])
    expect(await datasets.list(ana, { mine: true, project: project.id })).toHaveLength(1)
    await expect(datasets.meta(id, {}, cy)).rejects.toMatchObject({ kind: 'denied' })
    await expect(datasets.add({ name: 'y', path, project: project.id }, cy)).rejects.toMatchObject({
      kind: 'denied',
    })
    await expect(datasets.need(id, ben, 'dataset.send')).rejects.toMatchObject({ kind: 'denied' })
    await expect(datasets.remove(id, ben)).rejects.toMatchObject({ kind: 'denied' })
    await expect(datasets.need(id, ana, 'dataset.send')).resolves.toMatchObject({ id })
  })

  test('nothing is added to a project that one cannot see, and nothing with a bad name', async () => {
    await using catalog = await openCatalog()
    const ana = await catalog.person('ana')
    const path = await files(catalog, 'in', two)
    const add = (name: string, project?: number) =>
      catalog.datasets.add({ name, path, project: project as ProjectId | undefined }, ana)
    await expect(add('x', 99)).rejects.toMatchObject({ kind: 'missing', about: 99 })
    for (const name of ['', '  ', 'a\nb', 'x'.repeat(201)]) {
      await expect(add(name)).rejects.toMatchObject({ kind: 'invalid' })
    }
    expect(await catalog.datasets.list(ana)).toEqual([])
  })
})

test('all of it comes back when the index is made again from the journal', async () => {
  await using catalog = await openCatalog()
  const ana = await catalog.person('ana')
  const path = await files(catalog, 'in', two)
  const { id } = (await catalog.datasets.add({ name: 'x', path }, ana)).dataset
  await writeFile(join(path, 'three'), '3')
  await catalog.datasets.update(id, { path }, ana)
  expect(await catalog.rebuilt(keys.datasets())).toEqual([await catalog.datasets.show(id, ana)])
  expect(await catalog.rebuilt(keys.projects())).toEqual([
    await catalog.projects.show(ana.personal, ana),
  ])
})
