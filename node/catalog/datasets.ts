/** The door to datasets: added, updated, looked at, exported. What one is: `dataset.ts`. */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId, ProjectId, Root } from '../../protocol/ids.ts'
import { fileNameOf } from '../../protocol/paths.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Store } from '../store/store.ts'
import { type Added, addTree } from '../trees/add.ts'
import { exportTree } from '../trees/export.ts'
import { type Gathered, gatherTree } from '../trees/gather.ts'
import { tarOf } from '../trees/tar.ts'
import { verifyTree } from '../trees/verify.ts'
import type { Working } from './contents.ts'
import {
  checkRecord,
  type Dataset,
  type DatasetVersion,
  type KnownRoot,
  versionOf,
} from './dataset.ts'
import { type OpenFile, openFiles } from './files.ts'
import type { FolderOptions, InFolder } from './folder.ts'
import { createListing, type Listed, type ListOptions } from './listing.ts'
import { checkMeta, checkName, type Meta } from './names.ts'
import { type Narrowed, narrow, pageOf } from './narrow.ts'
import {
  type CatalogAct,
  denied,
  nextDatasetId,
  type Person,
  type Projects,
  type Rights,
} from './projects.ts'

/** Things of one page of a list. */
export const listMax = 1000

export type AddDataset = {
  readonly name: string
  /** Absolute, of a folder or a file on the site's machine. */
  readonly path: string
  /** The personal project unless given. */
  readonly project?: ProjectId | undefined
  readonly inPlace?: boolean | undefined
  readonly links?: 'refuse' | 'follow' | undefined
  readonly meta?: Meta | undefined
}

export type UpdateDataset = Pick<AddDataset, 'path' | 'inPlace' | 'links'>

/** Of files that lie somewhere under other names, each with the path that it is to have. */
export type GatherDataset = Pick<AddDataset, 'name' | 'project' | 'meta'> & {
  readonly files: readonly Gathered[]
}

/** What was added, and the paths that another system or a person's eye may stumble over. */
export type AddedDataset = { readonly dataset: Dataset; readonly flagged: string[] }

export type Paging<K> = { readonly after?: K | undefined; readonly limit?: number | undefined }

export interface Datasets {
  /** Faults `invalid`, `denied`, `missing`; with a path that cannot be taken, the list of them all. */
  add(input: AddDataset, by: Person, options?: Working): Promise<AddedDataset>
  /**
   * The next version. Faults `exists` when the content is what the latest version has, `conflict`
   * when another version came in the meantime.
   */
  update(id: DatasetId, input: UpdateDataset, by: Person, options?: Working): Promise<AddedDataset>
  /** As `add` and `update`, of files that somebody has sent here. */
  gather(input: GatherDataset, by: Person, options?: Working): Promise<AddedDataset>
  regather(
    id: DatasetId,
    files: readonly Gathered[],
    by: Person,
    options?: Working,
  ): Promise<AddedDataset>
  /** Sets the keys that are given, takes away those that are null. */
  meta(
    id: DatasetId,
    changes: Readonly<Record<string, string | null>>,
    by: Person,
  ): Promise<Dataset>
  /** What `by` may see, in the order of IDs, at most `listMax` at a time. */
  list(by: Person, options?: Paging<DatasetId> & Narrowed): Promise<Dataset[]>
  /** Faults `missing`, and `gone` once it was removed. */
  show(id: DatasetId, by: Person): Promise<Dataset>
  /** The files of a version in the order of the tree, at most `listMax` at a time. */
  files(
    id: DatasetId,
    by: Person,
    options?: Partial<ListOptions> & { version?: number | undefined },
  ): Promise<Listed>
  /** What lies directly in a folder of a version, in order, with what is below each folder in it. */
  folder(
    id: DatasetId,
    by: Person,
    options: FolderOptions & { version?: number | undefined },
  ): Promise<InFolder>
  versions(id: DatasetId, by: Person): Promise<readonly DatasetVersion[]>
  /** One file of a version by its path, open. Faults `missing`, and as the store does. */
  open(
    id: DatasetId,
    by: Person,
    options: { path: string; version?: number | undefined },
  ): Promise<OpenFile>
  /** All of a version as one tar, in a folder that has the dataset's name. */
  archive(
    id: DatasetId,
    by: Person,
    options?: { version?: number | undefined },
  ): Promise<{ name: string; pieces: AsyncGenerator<Uint8Array> }>
  /** Writes a version to `folder`, which is new, byte for byte. */
  export(
    id: DatasetId,
    folder: string,
    by: Person,
    options?: Working & { version?: number | undefined },
  ): Promise<{ files: number; bytes: number; version: number }>
  /** Reads and hashes every byte of a version. */
  verify(
    id: DatasetId,
    by: Person,
    options?: Working & { version?: number | undefined },
  ): Promise<{ files: number; bytes: number; bad: string[]; version: number }>
  /** Owners only. Its content stays until it is reclaimed; workflows bound to it stay bound. */
  remove(id: DatasetId, by: Person): Promise<Dataset>
  get(id: DatasetId): Promise<Dataset | undefined>
  /**
   * The dataset, when `by` may do `act` to it. Unknown and foreign ones give the same fault `missing`,
   * one that may only be read gives `denied`, one that was removed `gone`.
   */
  need(id: DatasetId, by: Person, act: CatalogAct): Promise<Dataset>
  /** The datasets that `by` may read of which some version has, or was made from, this root. */
  knowing(root: Root, by: Person): Promise<KnownRoot[]>
}

