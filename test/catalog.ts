/** A catalog of its own on a real journal and index, with a store in memory, for tests of one site. */
import { join } from 'node:path'
import { type Clock, createManualClock } from '../node/base/clock.ts'
import { datasetFolds } from '../node/catalog/dataset.ts'
import { openDatasets } from '../node/catalog/datasets.ts'
import {
  openProjects,
  projectChanges,
  projectFolds,
  type Rights,
} from '../node/catalog/projects.ts'
import { workflowFolds } from '../node/catalog/workflow.ts'
import { openWorkflows } from '../node/catalog/workflows.ts'
import type { KeyPrefix } from '../node/db/keys.ts'
import type { Folds } from '../node/journal/commit.ts'
import { openJournal } from '../node/journal/journal.ts'
import { openIndex } from '../node/journal/recovery.ts'
import { groupFolds, leftGroupsChanges } from '../node/people/group.ts'
import { type Groups, openGroups } from '../node/people/groups.ts'
import { may } from '../node/people/permissions.ts'
import { openSeals } from '../node/people/seals.ts'
import { openUsers, type User, type Users, userFolds } from '../node/people/users.ts'
import { createMemoryStore } from '../node/store/memory.ts'
import type { Store } from '../node/store/store.ts'
import type { Email, GroupId, UserId } from '../protocol/ids.ts'
import { openFolder } from './folder.ts'

const ofUsers = userFolds(projectChanges)
const folds: Folds = {
  ...ofUsers,
  ...groupFolds(projectChanges),
  'user.removed': (record) => [
    ...ofUsers['user.removed']!(record),
    ...leftGroupsChanges(record.data),
  ],
  ...projectFolds,
  ...datasetFolds,
  ...workflowFolds,
}

export type Catalog = Awaited<ReturnType<typeof openCatalog>>

/** `store` makes the one that the catalog has; `more` are folds of rooms above it. */
export async function openCatalog(o: { store?: (clock: Clock) => Store; more?: Folds } = {}) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await openFolder())
  const clock = createManualClock(1_000_000)
  const journal = stack.use(
    await openJournal({ folder: join(folder.path, 'journal'), clock, create: true }),
  )
  const index = {
    folder: join(folder.path, 'index'),
    journal,
    folds: { ...folds, ...o.more },
    create: true,
  }
  const { db, commit } = await openIndex(index)
  stack.use(db)
  const store = stack.use(o.store?.(clock) ?? createMemoryStore())
  const rights: Rights = {
    may: (who, act, on) => may({ ...(who as User), groups: groups.of(who.id) }, act, on),
  }
  const isPerson = async (id: UserId) => (await users.get(id))?.at === 'active'
  const isGroup = (id: GroupId) => groups.get(id) !== undefined
  const projects = openProjects({ commit, db, clock, rights, isPerson, isGroup })
  const seals = await openSeals({ folder: join(folder.path, 'people'), clock })
  const { personalProject, withoutGroup: projectsWithout } = projects
  const alsoEnds = async (id: UserId) => groups.endsWith(id)
  const users: Users = await openUsers({ commit, db, seals, personalProject, alsoEnds })
  const groups: Groups = stack.use(await openGroups({ commit, db, isPerson, projectsWithout }))
  const datasets = openDatasets({ commit, db, store, clock, projects, rights })
  const workflows = openWorkflows({ commit, db, store, clock, projects, datasets, rights })
  return {
    path: folder.path,
    clock,
    journal,
    db,
    commit,
    store,
    seals,
    users,
    groups,
    projects,
    datasets,
    workflows,
    /** A person of this site. */
    person: (name: string): Promise<User> =>
      users.add({ email: `${name}@lab.example` as Email, by: 'system' }),
    /** Everything under a prefix, from an index that is made anew from the journal. */
    async rebuilt(prefix: KeyPrefix): Promise<unknown[]> {
      const again = await openIndex({
        ...index,
        folder: join(folder.path, `again-${prefix.slice(0, -1)}`),
      })
      await using made = again.db
      return (await Array.fromAsync(made.list(prefix))).map(({ value }) => value)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
