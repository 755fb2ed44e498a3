/**
 * Everything people see of a site, as shapes. Inside the site an instant is a number of milliseconds;
 * here it is ISO text, and `instant` turns the one into the other wherever it stands. A field that is
 * not named here does not leave the site.
 */
import { z } from 'zod'
import type {
  ConnectionId,
  DatasetId,
  Email,
  FileCid,
  GroupId,
  LinkId,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  UserId,
  WorkflowId,
} from '../protocol/ids.ts'
import * as inputs from './inputs.ts'

export const instant = z.codec(z.iso.datetime(), z.number(), {
  decode: (text) => Date.parse(text),
  encode: (ms) => new Date(ms).toISOString(),
})

const id = <T extends number>() => z.number() as unknown as z.ZodType<T, T>
const text = <T extends string>() => z.string() as unknown as z.ZodType<T, T>

export const userId = id<UserId>()
export const groupId = id<GroupId>()
export const linkId = id<LinkId>()
export const connectionId = id<ConnectionId>()
export const projectId = id<ProjectId>()
export const datasetId = id<DatasetId>()
export const workflowId = id<WorkflowId>()
export const siteId = text<SiteId>()
const transferId = text<TransferId>()
export const root = text<Root>()
export const fileCid = text<FileCid>()
const email = text<Email>()
export const count = z.number()

/** A failure as it is told: of a transfer, or of the site's health. */
export const faultView = z.object({
  kind: z.string(),
  op: z.string(),
  text: z.string(),
  about: z.union([z.string(), z.number()]).optional(),
  list: z.array(z.string()).optional(),
})

// ── the site and its people

export const healthView = z.object({
  /**
   * `damaged`: some content is, and the fault says what next. `safe`: the journal is damaged, so
   * nothing is read from it and nothing is changed.
   */
  state: z.enum(['ok', 'damaged', 'safe']),
  fault: faultView.optional(),
})

export const siteView = z.object({
  site: siteId,
  name: z.string(),
  fingerprint: z.string(),
  addresses: z.array(z.string()),
  /** HOST:PORT where direct lanes are taken. */
  lane: z.string().optional(),
  version: z.string(),
  startedAt: instant,
  health: healthView,
  /** Who asks. */
  you: z.object({ id: userId, email, name: z.string(), role: z.string() }),
})

export const userView = z.object({
  id: userId,
  email,
  name: z.string(),
  role: z.enum(['administrator', 'member']),
  personal: projectId,
  state: z.enum(['active', 'removed']),
})

export const groupView = z.object({
  id: groupId,
  name: z.string(),
  /** Groups at the institution whose people are in it, as told at each login there. */
  claims: z.array(z.string()),
  /** How many are in it. */
  people: count,
})

/** Somebody in a group. */
export const groupPersonView = z.object({ id: userId, email, name: z.string() })

/** How one can log in here. */
export const loginView = z.object({
  /** Where else than here, as people call it; absent when there is only the password. */
  institution: z.string().optional(),
  /** Why the login that was asked about did not work. */
  trouble: faultView.optional(),
})

/** Who an account is at an institution; who exactly is told to nobody. */
export const bindingView = z.object({ id: z.string(), issuer: z.string(), boundAt: instant })

/** A session that was opened; its secret is in the cookie alone. */
export const sessionView = z.object({ user: userView, expiresAt: instant })

/** A session that goes on, by what opens nothing. */
export const shownSessionView = z.object({
  id: z.string(),
  begunAt: instant,
  /** It was used until at most an hour after this. */
  changedAt: instant,
  expiresAt: instant,
  /** It is the one that asks. */
  isMine: z.boolean(),
})

/** A one-time link to this site's console, with its secret behind `#`. */
export const welcomeView = z.object({ email, link: z.string(), expiresAt: instant })

export const tokenView = z.object({ email, token: z.string() })

/** What is shown of a token later. */
export const shownTokenView = z.object({
  id: z.string(),
  label: z.string(),
  scope: z.enum(['all', 'read', 'metrics']),
  createdAt: instant,
  expiresAt: instant.optional(),
})

export const journalView = z.object({
  records: z.array(
    z.object({
      seq: count,
      at: instant,
      kind: z.string(),
      by: z.unknown(),
      data: z.unknown(),
    }),
  ),
  /** Ask again with `after` set to this; absent when there is no more for now. */
  next: count.optional(),
})

export const journalCheckView = z.object({ records: count, head: z.string() })
export const backupView = z.object({ folder: z.string(), files: count, bytes: count })
export const verifyView = z.object({ files: count, bytes: count, bad: z.array(z.string()) })

// ── links and connections

export const inviteView = z.object({ invitation: z.string(), expiresAt: instant })

export const linkView = z.object({
  id: linkId,
  site: siteId,
  /** Of its key, as its own administrator sees it: to be read to each other. */
  fingerprint: z.string(),
  alias: z.string(),
  name: z.string(),
  addresses: z.array(z.string()),
  state: z.enum(['asked', 'accepted', 'paused', 'refused', 'removed']),
  asked: z.enum(['here', 'there']),
  shared: z.boolean(),
  changedAt: instant,
})