export type DatasetsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly store: Store
  readonly clock: Clock
  readonly projects: Projects
  readonly rights: Rights
}

export function openDatasets({
  commit,
  db,
  store,
  clock,
  projects,
  rights,
}: DatasetsNeeds): Datasets {
  const get = (id: DatasetId) => db.get<Dataset>(keys.dataset(id))
  const listing = createListing(store)
  const files = openFiles({ db, store })

  async function need(id: DatasetId, by: Person, act: CatalogAct): Promise<Dataset> {
    const dataset = await get(id)
    const project = dataset && (await projects.get(dataset.project))
    if (
      dataset === undefined ||
      project === undefined ||
      !rights.may(by, 'dataset.read', project)
    ) {
      throw new Fault('missing', act, {
        about: id,
        text: `There is no dataset ${id} that you may see.`,
      })
    }
    if (!rights.may(by, act, project)) throw denied(project, act)
    if (dataset.at === 'here') return dataset
    throw new Fault('gone', act, {
      about: id,
      text: `Dataset ${id} (${dataset.name}) was removed.`,
    })
  }

  async function save(dataset: Dataset, by: Person): Promise<Dataset> {
    checkRecord(dataset)
    await commit('dataset.put', { user: by.id }, dataset)
    return dataset
  }

  async function addFrom(
    { name, project, meta = {} }: Pick<AddDataset, 'name' | 'project' | 'meta'>,
    by: Person,
    inPlace: boolean,
    make: () => Promise<Added>,
  ): Promise<AddedDataset> {
    const target = project ?? by.personal
    const checked = { name: checkName(name, 'dataset.add'), meta: checkMeta(meta, 'dataset.add') }
    await projects.need(target, by, 'dataset.write')
    const { tree, flagged } = await make()
    return commit.serial(async () => {
      // Reading may have taken hours: the right is asked for again.
      await projects.need(target, by, 'dataset.write')
      const id = await nextDatasetId(db)
      const first: DatasetVersion = { version: 1, tree, at: clock.now(), by: { user: by.id } }
      const dataset: Dataset = {
        id,
        project: target,
        ...checked,
        versions: [first],
        inPlace,
        at: 'here',
      }
      return { dataset: await save(dataset, by), flagged }
    })
  }

  async function updateFrom(
    id: DatasetId,
    by: Person,
    asked: boolean | undefined,
    make: (inPlace: boolean) => Promise<Added>,
  ): Promise<AddedDataset> {
    const before = await need(id, by, 'dataset.write')
    const inPlace = asked ?? before.inPlace
    const { tree, flagged } = await make(inPlace)
    return commit.serial(async () => {
      const now = await need(id, by, 'dataset.write')
      const latest = versionOf(now)
      if (now.versions.length !== before.versions.length) {
        throw new Fault('conflict', 'dataset.update', {
          about: id,
          text: `Dataset ${id} got version ${latest.version} in the meantime. Look at it, then update again.`,
        })
      }
      if (latest.tree.root === tree.root) {
        throw new Fault('exists', 'dataset.update', {
          about: id,
          text: `Version ${latest.version} of dataset ${id} has exactly this content. Nothing was added.`,
        })
      }
      const next: DatasetVersion = {
        version: latest.version + 1,
        tree,
        at: clock.now(),
        by: { user: by.id },
      }
      const dataset = { ...now, versions: [...now.versions, next], inPlace }
      return { dataset: await save(dataset, by), flagged }
    })
  }

  return {
    get,
    need,
    show: (id, by) => need(id, by, 'dataset.read'),
    versions: async (id, by) => (await need(id, by, 'dataset.read')).versions,

    add({ path, inPlace = false, links = 'refuse', ...named }, by, options) {
      return addFrom(named, by, inPlace, () => addTree({ store, path, inPlace, links, ...options }))
    },
    gather({ files, ...named }, by, options) {
      return addFrom(named, by, false, () => gatherTree({ store, files, ...options }))
    },
    update(id, { path, inPlace: asked, links = 'refuse' }, by, options) {
      return updateFrom(id, by, asked, (inPlace) =>
        addTree({ store, path, inPlace, links, ...options }),
      )
    },
    regather(id, files, by, options) {
      return updateFrom(id, by, false, () => gatherTree({ store, files, ...options }))
    },

    meta: (id, changes, by) =>
      commit.serial(async () => {
        const dataset = await need(id, by, 'dataset.write')
        const entries = Object.entries({ ...dataset.meta, ...changes }).filter(
          (entry): entry is [string, string] => entry[1] !== null,
        )
        return save(
          { ...dataset, meta: checkMeta(Object.fromEntries(entries), 'dataset.meta') },
          by,
        )
      }),

    async list(by, { after, limit = listMax, ...narrowed } = {}) {
      const isShown = await narrow({ projects, rights }, by, 'dataset.read', narrowed)
      const found: Dataset[] = []
      const from = pageOf(narrowed, after === undefined ? undefined : keys.dataset(after))
      for await (const { value } of db.list<Dataset>(keys.datasets(), from)) {
        if (value.at === 'removed' || !isShown(value)) continue
        if (found.push(value) >= Math.min(limit, listMax)) break
      }
      return found
    },

    async files(id, by, { version, limit = listMax, ...options } = {}) {
      const { tree } = versionOf(await need(id, by, 'dataset.read'), version)
      return listing.list(tree.root, { ...options, limit: Math.max(1, Math.min(limit, listMax)) })
    },

    async open(id, by, { path, version }) {
      const { tree } = versionOf(await need(id, by, 'dataset.read'), version)
      return files.open(tree, path)
    },

    async archive(id, by, { version } = {}) {
      const dataset = await need(id, by, 'dataset.read')
      const { tree } = versionOf(dataset, version)
      const name = fileNameOf(dataset.name, 'dataset')
      return { name, pieces: tarOf({ store, tree, top: name }) }
    },

    async folder(id, by, { version, ...options }) {
      const { tree } = versionOf(await need(id, by, 'dataset.read'), version)
      return listing.folder(tree.root, options)
    },

    async export(id, folder, by, { version: number, ...options } = {}) {
      const { tree, version } = versionOf(await need(id, by, 'dataset.read'), number)
      return { ...(await exportTree({ store, tree, folder, ...options })), version }
    },

    async verify(id, by, { version: number, ...options } = {}) {
      const { tree, version } = versionOf(await need(id, by, 'dataset.read'), number)
      return { ...(await verifyTree({ store, tree, ...options })), version }
    },

    remove: (id, by) =>
      commit.serial(async () =>
        save({ ...(await need(id, by, 'project.own')), at: 'removed' }, by),
      ),

    async knowing(root, by) {
      const found: KnownRoot[] = []
      for await (const { value } of db.list<KnownRoot>(keys.knownRoots(root))) {
        const dataset = await get(value.dataset)
        const project = dataset && (await projects.get(dataset.project))
        if (project !== undefined && rights.may(by, 'dataset.read', project)) found.push(value)
      }
      return found
    },
  }
}
