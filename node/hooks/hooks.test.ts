/**
 * The room with real receivers on loopback and a clock of our own: what is told, in which order, how
 * often it is tried, and what a receiver that is slow, broken or hostile can do.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { hookEvents } from '../../api/hook-events.ts'
import type { Fault } from '../../protocol/fault.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { answering, openReceiver, type Receiver, silent, taking } from '../../test/receiver.ts'
import { createManualClock } from '../base/clock.ts'
import { openDb } from '../db/db.ts'
import { type Folds, openCommit } from '../journal/commit.ts'
import { openJournal } from '../journal/journal.ts'
import { hookFolds } from './hook.ts'
import { hooksMax, openHooks } from './hooks.ts'
import type { Resolve } from './post.ts'
import { giveUpMs, keepEveryMs, pausesMs } from './worker.ts'

const folds: Folds = { ...hookFolds, 'transfer.made': () => [], 'note.put': () => [] }
const startAt = Date.UTC(2026, 10, 25, 9, 0, 0)
const by = { user: 1 as never }
const never = new AbortController().signal
const all = { events: hookEvents }

type More = { allowed?: string[]; resolve?: Resolve; create?: boolean; now?: number }

async function openRoom(folder: string, { allowed = [], resolve, create = true, now }: More = {}) {
  const stack = new AsyncDisposableStack()
  const clock = createManualClock(now ?? startAt)
  if (create) await mkdir(folder, { recursive: true })
  const journal = stack.use(await openJournal({ folder: join(folder, 'journal'), clock, create }))
  const db = stack.use(await openDb({ folder: join(folder, 'index'), create }))
  const commit = await openCommit({ journal, db, folds })
  const logged: Fault[] = []
  const hooks = stack.use(
    await openHooks({
      ...{ commit, journal, db, clock, allowed, resolve },
      site: '12D3KooWTest' as SiteId,
      folder: join(folder, 'hooks'),
      tried: () => {},
      log: (fault) => void logged.push(fault),
    }),
  )
  let count = 0
  return {
    ...{ hooks, clock, commit, logged, folder },
    /** Something happened. */
    start(name = `t${++count}`) {
      const transfer = {
        ...{ id: name, direction: 'out', site: 'theirs', user: 7, connection: 3 },
        ...{ email: 'ana@lab.example', person: 'ben@far.example', state: { at: 'waiting' } },
        ...{ workflows: [], theirWorkflows: [], dataset: { id: 4, version: 2 } },
      }
      return commit('transfer.made', by, { transfer })
    },
    async add(receiver: Receiver) {
      const made = await hooks.add({ url: receiver.url, ...all }, by, { signal: never })
      receiver.trust(made.secret)
      return made.hook.id
    },
    /** Until a hook is so; everything else is settled then. */
    async until(id: number, is: (now: ReturnType<typeof hooks.list>[number]) => boolean) {
      for (;;) {
        const found = hooks.list().find(({ hook }) => hook.id === id)
        if (found !== undefined && is(found)) return found
        // What falls due at this very moment may have been asked for only now.
        await clock.advance(0)
      }
    },
    /** Until a receiver has heard so much. */
    async hears(receiver: Receiver, count: number) {
      while (receiver.heard.length < count) await clock.advance(0)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const failed =
  (tries: number) =>
  ({ position }: { position: { failing?: { tries: number } | undefined } }) =>
    position.failing?.tries === tries
const names = (receiver: Receiver) => receiver.heard.map(({ data }) => data.transfer)

test('what happens is told, signed, in order and each once; what happened before is not', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  await room.start('before')
  await room.add(receiver)
  for (const name of ['a', 'b', 'c']) await room.start(name)
  await room.commit('note.put', by, 'nothing that anybody wants to hear')
  await room.start('d')
  await receiver.until(4)
  expect(names(receiver)).toEqual(['a', 'b', 'c', 'd'])
  expect(new Set(receiver.heard.map(({ id }) => id)).size).toBe(4)
  const [first] = receiver.heard
  expect(first).toMatchObject({
    type: 'transfer.started',
    at: startAt,
    timestamp: startAt / 1000,
    data: { transfer: 'a', direction: 'out', user: 7, dataset: { id: 4, version: 2 } },
  })
  // People are named by ID only.
  expect(receiver.heard.map(({ body }) => body).join()).not.toMatch(/example/)
})

