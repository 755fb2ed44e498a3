/** The notices of each person as the index has them. */
import type { UserId } from '../../protocol/ids.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { type Gone, type Notice, noticesMax, sweptMax } from './notice.ts'
import { defaultPreferences, type KeptPreferences } from './preferences.ts'

export type Shown = Notice & { readonly read: boolean }

export interface Shelf {
  /** Newest first; of those that are told in the centre. */
  list(
    user: UserId,
    o: { after?: number | undefined; unread?: boolean | undefined; limit: number },
  ): Promise<Shown[]>
  /** The IDs of what is unread in the centre. */
  unread(user: UserId): Promise<number[]>
  get(user: UserId, id: number): Promise<Notice | undefined>
  /** Everything, also what stands in no centre. */
  all(user: UserId): Promise<Gone[]>
  /** Whether they were told what has this name. */
  has(user: UserId, name: string): Promise<boolean>
  /** What goes when there are too many. */
  surplus(user: UserId): Promise<Gone[]>
  preferences(user: UserId): Promise<KeptPreferences>
}

export function openShelf({ db, zone }: { db: Db; zone: string }): Shelf {
  async function readOf(user: UserId): Promise<Set<number>> {
    const found = new Set<number>()
    for await (const { key } of db.list(keys.noticesRead(user)))
      found.add(Number(key.slice(key.lastIndexOf('/') + 1)))
    return found
  }

  async function allOf(user: UserId): Promise<Shown[]> {
    const read = await readOf(user)
    const found: Shown[] = []
    for await (const { value } of db.list<Notice>(keys.noticesOf(user)))
      found.push({ ...value, read: !value.centre || read.has(value.id) })
    return found
  }

  return {
    async list(user, { after, unread = false, limit }) {
      const read = await readOf(user)
      const found: Shown[] = []
      const options = {
        reverse: true,
        after: after === undefined ? undefined : keys.notice(user, after),
      }
      for await (const { value } of db.list<Notice>(keys.noticesOf(user), options)) {
        const shown = { ...value, read: read.has(value.id) }
        if (!shown.centre || (unread && shown.read)) continue
        found.push(shown)
        if (found.length >= limit) break
      }
      return found
    },
    async unread(user) {
      return (await allOf(user)).filter(({ read }) => !read).map(({ id }) => id)
    },
    get: (user, id) => db.get<Notice>(keys.notice(user, id)),
    async all(user) {
      return (await allOf(user)).map(goneOf)
    },
    async has(user, name) {
      return (await db.get(keys.noticeNamed(user, name))) !== undefined
    },
    async surplus(user) {
      const all = await allOf(user)
      if (all.length < noticesMax) return []
      const first = [...all.filter(({ read }) => read), ...all.filter(({ read }) => !read)]
      return first.slice(0, sweptMax).map(goneOf)
    },
    async preferences(user) {
      const kept = await db.get<KeptPreferences>(keys.noticePreferences(user))
      return kept ?? defaultPreferences(zone)
    },
  }
}

const goneOf = ({ user, id, name }: Notice): Gone => ({ user, id, name })
