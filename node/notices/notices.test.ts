/**
 * The room with a real mail server on loopback and a clock of our own: who is told what, in the centre
 * and by mail, and what a mail server that refuses, rests or says nothing can do.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { TransferView } from '../../api/shapes.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { TransferId, UserId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { type MailServer, openMailServer } from '../../test/mail-server.ts'
import { createManualClock } from '../base/clock.ts'
import { createEvents } from '../base/events.ts'
import { openDb } from '../db/db.ts'
import { type Folds, openCommit } from '../journal/commit.ts'
import { openJournal } from '../journal/journal.ts'
import type { User } from '../people/users.ts'
import type { Transfer } from '../transfers/transfer.ts'
import type { TransferEvents } from '../transfers/transfers.ts'
import { noticeFolds, noticesMax, sweptMax } from './notice.ts'
import { openNotices } from './notices.ts'
import { burstMax, burstMs, giveUpMs } from './outbox.ts'
import { mailMs } from './smtp.ts'
import { stallMs } from './words.ts'

const folds: Folds = {
  ...noticeFolds,
  ...Object.fromEntries(
    [
      'transfer.put',
      'transfer.imported',
      'connection.put',
      'link.add',
      'scrub.damaged',
      'hook.moved',
      'user.removed',
      'note.put',
    ].map((kind) => [kind, () => []]),
  ),
}
/** 08:00 in Oslo. */
const startAt = Date.UTC(2026, 10, 30, 7, 0, 0)
const hourMs = 3_600_000
const never = new AbortController().signal

const person = (id: number, name: string, role: User['role'] = 'member') =>
  ({ id, email: `${name}@lab.example`, name, role, personal: id, at: 'active' }) as unknown as User
const ana = 1 as UserId
const ben = 2 as UserId
const admin = 3 as UserId

type More = { create?: boolean; now?: number; name?: string; mail?: boolean }

