/**
 * People at a browser, against a real site: the one-time link, the password, the session, and its end.
 */
import { expect, test } from 'vitest'
import { openSite, type Site } from '../site.ts'

const good = 'four words in a row'
const ana = 'ana@oslo.example'

/** As a browser asks: with the cookie that it was given, and saying which page it is on. */
function openBrowser(site: Site) {
  let cookie = ''
  return {
    async ask(method: string, path: string, body?: object) {
      const response = await fetch(site.admin.url + path, {
        method,
        headers: {
          origin: site.admin.url,
          ...(cookie === '' ? {} : { cookie }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const set = response.headers.get('set-cookie')
      if (set !== null) cookie = set.split(';')[0]!
      return { status: response.status, json: (await response.json()) as Record<string, unknown> }
    },
  }
}

const secretOf = (link: string) => link.slice(link.indexOf('#') + 1)

test('a person comes in by a one-time link, later by a password, and is out when she is removed', async () => {
  await using oslo = await openSite('oslo')
  await oslo.admin.call('people.add', { email: ana })
  const made = await oslo.cli(['people', 'link', ana])
  expect(made).toMatchObject({ code: 0 })
  const link = made.stdout.trim()
  expect(link.startsWith(`${oslo.admin.url}/welcome#`)).toBe(true)

  const first = openBrowser(oslo)
  expect((await first.ask('GET', '/api/site')).status).toBe(401)
  const weak = await first.ask('POST', '/api/welcome', {
    secret: secretOf(link),
    password: 'short',
  })
  expect(weak).toMatchObject({ status: 400, json: { kind: 'invalid' } })
  const welcome = { secret: secretOf(link), password: good, name: 'Ana' }
  const entered = await first.ask('POST', '/api/welcome', welcome)
  expect(entered).toMatchObject({ status: 200, json: { user: { email: ana, name: 'Ana' } } })
  expect(await first.ask('GET', '/api/site')).toMatchObject({
    status: 200,
    json: { you: { email: ana } },
  })
  expect((await first.ask('POST', '/api/welcome', welcome)).json).toMatchObject({ kind: 'gone' })

  const second = openBrowser(oslo)
  const wrong = await second.ask('POST', '/api/session', {
    email: ana,
    password: 'not the right one',
  })
  expect(wrong).toMatchObject({ status: 401, json: { kind: 'denied' } })
  expect((await second.ask('POST', '/api/session', { email: ana, password: good })).status).toBe(
    200,
  )
  expect((await second.ask('GET', '/api/people')).status).toBe(403)

  // A session outlives a crash of the site: it was on the disk before the browser had it.
  await oslo.kill('SIGKILL')
  await oslo.start()
  const third = await second.ask('GET', '/api/site')
  expect(third.status).toBe(200)
  expect((await second.ask('DELETE', '/api/session')).status).toBe(200)
  expect((await second.ask('GET', '/api/site')).status).toBe(401)
  expect((await first.ask('GET', '/api/site')).status).toBe(200)

  await oslo.admin.call('people.remove', { email: ana })
  expect((await first.ask('GET', '/api/site')).status).toBe(401)
  const again = await first.ask('POST', '/api/session', { email: ana, password: good })
  expect(again).toMatchObject({ status: 401, json: { kind: 'denied' } })
})

test('guessing ends after a few tries, with the time to wait', async () => {
  await using oslo = await openSite('oslo')
  const { ask } = openBrowser(oslo)
  const tries = []
  for (let i = 0; i < 6; i++)
    tries.push(
      await ask('POST', '/api/session', { email: 'admin@oslo.example', password: `guess ${i}` }),
    )
  expect(tries.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429])
  expect(tries[5]!.json).toMatchObject({ kind: 'busy', again: true })
  expect(tries[5]!.json.detail).toMatch(/^Too many tries\. Wait \d+ seconds/)
})

test('a person sees her sessions, and ends one that she left open elsewhere', async () => {
  await using oslo = await openSite('oslo')
  await oslo.admin.call('people.add', { email: ana })
  const link = (await oslo.cli(['people', 'link', ana])).stdout.trim()
  const [here, there] = [openBrowser(oslo), openBrowser(oslo)]
  await here.ask('POST', '/api/welcome', { secret: secretOf(link), password: good })
  await there.ask('POST', '/api/session', { email: ana, password: good })
  const shown = (await here.ask('GET', '/api/sessions')).json as unknown as {
    id: string
    isMine: boolean
  }[]
  expect(shown.map(({ isMine }) => isMine)).toEqual([true, false])
  // Somebody else cannot, whatever they know of it.
  await oslo.admin.call('session.end', { session: shown[1]!.id })
  expect((await there.ask('GET', '/api/site')).status).toBe(200)
  const left = await here.ask('DELETE', `/api/sessions/${shown[1]!.id}`)
  expect(left.json).toMatchObject([{ id: shown[0]!.id }])
  expect((await there.ask('GET', '/api/site')).status).toBe(401)
  await there.ask('POST', '/api/session', { email: ana, password: good })
  expect((await here.ask('DELETE', '/api/sessions')).json).toMatchObject([{ isMine: true }])
  expect((await there.ask('GET', '/api/site')).status).toBe(401)
  expect((await here.ask('GET', '/api/site')).status).toBe(200)
})
