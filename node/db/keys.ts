/**
 * Every key of the index, and the only code that builds one. A key is its noun, a slash, and its
 * parts with slashes between; a number is padded with zeros so that keys sort as their values do.
 * Only the last part may hold a slash, so no two values share a key.
 *
 * | key | value |
 * |---|---|
 * | `meta/NAME` | what the index knows of itself, e.g. `applied` |
 * | `counter/NOUN` | the highest local ID given so far |
 * | `link/ID` · `link-by-site/SITE` | a link · its ID |
 * | `invitation/HASH` | an invitation, by the hash of its secret |
 * | `user/ID` | a person; who it is stands there sealed |
 * | `token/HASH` | an API token, by its hash |
 * | `session/HASH` · `welcome/HASH` | a session · a one-time link, by the hash of its secret |
 * | `password/ID` | a person's password: its hash, sealed |
 * | `login/USER/ID` | who a person is at an institution, sealed |
 * | `group/ID` · `group-member/GROUP/USER` | a group · that a person is in it |
 * | `connection/ID` | a connection |
 * | `project/ID` · `dataset/ID` · `workflow/ID` | as the catalog keeps them |
 * | `known-root/ROOT/DATASET` | a dataset of which some version has this root |
 * | `transfer/ID` · `transfer-at/CREATED/ID` | a transfer · its ID, by age |
 * | `unfinished/ID` · `bundle/ID` · `progress/ID` | of a transfer: that it goes on · its bundle · its counters |
 * | `incoming/SITE/TRANSFER` | what an import from afar became, so that repeating it changes nothing |
 * | `deposit/TRANSFER` · `deposit-due/TRANSFER` | what became of the deposit of what it brought · that it is still to be made |
 * | `deposit-of/DATASET` · `deposited/DATASET` | the newest transfer of which there is a deposit · what lies in its folder |
 * | `place/CID` | where a file left in place lies |
 * | `hold/ID` | that somebody wants a dataset's content to stay |
 * | `damage/CID` | something held that a scrub found damaged |
 * | `hook/ID` · `hook-at/ID` | a webhook · how far it has come |
 * | `notice/USER/ID` · `notice-read/USER/ID` | what concerns a person, by the number of its record · that they have read it |
 * | `notice-named/USER/NAME` | that a person was told this |
 * | `notices-at/last` | the number of the last record of which notices were made |
 * | `notice-preferences/USER` | of what a person hears, and how |
 * | `mail-due/USER/ID` | that a notice is still to be mailed: when it happened |
 * | `asked/MARK` | that a question with this mark was answered, and by which record |
 * | `limit/KIND/ID` | a rate that people set: `site` (0), `link` or `transfer` |
 */
import assert from 'node:assert/strict'
import type {
  ConnectionId,
  DatasetId,
  FileCid,
  GroupId,
  LinkId,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  UserId,
  WorkflowId,
} from '../../protocol/ids.ts'

declare const brand: unique symbol
/** The key of one record. */
export type Key = string & { readonly [brand]: 'Key' }
/** What all keys of one sort begin with. */
export type KeyPrefix = string & { readonly [brand]: 'KeyPrefix' }

/** Digits of a number in a key: enough for every safe integer. */
const numberDigits = 16

type Part = string | number

function part(value: Part): string {
  if (typeof value === 'string') return value
  assert(Number.isSafeInteger(value) && value >= 0, `a key holds whole numbers, not ${value}`)
  return String(value).padStart(numberDigits, '0')
}

function start(noun: string, parts: readonly Part[]): string {
  const texts = [noun, ...parts.map(part)]
  assert(
    !texts.some((text) => text === '' || text.includes('/')),
    'only the last part of a key may hold a slash',
  )
  return `${texts.join('/')}/`
}

function key(noun: string, ...parts: readonly [...Part[], Part]): Key {
  const last = part(parts.at(-1)!)
  assert(last !== '' && last.isWellFormed(), 'a key ends in well-formed text')
  return `${start(noun, parts.slice(0, -1))}${last}` as Key
}

function prefix(noun: string, ...parts: readonly Part[]): KeyPrefix {
  return start(noun, parts) as KeyPrefix
}

