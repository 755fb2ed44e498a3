/**
 * The door to workflows: added, updated, looked at, exported. What one is: `workflow.ts`; what its
 * document says about its dataset: the room `rebinding`.
 */
import { Fault } from '../../protocol/fault.ts'
import type { DatasetId, ProjectId, WorkflowId } from '../../protocol/ids.ts'
import { encode, sameBytes } from '../../protocol/wire.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import { readWorkflow } from '../rebinding/documents.ts'
import type { Store } from '../store/store.ts'
import { filesOf, readContent, readDocumentFile, storeContent, type Working } from './contents.ts'
import { checkRecord, type Dataset, type DatasetVersion, versionOf } from './dataset.ts'
import { type Datasets, listMax, type Paging } from './datasets.ts'
import { type ExportedWorkflow, exportWorkflow } from './export.ts'
import { type OpenFile, openFiles } from './files.ts'
import { checkLabel, checkName, formatCharactersMax } from './names.ts'
import { type Narrowed, narrow, pageOf } from './narrow.ts'
import {
  type CatalogAct,
  denied,
  nextWorkflowId,
  type Person,
  type Projects,
  type Rights,
} from './projects.ts'
import { renderVersion, type Workflow, type WorkflowVersion } from './workflow.ts'

export type DocumentInput = {
  /** Absolute, of a file on the site's machine. */
  readonly document: string
  /** A label of the person's own; `json`, `galaxy` and `opaque` also say how to read it. */
  readonly format?: string | undefined
  /** Absolute, of a folder or file with computed results. */
  readonly results?: string | undefined
  /** JSON Pointers to further places that name the dataset. */
  readonly refs?: readonly string[] | undefined
  readonly inputs?: readonly { readonly label: string; readonly path: string }[] | undefined
  /** Take a document that names other datasets too; their IDs then travel as they are. */
  readonly allowUnbound?: boolean | undefined
}

export type AddWorkflow = DocumentInput & {
  readonly name: string
  readonly dataset: DatasetId
  /** Of the dataset; the latest unless given. */
  readonly version?: number | undefined
  /** The dataset's project unless given. */
  readonly project?: ProjectId | undefined
}

export type AddedWorkflow = {
  readonly workflow: Workflow
  /** Places that name another dataset and were left alone, because that was allowed. */
  readonly unbound: string[]
  /** Galaxy slots that nothing was bound to and that are not optional. */
  readonly open: string[]
  readonly flagged: string[]
}

export interface Workflows {
  /**
   * Faults `invalid` on a document that is not what its format says, on a ref, input or path that
   * does not fit, and on one that names other datasets unless that is allowed.
   */
  add(input: AddWorkflow, by: Person, options?: Working): Promise<AddedWorkflow>
  /**
   * The next version, bound to the latest version of the same dataset. Results, further refs and
   * inputs that are not given stay as they were. Faults `exists` when nothing differs, `conflict`
   * when another version came in the meantime.
   */
  update(
    id: WorkflowId,
    input: DocumentInput,
    by: Person,
    options?: Working,
  ): Promise<AddedWorkflow>
  /** What `by` may see, in the order of IDs, at most `listMax` at a time. */
  list(
    by: Person,
    options?: Paging<WorkflowId> & Narrowed & { dataset?: DatasetId | undefined },
  ): Promise<Workflow[]>
  show(id: WorkflowId, by: Person): Promise<Workflow>
  /** The document, rendered for the dataset it is bound to, or canonical. */
  document(
    id: WorkflowId,
    by: Person,
    options?: { version?: number | undefined; canonical?: boolean | undefined },
  ): Promise<Uint8Array>
  /** One file of a version's tree as it travels. Faults `missing`, and as the store does. */
  open(
    id: WorkflowId,
    by: Person,
    options: { path: string; version?: number | undefined },
  ): Promise<OpenFile>
  /**
   * Writes a version to `folder`, which is new: bound (the rendered document, `results/`, and for
   * Galaxy a job file) or, `canonical`, exactly the tree that travels. Answers the names it wrote.
   */
  export(
    id: WorkflowId,
    folder: string,
    by: Person,
    options?: Working & { version?: number | undefined; canonical?: boolean | undefined },
  ): Promise<ExportedWorkflow>
  remove(id: WorkflowId, by: Person): Promise<Workflow>
  get(id: WorkflowId): Promise<Workflow | undefined>
  /** As for datasets: `missing`, `denied` or `gone`. */
  need(id: WorkflowId, by: Person, act: CatalogAct): Promise<Workflow>
}

export type WorkflowsNeeds = {
  readonly commit: Commit
  readonly db: Db
  readonly store: Store
  readonly clock: Clock
  readonly projects: Projects
  readonly datasets: Datasets
  readonly rights: Rights
}