test('a signature of another secret is not ours', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  expect(await room.hooks.test(id, { signal: never })).toMatchObject({ status: 204, type: 'test' })
  receiver.trust(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)
  const refused = await faultlessTest(room.hooks.test(id, { signal: never }))
  expect(refused).toMatchObject({ problem: expect.stringContaining('400') })
})

/** The receiver of this file throws what it finds wrong; that is its way to say so. */
async function faultlessTest<T>(run: Promise<T>): Promise<T> {
  const ours = (thrown: unknown) => expect(String(thrown)).toContain('signature is wrong')
  process.once('unhandledRejection', ours)
  try {
    return await run
  } finally {
    await turn()
    process.off('unhandledRejection', ours)
  }
}

test('a receiver that answers 500, is silent or is gone is tried again, and nothing is left out', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  receiver.behave(answering(500))
  await room.start('a')
  await room.start('b')
  const after = await room.until(id, failed(1))
  expect(after.position.failing).toEqual({ since: startAt, tries: 1, nextAt: startAt + 5000 })
  await room.clock.advance(pausesMs[0] - 1)
  await turn()
  expect(receiver.heard).toHaveLength(1)

  receiver.behave(silent)
  await room.clock.advance(1)
  await room.hears(receiver, 2)
  await room.clock.advance(10_000)
  const late = await room.until(id, failed(2))
  expect(late.position.deliveries[0]).toMatchObject({
    tries: 2,
    problem: expect.stringContaining('within 10 seconds'),
  })

  await receiver[Symbol.asyncDispose]()
  await room.clock.advance(pausesMs[1])
  const gone = await room.until(id, failed(3))
  expect(gone.position.deliveries[0]!.problem).toMatch(/could not be reached \(ECONNREFUSED\)/)

  const port = Number(receiver.place.split(':')[1])
  await using again = await openReceiver(port)
  await room.clock.advance(pausesMs[2])
  await room.hears(again, 2)
  expect(names(again)).toEqual(['a', 'b'])
  expect(again.heard[0]!.id).toBe(receiver.heard[0]!.id)
  // Signed anew each time, or the receiver would take it for an old one played again.
  expect(again.heard[0]!.timestamp).toBeGreaterThan(receiver.heard[1]!.timestamp)
  const well = await room.until(id, ({ position }) => position.deliveries.length === 2)
  expect(well.position.failing).toBeUndefined()
  expect(well.position.deliveries.map(({ tries }) => tries)).toEqual([1, 4])
})

test('after three days it rests and says so; resumed, it goes on where it was', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  receiver.behave(answering(503))
  for (const name of ['a', 'b', 'c']) await room.start(name)
  let tries = 1
  let now = await room.until(id, failed(tries))
  while (now.hook.paused === undefined) {
    await room.clock.advance(now.position.failing!.nextAt - room.clock.now())
    tries++
    const is = failed(tries)
    const isLast = room.clock.now() - startAt >= giveUpMs
    now = await room.until(id, (one) => is(one) && (!isLast || one.hook.paused !== undefined))
  }
  const spent = room.clock.now() - startAt
  expect(spent).toBeGreaterThanOrEqual(giveUpMs)
  expect(spent).toBeLessThan(giveUpMs + pausesMs.at(-1)!)
  expect(tries).toBeLessThan(25)
  expect(room.hooks.glance().states).toEqual({ working: 0, failing: 0, paused: 1 })
  expect(room.logged.map(({ message }) => message).join()).toMatch(/rests.*three days/)
  const before = receiver.heard.length
  await room.clock.advance(giveUpMs)
  expect(receiver.heard).toHaveLength(before)

  receiver.behave(taking)
  await room.hooks.resume(id, { skip: false }, by)
  await receiver.until(before + 3)
  expect(names(receiver).slice(-3)).toEqual(['a', 'b', 'c'])
})

test('with skip, what was not taken is left out and the rest is told', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  receiver.behave(answering(422))
  await room.start('bad')
  await room.start('good')
  await room.until(id, failed(1))
  receiver.behave(taking)
  await room.hooks.resume(id, { skip: true }, by)
  await receiver.until(2)
  expect(names(receiver)).toEqual(['bad', 'good'])
})