export const connectionView = z.object({
  id: connectionId,
  /** Ours. */
  email,
  /** Theirs, at `alias`. */
  person: email,
  site: siteId,
  alias: z.string(),
  state: z.enum(['asked', 'accepted', 'removed']),
  asked: z.enum(['here', 'there']),
  changedAt: instant,
})

// ── limits

const rate = z.number().nullable()
const inForceView = z.object({
  /** Bytes per second; null is no limit. */
  rate,
  /** Index of the window that it comes from; absent outside all of them. */
  window: count.optional(),
  /** When it changes by itself; absent when it does not. */
  until: instant.optional(),
})

export const limitView = z.object({
  of: z.enum(['site', 'link', 'transfer']),
  link: linkId.optional(),
  alias: z.string().optional(),
  transfer: transferId.optional(),
  out: rate,
  in: rate,
  windows: z.array(inputs.limitWindow),
  zone: z.string(),
  /** Of the site only: whether sites in the same local network are exempt. */
  localExempt: z.boolean().optional(),
  now: z.object({ out: inForceView, in: inForceView }),
})

// ── projects, datasets, workflows

export const memberView = z.object({
  id: userId,
  email,
  name: z.string(),
  role: z.enum(['owner', 'member', 'viewer']),
})

/** A group as a member of a project. */
export const groupMemberView = z.object({
  id: groupId,
  name: z.string(),
  /** How many people are in it. */
  people: count,
  role: z.enum(['owner', 'member', 'viewer']),
})

export const projectView = z.object({
  id: projectId,
  name: z.string(),
  personal: z.boolean(),
  /** The asker's: the highest of their own and those of their groups. */
  role: z.enum(['owner', 'member', 'viewer']),
  members: z.array(memberView),
  /** Whoever is in one of them has its role here, or a higher one of their own. */
  groups: z.array(groupMemberView),
  createdAt: instant,
  /** Where datasets that arrive in it are laid out as ordinary files. */
  deposit: z.object({ folder: z.string(), link: z.boolean() }).optional(),
})

/** Ordinary files of what arrived, in a folder of the site's machine. */
export const depositView = z.object({
  /** `waiting` with a fault: it was tried, and is tried again. */
  state: z.enum(['waiting', 'made', 'failed']),
  version: count,
  folder: z.string(),
  /** What lies there as it came. */
  files: count,
  bytes: count,
  /** Paths where somebody else's file is in the way; it was left alone. */
  conflictsCount: count,
  conflicts: z.array(z.string()),
  fault: faultView.optional(),
})

/** Where a version came from, when it did not begin here. */
export const originView = z.object({
  site: siteId,
  alias: z.string().optional(),
  transfer: transferId,
  /** The ID and version at that site. */
  id: count,
  version: count,
})

const ofTree = { root, files: count, bytes: count }

export const datasetView = z.object({
  id: datasetId,
  project: projectId,
  name: z.string(),
  meta: z.record(z.string(), z.string()),
  /** The newest. */
  version: count,
  inPlace: z.boolean(),
  /** Whether the project is one that the asker owns: only owners send. */
  mine: z.boolean(),
  changedAt: instant,
  ...ofTree,
})

/** `flagged`: names that some other systems cannot hold, or that a person may misread. */
export const addedDatasetView = datasetView.extend({ flagged: z.array(z.string()) })

export const versionView = z.object({
  version: count,
  addedAt: instant,
  /** A person's address, a site's alias, or `system`. */
  by: z.string(),
  origin: originView.optional(),
  ...ofTree,
})

/** One dataset, looked at closely. */
export const wholeDatasetView = datasetView.extend({
  versions: z.array(versionView),
  /** Of the newest version that arrived. */
  deposit: depositView.optional(),
})

export const fileView = z.object({ path: z.string(), size: count, cid: fileCid })

export const filesView = z.object({
  files: z.array(fileView),
  /**
   * Ask again with `after` set to this path; absent at the end. A search may answer no file and say
   * where to go on: it looks at so many paths and no more.
   */
  next: z.string().optional(),
})

export const folderView = z.object({
  /** In order; of a folder, what is in all of it. */
  inside: z.array(z.object({ path: z.string(), folder: z.boolean(), files: count, bytes: count })),
  /** Of the whole folder. */
  files: count,
  bytes: count,
  /** Ask again with `after` set to this path; absent at the end. */
  next: z.string().optional(),
})

const exportView = z.object({ folder: z.string(), files: count, bytes: count })

export const datasetExportView = exportView.extend({ version: count })

export const inputView = z.object({ label: z.string(), path: z.string(), cid: fileCid })

