/**
 * Login at the institution in a real browser, which takes the provider for another site: there, back
 * into the place where one was, and words when it did not work.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Institution, openInstitution } from '../oidc.ts'
import { openSite, type Site } from '../site.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

let oslo: Site
let university: Institution
let web: Console
const ana = 'ana@lab.example'

describe.skipIf(noBrowser)(`login${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    university = await openInstitution({ host: 'localhost' })
    oslo = await openSite('oslo', { config: { login: university.config } })
    await oslo.as(ana)
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await Promise.all([web, oslo, university].map((one) => one?.[Symbol.asyncDispose]()))
  })

  test('there and back, into the place where one was', async () => {
    university.person = { sub: 'a-1', email: ana, email_verified: true }
    const page = await web.stranger(oslo, '/workflows')
    const button = page.getByRole('button', { name: 'Log in at Oslo University' })
    await button.waitFor()
    await web.look(page, 'login-institution')
    expect(await overflow(page)).toBe(0)
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Workflows' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/workflows')
    await page.getByText(ana).first().waitFor()
    const cookies = await page.context().cookies(web.urlOf(oslo))
    expect(cookies.find(({ name }) => name === 'crossload_session')).toMatchObject({
      ...{ httpOnly: true, sameSite: 'Strict' },
    })
    expect(cookies.some(({ name }) => name === 'crossload_login')).toBe(false)
    // The session is as good as every other: it changes things, and it ends.
    await page.getByRole('button', { name: 'Log out' }).click()
    await button.waitFor()
    await page.context().close()
  }, 60_000)

  test('what did not work is said in words, and a password still does', async () => {
    university.person = undefined
    const page = await web.stranger(oslo)
    await page.getByRole('button', { name: 'Log in at Oslo University' }).click()
    await page.getByRole('alert').getByText('did not let this site know who you are').waitFor()
    await web.look(page, 'login-refused')
    await page.context().close()
    const other = await web.open(oslo, ana)
    await other.getByRole('button', { name: 'Log out' }).waitFor()
    await other.context().close()
  }, 60_000)

  test('a person ends the session that she left open elsewhere', async () => {
    const [here, there] = [await web.open(oslo, ana, '/profile'), await web.open(oslo, ana)]
    const sessions = here.getByRole('region', { name: 'Sessions' })
    await here.reload()
    await sessions.getByText('this browser').waitFor()
    await web.look(here, 'profile-sessions')
    expect(await overflow(here)).toBe(0)
    const others = sessions.getByRole('button', { name: 'End the others of my sessions' })
    await others.click()
    await sessions.getByRole('button', { name: 'End the others', exact: true }).click()
    await others.waitFor({ state: 'detached' })
    expect(await sessions.getByRole('listitem').count()).toBe(1)
    await there.reload()
    await there.getByRole('heading', { name: 'Log in' }).waitFor()
    await here.reload()
    await sessions.getByText('this browser').waitFor()
    await here.context().close()
    await there.context().close()
  }, 60_000)

  test('nothing else left the site, and nobody is shut out', () => {
    const elsewhere = (one: string) => one.startsWith(`asked for ${university.issuer}/`)
    expect(web.complaints.filter((one) => !elsewhere(one))).toEqual([])
    expect(web.complaints.some(elsewhere)).toBe(true)
  })
})
