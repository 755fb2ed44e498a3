/** The API of a site whose rooms are stubs: each test says what a room answers, and no more. */

import { systemClock } from '../node/base/clock.ts'
import type { Doors } from '../node/http/doors.ts'
import { createApp, type HttpNeeds } from '../node/http/http.ts'
import type { User } from '../node/people/users.ts'
import type { Email, ProjectId, UserId } from '../protocol/ids.ts'

export const ana: User = {
  id: 1 as UserId,
  email: 'ana@lab.example' as Email,
  name: 'Ana',
  role: 'member',
  personal: 1 as ProjectId,
  at: 'active',
}
export const root: User = {
  ...ana,
  id: 2 as UserId,
  email: 'root@lab.example' as Email,
  role: 'administrator',
}

/** A door of which only some things are there; asking for another fails by name. */
export function stub<T extends object>(there: Partial<T>): T {
  return new Proxy(there, {
    get(target, name) {
      if (name in target) return target[name as keyof T]
      throw new Error(`nobody should ask for ${String(name)}`)
    },
  }) as T
}

export type Stubs = { [D in keyof Doors]?: Partial<Doors[D]> }

const tokens: Partial<Doors['tokens']> = {
  async who(text) {
    const user = { ana, root, reader: ana }[text]
    return user === undefined ? undefined : { user, scope: text === 'reader' ? 'read' : 'all' }
  },
}

export function askStubs(
  stubs: Stubs = {},
  more: Partial<HttpNeeds> = {},
  table?: Record<string, unknown>,
) {
  const logged: object[] = []
  const note = (facts: object) => void logged.push(facts)
  const names = [
    'site',
    'users',
    'groups',
    'login',
    'bindings',
    'links',
    'connections',
    'projects',
    'datasets',
    'workflows',
    'transfers',
    'upkeep',
    'limits',
    'deposits',
    'hooks',
    'metrics',
    'uploads',
    'holdings',
    'tickets',
  ]
  const doors = Object.fromEntries(
    names.map((name) => [name, stub((stubs[name as keyof Stubs] ?? {}) as object)]),
  )
  const accounts = { leaving: new Set(), hasLeft: () => false, ...stubs.accounts }
  const { app } = createApp(
    {
      doors: {
        ...doors,
        accounts: stub(accounts),
        tokens: stub({ ...tokens, ...stubs.tokens }),
      } as unknown as Doors,
      home: '/nowhere/home',
      folders: 'any',
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      log: { info: note, warn: note, error: note },
      ...more,
    },
    table,
  )
  return {
    app,
    logged,
    async ask(
      line: string,
      o: { as?: string | null; body?: unknown; headers?: Record<string, string> } = {},
    ) {
      const [method, url] = line.split(' ') as ['GET', string]
      const as = o.as === undefined ? 'root' : o.as
      const answer = await app.inject({
        method,
        url,
        headers: {
          host: '127.0.0.1:1',
          ...(as === null ? {} : { authorization: `Bearer ${as}` }),
          ...(typeof o.body === 'string' ? { 'content-type': 'application/json' } : {}),
          ...o.headers,
        },
        ...(o.body === undefined ? {} : { payload: o.body as object }),
      })
      const { 'content-type': media } = answer.headers
      const json = String(media).includes('json') ? JSON.parse(answer.body) : undefined
      return { status: answer.statusCode, json, text: answer.body, headers: answer.headers }
    },
  }
}
