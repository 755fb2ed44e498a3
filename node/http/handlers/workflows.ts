import type { ProjectId } from '../../../protocol/ids.ts'
import { versionOf } from '../../catalog/dataset.ts'
import type { Workflow, WorkflowVersion } from '../../catalog/workflow.ts'
import type { AddedWorkflow } from '../../catalog/workflows.ts'
import type { User } from '../../people/users.ts'
import type { Call, Doors, Handlers } from '../doors.ts'
import { mineOf } from './datasets.ts'
import { viewOrigin, viewVersion } from './versions.ts'

type Names =
  | 'workflows.list'
  | 'workflows.add'
  | 'workflows.show'
  | 'workflows.update'
  | 'workflows.versions'
  | 'workflows.export'
  | 'workflows.remove'

export const workflowHandlers: Handlers<Names> = {
  'workflows.list': async ({ doors, by, input }) => {
    if (input.project !== undefined) await doors.projects.need(input.project, by, 'project.read')
    if (input.dataset !== undefined) await doors.datasets.need(input.dataset, by, 'dataset.read')
    const [workflows, mine] = [await doors.workflows.list(by, input), await mineOf(doors, by)]
    return workflows.map((workflow) => viewWorkflow(doors, workflow, mine))
  },
  'workflows.add': async ({ doors, by, input, paths, signal, onProgress }) => {
    const read = { ...input, ...(await readFrom(paths, by, input)) }
    return viewAdded(doors, await doors.workflows.add(read, by, { signal, onProgress }), by)
  },
  'workflows.show': async ({ doors, by, input: { id } }) => {
    const workflow = await doors.workflows.show(id, by)
    const versions = await viewVersions(doors, workflow.versions)
    return { ...viewWorkflow(doors, workflow, await mineOf(doors, by)), versions }
  },
  'workflows.update': async ({ doors, by, input: { id, ...input }, paths, signal, onProgress }) => {
    await doors.workflows.need(id, by, 'workflow.write')
    const read = { ...input, ...(await readFrom(paths, by, input)) }
    return viewAdded(doors, await doors.workflows.update(id, read, by, { signal, onProgress }), by)
  },
  'workflows.versions': async ({ doors, by, input: { id } }) =>
    viewVersions(doors, (await doors.workflows.show(id, by)).versions),
  'workflows.export': async ({ doors, by, input, paths, signal, onProgress }) => {
    const { id, version, canonical } = input
    await doors.workflows.need(id, by, 'workflow.read')
    const folder = await paths.check(input.folder, by)
    const options = { version, canonical, signal, onProgress }
    return { folder, ...(await doors.workflows.export(id, folder, by, options)) }
  },
  'workflows.remove': async ({ doors, by, input: { id } }) => {
    await doors.workflows.remove(id, by)
    return {}
  },
}

async function readFrom(
  paths: Call<'workflows.add'>['paths'],
  by: User,
  { document, results }: { document: string; results?: string | undefined },
) {
  return {
    document: await paths.check(document, by),
    results: results === undefined ? undefined : await paths.check(results, by),
  }
}

async function viewAdded(
  doors: Doors,
  { workflow, unbound, open, flagged }: AddedWorkflow,
  by: User,
) {
  return { ...viewWorkflow(doors, workflow, await mineOf(doors, by)), unbound, open, flagged }
}

function viewVersions(doors: Doors, versions: readonly WorkflowVersion[]) {
  return Promise.all(
    versions.map(({ origin, ...version }) =>
      viewVersion(doors, version, origin && { ...origin, id: origin.workflow }),
    ),
  )
}

function viewWorkflow(doors: Doors, workflow: Workflow, mine: ReadonlySet<ProjectId>) {
  const { id, project, name } = workflow
  const { version, tree, document, format, refs, inputs, binding, at, origin } = versionOf(workflow)
  const { root, files, bytes } = tree
  return {
    id,
    project,
    name,
    format,
    version,
    dataset: binding.dataset,
    datasetVersion: binding.version,
    datasetRoot: binding.root,
    document,
    refs: [...refs],
    inputs: [...inputs],
    mine: mine.has(project),
    changedAt: at,
    ...(origin === undefined
      ? {}
      : { origin: viewOrigin(doors, { ...origin, id: origin.workflow }) }),
    root,
    files,
    bytes,
  }
}