test('410 ends it at once', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  receiver.behave(answering(410))
  await room.start()
  const now = await room.until(id, ({ hook }) => hook.paused !== undefined)
  expect(now.hook.paused).toMatch(/410/)
  expect(receiver.heard).toHaveLength(1)
})

test('a restart between: what was not taken and what happened meanwhile is told, nothing twice', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  const allowed = [receiver.place]
  {
    await using room = await openRoom(folder.path, { allowed })
    const id = await room.add(receiver)
    await room.start('a')
    await receiver.until(1)
    await room.until(id, ({ position }) => position.deliveries.length === 1)
    receiver.behave(answering(500))
    await room.start('b')
    await room.until(id, failed(1))
    await room.start('c')
  }
  receiver.behave(taking)
  const now = startAt + 1000
  await using room = await openRoom(folder.path, { allowed, create: false, now })
  // The pause that it was in is not forgotten with the restart.
  await turn()
  expect(receiver.heard).toHaveLength(2)
  await room.clock.advance(4000)
  await room.hears(receiver, 4)
  await room.start('d')
  await receiver.until(5)
  expect(names(receiver)).toEqual(['a', 'b', 'b', 'c', 'd'])
})

test('an index that is made again tells at most what came since the last hour', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  const allowed = [receiver.place]
  {
    await using room = await openRoom(folder.path, { allowed })
    const id = await room.add(receiver)
    for (const name of ['a', 'b']) await room.start(name)
    await receiver.until(2)
    await room.until(id, ({ position }) => position.deliveries.length === 2)
    await room.clock.advance(keepEveryMs)
    await room.start('c')
    await room.until(id, ({ position }) => position.deliveries.length === 3)
    await room.start('d')
    await room.until(id, ({ position }) => position.deliveries.length === 4)
  }
  await rm(join(folder.path, 'index'), { recursive: true })
  const stack = new AsyncDisposableStack()
  stack.use(await openDb({ folder: join(folder.path, 'index'), create: true }))
  await stack.disposeAsync()
  const now = startAt + 2 * keepEveryMs
  await using _room = await openRoom(folder.path, { allowed, create: false, now })
  await receiver.until(5)
  expect(names(receiver)).toEqual(['a', 'b', 'c', 'd', 'd'])
  expect(receiver.heard[4]!.id).toBe(receiver.heard[3]!.id)
})

test('a redirect is refused and nobody goes there', async () => {
  await using folder = await openFolder()
  await using inside = await openReceiver()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.behave(answering(status, { location: inside.url }))
    const told = await room.hooks.test(id, { signal: never })
    expect(told).toMatchObject({ status, problem: expect.stringContaining('None is followed') })
  }
  expect(inside.heard).toEqual([])
})

test('a name that means a public address when it is added and an inner one when it is used is refused', async () => {
  await using folder = await openFolder()
  const meanings = [['93.184.216.34'], ['127.0.0.1'], ['93.184.216.34', '10.0.0.1']]
  const asked: string[] = []
  const resolve: Resolve = async (host) => {
    asked.push(host)
    return meanings.shift() ?? []
  }
  await using room = await openRoom(folder.path, { resolve })
  const url = 'https://rebound.example/hook'
  const { hook } = await room.hooks.add({ url, ...all }, by, { signal: never })
  for (const _ of [1, 2]) {
    const told = await room.hooks.test(hook.id, { signal: never })
    expect(told.status).toBeUndefined()
    expect(told.problem).toMatch(/inside a network/)
  }
  // Once for each use: what was checked is what is connected to.
  expect(asked).toEqual(['rebound.example', 'rebound.example', 'rebound.example'])
})

test('a name of this very machine is refused, asked of the real directory', async () => {
  await using folder = await openFolder()
  await using room = await openRoom(folder.path)
  for (const host of ['localhost', 'LOCALHOST:8443']) {
    const adding = room.hooks.add({ url: `https://${host}/`, ...all }, by, { signal: never })
    expect(await faultOf(adding)).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('inside a network'),
    })
  }
  expect(room.hooks.list()).toEqual([])
})

