/**
 * THE table of what people can ask of a site. The server, the client, the command line and the docs
 * derive from it; a question that is not here cannot be asked.
 *
 * Values of `input` that the path names stand in the path; the rest stand in the query of a GET or
 * DELETE and in the JSON body of the others. Fields that are not named here are refused.
 */
import { z } from 'zod'
import { contentRoutes } from './content-routes.ts'
import { groupsRoutes } from './groups-routes.ts'
import { hooksRoutes } from './hooks-routes.ts'
import {
  alias,
  connectionId,
  datasetId,
  email,
  flag,
  folderItemsMax,
  group,
  inputs,
  linkId,
  links,
  meta,
  metaChanges,
  name,
  pageItemsMax,
  path,
  pointers,
  projectId,
  search,
  text,
  version,
  whole,
  workflowId,
} from './inputs.ts'
import { noticesRoutes } from './notices-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { fields, long, nothing, value } from './route.ts'
import * as shapes from './shapes.ts'
import { foldersView, settingsView } from './site-shapes.ts'
import { transferRoutes } from './transfer-routes.ts'
import { upkeepRoutes } from './upkeep-routes.ts'
import { uploadRoutes } from './upload-routes.ts'

export const routes = {
  // ── site
  'site.health': value('GET /api/health', 'anyone', {
    says: 'Whether the site works; needs no token.',
    output: shapes.healthView,
  }),
  'site.openapi': value('GET /api/openapi', 'anyone', {
    says: 'This table as an OpenAPI 3.1 document.',
    output: z.record(z.string(), z.unknown()),
  }),
  'site.show': value('GET /api/site', 'site.read', {
    says: 'Who we are: fingerprint, addresses, health.',
    output: shapes.siteView,
  }),
  'site.settings': value('GET /api/settings', 'site.administer', {
    says: 'What the site was told in its configuration, and which file that is; no secrets.',
    output: settingsView,
  }),
  'site.folders': value('GET /api/folders', 'site.read', {
    says: 'The folders of the site’s machine whose paths I may name when I add or export.',
    output: foldersView,
  }),
  'site.verify': long('POST /api/verify', 'site.administer', {
    says: 'Re-hashes every byte the site holds.',
    output: shapes.verifyView,
    kinds: ['corrupt'],
  }),
  'site.backup': long('POST /api/backup', 'site.administer', {
    says: 'Copies journal, identity and store into a new folder.',
    input: fields({ folder: path }),
    output: shapes.backupView,
    kinds: ['exists', 'full', 'corrupt'],
  }),
  ...upkeepRoutes,
  ...hooksRoutes,
  ...noticesRoutes,
  ...contentRoutes,
  ...uploadRoutes,
  'journal.read': value('GET /api/journal', 'site.administer', {
    says: 'The records of the journal after a sequence number, or with `newest` from the newest back.',
    input: fields({
      /** In the order that is asked for: with `newest` earlier records come after it. */
      after: whole(Number.MAX_SAFE_INTEGER).optional(),
      newest: flag.optional(),
      limit: whole(pageItemsMax).default(pageItemsMax),
    }),
    output: shapes.journalView,
    kinds: ['corrupt'],
  }),
  'journal.verify': long('POST /api/journal/verify', 'site.administer', {
    says: 'Checks every record of the journal against the chain of hashes.',
    output: shapes.journalCheckView,
    kinds: ['corrupt'],
  }),

  ...peopleRoutes,
  ...groupsRoutes,

  // ── links
  'links.invite': value('POST /api/invitations', 'link.manage', {
    says: 'Makes an invitation that another site redeems once.',
    input: fields({
      /** Milliseconds from now. */
      expiresMs: z
        .int()
        .min(1000)
        .max(365 * 24 * 3600 * 1000)
        .default(48 * 3600 * 1000),
    }),
    output: shapes.inviteView,
  }),
  'links.list': value('GET /api/links', 'link.read', {
    says: 'The sites we know.',
    output: z.array(shapes.linkView),
  }),
  'links.add': long('POST /api/links', 'link.manage', {
    says: 'Redeems an invitation, or asks the site at an address.',
    input: fields({ to: text(8192), alias: alias.optional() }),
    output: shapes.linkView,
    kinds: ['exists', 'conflict', 'gone', 'unreachable', 'unsupported'],
  }),
  'links.accept': long('POST /api/links/:id/accept', 'link.manage', {
    says: 'Accepts a site that asked.',
    input: fields({ id: linkId, alias: alias.optional() }),
    output: shapes.linkView,
    kinds: ['exists', 'conflict', 'gone', 'unreachable'],
  }),
  'links.refuse': long('POST /api/links/:id/refuse', 'link.manage', {
    says: 'Refuses a site; it may not ask again.',
    input: fields({ id: linkId }),
    output: shapes.linkView,
    kinds: ['conflict'],
  }),
  'links.pause': long('POST /api/links/:id/pause', 'link.manage', {
    says: 'Stops everything with a site until it is resumed.',
    input: fields({ id: linkId }),
    output: shapes.linkView,
    kinds: ['conflict'],
  }),
  'links.resume': long('POST /api/links/:id/resume', 'link.manage', {
    says: 'Takes a paused link up again.',
    input: fields({ id: linkId }),
    output: shapes.linkView,
    kinds: ['conflict'],
  }),
  'links.policy': value('PUT /api/links/:id/policy', 'link.manage', {
    says: 'Whether what other sites sent counts as held for this one: saves bytes, tells what we hold.',
    input: fields({ id: linkId, shared: z.boolean() }),
    output: shapes.linkView,
  }),
  'links.rename': value('PUT /api/links/:id/alias', 'link.manage', {
    says: 'Changes what we call a site; people write it after the @ from then on.',
    input: fields({ id: linkId, alias }),
    output: shapes.linkView,
    kinds: ['exists'],
  }),
  'links.remove': long('DELETE /api/links/:id', 'link.manage', {
    says: 'Ends a link.',
    input: fields({ id: linkId }),
    output: shapes.linkView,
    kinds: ['conflict'],
  }),

  // ── connections
  'connections.list': value('GET /api/connections', 'connection.use', {
    says: 'My connections with people at other sites.',
    output: z.array(shapes.connectionView),
  }),
  'connections.ask': long('POST /api/connections', 'connection.use', {
    says: 'Asks a person at a linked site to connect with me.',
    input: fields({ email, alias }),
    output: shapes.connectionView,
    kinds: ['exists', 'conflict', 'gone', 'unreachable'],
  }),
  'connections.accept': long('POST /api/connections/:id/accept', 'connection.own', {
    says: 'Accepts a person who asked me.',
    input: fields({ id: connectionId }),
    output: shapes.connectionView,
    kinds: ['conflict', 'gone', 'unreachable'],
  }),
  'connections.remove': long('DELETE /api/connections/:id', 'connection.own', {
    says: 'Ends a connection.',
    input: fields({ id: connectionId }),
    output: shapes.connectionView,
    kinds: ['conflict'],
  }),

  // ── projects
  'projects.list': value('GET /api/projects', 'project.read', {
    says: 'The projects that I may read.',
    output: z.array(shapes.projectView),
  }),
  'projects.add': value('POST /api/projects', 'project.add', {
    says: 'Makes a project that I own.',
    input: fields({ name }),
    output: shapes.projectView,
    kinds: ['exists'],
  }),
  'projects.show': value('GET /api/projects/:id', 'project.read', {
    says: 'One project and its members.',
    input: fields({ id: projectId }),
    output: shapes.projectView,
  }),
  'projects.set-member': value('PUT /api/projects/:id/members/:email', 'project.own', {
    says: 'Gives a person a role in a project.',
    input: fields({ id: projectId, email, role: z.enum(['owner', 'member', 'viewer']) }),
    output: shapes.projectView,
    kinds: ['conflict'],
  }),
  'projects.remove-member': value('DELETE /api/projects/:id/members/:email', 'project.own', {
    says: 'Takes a person out of a project.',
    input: fields({ id: projectId, email }),
    output: shapes.projectView,
    kinds: ['conflict'],
  }),

  'projects.set-group': value('PUT /api/projects/:id/groups/:group', 'project.own', {
    says: 'Gives everybody in a group a role in a project.',
    input: fields({ id: projectId, group, role: z.enum(['owner', 'member', 'viewer']) }),
    output: shapes.projectView,
    kinds: ['conflict'],
  }),
  'projects.remove-group': value('DELETE /api/projects/:id/groups/:group', 'project.own', {
    says: 'Takes a group out of a project.',
    input: fields({ id: projectId, group }),
    output: shapes.projectView,
    kinds: ['conflict'],
  }),
  'projects.set-deposit': value('PUT /api/projects/:id/deposit', 'project.own', {
    says: 'Names the folder where datasets that arrive in a project are laid out as ordinary files.',
    input: fields({
      id: projectId,
      folder: path,
      /** Large files there are second names of the site's own, read-only copies. */
      link: z.boolean().default(false),
    }),
    output: shapes.projectView,
    kinds: ['conflict'],
  }),
  'projects.remove-deposit': value('DELETE /api/projects/:id/deposit', 'project.own', {
    says: 'Lays out no more of what arrives in a project; what lies in its folder stays.',
    input: fields({ id: projectId }),
    output: shapes.projectView,
  }),

  // ── datasets
  'datasets.list': value('GET /api/datasets', 'dataset.read', {
    says: 'The datasets that I may read; `mine` leaves those in my personal project and those I own.',
    input: fields({
      project: projectId.optional(),
      mine: flag.optional(),
      search,
      newest: flag.optional(),
      after: datasetId.optional(),
      limit: whole(pageItemsMax).default(pageItemsMax),
    }),
    output: z.array(shapes.datasetView),
  }),
  'datasets.add': long('POST /api/datasets', 'dataset.write', {
    says: 'Makes a dataset of a folder or a file at the site’s machine.',
    input: fields({
      name,
      path,
      project: projectId.optional(),
      inPlace: z.boolean().optional(),
      meta: meta.optional(),
      links: links.optional(),
    }),
    output: shapes.addedDatasetView,
    kinds: ['exists', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'datasets.show': value('GET /api/datasets/:id', 'dataset.read', {
    says: 'One dataset.',
    input: fields({ id: datasetId }),
    output: shapes.wholeDatasetView,
    kinds: ['gone'],
  }),
  'datasets.update': long('POST /api/datasets/:id/versions', 'dataset.write', {
    says: 'Makes the next version of a dataset; the earlier ones stay as they are.',
    input: fields({
      id: datasetId,
      path,
      inPlace: z.boolean().optional(),
      links: links.optional(),
    }),
    output: shapes.addedDatasetView,
    kinds: ['gone', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'datasets.meta': value('PUT /api/datasets/:id/meta', 'dataset.write', {
    says: 'Sets the keys of metadata that are given and takes away those that are null.',
    input: fields({ id: datasetId, changes: metaChanges }),
    output: shapes.datasetView,
    kinds: ['gone'],
  }),
  'datasets.versions': value('GET /api/datasets/:id/versions', 'dataset.read', {
    says: 'The versions of a dataset and where they came from.',
    input: fields({ id: datasetId }),
    output: z.array(shapes.versionView),
    kinds: ['gone'],
  }),
  'datasets.files': value('GET /api/datasets/:id/files', 'dataset.read', {
    says: 'The files of a dataset, in order, a page at a time; or those whose path has a text.',
    input: fields({
      id: datasetId,
      version: version.optional(),
      after: z.string().max(1024).optional(),
      search: z.string().min(1).max(1024).optional(),
      limit: whole(pageItemsMax).default(pageItemsMax),
    }),
    output: shapes.filesView,
    kinds: ['gone', 'corrupt'],
  }),
  'datasets.folder': value('GET /api/datasets/:id/folder', 'dataset.read', {
    says: 'What lies in one folder of a dataset, and how much is below each folder in it; a page at a time.',
    input: fields({
      id: datasetId,
      version: version.optional(),
      /** Empty: the whole dataset. */
      folder: z.string().max(1024).default(''),
      after: z.string().max(1024).optional(),
      limit: whole(folderItemsMax).default(folderItemsMax),
    }),
    output: shapes.folderView,
    kinds: ['corrupt', 'gone'],
  }),
  'datasets.export': long('POST /api/datasets/:id/export', 'dataset.read', {
    says: 'Writes a dataset into a new folder at the site’s machine.',
    input: fields({ id: datasetId, version: version.optional(), folder: path }),
    output: shapes.datasetExportView,
    kinds: ['gone', 'exists', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'datasets.verify': long('POST /api/datasets/:id/verify', 'dataset.read', {
    says: 'Re-hashes every file of a dataset.',
    input: fields({ id: datasetId, version: version.optional() }),
    output: shapes.verifyView,
    kinds: ['gone', 'corrupt'],
  }),
  'datasets.remove': value('DELETE /api/datasets/:id', 'project.own', {
    says: 'Takes a dataset out of every list.',
    input: fields({ id: datasetId }),
    output: nothing,
    kinds: ['gone', 'conflict'],
  }),

  // ── workflows
  'workflows.list': value('GET /api/workflows', 'workflow.read', {
    says: 'The workflows that I may read; `mine` as for datasets.',
    input: fields({
      project: projectId.optional(),
      dataset: datasetId.optional(),
      mine: flag.optional(),
      search,
      newest: flag.optional(),
      after: workflowId.optional(),
      limit: whole(pageItemsMax).default(pageItemsMax),
    }),
    output: z.array(shapes.workflowView),
    kinds: ['gone'],
  }),
  'workflows.add': long('POST /api/workflows', 'workflow.write', {
    says: 'Makes a workflow of a document and its results, bound to a dataset.',
    input: fields({
      name,
      document: path,
      dataset: datasetId,
      /** Of the dataset; the newest when absent. */
      version: version.optional(),
      project: projectId.optional(),
      format: text(100).optional(),
      results: path.optional(),
      refs: pointers.optional(),
      inputs: inputs.optional(),
      /** Take a document that names other datasets too. */
      allowUnbound: z.boolean().optional(),
    }),
    output: shapes.addedWorkflowView,
    kinds: ['gone', 'exists', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'workflows.show': value('GET /api/workflows/:id', 'workflow.read', {
    says: 'One workflow, and what it is bound to.',
    input: fields({ id: workflowId }),
    output: shapes.wholeWorkflowView,
    kinds: ['gone'],
  }),
  'workflows.update': long('POST /api/workflows/:id/versions', 'workflow.write', {
    says: 'Makes the next version of a workflow.',
    input: fields({
      id: workflowId,
      document: path,
      format: text(100).optional(),
      results: path.optional(),
      refs: pointers.optional(),
      inputs: inputs.optional(),
      allowUnbound: z.boolean().optional(),
    }),
    output: shapes.addedWorkflowView,
    kinds: ['gone', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'workflows.versions': value('GET /api/workflows/:id/versions', 'workflow.read', {
    says: 'The versions of a workflow and where they came from.',
    input: fields({ id: workflowId }),
    output: z.array(shapes.versionView),
    kinds: ['gone'],
  }),
  'workflows.export': long('POST /api/workflows/:id/export', 'workflow.read', {
    says: 'Writes a workflow and its results into a new folder at the site’s machine.',
    input: fields({
      id: workflowId,
      version: version.optional(),
      folder: path,
      /** The form that travels, instead of the one bound to our dataset. */
      canonical: z.boolean().optional(),
    }),
    output: shapes.workflowExportView,
    kinds: ['gone', 'exists', 'conflict', 'full', 'corrupt', 'unsupported'],
  }),
  'workflows.remove': value('DELETE /api/workflows/:id', 'project.own', {
    says: 'Takes a workflow out of every list.',
    input: fields({ id: workflowId }),
    output: nothing,
    kinds: ['gone', 'conflict'],
  }),

  ...transferRoutes,
}

export type Routes = typeof routes
export type RouteName = keyof Routes
export type EventsName = 'transfers.follow' | 'transfers.watch' | 'notices.watch'
/** They answer with the content of a file. */
export type BytesName = 'datasets.content' | 'workflows.content'
export type CallName = Exclude<RouteName, EventsName | BytesName>

/** What the asker gives, what the site reads, what the site answers, and how it is told. */
export type Asked<R extends RouteName> = z.input<Routes[R]['input']>
export type Input<R extends RouteName> = z.output<Routes[R]['input']>
export type Output<R extends RouteName> = z.output<Routes[R]['output']>
export type Told<R extends RouteName> = z.input<Routes[R]['output']>