async function openRoom(folder: string, server: Pick<MailServer, 'port'>, o: More = {}) {
  const { create = true, now = startAt, mail = true } = o
  const stack = new AsyncDisposableStack()
  const clock = createManualClock(now)
  if (create) await mkdir(folder, { recursive: true })
  const journal = stack.use(await openJournal({ folder: join(folder, 'journal'), clock, create }))
  const db = stack.use(await openDb({ folder: join(folder, 'index'), create }))
  const commit = await openCommit({ journal, db, folds })
  const logged: Fault[] = []
  const people = [person(1, 'ana'), person(2, 'ben'), person(3, 'root', 'administrator')]
  const moving = createEvents<TransferEvents>()
  const transfers = new Map<string, Transfer>()
  const counted = { sent: 0, failed: 0 }
  /** What datasets are called. */
  const names = new Map<string, string>()
  const notices = stack.use(
    await openNotices({
      ...{ commit, journal, db, clock, moving },
      users: {
        get: async (id) => people.find((one) => one.id === id),
        list: async () => people,
      },
      look: {
        transfer: async (id) => view(id, names.get(id) ?? `Set ${id}`),
        connection: () => ({ person: 'cleo@far.example', alias: 'kyoto' }),
        link: () => 'Lima',
        hook: () => 'hooks.example.org',
        email: async (id) => people.find((one) => one.id === id)?.email,
      },
      transfer: async (id) => transfers.get(id),
      settings: mail
        ? {
            ...{ host: '127.0.0.1', port: server.port, security: 'none' },
            from: 'crossload@oslo.example' as never,
          }
        : undefined,
      zone: 'Europe/Oslo',
      sender: () => ({ name: o.name ?? 'Oslo', url: 'https://oslo.example' }),
      mailed: (outcome) => void counted[outcome]++,
      log: (fault) => void logged.push(fault),
    }),
  )
  await notices.start()
  const put = (id: string, user: UserId, state: object, more: object = {}) =>
    commit('transfer.put', 'system', {
      ...{ id, user, direction: 'out', since: clock.now(), state, workflows: [] },
      ...more,
    })
  return {
    ...{
      notices,
      clock,
      commit,
      journal,
      db,
      logged,
      people,
      moving,
      transfers,
      counted,
      names,
      put,
    },
    arrive: (id: string, user: UserId) =>
      commit('transfer.imported', 'system', {
        transfer: {
          ...{ id, user, direction: 'in', since: clock.now(), state: { at: 'done' } },
          ...{ dataset: { id: 12, version: 1 }, workflows: [] },
        },
      }),
    titles: async (user: UserId) =>
      (await notices.list(user, { limit: 100 })).map(({ title }) => title),
    /** Until the journal was read to its end and everything that can go on now has gone on. */
    async settled() {
      const last = await commit('note.put', 'system', 'a mark')
      await commit('scrub.damaged', 'system', { found: [] })
      for (;;) {
        const [newest] = await notices.list(admin, { limit: 1 })
        if (newest !== undefined && newest.id > last.seq) return
        await turn()
      }
    },
    /** As `clock.advance`, with a look at the disk and the line whenever something falls due. */
    async pass(ms: number, isSo: () => boolean) {
      await clock.advance(ms)
      const late = AbortSignal.timeout(20_000)
      while (!isSo()) {
        late.throwIfAborted()
        await turn()
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function view(id: TransferId, dataset: string): TransferView {
  const end = (name: string) => ({
    ...{ site: name, name, alias: name, person: `cleo@${name}.example` },
    ...{ workflows: [], dataset: 12, version: 1 },
  })
  return {
    ...{ id, dataset, workflows: [], direction: id.startsWith('in') ? 'in' : 'out' },
    ...{ state: id.startsWith('no') ? 'refused' : 'done' },
    ...{ source: end('kyoto'), destination: end('kyoto') },
    ...(id.startsWith('no') && {
      fault: { kind: 'full', op: 'x', text: 'The disk is full there.' },
    }),
  } as unknown as TransferView
}

test('each is told what concerns them, once, newest first, and may read it', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { mail: false })
  await room.arrive('in1', ana)
  await room.put('out1', ben, { at: 'done' })
  // Recorded twice, as when the other side was told of it.
  await room.put('out1', ben, { at: 'done' })
  await room.put('no1', ben, { at: 'refused', fault: {} })
  await room.put('out2', ben, { at: 'moving' })
  await room.put('out3', ben, { at: 'cancelled', by: 'here' })
  const about = { id: 4, user: ana, at: 'asked', asked: 'there', changedAt: startAt }
  await room.commit('connection.put', 'system', about)
  await room.commit('connection.put', 'system', { ...about, at: 'accepted' })
  await room.commit('connection.put', 'system', { ...about, id: 5, at: 'accepted', asked: 'here' })
  await room.commit('link.add', 'system', {
    id: 6,
    at: 'asked',
    asked: 'there',
    changedAt: startAt,
  })
  await room.commit('hook.moved', 'system', { hook: { id: 7, paused: 'It answered 410.' } })
  await room.settled()
  expect(await room.titles(ana)).toEqual([
    'cleo@far.example at kyoto accepted your connection.',
    'cleo@far.example at kyoto asks to connect with you.',
    '"Set in1" arrived from cleo@kyoto.example at kyoto.',
  ])
  expect(await room.titles(ben)).toEqual([
    '"Set no1" to kyoto was refused.',
    '"Set out1" has arrived at kyoto, for cleo@kyoto.example.',
  ])
  expect(await room.titles(admin)).toEqual([
    'Damaged content was found: 0 things.',
    'Webhook 7 to hooks.example.org has come to rest.',
    'The site "Lima" asks to be linked.',
  ])
  const [newest, , oldest] = await room.notices.list(ana, { limit: 10 })
  expect(oldest).toMatchObject({ kind: 'arrived', path: '/datasets/12', read: false })
  expect(await room.notices.unread(ana)).toBe(3)
  expect(await room.notices.read(ana, oldest!.id)).toBe(2)
  expect(await room.notices.read(ana, oldest!.id)).toBe(2)
  expect(await faultOf(room.notices.read(ben, oldest!.id))).toMatchObject({ kind: 'missing' })
  const unread = await room.notices.list(ana, { unread: true, limit: 10 })
  expect(unread.map(({ id }) => id)).not.toContain(oldest!.id)
  await room.arrive('in2', ana)
  await room.settled()
  // What came after the newest that somebody saw stays unread.
  expect(await room.notices.readAll(ana, newest!.id)).toBe(1)
  // No mail server was named, and none was sought.
  expect(server.tries).toBe(0)
  expect(room.logged).toEqual([])
})

test('the journal names nobody, and a new index has the same notices, read and unread', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  let was: unknown
  {
    await using room = await openRoom(folder.path, server)
    await room.arrive('in1', ana)
    await room.arrive('in2', ana)
    await room.settled()
    await server.until(3)
    const [, first] = await room.notices.list(ana, { limit: 10 })
    await room.notices.read(ana, first!.id)
    await room.notices.prefer(room.people[0]!, { digest: 'daily', zone: 'Asia/Tokyo' })
    was = await room.notices.list(ana, { limit: 10 })
    const records = []
    for await (const { kind, data } of room.journal.read({ after: 0 }))
      if (/^(notice|mail)\./.test(kind)) records.push(JSON.stringify(data))
    expect(records.length).toBeGreaterThan(5)
    expect(records.join('\n')).not.toMatch(/example|Set in/)
  }
  await using other = await openFolder()
  const { cp } = await import('node:fs/promises')
  await cp(join(folder.path, 'journal'), join(other.path, 'journal'), { recursive: true })
  {
    // As `openIndex` does it: an empty index, and the journal folded into it.
    await using db = await openDb({ folder: join(other.path, 'index'), create: true })
    const clock = createManualClock(startAt)
    await using journal = await openJournal({
      folder: join(other.path, 'journal'),
      clock,
      create: false,
    })
    await openCommit({ journal, db, folds })
  }
  await using again = await openRoom(other.path, server, { create: false })
  await again.settled()
  expect(await again.notices.list(ana, { limit: 10 })).toEqual(was)
  expect((await again.notices.preferences(again.people[0]!)).zone).toBe('Asia/Tokyo')
  // Two of Ana and two of damage that `settled` made; none of them twice.
  await server.until(4)
  expect(server.came.filter(({ to }) => to[0]!.startsWith('ana'))).toHaveLength(2)
})

test('more notices than are kept: those that were read go first', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { mail: false })
  const put = async (from: number, to: number) => {
    for (let n = from; n < to; n++) await room.arrive(`in${n}`, ana)
    await room.settled()
  }
  await put(0, noticesMax)
  const all = await room.notices.list(ana, { limit: 2 * noticesMax })
  expect(all).toHaveLength(noticesMax)
  const [newest] = all
  await room.notices.read(ana, newest!.id)
  await put(noticesMax, noticesMax + 1)
  const left = (await room.notices.list(ana, { limit: 2 * noticesMax })).map(({ id }) => id)
  expect(left).toHaveLength(noticesMax + 1 - sweptMax)
  expect(left).not.toContain(newest!.id)
  // The other 49 are the oldest.
  expect(left).not.toContain(all.at(1 - sweptMax)!.id)
  expect(left).toContain(all.at(-sweptMax)!.id)
}, 60_000)

