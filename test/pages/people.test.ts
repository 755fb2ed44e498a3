/**
 * Two sites that do not know each other, by console alone: the administrators link them and add people.
 * What only administrators may is not shown to others. Connections are asked for in `guide.test.ts`.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ana, eventually, openSite, type Site } from '../site.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

let oslo: Site
let kyoto: Site
let web: Console

describe.skipIf(noBrowser)(`the console${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    ;[oslo, kyoto] = await Promise.all([openSite('oslo'), openSite('kyoto')])
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
    await kyoto?.[Symbol.asyncDispose]()
  })

  test('administrators link their sites with an invitation', async () => {
    const atOslo = await web.open(oslo, 'admin@oslo.example', '/administration')
    await atOslo.getByText('No site is linked.').waitFor()
    await atOslo.getByRole('button', { name: 'Make an invitation' }).click()
    const invitation = await atOslo.getByTestId('invitation').innerText()
    await web.look(atOslo, 'administration-links')
    expect(await overflow(atOslo)).toBe(0)
    const atKyoto = await web.open(kyoto, 'admin@kyoto.example', '/administration')
    await atKyoto.getByLabel('Invitation, or the site’s address').fill(invitation)
    await atKyoto.getByLabel('Our short name for it').fill('oslo')
    await atKyoto.getByRole('button', { name: 'Link', exact: true }).click()
    const links = atKyoto.getByRole('list', { name: 'Links' })
    await links.getByText('linked').waitFor()
    await links.getByRole('button', { name: 'Pause oslo' }).click()
    await links.getByText('paused').waitFor()
    await links.getByRole('button', { name: 'Resume oslo' }).click()
    await links.getByText('linked').waitFor()
    await web.look(atKyoto, 'administration-linked')
    await atKyoto.getByLabel('Invitation, or the site’s address').fill('crossload1nonsense')
    await atKyoto.getByRole('button', { name: 'Link', exact: true }).click()
    await atKyoto.getByRole('alert').waitFor()
    await web.look(atKyoto, 'administration-refused')
    await atOslo.context().close()
    await atKyoto.context().close()
  })

  test('an administrator adds people and gives them a one-time link', async () => {
    for (const site of [oslo, kyoto]) {
      const page = await web.open(site, `admin@${site.alias}.example`, '/administration')
      await page.getByRole('tab', { name: 'People' }).click()
      await page.getByRole('textbox', { name: 'E-mail' }).fill('new@lab.example')
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('button', { name: 'One-time link for new@lab.example' }).click()
      await page.getByText(/\/welcome#/).waitFor()
      await web.look(page, 'administration-people')
      await page.getByRole('button', { name: 'Remove new@lab.example' }).click()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('new@lab.example').first().waitFor({ state: 'detached' })
      await page.context().close()
    }
  })

  test('a connection that either of them ends is ended for both', async () => {
    const [atOslo, atKyoto] = [await oslo.as(ana), await kyoto.as(ana)]
    await atKyoto.call('connections.ask', { email: ana, alias: 'oslo' })
    const [asked] = await atOslo.call('connections.list', {})
    await atOslo.call('connections.accept', { id: asked!.id })
    const page = await profile(kyoto)
    await page.getByRole('button', { name: 'External Connections' }).click()
    await page.getByRole('button', { name: `Remove ${ana}@oslo` }).click()
    await page.getByText('Neither can send then.').waitFor()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('You are connected with nobody yet.').waitFor()
    const ended = async () =>
      (await atOslo.call('connections.list', {})).every(({ state }) => state === 'removed')
    await eventually(ended, 'the other end knows')
    await page.context().close()
  })

  test('a name that no site has is refused in words', async () => {
    const page = await profile(kyoto)
    await page.getByRole('button', { name: 'External Connections' }).click()
    await page.getByLabel('E-mail there').fill(ana)
    await page.getByLabel('Short name of the other site').fill('nowhere')
    await page.getByRole('button', { name: 'Ask to connect' }).click()
    await page.getByRole('alert').getByText('nowhere').waitFor()
    await web.look(page, 'profile-refused')
    await page.context().close()
  })

  test('storage, scrub and journal are shown to administrators', async () => {
    const page = await web.open(oslo, 'admin@oslo.example', '/administration')
    await page.getByRole('tab', { name: 'Storage' }).click()
    await page.getByRole('button', { name: 'Count' }).click()
    await page.getByText('Datasets').last().waitFor()
    await page.getByRole('button', { name: 'Read everything now' }).click()
    await page.getByText('Last whole pass').waitFor()
    await web.look(page, 'administration-storage')
    await page.getByRole('tab', { name: 'Journal' }).click()
    await page.getByText('connection.').first().waitFor()
    await page.getByRole('button', { name: 'Verify the chain' }).click()
    await page.getByText('the chain is whole').waitFor()
    await web.look(page, 'administration-journal')
    await page.context().close()
  })

  test('a member has no administration, not even by its address', async () => {
    const page = await web.open(oslo, ana, '/administration')
    await page.getByRole('heading', { name: 'There is nothing here' }).waitFor()
    expect(await page.getByRole('link', { name: 'Administration' }).count()).toBe(0)
    await web.look(page, 'nothing-here')
    await page.context().close()
  })

  test('dark is as complete as light, and everything can be reached by keyboard', async () => {
    const page = await web.open(oslo, ana, '/profile')
    await page.getByRole('button', { name: 'Change to dark' }).click()
    await page.getByRole('button', { name: 'Change to light' }).waitFor()
    await page.getByRole('button', { name: 'External Connections' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('E-mail there').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT')
    await web.look(page, 'profile-dark')
    await page.context().close()
  })

  test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
    expect(web.complaints).toEqual([])
  })
})

async function profile(site: Site): Promise<Page> {
  const page = await web.open(site, ana, '/profile')
  await page.getByRole('heading', { name: 'Connections', exact: true }).waitFor()
  return page
}
