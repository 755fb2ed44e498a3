import { describe, expect, test } from 'vitest'
import type { Email, ProjectId, UserId } from '../../protocol/ids.ts'
import { createManualClock } from '../base/clock.ts'
import type { User } from '../people/users.ts'
import type { Told } from './institution.ts'
import { loginPace, openLogin, placeInside } from './login.ts'
import { pendingMax, pendingMs } from './pending.ts'

const ana: User = {
  ...{ id: 1 as UserId, email: 'ana@lab.example' as Email, name: '' },
  ...{ role: 'member', personal: 1 as ProjectId, at: 'active' },
}
const redirect = 'http://127.0.0.1/login/callback'

/** The rooms around it are as small as they can be; the provider believes everything. */
function openHere() {
  const clock = createManualClock(1_000_000)
  const told: Told = {
    ...{ issuer: 'https://id.example', sub: 's', email: 'ana@lab.example' },
    ...{ isVerified: true, name: '', groups: undefined },
  }
  const login = openLogin({
    institution: { issuer: 'https://id.example', clientId: 'c', name: 'Here' },
    clock,
    bindings: {
      find: () => ana.id,
      of: () => [],
      bind: async () => {},
      end: async () => [],
      endsWith: () => ({ bindings: [] }),
      [Symbol.dispose]: () => {},
    },
    users: { get: async () => ana, byEmail: async () => ana, add: async () => ana },
    groups: { takeOver: async () => ({ full: [] }) },
    log: () => {},
    provider: {
      urlFor: async (_redirect, { state }) => `https://id.example/auth?state=${state}`,
      whoIs: async () => told,
    },
  })
  const answerTo = (url: string) => new URL(`${redirect}?code=c&${new URL(url).searchParams}`)
  return { clock, login, answerTo }
}

describe('a login that was begun', () => {
  test('is over after ten minutes', async () => {
    const { clock, login, answerTo } = openHere()
    const { url, kept } = await login.begin({ from: 'a', redirect })
    expect(kept.expiresAt).toBe(1_000_000 + pendingMs)
    await clock.advance(pendingMs)
    const late = login.finish({ answer: answerTo(url), kept: kept.secret, from: 'a' })
    await expect(late).rejects.toMatchObject({ kind: 'gone' })
  })

  test('is forgotten when very many came after it, and not before', async () => {
    const { login, answerTo } = openHere()
    const first = await login.begin({ from: 'first', redirect })
    const second = await login.begin({ from: 'second', redirect })
    for (let i = 1; i < pendingMax; i++) await login.begin({ from: String(i), redirect })
    const finish = ({ url, kept }: typeof first) =>
      login.finish({ answer: answerTo(url), kept: kept.secret, from: 'a' })
    await expect(finish(first)).rejects.toMatchObject({ kind: 'gone' })
    expect(await finish(second)).toMatchObject({ user: ana, to: '/' })
  })

  test('too often from one address has to wait, unless they end well', async () => {
    const { clock, login, answerTo } = openHere()
    for (let i = 0; i < 2 * loginPace.burst; i++) {
      const { url, kept } = await login.begin({ from: 'a', redirect })
      await login.finish({ answer: answerTo(url), kept: kept.secret, from: 'a' })
    }
    for (let i = 0; i < loginPace.burst; i++) await login.begin({ from: 'a', redirect })
    const more = () => login.begin({ from: 'a', redirect })
    await expect(more()).rejects.toMatchObject({ kind: 'busy', seconds: 3 })
    await login.begin({ from: 'b', redirect })
    await clock.advance(loginPace.everyMs)
    await more()
  })
})

test.each([
  ['/datasets/3?a=b#c', '/datasets/3?a=b#c'],
  ['/', '/'],
  [undefined, '/'],
  ['', '/'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['/a\\..\\..\\/evil', '/'],
  ['/\n/evil.example', '/'],
  ['https://evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/..//evil.example', '/'],
  ['/.//evil.example', '/'],
])('after %j one goes on at %j', (to, place) => {
  expect(placeInside(to)).toBe(place)
})
