/** Everything that takes time: long work, followed transfers, readers that leave or are slow. */
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, type Progress } from '../../api/client.ts'
import type { TransferView } from '../../api/shapes.ts'
import { Fault } from '../../protocol/fault.ts'
import type { Email, ProjectId, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { createManualClock, systemClock } from '../base/clock.ts'
import { createEvents } from '../base/events.ts'
import type { User } from '../people/users.ts'
import { askedAgainMs } from './admit.ts'
import type { Doors, TransfersDoor } from './doors.ts'
import { openHttp } from './http.ts'
import { streamsMax, tellMs } from './live.ts'
import { slowReaderMs } from './stream.ts'

const ana: User = {
  id: 1 as UserId,
  email: 'ana@lab.example' as Email,
  name: 'Ana',
  role: 'administrator',
  personal: 1 as ProjectId,
  at: 'active',
}
const id = 'a'.repeat(32) as TransferId

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

async function site(stubs: { [D in keyof Doors]?: Partial<Doors[D]> }, clock = systemClock) {
  const logged: object[] = []
  const counted = { dropped: 0 }
  const note = (facts: object) => void logged.push(facts)
  const tokens: Partial<Doors['tokens']> = {
    who: async (text) => (text === 'ana' ? { user: ana, scope: 'all' } : undefined),
  }
  const http = await openHttp({
    doors: {
      tokens,
      users: { get: async () => ana },
      asked: { find: async () => undefined },
      ...stubs,
    } as Doors,
    home: '/nowhere/home',
    folders: 'any',
    host: '127.0.0.1',
    port: 0,
    clock,
    log: { info: note, warn: note, error: note },
    counts: {
      answered() {},
      mistaken() {},
      reading: () => ({ [Symbol.dispose]() {} }),
      readerDropped: () => void counted.dropped++,
    },
  })
  open.push(http)
  return { http, logged, counted, client: createClient({ url: http.url, token: 'ana' }) }
}

function viewed(sent: number, more: Partial<TransferView> = {}): TransferView {
  const end = { site: '12D3Koo' as SiteId, name: 'Oslo', person: ana.email, workflows: [] }
  return {
    id,
    direction: 'out',
    state: 'moving',
    source: end,
    destination: end,
    workflows: [],
    bytes: { chosen: 100, held: 0, sent, received: 0, dataset: sent },
    files: { chosen: 1, held: 0, done: 0 },
    manifest: { nodes: 0, pages: 0 },
    bytesPerSecond: 0,
    receipts: [],
    will: [],
    willNot: [],
    createdAt: 0,
    ...more,
  }
}

function transfers(view: () => TransferView) {
  const events = createEvents<{ type: 'changed'; id: TransferId; over: boolean }>()
  const door: Partial<TransfersDoor> = {
    events,
    need: async () => ({ user: ana.id }),
    view: async () => view(),
  }
  return { door, moved: (over = false) => events.emit({ type: 'changed', id, over }) }
}

describe('long work', () => {
  it('tells how far it is, then its result', async () => {
    const { promise: heard, resolve: hear } = Promise.withResolvers<Progress>()
    const { client } = await site({
      site: {
        async verify({ onProgress }) {
          onProgress({ files: 1, bytes: 2 })
          // Ends only once the asker has seen it.
          await heard
          return { files: 3, bytes: 4, bad: [] }
        },
      },
    })
    const result = await client.call('site.verify', {}, { onProgress: hear })
    expect(await heard).toEqual({ files: 1, bytes: 2 })
    expect(result).toEqual({ files: 3, bytes: 4, bad: [] })
  })

  it('tells its fault', async () => {
    const { client } = await site({
      site: {
        verify: async () => {
          throw new Fault('corrupt', 'store.verify', { about: 'a/b', text: 'Bad.', list: ['a/b'] })
        },
      },
    })
    const asked = client.call('site.verify', {})
    await expect(asked).rejects.toMatchObject({ kind: 'corrupt', about: 'a/b', list: ['a/b'] })
  })

  it('ends when the asker goes away', async () => {
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    const { client } = await site({
      site: {
        verify: ({ signal }) => {
          signal.addEventListener('abort', () => ended.resolve())
          begun.resolve()
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason))
          })
        },
      },
    })
    const leaving = new AbortController()
    const asked = client.call('site.verify', {}, { signal: leaving.signal })
    await begun.promise
    leaving.abort()
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
    await ended.promise
  })

  it('ends with the site, in words', async () => {
    const begun = Promise.withResolvers<void>()
    const { client, http } = await site({
      site: {
        verify: ({ signal }) => {
          begun.resolve()
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason))
          })
        },
      },
    })
    const asked = client.call('site.verify', {})
    const outcome = expect(asked).rejects.toMatchObject({
      kind: expect.stringMatching(/busy|unreachable/),
    })
    await begun.promise
    await http[Symbol.asyncDispose]()
    await outcome
  })

  it('gives a plain answer to those who did not ask for events', async () => {
    const { http } = await site({ site: { verify: async () => ({ files: 0, bytes: 0, bad: [] }) } })
    const headers = { authorization: 'Bearer ana' }
    const answer = await fetch(`${http.url}/api/verify`, { method: 'POST', headers })
    expect(answer.headers.get('content-type')).toContain('application/json')
    expect(await answer.json()).toEqual({ files: 0, bytes: 0, bad: [] })
  })

  it('counts silence as a cut', async () => {
    const { http } = await site({ site: { verify: () => new Promise(() => {}) } })
    const impatient = createClient({ url: http.url, token: 'ana', idleMs: 20 })
    await expect(impatient.call('site.verify', {})).rejects.toMatchObject({
      kind: 'unreachable',
      side: 'between',
    })
  })
})

