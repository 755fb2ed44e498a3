/**
 * Reads the journal from where it is and puts a notice down for each person whom a record concerns.
 * The notices and the number of the record are one record, so each is made once, whenever it stops.
 */
import { asFault, type Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Commit } from '../journal/commit.ts'
import type { Journal, JournalRecord } from '../journal/journal.ts'
import { tail } from '../journal/tail.ts'
import type { Users } from '../people/users.ts'
import { type Concern, concernOf } from './concerns.ts'
import { type Gone, type Notice, noticesMax } from './notice.ts'
import { choiceOf } from './preferences.ts'
import type { Shelf } from './shelf.ts'

/** Records that concern nobody, after which the place in the journal is kept all the same. */
const passedMax = 1000
/** When our own disk is in the way, how long until it goes on, in milliseconds. */
const troubleMs = 60_000

export type FollowerNeeds = {
  readonly commit: Commit
  readonly journal: Pick<Journal, 'read'>
  readonly db: Db
  readonly clock: Clock
  readonly users: Pick<Users, 'get' | 'list'>
  readonly shelf: Shelf
  /** Whether mail is sent at all. */
  readonly hasMail: boolean
  /** They are kept. */
  made(notices: readonly Notice[]): void
  /** Everything of this person's is gone. */
  forgotten(user: UserId): void
  log(fault: Fault): void
}

export function startFollower(needs: FollowerNeeds, begin: number): AsyncDisposable {
  const { commit, db, clock, users, shelf } = needs
  const closing = new AbortController()
  const { signal } = closing
  let after = begin
  let keptAfter = begin
  /** How many notices a person has, once that was asked. */
  const counts = new Map<UserId, number>()

  async function follow(): Promise<void> {
    for (;;) {
      try {
        for await (const record of tail({ ...needs, after, signal })) await take(record)
      } catch (thrown) {
        if (signal.aborted) return
        counts.clear()
        needs.log(asFault(thrown, 'notices.follow'))
        await clock.sleep(troubleMs, { signal }).catch(() => {})
      }
    }
  }

  async function take(record: JournalRecord): Promise<void> {
    const { kind, seq } = record
    if (kind === 'user.removed')
      await forget((record.data as { user: { id: UserId } }).user.id, seq)
    const concern = concernOf(record)
    const notices = concern === undefined ? [] : await noticesOf(concern, record)
    if (notices.length > 0) {
      const gone: Gone[] = []
      for (const { user } of notices) gone.push(...(await makeRoom(user)))
      await commit('notice.put', 'system', { notices, gone, after: seq })
      keptAfter = seq
      needs.made(notices)
    } else if (seq - keptAfter >= passedMax) {
      await db.write([{ put: keys.noticesAt(), value: seq }])
      keptAfter = seq
    }
    after = seq
  }

  async function noticesOf(
    { whom, kind, name, about }: Concern,
    { seq, at }: JournalRecord,
  ): Promise<Notice[]> {
    const notices: Notice[] = []
    for (const user of whom === 'administrators' ? await administrators() : [whom]) {
      const person = await users.get(user)
      const choice = choiceOf(await shelf.preferences(user), kind)
      const { centre } = choice
      const mail = choice.mail && needs.hasMail
      if (person?.at !== 'active' || !(centre || mail)) continue
      if (await shelf.has(user, name)) continue
      notices.push({ id: seq, user, kind, at, name, about, centre, mail })
    }
    return notices
  }

  /** What goes so that this person can have one more. */
  async function makeRoom(user: UserId): Promise<Gone[]> {
    const count = counts.get(user) ?? (await shelf.all(user)).length
    const gone = count < noticesMax ? [] : await shelf.surplus(user)
    counts.set(user, count + 1 - gone.length)
    return gone
  }

  async function administrators(): Promise<UserId[]> {
    const all = await users.list()
    return all
      .filter(({ role, at }) => role === 'administrator' && at === 'active')
      .map(({ id }) => id)
  }

  async function forget(user: UserId, seq: number): Promise<void> {
    await commit('notice.forgotten', 'system', { user, gone: await shelf.all(user), after: seq })
    keptAfter = seq
    counts.delete(user)
    needs.forgotten(user)
  }

  const following = follow()
  return {
    async [Symbol.asyncDispose]() {
      closing.abort()
      await following
    },
  }
}