test('a mail says what happened, to one person, in plain text', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  await room.arrive('in1', ana)
  const [mail] = await server.until(1)
  expect(mail).toMatchObject({
    from: 'crossload@oslo.example',
    to: ['ana@lab.example'],
    subject: '[Oslo] "Set in1" arrived from cleo@kyoto.example at kyoto.',
  })
  expect(mail!.text).toBe(
    [
      'Hello ana,',
      '',
      '"Set in1" arrived from cleo@kyoto.example at kyoto.',
      'It is dataset 12 here, version 1.',
      'https://oslo.example/datasets/12',
      '',
      '-- ',
      'Oslo sends this because you have an account there.',
      'Choose what is mailed to you, or nothing: https://oslo.example/profile',
      '',
    ].join('\n'),
  )
  expect(mail!.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(mail!.headers.get('auto-submitted')).toBe('auto-generated')
  expect(mail!.headers.get('from')).toBe('crossload@oslo.example')
  expect(mail!.headers.get('to')).toBe('ana@lab.example')
  expect(mail!.headers.get('message-id')).toMatch(/^<[0-9a-f]{32}@oslo\.example>$/)
  await room.pass(0, () => room.counted.sent === 1)
})

test.each([
  [
    'line breaks',
    'x\r\nBcc: evil@far.example\r\n\r\nClick here',
    '"x\\u{d}\\u{a}Bcc: evil@far.example',
  ],
  ['a lone line feed', 'x\nTo: evil@far.example', '"x\\u{a}To: evil@far.example"'],
  ['a text that runs backwards', 'report\u202egnp.exe', '"report\\u{202e}gnp.exe"'],
  ['letters of all kinds', '数据 ← Ünïcode 🧬', '"数据 ← Ünïcode 🧬"'],
  ['an encoded word', '=?utf-8?q?=0d=0aBcc:_evil@far.example?=', '=?utf-8?q?=0d=0aBcc:_evil'],
])('a name with %s does no harm', async (_what, name, shown) => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { name: `Oslo ${name}` })
  room.names.set('in1', name)
  await room.arrive('in1', ana)
  const [mail] = await server.until(1)
  expect(mail!.to).toEqual(['ana@lab.example'])
  expect(mail!.names.toSorted()).toEqual([
    'auto-submitted',
    'content-transfer-encoding',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
    'x-auto-response-suppress',
  ])
  expect(mail!.subject).not.toMatch(/[\r\n\u202e]/)
  // A line of ours is one line, and begins as ours do.
  const [, , line] = mail!.text.split('\n')
  expect(line!.includes(shown) || line!.startsWith('"x\\u{d}\\u{a}Bcc')).toBe(true)
  expect(mail!.text).not.toMatch(/^(Bcc|To|Click)/m)
})

