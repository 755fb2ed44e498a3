/**
 * The door of the room: each person is told what concerns them, in the console and by mail, as they
 * prefer. What happened is read from the journal (`follower.ts`), so nothing that a record tells of is
 * left out; that something does not move, which no record tells, is watched (`stalls.ts`).
 */
import { asFault, Fault, toWireFault } from '../../protocol/fault.ts'
import type { TransferId, UserId } from '../../protocol/ids.ts'
import { createEvents, type Events } from '../base/events.ts'
import { keys } from '../db/keys.ts'
import type { User } from '../people/users.ts'
import { type FollowerNeeds, startFollower } from './follower.ts'
import { inviteLetter, type Letter, letterId, type Sender, testLetter } from './letters.ts'
import { type Due, dueOf } from './notice.ts'
import { type Mails, openMails } from './outbox.ts'
import {
  changed,
  choiceOf,
  type KeptPreferences,
  kinds,
  kindsFor,
  type PreferenceChanges,
} from './preferences.ts'
import type { MailSettings } from './settings.ts'
import { openShelf, type Shown } from './shelf.ts'
import { createSendMail } from './smtp.ts'
import { type StallsNeeds, watchStalls } from './stalls.ts'
import { type Lookup, type Words, wordsOf } from './words.ts'

/** What became of a mail that somebody waited for. */
export type Mailed = { readonly sent: boolean; readonly problem?: string | undefined }

export interface Notices extends AsyncDisposable {
  /** Newest first. */
  list(
    user: UserId,
    o: { after?: number | undefined; unread?: boolean | undefined; limit: number },
  ): Promise<(Shown & Words)[]>
  unread(user: UserId): Promise<number>
  /** Faults `missing`. Both resolve to how many are unread then. */
  read(user: UserId, id: number): Promise<number>
  readAll(user: UserId, through: number): Promise<number>
  preferences(user: User): Promise<ReturnType<typeof viewPreferences>>
  /** Faults `invalid` for a zone that nobody knows. */
  prefer(user: User, changes: PreferenceChanges): Promise<ReturnType<typeof viewPreferences>>
  /** How many are unread may be another number from now on. */
  readonly events: Events<{ type: 'changed'; user: UserId }>
  readonly mail: {
    view(): MailState
    /** Faults `conflict`, saying what to do, unless this site sends mail. */
    demand(): void
    /** Both send at once and once; what went wrong is the answer. Faults as `demand`. */
    test(to: User, options: { signal: AbortSignal }): Promise<Mailed>
    invite(
      to: User,
      o: { link: string; expiresAt: number },
      options: { signal: AbortSignal },
    ): Promise<Mailed>
  }
  /** From now on people are told; once, when the console's address is known. */
  start(): Promise<void>
}

export type MailState = {
  readonly state: 'off' | 'working' | 'failing'
  readonly settings?: MailSettings | undefined
  readonly waiting: number
  readonly lastSentAt?: number | undefined
  readonly problem?: string | undefined
}

export type NoticesNeeds = Omit<FollowerNeeds, 'shelf' | 'hasMail' | 'made' | 'forgotten'> &
  Pick<StallsNeeds, 'transfer'> & {
    readonly look: Lookup
    readonly moving: StallsNeeds['events']
    /** Without them no mail is sent. */
    readonly settings: MailSettings | undefined
    /** The site's own time zone, for whoever named no other. */
    readonly zone: string
    sender(): Sender
    mailed(outcome: 'sent' | 'failed'): void
  }