test('the connection goes to the address that was checked, whatever the name means by then', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  const port = receiver.place.split(':')[1]
  let asked = 0
  // Only here is the name known at all: a second look-up, by anybody, would find nothing.
  const resolve: Resolve = async () => {
    asked++
    return ['127.0.0.1', '127.0.0.9']
  }
  const allowed = [`pinned.invalid:${port}`]
  await using room = await openRoom(folder.path, { allowed, resolve })
  const url = `http://pinned.invalid:${port}/hook`
  const { hook } = await room.hooks.add({ url, ...all }, by, { signal: never })
  expect(await room.hooks.test(hook.id, { signal: never })).toMatchObject({ status: 204 })
  expect(asked).toBe(2)
})

test('a slow receiver holds up no other, and no commit', async () => {
  await using folder = await openFolder()
  await using slow = await openReceiver()
  await using quick = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [slow.place, quick.place] })
  await room.add(slow)
  await room.add(quick)
  slow.behave(silent)
  // The clock stands still: whoever waited for the slow one would wait for ever.
  for (let n = 0; n < 200; n++) await room.start()
  await quick.until(200)
  expect(slow.heard.length).toBeLessThanOrEqual(1)
})

test('an answer without an end is not read', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  let isClosed = false
  receiver.behave((response) => {
    response.on('close', () => {
      isClosed = true
    })
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  expect(await room.hooks.test(id, { signal: never })).toMatchObject({ status: 200 })
  while (!isClosed) await turn()
})

test('what is no HTTP, and headers without an end, are told as trouble', async () => {
  await using folder = await openFolder()
  for (const nonsense of [
    'SSH-2.0-OpenSSH_9\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`,
  ]) {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write(nonsense)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const place = `127.0.0.1:${(server.address() as { port: number }).port}`
    await using room = await openRoom(join(folder.path, place), { allowed: [place] })
    const url = `http://${place}/`
    const { hook } = await room.hooks.add({ url, ...all }, by, { signal: never })
    const told = await room.hooks.test(hook.id, { signal: never })
    expect(told.problem).toMatch(/could not be reached \(HPE_/)
    server.close()
  }
})

test('its secret is a file for our account alone, and nowhere else', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  const allowed = [receiver.place]
  let secret: string
  let room = await openRoom(folder.path, { allowed })
  {
    const made = await room.hooks.add({ url: receiver.url, ...all }, by, { signal: never })
    secret = made.secret
    receiver.trust(secret)
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(JSON.stringify(room.hooks.list())).not.toContain(secret)
    await room.start()
    await receiver.until(1)
    await room[Symbol.asyncDispose]()
  }
  const places: string[] = []
  for (const entry of await readdir(folder.path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path)
    if (bytes.includes(secret) || bytes.includes(secret.slice(6))) places.push(path)
  }
  const file = join(folder.path, 'hooks', '1.secret')
  expect(places).toEqual([file])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(JSON.stringify(room.logged)).not.toContain(secret)

  room = await openRoom(folder.path, { allowed, create: false, now: startAt + 1 })
  await room.hooks.remove(1, by)
  expect(await readdir(join(folder.path, 'hooks'))).toEqual([])
  expect(room.hooks.list()).toEqual([])
  await room.start()
  await room[Symbol.asyncDispose]()
  expect(receiver.heard).toHaveLength(1)
})

test('without its secret it rests and says what to do', async () => {
  await using folder = await openFolder()
  await using receiver = await openReceiver()
  await using room = await openRoom(folder.path, { allowed: [receiver.place] })
  const id = await room.add(receiver)
  await rm(join(folder.path, 'hooks', `${id}.secret`))
  await room.start()
  const now = await room.until(id, ({ hook }) => hook.paused !== undefined)
  expect(now.hook.paused).toMatch(/add it again/)
  expect(receiver.heard).toEqual([])
})

test('there are so many and no more, and none twice', async () => {
  await using folder = await openFolder()
  await using room = await openRoom(folder.path, { resolve: async () => ['93.184.216.34'] })
  const add = (n: number) =>
    room.hooks.add({ url: `https://example.org/${n}`, ...all }, by, { signal: never })
  for (let n = 0; n < hooksMax; n++) await add(n)
  expect(await faultOf(add(99))).toMatchObject({ kind: 'conflict' })
  await room.hooks.remove(1, by)
  expect(await faultOf(add(3))).toMatchObject({ kind: 'conflict' })
  expect((await add(99)).hook.id).toBe(hooksMax + 1)
  expect(await faultOf(room.hooks.remove(1, by))).toMatchObject({ kind: 'missing' })
})