test('452 today, taken tomorrow: once, and the same mail', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  server.behave(() => ({ code: 452, text: '<ana@lab.example> ana: mailbox full' }))
  await room.arrive('in1', ana)
  await server.untilTried(1)
  await room.pass(0, () => room.notices.mail.view().state === 'failing')
  // What comes meanwhile hurries nothing, and goes with it.
  await room.arrive('in2', ana)
  expect(room.notices.mail.view()).toMatchObject({
    waiting: 1,
    problem: 'The mail server answered: 452 <…> …: mailbox full Try again later.',
  })
  await room.pass(2000, () => server.tries >= 2)
  const tried = server.tries
  server.behave(() => 'take')
  await room.pass(20 * 60_000, () => server.came.length > 0)
  expect(server.tries).toBeGreaterThan(tried)
  expect(server.came).toHaveLength(1)
  expect(server.came[0]!.subject).toBe('[Oslo] 2 notices')
  expect(server.came[0]!.text).toContain('30 Nov 2026, 08:00\n"Set in1" arrived')
  expect(server.came[0]!.text).toContain('"Set in2" arrived')
  await room.pass(2 * giveUpMs, () => room.notices.mail.view().waiting === 0)
  expect(server.came).toHaveLength(1)
  expect(room.logged.map(({ message }) => message).join()).not.toMatch(/lab\.example|ana/)
})

test('550 is for ever: administrators are told once a day, in the centre only', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  server.behave((to) => (to.startsWith('ana') ? { code: 550, text: 'no such user ana' } : 'take'))
  await room.arrive('in1', ana)
  await server.untilTried(1)
  await room.pass(0, () => room.notices.mail.view().waiting === 0)
  await room.arrive('in2', ana)
  await server.untilTried(2)
  await room.pass(0, () => room.notices.mail.view().waiting === 0)
  await room.settled()
  const told = await room.notices.list(admin, { limit: 10 })
  expect(told.filter(({ kind }) => kind === 'mail-failed')).toMatchObject([
    { title: 'Mail to ana@lab.example was given up.' },
  ])
  // The other mail that came is of the mark that `settled` makes.
  await server.until(1)
  expect(server.came.map(({ subject }) => subject)).toEqual([
    '[Oslo] Damaged content was found: 0 things.',
  ])
  // The server is well: it was one address.
  expect(room.notices.mail.view().state).toBe('working')
  expect(await room.titles(ana)).toHaveLength(2)
})

test('a server that refuses for days: it is given up, and administrators are told', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  server.behave((to) => (to.startsWith('ana') ? { code: 451, text: 'later' } : 'take'))
  await room.arrive('in1', ana)
  await server.untilTried(1)
  for (let ms = 0; ms <= giveUpMs + 12 * hourMs; ms += 12 * hourMs) {
    const before = server.tries
    if (room.notices.mail.view().waiting === 0) break
    await room.pass(
      12 * hourMs,
      () => server.tries > before || room.notices.mail.view().waiting === 0,
    )
  }
  expect(room.notices.mail.view().waiting).toBe(0)
  await room.settled()
  const told = await room.notices.list(admin, { limit: 10 })
  expect(told.map(({ kind }) => kind)).toContain('mail-failed')
}, 60_000)

