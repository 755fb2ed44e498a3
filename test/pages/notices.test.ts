/** People hear of what concerns them in the console, and say how they want to; by browser alone. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type MailServer, openMailServer } from '../mail-server.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { cytometry } from '../trees.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000 })

let pair: Pair
let server: MailServer
let web: Console

describe.skipIf(noBrowser)(`notices${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    server = await openMailServer()
    const mail = { host: '127.0.0.1', port: server.port, from: 'crossload@oslo.example' }
    pair = await acceptedPair({ oslo: { config: { mail } } })
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    await server?.[Symbol.asyncDispose]()
  })

  test('the bell counts as it happens; each notice leads to what it is about', async () => {
    const page = await web.open(pair.oslo, ana, '/datasets')
    await page.getByRole('link', { name: 'Notices, 1 unread' }).waitFor()
    const { atKyoto } = pair
    const added = await atKyoto.call('datasets.add', { name: 'Trial <7>', path: cytometry })
    const to = { email: ana, alias: 'oslo' }
    const sent = await atKyoto.call('transfers.send', { to, dataset: { id: added.id } })
    const done = await until(atKyoto, sent.id, isDone)
    // Nobody loaded the page again.
    await page.getByRole('link', { name: 'Notices, 2 unread' }).click()
    await page.getByRole('heading', { name: 'Notices', exact: true }).waitFor()
    const arrived = page.getByRole('link', { name: '"Trial <7>" arrived from ana@lab.example' })
    await arrived.waitFor()
    await page.getByText('asks to connect with you').waitFor()
    await web.look(page, 'notices')
    expect(await overflow(page)).toBe(0)
    await arrived.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/datasets/${done.destination.dataset}`)
    await page.getByRole('heading', { name: 'Trial <7>' }).waitFor()
    await page.getByRole('link', { name: 'Notices, 1 unread' }).click()
    await page.getByRole('button', { name: 'Mark all as read' }).click()
    await page.getByRole('link', { name: 'Notices, none unread' }).waitFor()
    await page.getByText('new', { exact: true }).waitFor({ state: 'detached' })
    expect(await page.getByRole('button', { name: 'Mark all as read' }).isDisabled()).toBe(true)
    await web.look(page, 'notices-read')
    // What is told while the page is open stands on it at once.
    const again = await atKyoto.call('transfers.send', { to, dataset: { id: added.id } })
    await until(atKyoto, again.id, isDone)
    await page.getByRole('button', { name: /^Mark as read: "Trial <7>" arrived/ }).click()
    await page.getByRole('link', { name: 'Notices, none unread' }).waitFor()
    await page.context().close()
    expect(web.complaints).toEqual([])
  })

  test('what is mailed, and when, is chosen in the profile', async () => {
    const page = await web.open(pair.oslo, ana, '/profile')
    const part = page.getByRole('region', { name: 'Notices' })
    await part.getByLabel('Mail', { exact: true }).selectOption('All of a day in one mail')
    await part.getByLabel('At, on the clock of Asia/Tokyo').selectOption('18:00')
    await part.getByRole('checkbox', { name: 'Mail: What I sent has arrived' }).uncheck()
    await part.getByRole('checkbox', { name: 'Show: Somebody accepted' }).uncheck()
    await part.getByText('Saved.').waitFor()
    await web.look(page, 'profile-notices')
    expect(await overflow(page)).toBe(0)
    await page.reload()
    const hour = part.getByLabel('At, on the clock of Asia/Tokyo')
    await hour.waitFor()
    expect(await hour.inputValue()).toBe('18')
    const told = await pair.atOslo.call('notices.preferences', {})
    expect(told).toMatchObject({ digest: 'daily', hour: 18, zone: 'Asia/Tokyo' })
    const chosen = (kind: string) => told.choices.find((one) => one.kind === kind)
    expect(chosen('sent')).toMatchObject({ centre: true, mail: false })
    expect(chosen('connection-accepted')).toMatchObject({ centre: false, mail: true })
    await part.getByLabel('Mail', { exact: true }).selectOption('No mail')
    const sent = part.getByRole('checkbox', { name: 'Mail: A dataset or workflow arrived' })
    await expect.poll(() => sent.isDisabled()).toBe(true)
    await page.context().close()
    expect(web.complaints).toEqual([])
  })

  test('an administrator sees how mail goes, tries it, and sends a one-time link', async () => {
    const page = await web.open(pair.oslo, 'admin@oslo.example', '/administration')
    await page.getByRole('tab', { name: 'Mail' }).click()
    await page.getByText(`127.0.0.1:${server.port}`).waitFor()
    await page.getByRole('button', { name: 'Send a test to me' }).click()
    await page.getByText('Look into your mailbox.').waitFor()
    const test = server.came.find(({ subject }) => subject === '[Oslo] A test')
    expect(test?.to).toEqual(['admin@oslo.example'])
    await web.look(page, 'administration-mail')
    expect(await overflow(page)).toBe(0)
    server.behave(() => ({ code: 452, text: 'come back later' }))
    await page.getByRole('button', { name: 'Send a test to me' }).click()
    await page.getByText('It was not sent. The mail server answered: 452').waitFor()
    server.behave(() => 'take')
    await page.getByRole('tab', { name: 'People' }).click()
    await page.getByRole('checkbox', { name: 'Send it by mail' }).check()
    await page.getByRole('button', { name: `One-time link for ${ana}` }).click()
    await page.getByText('It was mailed to them.').waitFor()
    const shown = await page.getByText(/\/welcome#/).innerText()
    const mail = server.came.find(({ subject }) => subject.includes('Choose your password'))
    expect(mail?.to).toEqual([ana])
    expect(mail?.text).toContain(`\n${shown}\n`)
    await web.look(page, 'administration-people-mail')
    expect(await overflow(page)).toBe(0)
    await page.context().close()
    expect(web.complaints).toEqual([])
  })

  test('a site without mail and a person without notices: what to do next', async () => {
    const page = await web.open(pair.kyoto, 'admin@kyoto.example', '/notices')
    await page.getByText('Nothing has happened that concerns you.').waitFor()
    expect(await page.getByRole('button', { name: 'Mark all as read' }).count()).toBe(0)
    await web.look(page, 'notices-empty')
    await page.getByRole('link', { name: 'Administration' }).click()
    await page.getByRole('tab', { name: 'Mail' }).click()
    await page.getByText('This site sends no mail. Name a mail server').waitFor()
    await web.look(page, 'administration-mail-off')
    expect(await overflow(page)).toBe(0)
    await page.getByRole('tab', { name: 'People' }).click()
    const tick = page.getByRole('checkbox', { name: 'Send it by mail' })
    expect(await tick.isDisabled()).toBe(true)
    await page.getByRole('link', { name: 'Profile' }).click()
    await page.getByText('This site sends no mail; an administrator can set that up.').waitFor()
    await web.look(page, 'profile-no-mail')
    await page.context().close()
    expect(web.complaints).toEqual([])
  })
})
