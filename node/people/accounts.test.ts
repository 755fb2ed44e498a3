import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ProjectId, parseEmail, type UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { openDb } from '../db/db.ts'
import { openCommit } from '../journal/commit.ts'
import { openJournal } from '../journal/journal.ts'
import { accountFolds, linkMs, openAccounts } from './accounts.ts'
import { openSeals } from './seals.ts'
import {
  rotateGraceMs,
  rotateMs,
  sessionFolds,
  sessionIdleMs,
  sessionMs,
  sessionsPerUserMax,
} from './sessions.ts'
import { openUsers, userFolds } from './users.ts'

const ana = parseEmail('ana@lab.example')
const ben = parseEmail('ben@lab.example')
const by = 'system' as const
const good = 'four words in a row'
const better = 'five other words in a row'

/** A real journal, index and keys; time goes as the test says. */
async function openPeople(folder: string, { isNew = true } = {}) {
  const stack = new AsyncDisposableStack()
  let now = systemClock.now()
  const clock: Clock = { ...systemClock, now: () => now }
  const journal = stack.use(
    await openJournal({ folder: join(folder, 'journal'), clock, create: isNew }),
  )
  const db = stack.use(await openDb({ folder: join(folder, 'index'), create: isNew }))
  const folds = { ...userFolds(() => []), ...accountFolds, ...sessionFolds }
  const commit = await openCommit({ journal, db, folds })
  const personalProject = async ({ id }: { id: UserId }) => ({ id: (100 + id) as ProjectId })
  const seals = await openSeals({ folder: join(folder, 'people'), clock })
  const users = await openUsers({ commit, db, seals, personalProject })
  const accounts = await openAccounts({ commit, db, clock, users, seals })
  const pass = (ms: number) => {
    now += ms
  }
  return { users, accounts, seals, pass, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Ana has a password, Ben none. */
async function openWithAna() {
  const folder = await openFolder()
  const people = await openPeople(folder.path)
  const user = await people.users.add({ email: ana, role: 'administrator', by })
  const other = await people.users.add({ email: ben, role: 'administrator', by })
  const link = await people.accounts.createLink(user.id, { by })
  const entered = await people.accounts.welcome(link.secret, { password: good })
  return {
    ...people,
    ...{ folder: folder.path, user, other, link, entered },
    async [Symbol.asyncDispose]() {
      await people[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const kind = (kind: string) => expect.objectContaining({ kind })

describe('a one-time link', () => {
  test('lets a person choose a password, once, and is in', async () => {
    await using home = await openWithAna()
    const { accounts, link, entered, user } = home
    expect((await accounts.sessions.who(entered.secret))?.user.id).toBe(user.id)
    await expect(accounts.welcome(link.secret, { password: better })).rejects.toEqual(kind('gone'))
    expect((await accounts.enter(ana, good, '::1')).user.id).toBe(user.id)
  })

  test('used twice at the same moment is used once', async () => {
    await using home = await openWithAna()
    const { secret } = await home.accounts.createLink(home.other.id, { by })
    const both = [good, better].map((password) => home.accounts.welcome(secret, { password }))
    const ended = await Promise.allSettled(both)
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is gone when it has expired, when there is a newer one, and with its person', async () => {
    await using home = await openWithAna()
    const { accounts, other, pass } = home
    const first = await accounts.createLink(other.id, { by })
    const second = await accounts.createLink(other.id, { by })
    const use = (secret: string) => accounts.welcome(secret, { password: good })
    await expect(use(first.secret)).rejects.toEqual(kind('gone'))
    pass(linkMs)
    await expect(use(second.secret)).rejects.toEqual(kind('gone'))
    const third = await accounts.createLink(other.id, { by })
    await accounts.remove(other.id, { by })
    await expect(use(third.secret)).rejects.toEqual(kind('gone'))
    await expect(use('nonsense')).rejects.toEqual(kind('gone'))
  })

  test('stays good when the password was too weak, and ends every session when it was not', async () => {
    await using home = await openWithAna()
    const { accounts, user, entered } = home
    const { secret } = await accounts.createLink(user.id, { by })
    await expect(accounts.welcome(secret, { password: 'short' })).rejects.toEqual(kind('invalid'))
    expect(await accounts.sessions.who(entered.secret)).toBeDefined()
    await accounts.welcome(secret, { password: better, name: 'Ana Larsen' })
    expect(await accounts.sessions.who(entered.secret)).toBeUndefined()
    expect((await home.users.get(user.id))?.name).toBe('Ana Larsen')
    await expect(accounts.enter(ana, good, '::1')).rejects.toEqual(kind('denied'))
  })
})

describe('entering', () => {
  test('is refused alike for a wrong password, for nobody, and for somebody without one', async () => {
    await using home = await openWithAna()
    const tries = [
      home.accounts.enter(ana, better, '::1'),
      home.accounts.enter(parseEmail('nobody@lab.example'), good, '::1'),
      home.accounts.enter(ben, good, '::1'),
    ]
    const ended = await Promise.allSettled(tries)
    const told = ended.map((one) => (one as PromiseRejectedResult).reason.message)
    expect(new Set(told).size).toBe(1)
    expect(told[0]).toBe('The e-mail address or the password is wrong.')
  })

  test('is slowed down after a few wrong tries, also for the right password', async () => {
    await using home = await openWithAna()
    for (let i = 0; i < 5; i++)
      await expect(home.accounts.enter(ana, better, '::1')).rejects.toEqual(kind('denied'))
    await expect(home.accounts.enter(ana, good, '::1')).rejects.toEqual(kind('busy'))
    home.pass(30_000)
    await home.accounts.enter(ana, good, '::1')
  })
})

describe('a session', () => {
  test('ends when it is left, and only that one', async () => {
    await using home = await openWithAna()
    const { sessions } = home.accounts
    const other = await home.accounts.enter(ana, good, '::1')
    await sessions.end(home.entered.secret)
    await sessions.end('nonsense')
    expect(await sessions.who(home.entered.secret)).toBeUndefined()
    expect(await sessions.who(other.secret)).toBeDefined()
  })

  test('changes its secret while it is used, with a moment for what was on its way', async () => {
    await using home = await openWithAna()
    const { sessions } = home.accounts
    const { secret } = home.entered
    expect((await sessions.who(secret))?.next).toBeUndefined()
    home.pass(rotateMs)
    expect((await sessions.who(secret, { keep: true }))?.next).toBeUndefined()
    const found = await Promise.all([1, 2, 3].map(() => sessions.who(secret)))
    const nexts = found.flatMap((one) => one?.next ?? [])
    expect(found.every((one) => one?.user.id === home.user.id)).toBe(true)
    expect(nexts).toHaveLength(1)
    home.pass(rotateGraceMs)
    expect(await sessions.who(secret)).toBeUndefined()
    expect(await sessions.who(nexts[0]!.secret)).toBeDefined()
  })

  test('forgets the secrets that it had, however long it is used', async () => {
    await using home = await openWithAna()
    let { secret } = home.entered
    for (let i = 0; i < 10; i++) {
      home.pass(rotateMs)
      secret = (await home.accounts.sessions.who(secret))!.next!.secret
    }
    // The one that is good, and the one before it.
    expect(await home.accounts.sessions.hashesOf(home.user.id)).toHaveLength(2)
  })

  test('ends after a day without a question, and after a week whatever happens', async () => {
    await using idle = await openWithAna()
    idle.pass(sessionIdleMs)
    expect(await idle.accounts.sessions.who(idle.entered.secret)).toBeUndefined()

    await using used = await openWithAna()
    let { secret } = used.entered
    let hours = 0
    for (; ; hours++) {
      const found = await used.accounts.sessions.who(secret)
      if (found === undefined) break
      secret = found.next?.secret ?? secret
      used.pass(3_600_000)
    }
    expect(hours * 3_600_000).toBe(sessionMs)
  })

  test('beyond so many ends the oldest', async () => {
    await using home = await openWithAna()
    const { sessions } = home.accounts
    const all = [home.entered.secret]
    for (let i = 0; i < sessionsPerUserMax; i++) {
      home.pass(1)
      all.push((await sessions.begin(home.user)).secret)
    }
    const alive = await Promise.all(all.map((secret) => sessions.who(secret)))
    expect(alive.map((one) => one !== undefined)).toEqual([false, ...Array(20).fill(true)])
  })

  test('is listed by what opens nothing, as one whatever its secret has become', async () => {
    await using home = await openWithAna()
    const { sessions } = home.accounts
    home.pass(1)
    const second = await sessions.begin(home.user)
    await sessions.begin(home.other)
    home.pass(rotateMs)
    const next = (await sessions.who(second.secret))!.next!
    const all = await sessions.list(home.user.id, next.secret)
    expect(all.map(({ isMine }) => isMine)).toEqual([false, true])
    expect(all[1]!.changedAt - all[1]!.begunAt).toBe(rotateMs)
    for (const { id } of all) expect(await sessions.who(id)).toBeUndefined()
    home.pass(sessionIdleMs - 1)
    expect((await sessions.list(home.user.id, next.secret)).map(({ id }) => id)).toEqual([
      all[1]!.id,
    ])
  })

  test('is ended by its person, alone or with all others, and by nobody else', async () => {
    await using home = await openWithAna()
    const { sessions } = home.accounts
    const [mine, lost, third] = [
      home.entered,
      await sessions.begin(home.user),
      await sessions.begin(home.user),
    ]
    const [shown] = await sessions
      .list(home.user.id, lost.secret)
      .then((all) => all.filter((one) => one.isMine))
    await sessions.endOne(home.other.id, shown!.id)
    expect(await sessions.who(lost.secret)).toBeDefined()
    await sessions.endOne(home.user.id, shown!.id)
    expect(await sessions.who(lost.secret)).toBeUndefined()
    await sessions.endOne(home.user.id, shown!.id)
    const others = await sessions.begin(home.other)
    await sessions.endOthers(home.user.id, mine.secret)
    expect(await sessions.who(third.secret)).toBeUndefined()
    expect(await sessions.who(mine.secret)).toBeDefined()
    expect(await sessions.who(others.secret)).toBeDefined()
    // A program has no session: for it all are others.
    await sessions.endOthers(home.user.id)
    expect(await sessions.who(mine.secret)).toBeUndefined()
  })

  test('is left by a change of password, which needs the old one', async () => {
    await using home = await openWithAna()
    const { accounts, user, entered } = home
    const change = (old: string) =>
      accounts.changePassword(user, { old, password: better, from: '::1' })
    await expect(change(better)).rejects.toEqual(kind('denied'))
    const next = await change(good)
    expect(await accounts.sessions.who(entered.secret)).toBeUndefined()
    expect(await accounts.sessions.who(next.secret)).toBeDefined()
    await accounts.enter(ana, better, '::1')
  })
})

describe('a person who is removed', () => {
  test('cannot come in any more, and nothing that was sealed for them opens again', async () => {
    await using home = await openWithAna()
    const { accounts, user, entered, seals } = home
    await accounts.remove(user.id, { by })
    expect(await accounts.sessions.who(entered.secret)).toBeUndefined()
    await expect(accounts.enter(ana, good, '::1')).rejects.toEqual(kind('denied'))
    expect(seals.list()).not.toContain(user.id)
  })

  test('whose key a crash left is forgotten at the next start', async () => {
    await using folder = await openFolder()
    {
      await using people = await openPeople(folder.path)
      const user = await people.users.add({ email: ana, role: 'administrator', by })
      await people.users.add({ email: ben, role: 'administrator', by })
      const key = join(folder.path, 'people', `${user.id}.key`)
      const bytes = await readFile(key)
      await people.users.remove(user.id, { by })
      // As if the process had ended between the record and the key.
      await writeFile(key, bytes)
    }
    await using again = await openPeople(folder.path, { isNew: false })
    expect(again.seals.list()).toEqual([2])
    expect(await readdir(join(folder.path, 'people'))).toEqual(['2.key'])
  })
})

test('neither a password nor a secret stands in the journal or the index', async () => {
  await using home = await openWithAna()
  const all: Buffer[] = []
  for (const name of await readdir(home.folder, { recursive: true })) {
    all.push(await readFile(join(home.folder, name)).catch(() => Buffer.alloc(0)))
  }
  const text = Buffer.concat(all).toString('latin1')
  expect(text).toContain('password.put')
  for (const hidden of [good, '$argon2id$', home.link.secret, home.entered.secret])
    expect(text).not.toContain(hidden)
})
