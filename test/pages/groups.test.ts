/** Groups by console: an administrator makes one, fills it, lets it follow the institution, ends it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ana, openSite, type Site } from '../site.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

let oslo: Site
let web: Console

describe.skipIf(noBrowser)(`groups${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    oslo = await openSite('oslo')
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
  })

  test('an administrator makes, fills, renames and ends one', async () => {
    await oslo.as(ana)
    const page = await web.open(oslo, 'admin@oslo.example', '/administration')
    await page.getByRole('tab', { name: 'Groups' }).click()
    await page.getByText('There is no group.').waitFor()
    await web.look(page, 'administration-groups-none')
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Imaging')
    await page.getByRole('button', { name: 'Make', exact: true }).click()
    const groups = page.getByRole('list', { name: 'Groups' })
    await groups.getByText('0 people').waitFor()

    await page.getByRole('button', { name: 'Change Imaging' }).press('Enter')
    await page.getByText('Nobody is in it.').waitFor()
    await page.getByLabel('E-mail of a person to add').fill('nobody@lab.example')
    await page.getByRole('button', { name: 'Add to the group' }).click()
    await page.getByRole('alert').getByText('has no account').waitFor()
    await page.getByLabel('E-mail of a person to add').fill(ana)
    await page.getByRole('button', { name: 'Add to the group' }).click()
    await page.getByRole('list', { name: 'People in Imaging' }).getByText(ana).waitFor()
    await groups.getByText('1 person').waitFor()
    await web.look(page, 'administration-groups')
    expect(await overflow(page)).toBe(0)

    await page.getByLabel('Name of the group').fill('Imaging core')
    await page.getByLabel('Groups at the institution').first().fill('img, staff; img guests')
    await page.getByRole('button', { name: 'Save' }).click()
    await groups.getByText('Takes over from the institution: img, staff, img guests').waitFor()
    const [group] = await oslo.admin.call('groups.list', {})
    expect(group).toMatchObject({ name: 'Imaging core', claims: ['img, staff', 'img guests'] })

    await page.getByRole('button', { name: `Take out ${ana}` }).click()
    await page.getByRole('button', { name: 'Take out', exact: true }).click()
    await page.getByText('Nobody is in it.').waitFor()
    await page.getByRole('button', { name: 'Remove Imaging core' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('There is no group.').waitFor()
    expect(await oslo.admin.call('groups.list', {})).toEqual([])
    await page.context().close()
  }, 120_000)

  test('nothing was complained of', () => {
    expect(web.complaints).toEqual([])
  })
})