export const workflowView = z.object({
  id: workflowId,
  project: projectId,
  name: z.string(),
  format: z.string(),
  version: count,
  /** What it is bound to. */
  dataset: datasetId,
  datasetVersion: count,
  datasetRoot: root,
  /** The canonical document: the same CID at every site. */
  document: fileCid,
  refs: z.array(z.object({ pointer: z.string(), form: z.string(), path: z.string().optional() })),
  inputs: z.array(inputView),
  mine: z.boolean(),
  changedAt: instant,
  origin: originView.optional(),
  /** Of the document and its results together. */
  ...ofTree,
})

export const addedWorkflowView = workflowView.extend({
  /** Places that name another dataset and were left alone, because that was allowed. */
  unbound: z.array(z.string()),
  /** Galaxy slots that nothing is bound to and that are not optional. */
  open: z.array(z.string()),
  flagged: z.array(z.string()),
})

/** What was written; the names are in the folder, the counts are of results. */
export const workflowExportView = exportView.extend({
  version: count,
  document: z.string(),
  job: z.string().optional(),
})

/** One workflow, looked at closely. */
export const wholeWorkflowView = workflowView.extend({ versions: z.array(versionView) })

export const bindingRow = z.object({
  label: z.string(),
  path: z.string(),
  state: z.enum(['matched', 'renamed', 'changed', 'missing']),
  now: z.string().optional(),
})

// ── transfers

export const transferStates = [
  'waiting',
  'parked',
  'moving',
  'whole',
  'paused',
  'done',
  'refused',
  'failed',
  'cancelled',
] as const

export type TransferState = (typeof transferStates)[number]

const endView = z.object({
  site: siteId,
  /** Our name for that site; absent for ourselves. */
  alias: z.string().optional(),
  name: z.string(),
  person: email,
  /** The dataset's ID at this end, as soon as it is known. */
  dataset: datasetId.optional(),
  version: count.optional(),
  workflows: z.array(workflowId),
})

export const receiptView = z.object({
  kind: z.enum(['received', 'imported']),
  at: instant,
  /** The destination's IDs; only in `imported`. */
  dataset: datasetId.optional(),
  workflows: z.array(workflowId),
  trees: z.array(z.object({ root, files: count, bytes: count })),
  /** The destination's, over the receipt's bytes; hexadecimal. */
  signature: z.string(),
})

export const transferView = z.object({
  id: transferId,
  direction: z.enum(['out', 'in']),
  state: z.enum(transferStates),
  source: endView,
  destination: endView,
  /** Names, for people. */
  dataset: z.string().optional(),
  workflows: z.array(z.string()),
  /**
   * Content, manifests not counted. `sent` and `received` count repeats; `dataset`: what of them is
   * the dataset's. `there`, where it is known: what of `chosen` the destination has by now.
   */
  bytes: z.object({
    chosen: count,
    held: count,
    sent: count,
    received: count,
    dataset: count,
    there: count.optional(),
  }),
  files: z.object({ chosen: count, held: count, done: count }),
  /** Metadata that crossed. */
  manifest: z.object({ nodes: count, pages: count }),
  bytesPerSecond: count,
  receipts: z.array(receiptView),
  /** At the destination, where the project has a folder for what arrives. */
  deposit: depositView.optional(),
  /** Of an ended transfer, why; of a running one, what went wrong last and is tried again. */
  fault: faultView.optional(),
  will: z.array(z.string()),
  willNot: z.array(z.string()),
  createdAt: instant,
  endedAt: instant.optional(),
})

export const dryRunView = z.object({
  /** What would travel, and what of it the destination already holds from us. */
  files: count,
  bytes: count,
  held: z.object({ files: count, bytes: count }),
  /** Of all workflows, as they would be bound there; empty when none is sent. */
  binding: z.array(bindingRow),
  /** Names that some other systems cannot hold. */
  flagged: z.array(z.string()),
  will: z.array(z.string()),
  willNot: z.array(z.string()),
})

export const sendInput = z.strictObject({
  /** A connection's ID, or the person and our name for their site. */
  to: z.union([inputs.connectionId, z.strictObject({ email: inputs.email, alias: inputs.alias })]),
  dataset: z.strictObject({ id: inputs.datasetId, files: inputs.globs.optional() }).optional(),
  workflows: z.array(inputs.workflowId).max(256).optional(),
  /** The workflows' dataset goes with them. */
  withFiles: z.boolean().optional(),
  /** Which of its files; all when absent. */
  files: inputs.globs.optional(),
  /** The dataset's ID at the destination; 0 is a new one. */
  dest: z.union([z.literal(0), inputs.datasetId]).default(0),
  /** Bind workflows although inputs changed or are missing there. */
  allow: z.boolean().optional(),
})

/** As the site has it: instants are numbers. */
export type Inside<S extends z.ZodType> = z.output<S>
/** As it is told: instants are ISO text. */
export type Told<S extends z.ZodType> = z.input<S>

export type TransferView = Inside<typeof transferView>
export type SendInput = Inside<typeof sendInput>
export type DryRun = Inside<typeof dryRunView>
export type ToldTransfer = Told<typeof transferView>