describe('following', () => {
  it('tells a transfer now and each time it moves, until it has ended', async () => {
    let view = viewed(1)
    const { door, moved } = transfers(() => view)
    const { client } = await site({ transfers: door as TransfersDoor })
    const seen: number[] = []
    for await (const value of client.follow('transfers.follow', { id })) {
      seen.push(value.bytes.sent)
      expect(value.createdAt).toBe('1970-01-01T00:00:00.000Z')
      if (seen.length === 1) view = viewed(2)
      else view = viewed(100, { state: 'done', endedAt: 5 })
      moved()
    }
    expect(seen).toEqual([1, 2, 100])
  })

  it('tells an end at once, however lately it told something', async () => {
    let view = viewed(1)
    const { door, moved } = transfers(() => view)
    // A clock that stands still: whoever waits for the time between two tellings waits for ever.
    const { client } = await site({ transfers: door as TransfersDoor }, createManualClock())
    const seen: string[] = []
    for await (const value of client.follow('transfers.follow', { id })) {
      seen.push(value.state)
      if (seen.length > 1) continue
      view = viewed(100, { state: 'done', endedAt: 5 })
      moved(true)
    }
    expect(seen).toEqual(['moving', 'done'])
  })

  it('stops listening when the reader leaves', async () => {
    const listening = new Set<object>()
    const left = Promise.withResolvers<void>()
    const { door } = transfers(() => viewed(1))
    const events: TransfersDoor['events'] = {
      on(hear) {
        listening.add(hear)
        return {
          [Symbol.dispose]() {
            listening.delete(hear)
            left.resolve()
          },
        }
      },
    }
    const { client } = await site({ transfers: { ...door, events } as TransfersDoor })
    for await (const _ of client.follow('transfers.follow', { id })) break
    await left.promise
    expect(listening.size).toBe(0)
  })

  it('watches all of one’s own and nobody else’s', async () => {
    const foreign = 'b'.repeat(32) as TransferId
    const events = createEvents<{ type: 'changed'; id: TransferId }>()
    const on = Promise.withResolvers<void>()
    const { client } = await site({
      transfers: {
        events: {
          on(hear) {
            queueMicrotask(on.resolve)
            return events.on(hear)
          },
        },
        need: async (one) => ({ user: (one === id ? 1 : 2) as UserId }),
        view: async (one) => ({ ...viewed(1), id: one }),
      },
    })
    void on.promise.then(() => {
      events.emit({ type: 'changed', id: foreign })
      events.emit({ type: 'changed', id })
    })
    for await (const value of client.follow('transfers.watch', {})) {
      expect(value.id).toBe(id)
      break
    }
  })

  it('drops a reader that takes nothing, by name', async () => {
    const clock = createManualClock()
    const { door, moved } = transfers(() => viewed(1, { will: ['x'.repeat(1024 * 1024)] }))
    const { http, logged, counted } = await site({ transfers: door as TransfersDoor }, clock)
    const socket = connect(Number(new URL(http.url).port), '127.0.0.1')
    socket.pause()
    socket.write(
      `GET /api/transfers/${id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ana\r\n\r\n`,
    )
    const deadline = AbortSignal.timeout(10_000)
    // Each round lets one more telling through, until the line is full and then the patience is over.
    while (logged.length === 0) {
      deadline.throwIfAborted()
      moved()
      await clock.advance(slowReaderMs / 2)
    }
    expect(logged).toEqual([{ reader: 'person 1 reading transfers.follow', ms: slowReaderMs }])
    expect(counted.dropped).toBe(1)
    socket.destroy()
  })
})

