/** What is said to a mail server, and in the open or not: against a real one on loopback. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Email } from '../../protocol/ids.ts'
import { faultOf, openFolder } from '../../test/folder.ts'
import { openMailServer } from '../../test/mail-server.ts'
import { systemClock } from '../base/clock.ts'
import type { Letter } from './letters.ts'
import { mailShape, readMailSettings } from './settings.ts'
import { createSendMail } from './smtp.ts'

const data = join(import.meta.dirname, '../../test/data/mail')
const tls = {
  key: await readFile(join(data, 'server.key'), 'utf8'),
  cert: await readFile(join(data, 'server.crt'), 'utf8'),
}
const letter: Letter = {
  to: 'ana@lab.example' as Email,
  subject: 'A subject',
  text: 'A line\n.\nA line behind a full stop\n',
  id: 'abc',
}
const signal = new AbortController().signal
const from = 'crossload@oslo.example'

async function sendBy(config: object): Promise<unknown> {
  const settings = await readMailSettings(mailShape.parse({ host: '127.0.0.1', from, ...config }))
  return faultOf(createSendMail({ settings, clock: systemClock })(letter, { signal }))
}

test('with TLS before anything is said, a password, and certificates of our own', async () => {
  await using folder = await openFolder()
  const passwordFile = join(folder.path, 'password')
  await writeFile(passwordFile, 'an open sesame\n')
  await using server = await openMailServer({ tls, users: { oslo: 'an open sesame' } })
  const config = {
    ...{ port: server.port, security: 'starttls', caFile: join(data, 'server.crt') },
    ...{ user: 'oslo', passwordFile },
  }
  expect(await sendBy(config)).toBe('no fault')
  expect(server.came).toMatchObject([{ user: 'oslo', isTls: true, subject: 'A subject' }])
  // A full stop alone on a line ends no mail.
  expect(server.came[0]!.text).toBe(letter.text)
  await writeFile(passwordFile, 'a wrong one')
  expect(await sendBy(config)).toMatchObject({
    kind: 'busy',
    message: expect.stringContaining('Check mail.user and mail.passwordFile'),
  })
  expect(server.came).toHaveLength(1)
})

test('a server whose certificate nobody vouches for hears nothing', async () => {
  await using server = await openMailServer({ tls })
  expect(await sendBy({ port: server.port, security: 'starttls' })).toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('certificate'),
  })
  expect(server.tries).toBe(0)
})

test('a server that would be spoken to in the open, when it was not to be, hears nothing', async () => {
  await using server = await openMailServer()
  for (const security of ['starttls', 'tls']) {
    const fault = await sendBy({ port: server.port, security })
    expect(fault).toMatchObject({ op: 'mail.send' })
    expect(fault).not.toMatchObject({ kind: 'gone' })
  }
  expect(server.tries).toBe(0)
})

test.each([
  [451, 'busy', 'Try again later.'],
  [550, 'gone', 'Check the address.'],
  [530, 'busy', 'Try again later.'],
])('%s is %s, and nobody is named', async (code, kind, next) => {
  await using server = await openMailServer()
  server.behave((to) => ({
    code,
    text: `5.1.1 <${to}> Ana of postmaster@oslo.example is not here`,
  }))
  const fault = await sendBy({ port: server.port })
  expect(fault).toMatchObject({ kind, about: code })
  const { message } = fault as Error
  expect(message).toBe(`The mail server answered: ${code} 5.1.1 <…> … of … is not here ${next}`)
})

test.each([
  ['a user without a password', { user: 'oslo' }, 'user and passwordFile together'],
  [
    'no encryption to elsewhere',
    { host: 'mail.oslo.example', security: 'none' },
    'this very machine',
  ],
  ['an address that is none', { from: 'Oslo <a@b.example>' }, 'is not an e-mail address'],
  ['a name that is none', { host: 'mail.example/x' }, 'is not the name or address'],
  ['something unknown', { starttls: true }, 'starttls'],
])('settings with %s are refused', (_what, more, why) => {
  const config = { host: 'localhost', port: 25, from, ...more }
  expect(mailShape.safeParse(config).error?.message).toContain(why)
})

test.each([
  ['mail.oslo.example', 587, 'starttls'],
  ['mail.oslo.example', 465, 'tls'],
  ['localhost', 25, 'none'],
  ['[::1]', 2525, 'none'],
])('%s at %s is spoken to by %s', async (host, port, security) => {
  expect(await readMailSettings(mailShape.parse({ host, port, from }))).toMatchObject({ security })
})

test('a password that is not there is named before the site starts', async () => {
  const config = { port: 25, user: 'oslo', passwordFile: '/nowhere/password' }
  const settings = readMailSettings(mailShape.parse({ host: 'localhost', from, ...config }))
  expect(await faultOf(settings)).toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('mail.passwordFile in config.json names /nowhere/password'),
  })
})
