/**
 * Login at an institution, against a real provider: the way there and back, whom it leads to, the groups
 * that come along, and what happens when somebody else uses the answer, the provider is away, the
 * address is not theirs, or the account is gone.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Email } from '../../protocol/ids.ts'
import { type Institution, openBrowser, openInstitution } from '../oidc.ts'
import { openSite, type Site } from '../site.ts'

const ana = { sub: 'a-1', email: 'Ana@Lab.example', email_verified: true, name: 'Ana Lie' }
const anaHere = 'ana@lab.example' as Email

let university: Institution
let oslo: Site
/** One that gives accounts by itself, to some. */
let kyoto: Site
const url = (site: Site) => site.admin.url

beforeAll(async () => {
  university = await openInstitution()
  const { config } = university
  const login = {
    ...config,
    scopes: ['openid', 'email', 'profile', 'groups'],
    groupsClaim: 'groups',
  }
  ;[oslo, kyoto] = await Promise.all([
    openSite('oslo', { config: { login } }),
    openSite('kyoto', { config: { login: { ...login, create: true, domains: ['lab.example'] } } }),
  ])
  await oslo.admin.call('people.add', { email: anaHere })
}, 120_000)

afterEach(() => {
  university.person = undefined
})

afterAll(async () => {
  await Promise.all([oslo, kyoto, university].map((one) => one?.[Symbol.asyncDispose]()))
})

async function journalOf(site: Site): Promise<string> {
  return JSON.stringify(
    (await site.admin.call('journal.read', { newest: true, limit: 50 })).records,
  )
}

test('a person comes in to the account that has her verified address, and from then on by who she is', async () => {
  const browser = openBrowser()
  expect(JSON.parse((await browser.ask('GET', `${url(oslo)}/api/login`)).text)).toEqual({
    institution: 'Oslo University',
  })
  university.person = ana
  const back = await browser.logIn(url(oslo), '/datasets?mine=true')
  expect(back).toMatchObject({ status: 303, location: '/datasets?mine=true' })
  const session = back.set.find((one) => one.startsWith('crossload_session='))!
  expect(session).toContain('HttpOnly')
  expect(session).toContain('SameSite=Strict')
  // What bound the login to this browser is of no more use.
  expect(back.set.find((one) => one.startsWith('crossload_login='))).toContain('Max-Age=0')
  expect(await browser.me(url(oslo))).toBe(anaHere)

  // Her address is another one there now, and even somebody else's: it is still her.
  university.person = { ...ana, email: 'admin@oslo.example' }
  const later = openBrowser()
  await later.logIn(url(oslo))
  expect(await later.me(url(oslo))).toBe(anaHere)
  // Who she is there is in no record that anybody can read.
  expect(await journalOf(oslo)).toContain('login.bound')
  expect(await journalOf(oslo)).not.toContain(ana.sub)
  await oslo.kill('SIGKILL')
  await oslo.start()
  const afterwards = openBrowser()
  await afterwards.logIn(url(oslo))
  expect(await afterwards.me(url(oslo))).toBe(anaHere)
})

test('somebody else with the same address there does not get her account, until an administrator says so', async () => {
  const other = { ...ana, sub: 'a-2' }
  university.person = other
  const browser = openBrowser()
  const back = await browser.logIn(url(oslo))
  expect(await browser.trouble(url(oslo), back)).toMatchObject({ kind: 'conflict' })
  expect(await browser.me(url(oslo))).toBeUndefined()
  expect(await oslo.admin.call('people.logins', { email: anaHere })).toMatchObject([
    { issuer: university.issuer },
  ])
  expect((await oslo.cli(['people', 'logins', anaHere, '--end'])).code).toBe(0)
  const again = openBrowser()
  await again.logIn(url(oslo))
  expect(await again.me(url(oslo))).toBe(anaHere)
  expect((await oslo.cli(['people', 'logins', anaHere, '--end'])).code).toBe(0)
})

