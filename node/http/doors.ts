/**
 * What the handlers may call, and what they are given. The rooms are the real ones; only the site as
 * a whole and the transfers are listed here by what is asked of them.
 */

import type { BytesName, EventsName, Input, Output, RouteName } from '../../api/routes.ts'
import type { DryRun, SendInput, TransferView } from '../../api/shapes.ts'
import type { WireFault } from '../../protocol/fault.ts'
import type { DatasetId, ProjectId, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import type { Datasets } from '../catalog/datasets.ts'
import type { OpenFile } from '../catalog/files.ts'
import type { Holdings } from '../catalog/holdings.ts'
import type { Projects } from '../catalog/projects.ts'
import type { Workflows } from '../catalog/workflows.ts'
import type { Hooks } from '../hooks/hooks.ts'
import type { Asked } from '../journal/asked.ts'
import type { JournalRecord } from '../journal/journal.ts'
import type { Limits } from '../limits/limits.ts'
import type { Bindings } from '../login/bindings.ts'
import type { Login } from '../login/login.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Notices } from '../notices/notices.ts'
import type { Accounts } from '../people/accounts.ts'
import type { Connections } from '../people/connections.ts'
import type { Groups } from '../people/groups.ts'
import type { Tokens } from '../people/tokens.ts'
import type { User, Users } from '../people/users.ts'
import type { Links } from '../sites/links.ts'
import type { Upkeep } from '../upkeep/upkeep.ts'
import type { Uploads } from '../uploads/uploads.ts'
import type { Paths } from './paths.ts'
import type { Tickets } from './tickets.ts'
import type { Visit } from './visit.ts'

export type Doing = {
  readonly signal: AbortSignal
  readonly onProgress: (progress: {
    files: number
    bytes: number
    filesTotal?: number | undefined
    bytesTotal?: number | undefined
  }) => void
}

/** The site as a whole, which only whoever composed it knows. */
export interface SiteDoor {
  facts(): {
    site: SiteId
    name: string
    fingerprint: string
    addresses: string[]
    lane?: string | undefined
    version: string
    startedAt: number
  }
  settings(): Output<'site.settings'>
  /** `damaged` when some content is, `safe` when the journal is; the fault says where. */
  health(): { state: 'ok' | 'damaged' | 'safe'; fault?: WireFault | undefined }
  verify(doing: Doing): Promise<{ files: number; bytes: number; bad: string[] }>
  backup(folder: string, doing: Doing): Promise<{ folder: string; files: number; bytes: number }>
  /** At most `limit` records after that sequence number. */
  records(after: number, limit: number): Promise<JournalRecord[]>
  /** The same backwards: those before that number, from the newest of them on. */
  latest(before: number | undefined, limit: number): Promise<JournalRecord[]>
  verifyJournal(doing: Doing): Promise<{ records: number; head: string }>
}

export type ListTransfers = {
  readonly after?: TransferId | undefined
  readonly search?: string | undefined
  readonly running?: boolean | undefined
  readonly limit: number
}

/** The transfers, as far as people see them. Who may see which is decided here, by `need`. */
export interface TransfersDoor {
  send(input: SendInput, by: User): Promise<TransferView>
  dryRun(input: SendInput, by: User, options: { signal: AbortSignal }): Promise<DryRun>
  list(of: (t: { user: UserId }) => boolean, options: ListTransfers): Promise<TransferView[]>
  /** Faults `missing`. */
  need(id: TransferId): Promise<{ user: UserId }>
  view(id: TransferId): Promise<TransferView>
  pause(id: TransferId, by: User): Promise<TransferView>
  resume(id: TransferId, by: User): Promise<TransferView>
  cancel(id: TransferId, by: User): Promise<TransferView>
  readonly events: { on(hear: (event: { id: TransferId; over?: boolean }) => void): Disposable }
}

/** The folders where what arrives is laid out. */
export interface DepositsDoor {
  /** Faults unless the site can lay files there. */
  check(folder: string): Promise<void>
  ofDataset(id: DatasetId): Promise<Output<'datasets.show'>['deposit']>
  /** The project's folder was named: what waits or had failed is tried now. */
  again(project: ProjectId, by: User): Promise<void>
}

export type Doors = {
  readonly site: SiteDoor
  /** Which questions have changed something already. */
  readonly asked: Asked
  readonly upkeep: Pick<Upkeep, 'reclaim' | 'holds' | 'scrubNow' | 'view'>
  readonly users: Users
  readonly tokens: Tokens
  readonly accounts: Accounts
  readonly groups: Omit<Groups, 'takeOver' | 'endsWith' | typeof Symbol.dispose>
  /** None where the configuration names no institution. */
  readonly login: Login | undefined
  readonly bindings: Pick<Bindings, 'of' | 'end'>
  readonly links: Links
  readonly connections: Connections
  readonly projects: Projects
  readonly datasets: Datasets
  readonly workflows: Workflows
  readonly transfers: TransfersDoor
  readonly limits: Limits
  readonly deposits: DepositsDoor
  readonly hooks: Omit<Hooks, 'glance' | typeof Symbol.asyncDispose>
  readonly notices: Omit<Notices, 'start' | typeof Symbol.asyncDispose>
  readonly metrics: Pick<Metrics, 'expose'>
  readonly uploads: Uploads
  readonly holdings: Pick<Holdings, 'find'>
  readonly tickets: Tickets
}

/** One question of one person. `signal` aborts when they go away or the site stops. */
export type Call<R extends RouteName> = Doing & {
  readonly doors: Doors
  readonly by: User
  readonly input: Input<R>
  readonly paths: Paths
  readonly visit: Visit
}

/** `site.health` is answered before there is a person, by http.ts itself. */
export type HandledName = Exclude<RouteName, EventsName | BytesName | OpenName | 'site.health'>
export type Handler<R extends RouteName> = (call: Call<R>) => Promise<Output<R>> | Output<R>
/** Asked by somebody who is not known yet. */
export type OpenName =
  | 'site.openapi'
  | 'session.open'
  | 'session.welcome'
  | 'login.show'
  | 'login.begin'
export type OpenHandlers = {
  readonly [N in OpenName]: (call: Pick<Call<N>, 'doors' | 'input' | 'visit'>) => Promise<Output<N>>
}
export type Handlers<R extends HandledName = HandledName> = { readonly [N in R]: Handler<N> }
/** They find the file, open; `bytes.ts` answers with it and closes it. */
export type ContentHandlers = {
  readonly [N in BytesName]: (call: Pick<Call<N>, 'doors' | 'by' | 'input'>) => Promise<OpenFile>
}
