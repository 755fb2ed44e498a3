import { lstat, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Email, type ProjectId, parseEmail, type UserId } from '../../protocol/ids.ts'
import { systemClock } from '../base/clock.ts'
import { openDb } from '../db/db.ts'
import { openCommit } from '../journal/commit.ts'
import { openJournal, verifyJournal } from '../journal/journal.ts'
import { openSeals } from './seals.ts'
import { openTokens, tokenFolds, tokenPrefix, tokensPerUserMax } from './tokens.ts'
import { openUsers, userFolds } from './users.ts'

const ana = parseEmail('Ana@Lab.Example')
const ben = parseEmail('ben@lab.example')
const by = 'system' as const

async function temporary() {
  const folder = await mkdtemp(join(tmpdir(), 'crossload-users-'))
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  )

type Project = { id: ProjectId; owner: UserId }

/** A real journal, a real index, and a catalog that knows nothing but how to number projects. */
async function openPeople(folder: string, { isNew = true, now = systemClock.now } = {}) {
  const stack = new AsyncDisposableStack()
  const clock = { ...systemClock, now }
  const journal = stack.use(
    await openJournal({ folder: join(folder, 'journal'), clock, create: isNew }),
  )
  const db = stack.use(
    await openDb({
      folder: join(folder, 'index'),
      create: !(await isThere(join(folder, 'index'))),
    }),
  )
  const projects: Project[] = []
  const folds = {
    ...userFolds((project: Project) => {
      projects.push(project)
      return []
    }),
    ...tokenFolds,
  }
  const commit = await openCommit({ journal, db, folds })
  const personalProject = async ({ id }: { id: UserId }) => ({
    id: (100 + projects.length) as ProjectId,
    owner: id,
  })
  const seals = await openSeals({ folder: join(folder, 'people'), clock })
  const users = await openUsers({ commit, db, seals, personalProject })
  const tokens = openTokens({ commit, db, clock, users, seals })
  return {
    users,
    tokens,
    projects,
    commit,
    seals,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe('users', () => {
  it('adds a person with a personal project in one record', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    const user = await people.users.add({ email: ana, name: 'Ana', role: 'administrator', by })
    expect(user).toEqual({
      id: 1,
      email: 'ana@lab.example',
      name: 'Ana',
      role: 'administrator',
      personal: 100,
      at: 'active',
    })
    expect(people.projects).toEqual([{ id: 100, owner: 1 }])
    expect(await people.users.byEmail(ana)).toEqual(user)
    await expect(people.users.add({ email: ana, by })).rejects.toMatchObject({ kind: 'exists' })
    await expect(people.users.add({ email: ben, name: 'a\nb', by })).rejects.toMatchObject({
      kind: 'invalid',
    })
    expect((await people.users.add({ email: ben, by })).id).toBe(2)
    expect((await people.users.list()).map(({ email }) => email)).toEqual([ana, ben])
  })

  it('gives two commands racing on one address one winner', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    const both = await Promise.allSettled([
      people.users.add({ email: ana, by }),
      people.users.add({ email: ana, by }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('knows a person by a token and keeps nothing of it but its hash', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    const { id } = await people.users.add({ email: ana, by })
    const token = await people.tokens.create(id, { by, label: 'laptop' })
    expect(token).toMatch(/^crossload_[\w-]{43}$/)
    expect(await people.tokens.who(token)).toMatchObject({ user: { id, email: ana }, scope: 'all' })
    for (const wrong of ['', 'x', tokenPrefix, `${token}x`, token.replace(/.$/, '.'), ana]) {
      expect(await people.tokens.who(wrong)).toBeUndefined()
    }
    expect(await people.tokens.create(id, { by })).not.toBe(token)
    const all = await readdir(home.folder, { recursive: true, withFileTypes: true })
    const files = all.filter((entry) => entry.isFile())
    expect(files.length).toBeGreaterThan(1)
    for (const { parentPath, name } of files) {
      expect((await readFile(join(parentPath, name))).includes(token)).toBe(false)
    }
  })

  it('ends every token with the person, and lets the address begin anew', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    await people.users.add({ email: ben, role: 'administrator', by })
    const first = await people.users.add({ email: ana, by })
    const token = await people.tokens.create(first.id, { by })
    const removed = await people.users.remove(first.id, { by })
    expect(removed.at).toBe('removed')
    expect(await people.tokens.who(token)).toBeUndefined()
    expect(await people.users.byEmail(ana)).toBeUndefined()
    expect(await people.users.get(first.id)).toMatchObject({
      at: 'removed',
      email: '',
      name: 'a removed person',
    })
    for (const again of [
      people.users.remove(first.id, { by }),
      people.tokens.create(first.id, { by }),
      people.users.remove(99 as UserId, { by }),
    ]) {
      await expect(again).rejects.toMatchObject({ kind: 'missing' })
    }
    const second = await people.users.add({ email: ana, by })
    expect(second.id).toBe(3)
    expect(second.personal).not.toBe(first.personal)
    expect(await people.tokens.who(token)).toBeUndefined()
  })

  it('keeps the last administrator', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    const only = await people.users.add({ email: ana, role: 'administrator', by })
    await expect(people.users.remove(only.id, { by })).rejects.toMatchObject({ kind: 'conflict' })
    await people.users.add({ email: ben, role: 'administrator', by })
    expect((await people.users.remove(only.id, { by })).at).toBe('removed')
  })

  it('shows tokens by what opens nothing, and ends them one by one or in their time', async () => {
    await using home = await temporary()
    let now = 1_000_000
    await using people = await openPeople(home.folder, { now: () => now })
    const { id } = await people.users.add({ email: ana, by })
    const lasting = await people.tokens.create(id, { by, label: 'laptop' })
    now += 1
    const soon = await people.tokens.create(id, { by, scope: 'read', expiresMs: 5000 })
    expect(await people.tokens.who(soon)).toMatchObject({ user: { id }, scope: 'read' })
    const shown = await people.tokens.list(id)
    expect(shown).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{16}$/),
        label: 'laptop',
        scope: 'all',
        createdAt: 1_000_000,
      },
      {
        id: expect.any(String),
        label: '',
        scope: 'read',
        createdAt: 1_000_001,
        expiresAt: 1_005_001,
      },
    ])
    now += 5000
    expect(await people.tokens.who(soon)).toBeUndefined()
    expect(await people.tokens.who(lasting)).toBeDefined()
    await people.tokens.remove(id, shown[0]!.id, { by })
    expect(await people.tokens.who(lasting)).toBeUndefined()
    await expect(people.tokens.remove(id, shown[0]!.id, { by })).rejects.toMatchObject({
      kind: 'missing',
    })
  })

  it('limits the tokens of one person', async () => {
    await using home = await temporary()
    await using people = await openPeople(home.folder)
    const { id } = await people.users.add({ email: ana, by })
    const made = Array.from({ length: tokensPerUserMax }, () => people.tokens.create(id, { by }))
    await Promise.all(made)
    await expect(people.tokens.create(id, { by })).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('is the same after a restart without its index', async () => {
    await using home = await temporary()
    let token: string
    let before: unknown
    {
      await using people = await openPeople(home.folder)
      const { id } = await people.users.add({ email: ana, by })
      token = await people.tokens.create(id, { by })
      const gone = await people.users.add({ email: ben, by })
      await people.users.remove(gone.id, { by })
      before = await people.users.list()
    }
    await rm(join(home.folder, 'index'), { recursive: true })
    await using people = await openPeople(home.folder, { isNew: false })
    expect(await people.users.list()).toEqual(before)
    expect(await people.tokens.who(token)).toMatchObject({ user: { email: ana } })
    expect(await people.users.byEmail(ben)).toBeUndefined()
    const next = await people.users.add({ email: 'c@lab.example' as Email, by })
    expect(next.id).toBe(3)
  })

  it('is one whose key a removal destroys: nothing on the disk says who it was', async () => {
    await using home = await temporary()
    {
      await using people = await openPeople(home.folder)
      await people.users.add({ email: ben, role: 'administrator', by })
      const { id } = await people.users.add({ email: ana, name: 'Ana Lyst', by })
      await people.users.rename(id, 'Ana L. Yst', { by })
      await people.tokens.create(id, { by, label: 'Lyst laptop' })
      // Sealed from the first record on, not only once she has gone.
      expect(await textOf(home.folder)).not.toMatch(/ana@|Lyst|Ana L/i)
      const removed = await people.users.remove(id, { by })
      expect(removed).toMatchObject({ id, email: '', name: 'a removed person' })
    }
    expect(await readdir(join(home.folder, 'people'))).toEqual(['1.key'])
    await using again = await openPeople(home.folder, { isNew: false })
    expect((await again.users.list()).map(({ email, at }) => [email, at])).toEqual([
      [ben, 'active'],
      ['', 'removed'],
    ])
    expect((await verifyJournal(join(home.folder, 'journal'))).records).toBe(5)
  })

  it('does not lose a person whose key is missing, and says what to do', async () => {
    await using home = await temporary()
    const [key, aside] = [join(home.folder, 'people', '2.key'), join(home.folder, 'aside')]
    let token: string
    {
      await using people = await openPeople(home.folder)
      await people.users.add({ email: ben, role: 'administrator', by })
      await people.users.add({ email: ana, name: 'Ana', by })
      token = await people.tokens.create(2 as UserId, { by, label: 'laptop' })
    }
    await rename(key, aside)
    {
      await using people = await openPeople(home.folder, { isNew: false })
      const { users, tokens } = people
      const email = parseEmail('person-2@key-missing.invalid')
      expect(users.unreadable()).toMatchObject([
        { user: 2, fault: { kind: 'corrupt', message: expect.stringContaining('people/2.key') } },
      ])
      expect(await users.byEmail(ana)).toBeUndefined()
      expect(await users.byEmail(email)).toMatchObject({ id: 2, at: 'active' })
      expect((await tokens.who(token))?.user.id).toBe(2)
      expect(await tokens.list(2 as UserId)).toMatchObject([{ label: '' }])
      // No second key is made, for it would shut out the first for ever.
      const refused = { kind: 'corrupt', about: 2 }
      await expect(users.rename(2 as UserId, 'Eve', { by })).rejects.toMatchObject(refused)
      await expect(tokens.create(2 as UserId, { by, label: 'x' })).rejects.toMatchObject(refused)
      expect(await readdir(join(home.folder, 'people'))).toEqual(['1.key'])
    }
    await rename(aside, key)
    {
      await using people = await openPeople(home.folder, { isNew: false })
      expect(people.users.unreadable()).toEqual([])
      expect(await people.users.byEmail(ana)).toMatchObject({ id: 2, name: 'Ana' })
      expect(await people.tokens.list(2 as UserId)).toMatchObject([{ label: 'laptop' }])
    }
    await rename(key, aside)
    await using people = await openPeople(home.folder, { isNew: false })
    await people.users.remove(2 as UserId, { by })
    expect(people.users.unreadable()).toEqual([])
  })

  it('seals people of a journal from before there were seals, and takes their address from the index', async () => {
    await using home = await temporary()
    const old = { id: 1, email: ana, name: 'Ana', role: 'administrator', personal: 1, at: 'active' }
    const token = { hash: 'f'.repeat(64), user: 1, label: 'laptop', createdAt: 5 }
    {
      await using people = await openPeople(home.folder)
      await people.commit('user.put', by, { user: old, project: { id: 1 } })
      await people.commit('token.put', by, token)
      const gone = { ...old, id: 2, email: ben, role: 'member' }
      await people.commit('user.put', by, { user: gone, project: { id: 2 } })
      await people.commit('user.removed', by, { user: { ...gone, at: 'removed' }, tokens: [] })
    }
    for (const isRebuilt of [true, false]) {
      if (isRebuilt) await rm(join(home.folder, 'index'), { recursive: true })
      await using people = await openPeople(home.folder, { isNew: false })
      expect(await people.users.byEmail(ana)).toEqual(old)
      expect(await people.users.get(2 as UserId)).toMatchObject({ email: '', at: 'removed' })
      expect(await people.tokens.list(1 as UserId)).toMatchObject([{ label: 'laptop' }])
    }
    // One record sealed her, once; what was written in clear stays, for the chain holds it.
    const journal = await textOf(join(home.folder, 'journal'))
    expect(journal.split('user.sealed')).toHaveLength(2)
    expect(journal.split(ana)).toHaveLength(2)
    await using people = await openPeople(home.folder, { isNew: false })
    await people.users.add({ email: 'c@lab.example' as Email, role: 'administrator', by })
    await people.users.remove(1 as UserId, { by })
    expect(await people.users.byEmail(ana)).toBeUndefined()
  })
})

/** Every file under a folder as one text. */
async function textOf(folder: string): Promise<string> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = all.filter((entry) => entry.isFile())
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'))
  return (await Promise.all(texts)).join('\n')
}