export const keys = {
  meta: (name: string) => key('meta', name),
  counter: (noun: string) => key('counter', noun),

  link: (id: LinkId) => key('link', id),
  links: () => prefix('link'),
  linkBySite: (site: SiteId) => key('link-by-site', site),
  linksBySite: () => prefix('link-by-site'),
  invitation: (hash: string) => key('invitation', hash),
  invitations: () => prefix('invitation'),

  user: (id: UserId) => key('user', id),
  users: () => prefix('user'),
  /** From before there were seals, by address in clear: only to be taken away. */
  usersByEmail: () => prefix('user-by-email'),
  token: (hash: string) => key('token', hash),
  tokens: () => prefix('token'),
  session: (hash: string) => key('session', hash),
  sessions: () => prefix('session'),
  welcome: (hash: string) => key('welcome', hash),
  welcomes: () => prefix('welcome'),
  password: (id: UserId) => key('password', id),
  login: (user: UserId, id: string) => key('login', user, id),
  logins: () => prefix('login'),
  group: (id: GroupId) => key('group', id),
  groups: () => prefix('group'),
  groupMember: (group: GroupId, user: UserId) => key('group-member', group, user),
  groupMembers: () => prefix('group-member'),
  connection: (id: ConnectionId) => key('connection', id),
  connections: () => prefix('connection'),

  project: (id: ProjectId) => key('project', id),
  projects: () => prefix('project'),
  dataset: (id: DatasetId) => key('dataset', id),
  datasets: () => prefix('dataset'),
  workflow: (id: WorkflowId) => key('workflow', id),
  workflows: () => prefix('workflow'),
  knownRoot: (root: Root, dataset: DatasetId) => key('known-root', root, dataset),
  /** The datasets that hold `root`, as records of `knownRoot`. */
  knownRoots: (root: Root) => prefix('known-root', root),

  transfer: (id: TransferId) => key('transfer', id),
  transfers: () => prefix('transfer'),
  transferAt: (createdAt: number, id: TransferId) => key('transfer-at', createdAt, id),
  /** All transfers, oldest first; list them in reverse for a history. */
  transfersAt: () => prefix('transfer-at'),
  unfinished: (id: TransferId) => key('unfinished', id),
  unfinishedAll: () => prefix('unfinished'),
  bundle: (id: TransferId) => key('bundle', id),
  bundles: () => prefix('bundle'),
  progress: (id: TransferId) => key('progress', id),
  progressAll: () => prefix('progress'),

  incoming: (site: SiteId, transfer: TransferId) => key('incoming', site, transfer),
  incomingFrom: (site: SiteId) => prefix('incoming', site),

  deposit: (id: TransferId) => key('deposit', id),
  deposits: () => prefix('deposit'),
  depositDue: (id: TransferId) => key('deposit-due', id),
  depositsDue: () => prefix('deposit-due'),
  depositOf: (dataset: DatasetId) => key('deposit-of', dataset),
  deposited: (dataset: DatasetId) => key('deposited', dataset),

  place: (cid: FileCid | Root) => key('place', cid),
  places: () => prefix('place'),

  hold: (id: number) => key('hold', id),
  holds: () => prefix('hold'),
  damage: (cid: FileCid | Root) => key('damage', cid),
  damages: () => prefix('damage'),

  hook: (id: number) => key('hook', id),
  hooks: () => prefix('hook'),
  hookAt: (id: number) => key('hook-at', id),

  notice: (user: UserId, id: number) => key('notice', user, id),
  /** Of one person, oldest first. */
  noticesOf: (user: UserId) => prefix('notice', user),
  noticeRead: (user: UserId, id: number) => key('notice-read', user, id),
  noticesRead: (user: UserId) => prefix('notice-read', user),
  noticesAt: () => key('notices-at', 'last'),
  noticeNamed: (user: UserId, name: string) => key('notice-named', user, name),
  noticePreferences: (user: UserId) => key('notice-preferences', user),
  mailDue: (user: UserId, id: number) => key('mail-due', user, id),
  mailsDue: () => prefix('mail-due'),

  asked: (mark: string) => key('asked', mark),
  askedAll: () => prefix('asked'),

  limit: (of: 'site' | 'link' | 'transfer', id: 0 | LinkId | TransferId) => key('limit', of, id),
  limits: () => prefix('limit'),
} as const

/**
 * The one record that is not a room's: what all others add up to. It sorts before every noun and is
 * in no prefix.
 */
export const sumKey = '!sum' as Key

/** What every key of a loose record begins with (`loose.ts`). It sorts behind every noun. */
export const looseStart = '~'