test.each([
  ['has not verified', { ...ana, sub: 'u-1', email_verified: false }],
  ['has not verified', { sub: 'u-2', email: ana.email }],
  ['did not tell your e-mail address', { sub: 'u-3' }],
  ['no account at this site', { sub: 'u-4', email: 'zoe@lab.example', email_verified: true }],
])('whoever %s is refused in words', async (words, person) => {
  university.person = person
  const browser = openBrowser()
  const back = await browser.logIn(url(oslo))
  expect(back.status).toBe(303)
  expect(back.location).toMatch(/^\/login\?tried=[\w-]{43}$/)
  expect(back.set.some((one) => one.startsWith('crossload_session='))).toBe(false)
  expect(await browser.trouble(url(oslo), back)).toMatchObject({
    kind: 'denied',
    text: expect.stringContaining(words),
  })
  expect(await browser.me(url(oslo))).toBeUndefined()
})

test('whoever says no there is told how to go on', async () => {
  const browser = openBrowser()
  const back = await browser.logIn(url(oslo))
  expect(await browser.trouble(url(oslo), back)).toMatchObject({
    kind: 'denied',
    text: expect.stringContaining('did not let this site know who you are'),
  })
})

describe('an answer of the institution', () => {
  test('is good once', async () => {
    university.person = ana
    const browser = openBrowser()
    const address = await browser.toReturn(url(oslo))
    const kept = await browser.comeBack(address)
    expect(kept.location).toBe('/')
    const replayed = await browser.comeBack(address)
    expect(replayed.set.some((one) => one.startsWith('crossload_session='))).toBe(false)
    expect(await browser.trouble(url(oslo), replayed)).toMatchObject({ kind: 'gone' })
  })

  test('is of no use in another browser, which does not spoil it for the right one', async () => {
    university.person = ana
    const [browser, other] = [openBrowser(), openBrowser()]
    const address = await browser.toReturn(url(oslo))
    for (const stolen of [openBrowser(), other]) {
      // One has begun a login of its own, the other nothing.
      if (stolen === other) await other.ask('POST', `${url(oslo)}/api/login`, { body: {} })
      const back = await stolen.comeBack(address)
      expect(await stolen.trouble(url(oslo), back)).toMatchObject({ kind: 'denied' })
      expect(await stolen.me(url(oslo))).toBeUndefined()
    }
    expect((await browser.comeBack(address)).location).toBe('/')
    expect(await browser.me(url(oslo))).toBe(anaHere)
  })

  test('made up by somebody opens nothing and is shown to nobody', async () => {
    const browser = openBrowser()
    await browser.ask('POST', `${url(oslo)}/api/login`, { body: {} })
    for (const query of [
      '',
      '?state=x&code=y',
      '?error=access_denied&error_description=<script>',
    ]) {
      const back = await browser.comeBack(`${url(oslo)}/login/callback${query}`)
      expect(back).toMatchObject({
        status: 303,
        location: expect.stringMatching(/^\/login\?tried=/),
      })
      expect(JSON.stringify(await browser.trouble(url(oslo), back))).not.toContain('script')
    }
    const never = await browser.ask('GET', `${url(oslo)}/api/login?tried=nonsense`)
    expect(JSON.parse(never.text)).toMatchObject({ trouble: { kind: 'gone' } })
  })
})

test('a login leads into the console and nowhere else', async () => {
  university.person = ana
  for (const to of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    'datasets',
  ]) {
    const browser = openBrowser()
    const begun = await browser.ask('POST', `${url(oslo)}/api/login`, { body: { to } })
    if (begun.status === 400) continue
    const back = await browser.logIn(url(oslo), to)
    expect([to, back.location]).toEqual([to, '/'])
  }
})

test('a page of another site begins no login', async () => {
  const { status } = await openBrowser().ask('POST', `${url(oslo)}/api/login`, {
    ...{ from: 'other', body: {} },
  })
  expect(status).toBe(403)
})

