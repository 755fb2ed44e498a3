/** The site as a whole, as its API shows it: who we are, how we are, and the work that touches everything. */

import { toWireFault } from '../protocol/fault.ts'
import type { Tree } from '../protocol/manifest.ts'
import { backupSite } from './backup.ts'
import { createPool } from './base/work.ts'
import type { Dataset } from './catalog/dataset.ts'
import type { Workflow } from './catalog/workflow.ts'
import { keys } from './db/keys.ts'
import type { Doing, SiteDoor } from './http/doors.ts'
import { verifyJournal } from './journal/journal.ts'
import type { Rooms } from './rooms.ts'
import { verifyTree } from './trees/verify.ts'
import type { Upkeep } from './upkeep/upkeep.ts'

export function createSiteDoor(
  rooms: Rooms,
  upkeep: Pick<Upkeep, 'fault' | 'without'>,
  told: Pick<SiteDoor, 'facts' | 'settings'>,
): SiteDoor {
  const { home, journal, store } = rooms
  const backups = createPool({ limit: 1 })
  return {
    ...told,
    health() {
      // A key that is missing is damage like any other: it may come back, and meanwhile it must be seen.
      const fault = upkeep.fault() ?? rooms.users.unreadable()[0]?.fault
      return fault === undefined ? { state: 'ok' } : { state: 'damaged', fault: toWireFault(fault) }
    },
    verify: (doing) => verifyEverything(rooms, doing),
    backup: (folder, doing) =>
      backups.run(
        // A copy is whole because content only grows while it is made, and no pack is rewritten.
        () => upkeep.without(() => store.still(() => backupSite(home, folder, doing)), doing),
        doing,
      ),
    async records(after, limit) {
      const found = []
      for await (const record of journal.read({ after })) {
        found.push(record)
        if (found.length >= limit) break
      }
      return found
    },
    async latest(before = Number.MAX_SAFE_INTEGER, limit) {
      // Numbers have no gaps, so where to begin is known.
      const behind = Math.min(before - 1, journal.head.seq)
      const from = Math.max(0, behind - limit)
      if (from >= behind) return []
      return (await this.records(from, behind - from)).reverse()
    },
    async verifyJournal() {
      const { records, head } = await verifyJournal(home.journal)
      return { records, head: head.hash }
    },
  }
}

/** The index against its own sums, then every version of everything that is not removed; each root once. */
async function verifyEverything({ db, store }: Rooms, doing: Doing) {
  await db.verify()
  const done = { files: 0, bytes: 0, bad: [] as string[] }
  const verified = new Set<string>()
  const verify = async (what: string, tree: Tree) => {
    if (verified.has(tree.root)) return
    verified.add(tree.root)
    const { files, bytes, bad } = await verifyTree({
      store,
      tree,
      signal: doing.signal,
      onProgress: (more) =>
        doing.onProgress({ files: done.files + more.files, bytes: done.bytes + more.bytes }),
    })
    done.files += files
    done.bytes += bytes
    done.bad.push(...bad.map((path) => `${what}: ${path}`))
  }
  for await (const { value } of db.list<Dataset>(keys.datasets())) {
    if (value.at === 'removed') continue
    for (const { version, tree } of value.versions)
      await verify(`dataset ${value.id} version ${version}`, tree)
  }
  for await (const { value } of db.list<Workflow>(keys.workflows())) {
    if (value.at === 'removed') continue
    for (const { version, tree } of value.versions)
      await verify(`workflow ${value.id} version ${version}`, tree)
  }
  return done
}