describe('twenty streams of five people', () => {
  const people = Array.from({ length: 5 }, (_, i) => ({
    ...ana,
    id: (i + 1) as UserId,
    email: `person${i}@lab.example` as Email,
    role: 'member' as const,
  }))
  const ids = people.map((_, i) => `${i}`.repeat(32) as TransferId)
  const large = ['x'.repeat(256 * 1024)]

  /** A transfer for each of them, and who they are by a token of their number. */
  function crowd() {
    const events = createEvents<{ type: 'changed'; id: TransferId; over: boolean }>()
    let looked = 0
    const at = new Map(people.map(({ id }) => [id, 'active' as User['at']]))
    const personOf = (id: UserId) => ({ ...people[id - 1]!, at: at.get(id)! })
    const stubs = {
      tokens: {
        who: async (text: string) => {
          const user = personOf(Number(text) as UserId)
          return user.at === 'active' ? { user, scope: 'all' as const } : undefined
        },
      },
      users: { get: async (id: UserId) => personOf(id) },
      transfers: {
        events,
        need: async (one: TransferId) => ({ user: people[ids.indexOf(one)]!.id }),
        view: async (one: TransferId) => {
          looked++
          return { ...viewed(1, { will: large }), id: one }
        },
      } as Partial<TransfersDoor> as TransfersDoor,
    }
    const moved = () => {
      for (const id of ids) events.emit({ type: 'changed', id, over: false })
    }
    return { stubs, moved, at, looked: () => looked }
  }

  /** A stream over a socket of its own; `heard` counts what it was told, by transfer. */
  async function hear(url: string, person: number) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    const heard = new Map<string, number>()
    let open = false
    socket.on('data', (data) => {
      text += data
      open ||= text.startsWith('HTTP/1.1 200 ')
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const told = /"id":"(\w+)"/.exec(text.slice(0, 2000))?.[1]
        const what = /event: (\w+)/.exec(text.slice(0, end))?.[1]
        const name = what === 'value' ? told! : what
        // A sign of life has no name.
        if (name !== undefined) heard.set(name, (heard.get(name) ?? 0) + 1)
        text = text.slice(end + 2)
      }
    })
    socket.on('error', () => {})
    socket.write(
      `GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${person}\r\n\r\n`,
    )
    await until(() => open)
    return { socket, heard, id: ids[person - 1]! }
  }

  async function until(is: () => boolean): Promise<void> {
    for (const late = AbortSignal.timeout(10_000); !is(); ) {
      late.throwIfAborted()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('are looked at once for all, and who stops reading is dropped by name while the others go on', async () => {
    const clock = createManualClock()
    const { stubs, moved, looked } = crowd()
    const { http, logged, counted } = await site(stubs, clock)
    const streams = await Promise.all(
      Array.from({ length: 20 }, (_, i) => hear(http.url, (i % 5) + 1)),
    )
    const [slow, ...others] = streams
    slow!.socket.pause()
    let rounds = 0
    const late = AbortSignal.timeout(20_000)
    while (logged.length === 0) {
      late.throwIfAborted()
      rounds++
      moved()
      // Nobody waits for the one who takes nothing.
      await until(() => others.every(({ heard, id }) => heard.get(id) === rounds))
      await clock.advance(slowReaderMs / 2)
    }
    await clock.advance(tellMs)
    expect(logged).toEqual([{ reader: 'person 1 reading transfers.watch', ms: slowReaderMs }])
    expect(counted.dropped).toBe(1)
    expect(looked()).toBe(rounds * ids.length)
    // Each heard of their own and of nothing else, and hears on.
    moved()
    await until(() => others.every(({ heard, id }) => heard.get(id) === rounds + 1))
    for (const { heard, id } of others) expect([...heard.keys()]).toEqual([id])
    for (const { socket } of streams) socket.destroy()
  }, 30_000)

  it('end for whoever is removed: at the next thing that moves, or soon by themselves', async () => {
    const clock = createManualClock()
    const { stubs, moved, at } = crowd()
    const { http } = await site(stubs, clock)
    const first = await hear(http.url, 1)
    const second = await hear(http.url, 2)
    at.set(1 as UserId, 'removed')
    moved()
    await until(() => first.heard.has('problem') && second.heard.get(second.id) === 1)
    expect([...first.heard.keys()]).toEqual(['problem'])
    at.set(2 as UserId, 'removed')
    await clock.advance(askedAgainMs)
    await until(() => second.heard.has('problem'))
    expect(second.heard.get(second.id)).toBe(1)
    for (const { socket } of [first, second]) socket.destroy()
  })

  it('are so many and no more for one person', async () => {
    const { http } = await site(crowd().stubs)
    const streams = await Promise.all(Array.from({ length: streamsMax }, () => hear(http.url, 1)))
    const headers = { authorization: 'Bearer 1' }
    const more = await fetch(`${http.url}/api/events`, { headers })
    expect([more.status, (await more.json()).kind]).toEqual([503, 'busy'])
    const other = await hear(http.url, 2)
    for (const { socket } of [...streams, other]) socket.destroy()
  })
})

describe('the door itself', () => {
  it('says so when its port is taken', async () => {
    const { http } = await site({})
    const port = Number(new URL(http.url).port)
    const second = openHttp({
      doors: {} as Doors,
      home: '/nowhere',
      folders: 'any',
      host: '127.0.0.1',
      port,
      clock: systemClock,
      log: { info() {}, warn() {}, error() {} },
    })
    await expect(second).rejects.toMatchObject({ kind: 'busy', about: `127.0.0.1:${port}` })
  })

  it('is unreachable once closed', async () => {
    const { client, http } = await site({})
    await http[Symbol.asyncDispose]()
    await expect(client.call('site.show', {})).rejects.toMatchObject({
      kind: 'unreachable',
      about: http.url,
    })
  })
})
