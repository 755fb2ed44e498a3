import type { ProjectId } from '../../../protocol/ids.ts'
import { type Dataset, type DatasetVersion, versionOf } from '../../catalog/dataset.ts'
import type { User } from '../../people/users.ts'
import type { Doors, Handlers } from '../doors.ts'
import { viewVersion } from './versions.ts'

type Names =
  | 'datasets.list'
  | 'datasets.add'
  | 'datasets.show'
  | 'datasets.update'
  | 'datasets.meta'
  | 'datasets.versions'
  | 'datasets.files'
  | 'datasets.folder'
  | 'datasets.export'
  | 'datasets.verify'
  | 'datasets.remove'

export const datasetHandlers: Handlers<Names> = {
  'datasets.list': async ({ doors, by, input }) => {
    if (input.project !== undefined) await doors.projects.need(input.project, by, 'project.read')
    const [datasets, mine] = [await doors.datasets.list(by, input), await mineOf(doors, by)]
    return datasets.map((dataset) => viewDataset(dataset, mine))
  },
  'datasets.add': async ({ doors, by, input, paths, signal, onProgress }) => {
    const path = await paths.check(input.path, by)
    const added = await doors.datasets.add({ ...input, path }, by, { signal, onProgress })
    return { ...viewDataset(added.dataset, await mineOf(doors, by)), flagged: added.flagged }
  },
  'datasets.show': async ({ doors, by, input: { id } }) => {
    const dataset = await doors.datasets.show(id, by)
    const versions = await viewVersions(doors, dataset.versions)
    const deposit = await doors.deposits.ofDataset(id)
    const shown = { ...viewDataset(dataset, await mineOf(doors, by)), versions }
    return deposit === undefined ? shown : { ...shown, deposit }
  },
  'datasets.update': async ({ doors, by, input: { id, ...input }, paths, signal, onProgress }) => {
    await doors.datasets.need(id, by, 'dataset.write')
    const path = await paths.check(input.path, by)
    const added = await doors.datasets.update(id, { ...input, path }, by, { signal, onProgress })
    return { ...viewDataset(added.dataset, await mineOf(doors, by)), flagged: added.flagged }
  },
  'datasets.meta': async ({ doors, by, input: { id, changes } }) =>
    viewDataset(await doors.datasets.meta(id, changes, by), await mineOf(doors, by)),
  'datasets.versions': async ({ doors, by, input: { id } }) =>
    viewVersions(doors, await doors.datasets.versions(id, by)),
  'datasets.files': ({ doors, by, input: { id, ...options }, signal }) =>
    doors.datasets.files(id, by, { ...options, signal }),
  'datasets.folder': ({ doors, by, input: { id, ...options }, signal }) =>
    doors.datasets.folder(id, by, { ...options, signal }),
  'datasets.export': async ({ doors, by, input, paths, signal, onProgress }) => {
    const { id, version } = input
    await doors.datasets.need(id, by, 'dataset.read')
    const folder = await paths.check(input.folder, by)
    const options = { version, signal, onProgress }
    return { folder, ...(await doors.datasets.export(id, folder, by, options)) }
  },
  'datasets.verify': ({ doors, by, input: { id, version }, signal, onProgress }) =>
    doors.datasets.verify(id, by, { version, signal, onProgress }),
  'datasets.remove': async ({ doors, by, input: { id } }) => {
    await doors.datasets.remove(id, by)
    return {}
  },
}

/** The projects that somebody owns, and so may send from. */
export async function mineOf(doors: Doors, by: User): Promise<ReadonlySet<ProjectId>> {
  return new Set((await doors.projects.mine(by)).map(({ id }) => id))
}

function viewVersions(doors: Doors, versions: readonly DatasetVersion[]) {
  return Promise.all(
    versions.map(({ origin, ...version }) =>
      viewVersion(doors, version, origin && { ...origin, id: origin.dataset }),
    ),
  )
}

export function viewDataset(dataset: Dataset, mine: ReadonlySet<ProjectId>) {
  const { id, project, name, meta, inPlace } = dataset
  const { version, tree, at } = versionOf(dataset)
  const { root, files, bytes } = tree
  return {
    id,
    project,
    name,
    meta: { ...meta },
    version,
    inPlace,
    mine: mine.has(project),
    changedAt: at,
    root,
    files,
    bytes,
  }
}
