/**
 * The rooms of a site that need no network: opened in order for `init`, for `serve`, and for whoever
 * wants to look at a home that is stopped. Closed in reverse.
 */
import { Fault } from '../protocol/fault.ts'
import type { GroupId, UserId } from '../protocol/ids.ts'
import type { Clock } from './base/clock.ts'
import { makeFolder } from './base/files.ts'
import { openLock } from './base/lock.ts'
import { checkMarker, createMarker } from './base/marker.ts'
import { datasetChanges, datasetFolds } from './catalog/dataset.ts'
import { type Datasets, openDatasets } from './catalog/datasets.ts'
import {
  openProjects,
  type Projects,
  projectChanges,
  projectFolds,
  type Rights,
} from './catalog/projects.ts'
import { workflowChanges, workflowFolds } from './catalog/workflow.ts'
import { openWorkflows, type Workflows } from './catalog/workflows.ts'
import type { Home } from './config.ts'
import type { Db } from './db/db.ts'
import { depositDueChanges, depositFolds } from './deposit/deposit.ts'
import { hookFolds } from './hooks/hook.ts'
import { type Asked, openAsked } from './journal/asked.ts'
import type { Commit, Folds } from './journal/commit.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import type { OpenLogFile } from './journal/log-file.ts'
import { openIndex } from './journal/recovery.ts'
import { limitFolds } from './limits/scope.ts'
import {
  type Bindings,
  bindingFolds,
  endedBindingsChanges,
  openBindings,
} from './login/bindings.ts'
import { noticeFolds } from './notices/notice.ts'
import { type Accounts, accountFolds, openAccounts } from './people/accounts.ts'
import { connectionFolds } from './people/connection.ts'
import { groupFolds, leftGroupsChanges } from './people/group.ts'
import { type Groups, openGroups } from './people/groups.ts'
import { may } from './people/permissions.ts'
import { openSeals, type Seals } from './people/seals.ts'
import { sessionFolds } from './people/sessions.ts'
import { openTokens, type Tokens, tokenFolds } from './people/tokens.ts'
import { openUsers, type User, type Users, userFolds } from './people/users.ts'
import { type Identity, openIdentity } from './sites/identity.ts'
import { invitationFolds, linkFolds } from './sites/link.ts'
import { openStore } from './store/objects.ts'
import type { Store } from './store/store.ts'
import { transferChanges, transferFolds } from './transfers/book.ts'
import { damageFolds } from './upkeep/damages.ts'
import { createGuard, during, type Guard } from './upkeep/guard.ts'
import { holdFolds } from './upkeep/holds.ts'

const ofUsers = userFolds(projectChanges)

/** Every kind of record, by the room that owns it. A kind is never taken out: journals hold them. */
export const folds: Folds = {
  ...linkFolds,
  ...invitationFolds,
  ...connectionFolds,
  ...ofUsers,
  'user.removed': (record) => [
    ...ofUsers['user.removed']!(record),
    ...leftGroupsChanges(record.data),
    ...endedBindingsChanges(record.data),
  ],
  ...groupFolds(projectChanges),
  ...bindingFolds,
  ...accountFolds,
  ...sessionFolds,
  ...tokenFolds,
  ...projectFolds,
  ...datasetFolds,
  ...workflowFolds,
  ...transferFolds,
  ...limitFolds,
  ...depositFolds,
  ...hookFolds,
  ...noticeFolds,
  /** Versions, bindings and IDs become visible together, with the end of the transfer that brought them. */
  'transfer.imported': ({ data }) => [
    ...transferChanges(data.transfer),
    ...(data.datasets ?? []).flatMap(datasetChanges),
    ...(data.workflows ?? []).flatMap(workflowChanges),
    ...depositDueChanges(data),
  ],
  /** For the audit only: who asked for what they may not have. */
  'audit.refused': () => [],
  'site.made': () => [],
  ...damageFolds,
  ...holdFolds,
  /** For the audit only: what a reclaim gave back. */
  'reclaim.done': () => [],
}