test('a server that says nothing has its deadline, and nobody waits for it at a stop', async () => {
  const sockets = new Set<{ destroy(): void }>()
  const silent = createServer((socket) => void sockets.add(socket))
  silent.listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  await using folder = await openFolder()
  const { port } = silent.address() as { port: number }
  {
    await using room = await openRoom(folder.path, { port })
    const testing = room.notices.mail.test(room.people[2]!, { signal: never })
    await room.pass(0, () => sockets.size > 0)
    await room.pass(mailMs, () => true)
    expect(await testing).toMatchObject({
      sent: false,
      problem: expect.stringContaining('said nothing within 30 seconds'),
    })
    expect(room.notices.mail.view().state).toBe('failing')
    // One that is under way when the site stops ends with it, and is due at the next start.
    await room.arrive('in1', ana)
    await room.pass(0, () => sockets.size > 1)
  }
  for (const socket of sockets) socket.destroy()
  silent.close()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { create: false })
  await server.until(1)
  expect(await room.titles(ana)).toHaveLength(1)
})

test('nobody listens there: it is said, and tried again', async () => {
  await using folder = await openFolder()
  const gone = await openMailServer()
  await gone[Symbol.asyncDispose]()
  await using room = await openRoom(folder.path, gone)
  await room.arrive('in1', ana)
  await room.pass(0, () => room.notices.mail.view().state === 'failing')
  expect(room.notices.mail.view().problem).toMatch(
    /^The mail server could not be reached \(.*ECONNREFUSED/,
  )
  await using server = await openMailServer({ port: gone.port })
  await room.pass(20 * 60_000, () => server.came.length === 1)
})

test('a daily mail: all of the day, at the hour on that person’s wall, once', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  // In Tokyo it is 16:00.
  const wish = { digest: 'daily', hour: 17, zone: 'Asia/Tokyo' } as const
  await room.notices.prefer(room.people[0]!, wish)
  await room.arrive('in1', ana)
  await room.clock.advance(30 * 60_000)
  await room.put('out1', ana, { at: 'done' })
  await room.settled()
  expect(server.came.filter(({ to }) => to[0]!.startsWith('ana'))).toEqual([])
  await room.pass(hourMs / 2 - 1, () => room.notices.mail.view().waiting >= 2)
  expect(server.came.filter(({ to }) => to[0]!.startsWith('ana'))).toEqual([])
  const ofAna = () => server.came.filter(({ to }) => to[0]!.startsWith('ana'))
  await room.pass(1, () => ofAna().length === 1)
  expect(ofAna()[0]!.text).toContain('30 Nov 2026, 16:00\n"Set in1" arrived')
  expect(ofAna()[0]!.text).toContain('30 Nov 2026, 16:30\n"Set out1" has arrived')
  // Nothing happened, and nothing is mailed.
  await room.pass(30 * hourMs, () => true)
  expect(ofAna()).toHaveLength(1)
  await room.arrive('in2', ana)
  await room.settled()
  await room.pass(24 * hourMs, () => ofAna().length === 2)
  expect(ofAna()[1]!.subject).toContain('"Set in2" arrived')
})

test('a daily mail whose hour passed while the site was stopped is sent at the start', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  {
    await using room = await openRoom(folder.path, server)
    await room.notices.prefer(room.people[0]!, { digest: 'daily', hour: 9 })
    await room.arrive('in1', ana)
    await room.arrive('in2', ana)
    await room.settled()
  }
  const ofAna = () => server.came.filter(({ to }) => to[0]!.startsWith('ana'))
  expect(ofAna()).toEqual([])
  const now = startAt + 5 * hourMs
  await using _room = await openRoom(folder.path, server, { create: false, now })
  await server.until(2)
  expect(ofAna().map(({ subject }) => subject)).toEqual(['[Oslo] 2 notices'])
})