export async function openNotices(needs: NoticesNeeds): Promise<Notices> {
  const { commit, db, clock, users, settings, log, look } = needs
  const shelf = openShelf(needs)
  const events = createEvents<{ type: 'changed'; user: UserId }>()
  const stack = new AsyncDisposableStack()
  let mails: Mails | undefined
  let lastSentAt: number | undefined
  let problem: string | undefined

  // Before there were notices nobody waited for any.
  let after = await db.get<number>(keys.noticesAt())
  if (after === undefined) {
    after = commit.folded()
    await db.write([{ put: keys.noticesAt(), value: after }])
  }

  const transport = settings === undefined ? undefined : createSendMail({ settings, clock })

  async function send(letter: Letter, { signal }: { signal: AbortSignal }): Promise<void> {
    demand()
    try {
      await transport!(letter, { signal })
      lastSentAt = clock.now()
      problem = undefined
      needs.mailed('sent')
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const fault = asFault(thrown, 'mail.send')
      // That one address is wrong says nothing about the server.
      if (fault.kind !== 'gone') problem = toWireFault(fault).text
      needs.mailed('failed')
      throw fault
    }
  }

  function demand(): void {
    if (transport !== undefined) return
    throw new Fault('conflict', 'mail.send', {
      text: 'This site sends no mail. Name a mail server under "mail" in its config.json and start it again, or hand over by another way what was to be mailed.',
    })
  }

  async function sendNow(letter: Letter, options: { signal: AbortSignal }): Promise<Mailed> {
    demand()
    try {
      await send(letter, options)
      return { sent: true }
    } catch (thrown) {
      if (options.signal.aborted) throw thrown
      return { sent: false, problem: toWireFault(asFault(thrown, 'mail.send')).text }
    }
  }

  async function markRead(user: UserId, choose: (id: number) => boolean): Promise<number> {
    return commit.serial(async () => {
      const unread = await shelf.unread(user)
      const ids = unread.filter(choose)
      if (ids.length > 0) {
        await commit('notice.read', { user }, { user, ids })
        events.emit({ type: 'changed', user })
      }
      return unread.length - ids.length
    })
  }

  return {
    events,
    async list(user, o) {
      const found: (Shown & Words)[] = []
      for (const notice of await shelf.list(user, o))
        found.push({ ...notice, ...(await wordsOf(notice, look)) })
      return found
    },
    unread: async (user) => (await shelf.unread(user)).length,
    async read(user, id) {
      const found = await shelf.get(user, id)
      if (found?.centre) return markRead(user, (one) => one === id)
      throw new Fault('missing', 'notices.read', {
        about: id,
        text: `You have no notice ${id}. crossload notices shows them.`,
      })
    },
    readAll: (user, through) => markRead(user, (id) => id <= through),
    async preferences({ id, role }) {
      return viewPreferences(await shelf.preferences(id), role, settings !== undefined)
    },
    async prefer({ id, role }, changes) {
      const preferences = await commit.serial(async () => {
        const next = changed(await shelf.preferences(id), changes)
        await commit('notice.preferred', { user: id }, { user: id, preferences: next })
        return next
      })
      mails?.look(id)
      return viewPreferences(preferences, role, settings !== undefined)
    },
    mail: {
      demand,
      view: () => ({
        state: settings === undefined ? 'off' : problem === undefined ? 'working' : 'failing',
        ...{ settings, lastSentAt, problem, waiting: mails?.waiting ?? 0 },
      }),
      test: (to, options) =>
        sendNow(testLetter(needs.sender(), to, letterId(['test', to.id, clock.now()])), options),
      invite: (to, o, options) =>
        sendNow(
          inviteLetter(needs.sender(), to, o, letterId(['invite', to.id, o.expiresAt])),
          options,
        ),
    },
    async start() {
      if (transport !== undefined) {
        const due: Due[] = []
        for await (const { value } of db.list<Due>(keys.mailsDue())) due.push(value)
        mails = stack.use(
          openMails({ ...needs, shelf, send, sender: needs.sender, users, look, log }, due),
        )
      }
      const going: TransferId[] = []
      for await (const { value } of db.list<TransferId>(keys.unfinishedAll())) going.push(value)
      const stalled: StallsNeeds['stalled'] = (what) => commit('transfer.stalled', 'system', what)
      stack.use(watchStalls({ ...needs, events: needs.moving, stalled }, going))
      stack.use(
        startFollower(
          {
            ...needs,
            shelf,
            hasMail: transport !== undefined,
            made(notices) {
              mails?.add(notices.filter(({ mail }) => mail).map(dueOf))
              for (const { user, centre } of notices)
                if (centre) events.emit({ type: 'changed', user })
            },
            forgotten: (user) => mails?.forget(user),
          },
          after,
        ),
      )
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function viewPreferences(
  preferences: KeptPreferences,
  role: 'administrator' | 'member',
  hasMail: boolean,
) {
  const { digest, hour, zone } = preferences
  const choices = kindsFor(role).map((kind) => ({
    ...{ kind, says: kinds[kind].says },
    ...choiceOf(preferences, kind),
    mailed: kinds[kind].unmailed === undefined,
  }))
  return { choices, digest, hour, zone, hasMail }
}