describe('groups', () => {
  test('that claim are as the institution says, at each login', async () => {
    const { admin } = oslo
    const staff = await admin.call('groups.add', { name: 'Staff', claims: ['staff', 'guests'] })
    const own = await admin.call('groups.add', { name: 'Own' })
    await admin.call('groups.add-member', { group: 'Own', email: anaHere })
    const groupsOf = async (groups?: string[]) => {
      university.person = groups === undefined ? ana : { ...ana, groups }
      const browser = openBrowser()
      expect((await browser.logIn(url(oslo))).location).toBe('/')
      const { text } = await browser.ask('GET', `${url(oslo)}/api/groups`)
      return (JSON.parse(text) as { id: number }[]).map(({ id }) => id)
    }
    expect(await groupsOf(['staff', 'something else'])).toEqual([staff.id, own.id])
    expect(await groupsOf(['guests'])).toEqual([staff.id, own.id])
    expect(await groupsOf(['strangers'])).toEqual([own.id])
    expect(await groupsOf(['staff'])).toEqual([staff.id, own.id])
    expect(await groupsOf()).toEqual([own.id])
  })
})

test('a removed account’s session ends at once, and the institution does not bring it back', async () => {
  university.person = ana
  const browser = openBrowser()
  await browser.logIn(url(oslo))
  expect(await browser.me(url(oslo))).toBe(anaHere)
  const halfway = openBrowser()
  const address = await halfway.toReturn(url(oslo))
  await oslo.admin.call('people.remove', { email: anaHere })
  expect(await browser.me(url(oslo))).toBeUndefined()
  // Who she was there and which groups she was in end with the very record that ends the account.
  const { records } = await oslo.admin.call('journal.read', { newest: true, limit: 10 })
  expect(records.find(({ kind }) => kind === 'user.removed')!.data).toMatchObject({
    bindings: [expect.stringMatching(/^[0-9a-f]{16}$/)],
    left: [{ group: expect.any(Number), user: expect.any(Number) }],
  })
  const back = await halfway.comeBack(address)
  expect(await halfway.trouble(url(oslo), back)).toMatchObject({
    kind: 'denied',
    text: expect.stringContaining('not any more'),
  })
  // The same address given to a new person's account is bound to whoever comes with it next.
  await oslo.admin.call('people.add', { email: anaHere })
  university.person = { ...ana, sub: 'a-9' }
  const next = openBrowser()
  await next.logIn(url(oslo))
  expect(await next.me(url(oslo))).toBe(anaHere)
})

test('a site that gives accounts gives them to the addresses that it says, and to no others', async () => {
  university.person = { ...ana, sub: 'k-1', email: 'new@lab.example' }
  const browser = openBrowser()
  await browser.logIn(url(kyoto))
  expect(await browser.me(url(kyoto))).toBe('new@lab.example')
  const people = await kyoto.admin.call('people.list', {})
  expect(people.at(-1)).toMatchObject({ email: 'new@lab.example', name: 'Ana Lie', role: 'member' })
  // Also not to the account of the administrator, for whose address it was not to be believed.
  for (const email of ['new@evil.example', 'admin@kyoto.example']) {
    university.person = { ...ana, sub: `k-${email}`, email }
    const other = openBrowser()
    const back = await other.logIn(url(kyoto))
    expect(await other.trouble(url(kyoto), back)).toMatchObject({
      text: expect.stringContaining('only addresses of lab.example'),
    })
  }
})

test('while the institution is away, that is said, and afterwards it works again', async () => {
  await university.setUp(false)
  const browser = openBrowser()
  const begun = await browser.ask('POST', `${url(kyoto)}/api/login`, { body: {} })
  // What was discovered is good for a while: it is coming back that asks there again.
  expect(begun.status).toBe(200)
  await university.setUp(true)
  university.person = { ...ana, sub: 'k-1' }
  const address = await browser.toReturn(url(kyoto))
  await university.setUp(false)
  const back = await browser.comeBack(address)
  expect(await browser.trouble(url(kyoto), back)).toMatchObject({
    kind: 'unreachable',
    text: expect.stringContaining('does not answer'),
  })
  // That failure made it forget what it had discovered; so it is asked, and is not there.
  const away = await browser.ask('POST', `${url(kyoto)}/api/login`, { body: {} })
  expect(away.status).toBe(502)
  expect(JSON.parse(away.text)).toMatchObject({ kind: 'unreachable' })
  await university.setUp(true)
  const again = openBrowser()
  expect((await again.logIn(url(kyoto))).location).toBe('/')
})