test('what somebody does not want is not told there', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  const { notices, people } = room
  const [first, second] = people as [User, User]
  await notices.prefer(first, { choices: [{ kind: 'arrived', mail: false }] })
  await notices.prefer(second, { choices: [{ kind: 'sent', centre: false }] })
  await room.arrive('in1', ana)
  await room.put('out1', ben, { at: 'done' })
  await room.settled()
  await server.until(2)
  expect(server.came.map(({ to }) => to[0]!.split('@')[0]).toSorted()).toEqual(['ben', 'root'])
  expect(await room.titles(ana)).toHaveLength(1)
  expect(await room.titles(ben)).toEqual([])
  expect(await notices.unread(ben)).toBe(0)
  await notices.prefer(second, { digest: 'off' })
  await room.put('out2', ben, { at: 'done' })
  await room.settled()
  await room.pass(hourMs, () => notices.mail.view().waiting === 0)
  expect(server.came.filter(({ to }) => to[0]!.startsWith('ben'))).toHaveLength(1)
  expect(await faultOf(notices.prefer(first, { zone: 'Mars/Olympus' }))).toMatchObject({
    kind: 'invalid',
  })
  // What was chosen before stays.
  const { choices } = await notices.prefer(first, { hour: 20 })
  expect(choices.find(({ kind }) => kind === 'arrived')).toMatchObject({
    centre: true,
    mail: false,
  })
  expect(choices.map(({ kind }) => kind)).not.toContain('damage')
})

test('a person who is removed before the mail goes gets none, and nothing of theirs stays', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  server.behave((to) => (to.startsWith('ana') ? { code: 452, text: 'later' } : 'take'))
  await room.arrive('in1', ana)
  await server.untilTried(1)
  await room.pass(0, () => room.notices.mail.view().state === 'failing')
  room.people[0] = { ...room.people[0]!, at: 'removed' }
  await room.commit('user.removed', 'system', { user: { id: ana }, tokens: [] })
  server.behave(() => 'take')
  await room.settled()
  await room.arrive('in2', ana)
  await room.settled()
  await room.pass(2 * hourMs, () => room.notices.mail.view().waiting === 0)
  expect(server.came.filter(({ to }) => to[0]!.startsWith('ana'))).toEqual([])
  expect(await room.titles(ana)).toEqual([])
})

test('very much at once: a few mails, then one with the rest', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server)
  for (let n = 1; n <= burstMax; n++) {
    await room.arrive(`in${n}`, ana)
    await server.until(n)
    await room.pass(0, () => room.notices.mail.view().waiting === 0)
  }
  for (let n = 0; n < 3; n++) await room.arrive(`more${n}`, ana)
  await room.pass(burstMs - 1000, () => room.notices.mail.view().waiting === 3)
  expect(server.came).toHaveLength(burstMax)
  await room.pass(1000, () => server.came.length === burstMax + 1)
  expect(server.came.at(-1)!.subject).toBe('[Oslo] 3 notices')
})

test('a transfer that does not move is told once, and again when it had moved', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { mail: false })
  const id = 'out1' as TransferId
  const move = (more: object) => room.moving.emit({ type: 'changed', id, over: false, ...more })
  const is = (at: string) =>
    room.transfers.set(id, { id, user: ana, since: startAt, state: { at } } as unknown as Transfer)
  is('moving')
  move({ more: { sent: 1 } })
  await room.clock.advance(stallMs / 2)
  move({ more: { sent: 1 } })
  // That it is in trouble is no progress.
  await room.clock.advance(stallMs - 1)
  move({})
  await room.settled()
  expect(await room.titles(ana)).toEqual([])
  await room.clock.advance(1)
  const stalled = async () => (await room.titles(ana)).length
  await room.settled()
  expect(await room.titles(ana)).toEqual(['"Set out1" to kyoto: nothing has moved for 30 min.'])
  await room.clock.advance(5 * stallMs)
  await room.settled()
  expect(await stalled()).toBe(1)
  // Somebody paused it: it is meant to rest.
  move({ more: { received: 5 } })
  is('paused')
  await room.clock.advance(30 * hourMs)
  await room.settled()
  expect(await stalled()).toBe(1)
  is('moving')
  await room.clock.advance(2 * stallMs)
  await room.settled()
  expect(await stalled()).toBe(2)
  room.moving.emit({ type: 'changed', id, over: true })
  await room.clock.advance(5 * stallMs)
  await room.settled()
  expect(await stalled()).toBe(2)
})

test('without a mail server nothing is promised', async () => {
  await using folder = await openFolder()
  await using server = await openMailServer()
  await using room = await openRoom(folder.path, server, { mail: false })
  const { mail } = room.notices
  expect(mail.view()).toMatchObject({ state: 'off', waiting: 0 })
  expect(await faultOf(mail.test(room.people[2]!, { signal: never }))).toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('"mail" in its config.json'),
  })
  await readFile(join(folder.path, 'journal', '00000001.log'), 'utf8')
})
