/**
 * People at two sites hear what concerns them: in the centre, live, and by mail. The mail server is away
 * when Oslo is killed; nobody misses anything, and nobody is told twice.
 */
import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailServer, openMailServer } from '../mail-server.ts'
import { ana, eventually, isDone, isEnded, join2, openSite, type Site, until } from '../site.ts'
import { cytometry } from '../trees.ts'

let server: MailServer
let oslo: Site
let kyoto: Site
/** It sends no mail. */
let lima: Site
const ben = 'ben@kyoto.example'
const url = 'https://oslo.example.org'

beforeAll(async () => {
  server = await openMailServer()
  const mail = { host: '127.0.0.1', port: server.port, from: 'crossload@sites.example' }
  ;[oslo, kyoto, lima] = await Promise.all([
    openSite('oslo', { config: { mail, url } }),
    openSite('kyoto', { config: { mail } }),
    openSite('lima'),
  ])
}, 60_000)

afterAll(async () => {
  for (const one of [oslo, kyoto, lima, server]) await one?.[Symbol.asyncDispose]()
})

const mails = (to: string, subject: string) =>
  server.came.filter((one) => one.to.includes(to) && one.subject.includes(subject))
const mailed = (to: string, subject: string) =>
  eventually(async () => mails(to, subject)[0], `${to} has a mail: ${subject}`)

test('an arrival mails the recipient, its success the sender, and both see it at once', async () => {
  const [atOslo, atKyoto] = await join2(oslo, kyoto)
  const leaving = new AbortController()
  const heard: number[] = []
  const watching = (async () => {
    const { signal } = leaving
    for await (const { unread } of atKyoto.follow('notices.watch', {}, { signal }))
      if (unread !== undefined) heard.push(unread)
  })().catch(() => {})
  const before = 1
  await eventually(async () => heard.at(-1) === before, 'Ana at Kyoto hears that she was accepted')
  const added = await atOslo.call('datasets.add', { name: 'Trial 7', path: cytometry })
  const to = { email: ana, alias: 'kyoto' }
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id } })
  const done = await until(atOslo, sent.id, isDone)
  const arrived = await mailed(ana, '[Kyoto] "Trial 7" arrived from ana@lab.example at oslo')
  expect(arrived.text).toContain(`/datasets/${done.destination.dataset}\n`)
  expect(arrived.text).toContain(`It is dataset ${done.destination.dataset} here, version 1.`)
  const success = await mailed(ana, '[Oslo] "Trial 7" has arrived at kyoto, for ana@lab.example')
  expect(success.text).toContain(`${url}/transfers/${sent.id}\n`)
  await eventually(async () => heard.at(-1) === before + 1, 'the bell counts without a question')
  const { notices, unread } = await atKyoto.call('notices.list', {})
  expect(unread).toBe(before + 1)
  expect(notices[0]).toMatchObject({
    kind: 'arrived',
    read: false,
    path: `/datasets/${done.destination.dataset}`,
  })
  // Ana at Kyoto asked and heard that she was accepted; Ana at Oslo was asked.
  expect(notices.map(({ kind }) => kind)).toContain('connection-accepted')
  const mine = (await atOslo.call('notices.list', {})).notices.map(({ kind }) => kind)
  expect(mine).toEqual(['sent', 'connection-asked'])
  expect(await atKyoto.call('notices.read', { id: notices[0]!.id })).toEqual({ unread: before })
  await eventually(async () => heard.at(-1) === before, 'what was read is not counted')
  await atKyoto.call('notices.read-all', { through: notices[0]!.id })
  await eventually(async () => heard.at(-1) === 0, 'nothing is unread')
  leaving.abort()
  await watching
}, 60_000)

test('a transfer that is refused says why', async () => {
  const atOslo = await oslo.as(ana)
  const [dataset] = await atOslo.call('datasets.list', {})
  const to = { email: ana, alias: 'kyoto' }
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset!.id }, dest: 9999 })
  const ended = await until(atOslo, sent.id, isEnded)
  const mail = await mailed(ana, '[Oslo] "Trial 7" to kyoto was refused')
  expect(mail.text).toContain(ended.fault!.text)
})