export type Rooms = {
  home: Home
  identity: Identity
  journal: Journal
  db: Db
  commit: Commit
  asked: Asked
  /** Guarded: what is asked for or put through it is not swept before a record names it. */
  store: Store
  guard: Guard
  /** The store itself, for the upkeep alone. */
  disk: Store
  users: Users
  tokens: Tokens
  accounts: Accounts
  seals: Seals
  groups: Groups
  bindings: Bindings
  projects: Projects
  datasets: Datasets
  workflows: Workflows
  /** Why the index was made again at this start, if it was. */
  rebuilt: false | 'missing' | 'broken'
}

export async function openRooms(
  stack: AsyncDisposableStack,
  o: { home: Home; clock: Clock; pid: number; create: boolean; openFile?: OpenLogFile },
): Promise<Rooms> {
  const { home, clock, create, openFile } = o
  stack.use(await openLock({ folder: home.lock, pid: o.pid }))
  const identity = await openIdentity({ folder: home.folder, create })
  if (create) {
    await makeFolder(home.store)
    await createMarker(home.store, identity.site)
  } else await demandMarker(home, identity.site)
  const journal = stack.use(await openJournal({ folder: home.journal, clock, create, openFile }))
  const { db, commit, rebuilt } = await openIndex({ folder: home.index, journal, folds, create })
  stack.use(db)
  const asked = stack.use(await openAsked({ db, clock }))
  const disk = stack.use(await openStore({ folder: home.store, db, create }))
  const guard = createGuard(disk, clock)
  const { store } = guard
  // Whoever asks the catalog is one of our people; their record came in with the question.
  // Which groups they are in is looked up at each question, so a right ends the moment a group does.
  const rights: Rights = {
    may: (who, act, on) => may({ ...(who as User), groups: groups.of(who.id) }, act, on),
  }
  const isPerson = async (id: UserId) => (await users.get(id))?.at === 'active'
  const isGroup = (id: GroupId) => groups.get(id) !== undefined
  const projects = openProjects({ commit, db, clock, rights, isPerson, isGroup })
  const seals = await openSeals({ folder: home.people, clock })
  const { personalProject, withoutGroup: projectsWithout } = projects
  const alsoEnds = async (id: UserId) => ({ ...groups.endsWith(id), ...bindings.endsWith(id) })
  const users: Users = await openUsers({ commit, db, seals, personalProject, alsoEnds })
  const groups: Groups = stack.use(await openGroups({ commit, db, isPerson, projectsWithout }))
  const bindings: Bindings = stack.use(await openBindings({ commit, db, clock, seals }))
  const tokens = openTokens({ commit, db, clock, users, seals })
  const accounts = await openAccounts({ commit, db, clock, users, seals })
  // Adding puts content first and names it last: in between nothing of it may be swept.
  const adding = ['add', 'update'] as const
  const needs = { commit, db, store, clock, projects, rights }
  const datasets = during(guard, openDatasets(needs), [...adding, 'gather', 'regather'])
  const workflows = during(guard, openWorkflows({ ...needs, datasets }), adding)
  return {
    home,
    identity,
    journal,
    db,
    commit,
    asked,
    store,
    guard,
    disk,
    users,
    tokens,
    accounts,
    seals,
    groups,
    bindings,
    projects,
    datasets,
    workflows,
    rebuilt,
  }
}

/** A volume that is not mounted must never look like a site without content. */
export async function demandMarker(home: Home, site: string): Promise<void> {
  const found = await checkMarker(home.store, site)
  if (found === 'ours') return
  throw new Fault('gone', 'store.marker', {
    about: home.store,
    text:
      found === 'missing'
        ? `The store at ${home.store} is not marked as this site's: its volume may not be mounted. Mount it, then start again.`
        : `The store at ${home.store} belongs to another site. Mount the right volume, then start again.`,
  })
}
