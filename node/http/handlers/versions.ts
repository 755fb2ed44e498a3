/** One version of a dataset or a workflow, as it is told: who made it, and where it came from. */
import type { SiteId, TransferId } from '../../../protocol/ids.ts'
import type { Tree } from '../../../protocol/manifest.ts'
import type { Actor } from '../../journal/journal.ts'
import type { Doors } from '../doors.ts'

export type Origin = {
  readonly site: SiteId
  readonly transfer: TransferId
  readonly id: number
  readonly version: number
}

type Version = {
  readonly version: number
  readonly tree: Tree
  readonly at: number
  readonly by: Actor
}

export async function viewVersion(
  doors: Doors,
  { version, tree, at, by }: Version,
  origin?: Origin,
) {
  const { root, files, bytes } = tree
  return {
    version,
    addedAt: at,
    by: await nameOf(doors, by),
    ...(origin === undefined ? {} : { origin: viewOrigin(doors, origin) }),
    root,
    files,
    bytes,
  }
}

export function viewOrigin(doors: Doors, { site, transfer, id, version }: Origin) {
  const alias = doors.links.bySite(site)?.alias
  return { site, transfer, id, version, ...(alias === undefined ? {} : { alias }) }
}

async function nameOf({ users, links }: Doors, by: Actor): Promise<string> {
  if (by === 'system') return by
  if ('site' in by) return links.bySite(by.site)?.alias ?? by.site
  const person = await users.get(by.user)
  // Whoever was removed has no address any more, and is called that.
  return person === undefined ? String(by.user) : person.email || person.name
}
