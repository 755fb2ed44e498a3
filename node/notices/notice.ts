/**
 * A notice as it is kept: that something concerns a person. Its records name people and things by ID
 * only; what it says is made when it is read (`words.ts`), from what is known of them then. Of one
 * record of the journal a person gets at most one notice, so its number is the notice's ID.
 */
import type { NoticeKind } from '../../api/notices-shapes.ts'
import type {
  ConnectionId,
  DatasetId,
  LinkId,
  TransferId,
  UserId,
  WorkflowId,
} from '../../protocol/ids.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { KeptPreferences } from './preferences.ts'

/** What it is about; each kind names what it needs. */
export type About = {
  readonly transfer?: TransferId | undefined
  readonly dataset?: DatasetId | undefined
  readonly workflow?: WorkflowId | undefined
  readonly connection?: ConnectionId | undefined
  readonly link?: LinkId | undefined
  readonly hook?: number | undefined
  /** Damaged things. */
  readonly count?: number | undefined
  /** Somebody who could not be reached by mail. */
  readonly person?: UserId | undefined
}

export type Notice = {
  readonly id: number
  readonly user: UserId
  readonly kind: NoticeKind
  /** When it happened. */
  readonly at: number
  /** The same however often it is recorded, so that it is told once. */
  readonly name: string
  readonly about: About
  /** Where it is told, by what the person preferred when it happened. */
  readonly centre: boolean
  readonly mail: boolean
}

/** Notices that are kept for one person. */
export const noticesMax = 500
/** When there are so many, as many of them go: those first that were read, and of them the oldest. */
export const sweptMax = 50

/** A transfer of this person has not moved since then. */
export type Stalled = {
  readonly transfer: TransferId
  readonly user: UserId
  readonly since: number
}

/** That a notice is still to be mailed. */
export type Due = { readonly user: UserId; readonly id: number; readonly at: number }

export const dueOf = ({ user, id, at }: Notice): Due => ({ user, id, at })

/** How a mail, or the wish for one, ended. */
export type MailEnd = 'sent' | 'failed' | 'dropped'

/** What is left to say of a notice that goes. */
export type Gone = Pick<Notice, 'user' | 'id' | 'name'>

const noticeChanges = (notice: Notice): Change[] => [
  { put: keys.notice(notice.user, notice.id), value: notice },
  { put: keys.noticeNamed(notice.user, notice.name), value: notice.id },
  ...(notice.mail ? [{ put: keys.mailDue(notice.user, notice.id), value: dueOf(notice) }] : []),
]

const goneChanges = ({ user, id, name }: Gone): Change[] => [
  { del: keys.notice(user, id) },
  { del: keys.noticeNamed(user, name) },
  { del: keys.noticeRead(user, id) },
  { del: keys.mailDue(user, id) },
]

export const noticeFolds: Folds = {
  /** With the record that it came of, so that this one is never made into notices again. */
  'notice.put': ({ data }) => [
    ...(data.notices as Notice[]).flatMap(noticeChanges),
    ...(data.gone as Gone[]).flatMap(goneChanges),
    { put: keys.noticesAt(), value: data.after },
  ],
  'notice.read': ({ data }) =>
    (data.ids as number[]).map((id) => ({ put: keys.noticeRead(data.user, id), value: true })),
  /** The person is gone. The first of these records did not say of which one they came. */
  'notice.forgotten': ({ data }) => [
    ...(data.gone as Gone[]).flatMap(goneChanges),
    { del: keys.noticePreferences(data.user) },
    ...(data.after === undefined ? [] : [{ put: keys.noticesAt(), value: data.after }]),
  ],
  'notice.preferred': ({ data }) => [
    { put: keys.noticePreferences(data.user), value: data.preferences as KeptPreferences },
  ],
  'mail.ended': ({ data }) =>
    (data.ids as number[]).map((id) => ({ del: keys.mailDue(data.user, id) })),
  /** Nothing of it has moved for a while; what it is now says its own record. */
  'transfer.stalled': () => [],
}