export function openWorkflows(needs: WorkflowsNeeds): Workflows {
  const { commit, db, store, clock, projects, datasets, rights } = needs
  const files = openFiles({ db, store })
  const get = (id: WorkflowId) => db.get<Workflow>(keys.workflow(id))

  async function need(id: WorkflowId, by: Person, act: CatalogAct): Promise<Workflow> {
    const workflow = await get(id)
    const project = workflow && (await projects.get(workflow.project))
    if (
      workflow === undefined ||
      project === undefined ||
      !rights.may(by, 'workflow.read', project)
    ) {
      throw new Fault('missing', act, {
        about: id,
        text: `There is no workflow ${id} that you may see.`,
      })
    }
    if (!rights.may(by, act, project)) throw denied(project, act)
    if (workflow.at === 'here') return workflow
    throw new Fault('gone', act, {
      about: id,
      text: `Workflow ${id} (${workflow.name}) was removed.`,
    })
  }

  async function save(workflow: Workflow, by: Person): Promise<Workflow> {
    checkRecord(workflow)
    await commit('workflow.put', { user: by.id }, workflow)
    return workflow
  }

  /** A version in all but its number. Its content is durable; nobody sees it yet. */
  async function make(
    input: DocumentInput,
    dataset: Dataset,
    at: DatasetVersion,
    before: WorkflowVersion | undefined,
    by: Person,
    options: Working | undefined,
  ) {
    checkLabels(input)
    const document = await readDocumentFile(input.document)
    const files = filesOf(store, at.tree.root)
    const read = await readWorkflow({ ...input, document, dataset: dataset.id, files, before })
    const content = await storeContent({
      store,
      document: read.canonical,
      results: input.results,
      before: before?.tree,
      ...options,
    })
    const version: Omit<WorkflowVersion, 'version'> = {
      tree: content.tree,
      document: content.document,
      format: read.format,
      refs: read.refs,
      inputs: read.inputs,
      binding: { dataset: dataset.id, version: at.version, root: at.tree.root, renamed: [] },
      at: clock.now(),
      by: { user: by.id },
    }
    return { version, unbound: read.unbound, open: read.open, flagged: content.flagged }
  }

  return {
    get,
    need,
    show: (id, by) => need(id, by, 'workflow.read'),

    async add(input, by, options) {
      const name = checkName(input.name, 'workflow.add')
      const dataset = await datasets.need(input.dataset, by, 'dataset.read')
      const target = input.project ?? dataset.project
      await projects.need(target, by, 'workflow.write')
      const { version, ...told } = await make(
        input,
        dataset,
        versionOf(dataset, input.version),
        undefined,
        by,
        options,
      )
      return commit.serial(async () => {
        await projects.need(target, by, 'workflow.write')
        await datasets.need(dataset.id, by, 'dataset.read')
        const id = await nextWorkflowId(db)
        const versions = [{ version: 1, ...version }]
        return {
          workflow: await save({ id, project: target, name, versions, at: 'here' }, by),
          ...told,
        }
      })
    },

    async update(id, input, by, options) {
      const before = await need(id, by, 'workflow.write')
      const latest = versionOf(before)
      const dataset = await datasets.need(latest.binding.dataset, by, 'dataset.read')
      const { version, ...told } = await make(
        input,
        dataset,
        versionOf(dataset),
        latest,
        by,
        options,
      )
      return commit.serial(async () => {
        const now = await need(id, by, 'workflow.write')
        if (now.versions.length !== before.versions.length) {
          throw new Fault('conflict', 'workflow.update', {
            about: id,
            text: `Workflow ${id} got version ${versionOf(now).version} in the meantime. Look at it, then update again.`,
          })
        }
        if (sameBytes(contentOf(latest), contentOf(version))) {
          throw new Fault('exists', 'workflow.update', {
            about: id,
            text: `Version ${latest.version} of workflow ${id} is exactly this. Nothing was added.`,
          })
        }
        const versions = [...now.versions, { version: latest.version + 1, ...version }]
        return { workflow: await save({ ...now, versions }, by), ...told }
      })
    },

    async list(by, { after, limit = listMax, dataset, ...narrowed } = {}) {
      const isShown = await narrow({ projects, rights }, by, 'workflow.read', narrowed)
      const found: Workflow[] = []
      const from = pageOf(narrowed, after === undefined ? undefined : keys.workflow(after))
      for await (const { value } of db.list<Workflow>(keys.workflows(), from)) {
        if (value.at === 'removed' || !isShown(value)) continue
        if (dataset !== undefined && versionOf(value).binding.dataset !== dataset) continue
        if (found.push(value) >= Math.min(limit, listMax)) break
      }
      return found
    },

    async document(id, by, { version, canonical = false } = {}) {
      const one = versionOf(await need(id, by, 'workflow.read'), version)
      const bytes = await readContent(store, one.tree, one.document)
      return canonical ? bytes : renderVersion(one, bytes)
    },

    async open(id, by, { path, version }) {
      const { tree } = versionOf(await need(id, by, 'workflow.read'), version)
      return files.open(tree, path)
    },

    async export(id, folder, by, { version, canonical = false, ...options } = {}) {
      const workflow = await need(id, by, 'workflow.read')
      return exportWorkflow({
        store,
        clock,
        workflow,
        version: versionOf(workflow, version),
        folder,
        canonical,
        ...options,
      })
    },

    remove: (id, by) =>
      commit.serial(async () =>
        save({ ...(await need(id, by, 'project.own')), at: 'removed' }, by),
      ),
  }
}

/** All that makes two versions the same to a person, in canonical bytes. */
function contentOf(version: Omit<WorkflowVersion, 'version'>): Uint8Array {
  const { tree, format, refs, inputs, binding } = version
  return encode([tree.root, format, refs, inputs, binding.dataset, binding.root])
}

function checkLabels(input: DocumentInput): void {
  if (input.format !== undefined) checkLabel(input.format, 'workflow.add', formatCharactersMax)
  for (const { label } of input.inputs ?? []) checkLabel(label, 'workflow.add')
}