test('a link is asked for: administrators hear of it, nobody else', async () => {
  const [address] = (await oslo.admin.call('site.show', {})).addresses
  await lima.admin.call('links.add', { to: address!, alias: 'oslo' })
  await mailed('admin@oslo.example', 'The site "Lima" asks to be linked')
  const mine = await (await oslo.as(ana)).call('notices.list', {})
  expect(mine.notices.map(({ kind }) => kind)).not.toContain('link-asked')
})

test('killed between due and sent: after the start it comes, once', async () => {
  const atKyoto = await kyoto.as(ana)
  server.behave((to) => (to === ana ? { code: 452, text: 'come back later' } : 'take'))
  const [dataset] = await atKyoto.call('datasets.list', {})
  const to = { email: ana, alias: 'oslo' }
  const sent = await atKyoto.call('transfers.send', { to, dataset: { id: dataset!.id } })
  await until(atKyoto, sent.id, isDone)
  const show = () => oslo.admin.call('mail.show', {})
  await eventually(async () => (await show()).state === 'failing', 'Oslo was refused once')
  expect(await show()).toMatchObject({
    waiting: 1,
    problem: 'The mail server answered: 452 come back later Try again later.',
  })
  await oslo.kill()
  server.behave(() => 'take')
  await oslo.start()
  await mailed(ana, '[Oslo] "Trial 7" arrived')
  await eventually(async () => (await show()).waiting === 0, 'nothing waits any more')
  await oslo.kill()
  await oslo.start()
  expect(await show()).toMatchObject({ state: 'working', waiting: 0 })
  expect(mails(ana, '[Oslo] "Trial 7" arrived')).toHaveLength(1)
  expect(oslo.log()).not.toContain('lab.example')
})

test('an invitation by mail: its secret is in the mail and nowhere else', async () => {
  await kyoto.admin.call('people.add', { email: ben, name: 'Ben' })
  const made = await kyoto.admin.call('people.link', { email: ben, mail: true })
  expect(made.mail).toEqual({ sent: true })
  const mail = await mailed(ben, '[Kyoto] Choose your password')
  expect(mail.text).toContain(`Hello Ben,\n`)
  expect(mail.text).toContain(`\n${made.link}\n`)
  const secret = made.link.slice(made.link.indexOf('#') + 1)
  await kyoto.kill('SIGTERM')
  for (const folder of ['journal', 'index']) {
    for (const name of await readdir(join(kyoto.home, folder))) {
      const bytes = await readFile(join(kyoto.home, folder, name), 'latin1')
      expect(bytes.includes(secret), `${folder}/${name}`).toBe(false)
    }
  }
  expect(kyoto.log()).not.toContain(secret)
  await kyoto.start()
  const response = await fetch(`${kyoto.admin.url}/api/welcome`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret, password: 'a horse, a battery and a staple' }),
  })
  expect(response.status).toBe(200)
})

test('an invitation that the mail server refuses is still there to hand over', async () => {
  server.behave(() => ({ code: 550, text: 'no such mailbox' }))
  const made = await oslo.admin.call('people.link', { email: ana, mail: true })
  server.behave(() => 'take')
  expect(made.mail).toEqual({
    sent: false,
    problem: 'The mail server answered: 550 no such mailbox Check the address.',
  })
  // The address that people know, not the one by which this program came.
  expect(made.link).toMatch(/^https:\/\/oslo\.example\.org\/welcome#/)
})

test('the site answers by the name that mails give, and by no other', async () => {
  const { port } = new URL(oslo.admin.url)
  const by = async (host: string) => {
    return new Promise<number | undefined>((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port, path: '/api/health', headers: { host } },
        (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        },
      )
      asked.on('error', reject).end()
    })
  }
  expect(await by('oslo.example.org')).toBe(200)
  expect(await by('evil.example.org')).toBe(403)
})

test('without a mail server: it is said before anything changes', async () => {
  const asked = lima.admin.call('people.link', { email: 'admin@lima.example', mail: true })
  await expect(asked).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('"mail" in its config.json'),
  })
  expect(await lima.admin.call('mail.show', {})).toEqual({ state: 'off', waiting: 0 })
  expect((await lima.admin.call('notices.preferences', {})).hasMail).toBe(false)
})
