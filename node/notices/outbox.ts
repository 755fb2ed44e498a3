/**
 * What is still to be mailed, person by person: at once, or all of a day in one mail at the hour that
 * they chose. That it is due stands in the journal with the notice, that it ended in a record of its
 * own; so a stop in between sends a mail once more at most, under the same name.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { createOutbox } from '../base/outbox.ts'
import type { Commit } from '../journal/commit.ts'
import type { User, Users } from '../people/users.ts'
import { nextHour } from './hour.ts'
import {
  digestLetter,
  type Line,
  letterId,
  linesMax,
  noticeLetter,
  type Sender,
} from './letters.ts'
import type { Due, MailEnd, Notice } from './notice.ts'
import { choiceOf, type KeptPreferences } from './preferences.ts'
import type { Shelf } from './shelf.ts'
import type { SendMail } from './smtp.ts'
import { type Lookup, wordsOf } from './words.ts'

/** How long a mail is tried before it is given up, counted from what happened, in milliseconds. */
export const giveUpMs = 3 * 24 * 3_600_000
/** Mails to one person within `burstMs` milliseconds; what comes then is one mail when they are over. */
export const burstMax = 5
export const burstMs = 5 * 60_000
/** The longest that is waited without a look at the clock, which may be set, in milliseconds. */
const lookMs = 15 * 60_000

export interface Mails extends AsyncDisposable {
  add(due: readonly Due[]): void
  /** This person's preferences changed, or the person is gone. */
  look(user: UserId): void
  forget(user: UserId): void
  readonly waiting: number
}

export type MailsNeeds = {
  readonly commit: Commit
  readonly clock: Clock
  readonly users: Pick<Users, 'get'>
  readonly shelf: Shelf
  readonly look: Lookup
  readonly send: SendMail
  sender(): Sender
  log(fault: Fault): void
}

type Entry = {
  /** When it happened, by ID. */
  readonly due: Map<number, number>
  /** When the next mail is to be sent. */
  nextAt: number
  sentAt: number[]
  /** It is being sent, or waits to be tried again: what comes meanwhile hurries nothing. */
  isTried: boolean
  timer: Disposable | undefined
}

export function openMails(needs: MailsNeeds, begin: readonly Due[]): Mails {
  const { clock, users, shelf } = needs
  const entries = new Map<UserId, Entry>()
  const outbox = createOutbox<UserId>({
    clock,
    pending: (user) => {
      const entry = entries.get(user)
      return entry !== undefined && entry.due.size > 0 && entry.nextAt <= clock.now()
    },
    deliver,
    failed(user, fault) {
      const entry = entries.get(user)
      if (entry !== undefined && !fault.again) entry.isTried = false
      const { kind, op, message: text, cause } = fault
      needs.log(new Fault(kind, op, { about: user, text, cause }))
    },
  })

  function add(due: readonly Due[]): void {
    for (const { user, id, at } of due) {
      const entry = entries.get(user) ?? {
        ...{ due: new Map(), nextAt: Number.POSITIVE_INFINITY, sentAt: [] },
        ...{ isTried: false, timer: undefined },
      }
      entries.set(user, entry)
      entry.due.set(id, at)
    }
    for (const user of new Set(due.map((one) => one.user))) look(user)
  }

  function look(user: UserId): void {
    plan(user).catch((thrown) => needs.log(asFault(thrown, 'mail.plan', user)))
  }

  /** Says when the next mail is due, and comes back then. */
  async function plan(user: UserId): Promise<void> {
    const preferences = await shelf.preferences(user)
    const entry = entries.get(user)
    if (entry === undefined) return
    entry.timer?.[Symbol.dispose]()
    entry.timer = undefined
    if (entry.due.size === 0) return
    entry.nextAt = nextOf(entry, preferences, clock.now())
    const waitMs = entry.nextAt - clock.now()
    if (waitMs <= 0 && !entry.isTried) {
      entry.isTried = true
      outbox.wake(user)
    }
    // Also when it is due: what could not be done then is looked at again.
    entry.timer = clock.after(waitMs <= 0 ? lookMs : Math.min(waitMs, lookMs), () => look(user))
  }

  async function deliver(user: UserId, { signal }: { signal: AbortSignal }): Promise<void> {
    const entry = entries.get(user)
    if (entry === undefined) return
    const person = await users.get(user)
    const preferences = await shelf.preferences(user)
    const { wanted, late, dropped } = await sorted(user, entry, person, preferences)
    await end(user, dropped, 'dropped')
    await end(user, late, 'failed')
    if (person !== undefined && wanted.length > 0) {
      const letter = await write(person, wanted, preferences)
      const ids = wanted.map(({ id }) => id)
      const outcome = await needs.send(letter, { signal }).then(
        () => 'sent' as const,
        (thrown) => {
          if (asFault(thrown, 'mail.send').kind !== 'gone') throw thrown
          return 'failed' as const
        },
      )
      entry.sentAt = [...entry.sentAt, clock.now()].slice(-burstMax)
      await end(user, ids, outcome)
    }
    entry.isTried = false
    await plan(user)
  }

  async function sorted(
    user: UserId,
    entry: Entry,
    person: User | undefined,
    preferences: KeptPreferences,
  ) {
    const wanted: Notice[] = []
    const late: number[] = []
    const dropped: number[] = []
    const isWanted = person?.at === 'active' && preferences.digest !== 'off'
    for (const id of [...entry.due.keys()].sort((a, b) => a - b)) {
      const notice = isWanted ? await shelf.get(user, id) : undefined
      if (notice === undefined || !choiceOf(preferences, notice.kind).mail) dropped.push(id)
      else if (clock.now() - notice.at > giveUpMs) late.push(id)
      else wanted.push(notice)
    }
    return { wanted, late, dropped }
  }

  async function write(person: User, notices: readonly Notice[], { zone }: KeptPreferences) {
    const lines: Line[] = []
    for (const notice of notices.slice(0, linesMax))
      lines.push({ ...(await wordsOf(notice, needs.look)), at: notice.at })
    const id = letterId([person.id, ...notices.map((notice) => notice.id)])
    const [only] = lines
    const from = needs.sender()
    if (only !== undefined && notices.length === 1) return noticeLetter(from, person, only, id)
    return digestLetter(from, person, { lines, more: notices.length - lines.length, zone }, id)
  }

  async function end(user: UserId, ids: readonly number[], how: MailEnd): Promise<void> {
    if (ids.length === 0) return
    await needs.commit('mail.ended', 'system', { user, ids, end: how })
    for (const id of ids) entries.get(user)?.due.delete(id)
  }

  add(begin)
  return {
    add,
    look,
    forget(user) {
      entries.get(user)?.timer?.[Symbol.dispose]()
      entries.delete(user)
    },
    get waiting() {
      return [...entries.values()].reduce((sum, { due }) => sum + due.size, 0)
    },
    async [Symbol.asyncDispose]() {
      await outbox[Symbol.asyncDispose]()
      for (const { timer } of entries.values()) timer?.[Symbol.dispose]()
      entries.clear()
    },
  }
}

function nextOf(
  { due, sentAt }: Entry,
  { digest, zone, hour }: KeptPreferences,
  now: number,
): number {
  if (digest === 'off') return now
  if (digest === 'daily') {
    const oldest = Math.min(...due.values())
    return nextHour(zone, Math.max(oldest, sentAt.at(-1) ?? 0), hour)
  }
  const first = sentAt.length < burstMax ? undefined : sentAt[0]
  return first === undefined || now - first >= burstMs ? now : first + burstMs
}
