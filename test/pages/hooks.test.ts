/** An administrator has a program told what happens, by console alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openReceiver, type Receiver } from '../receiver.ts'
import { ana, openSite, type Site } from '../site.ts'
import { cytometry } from '../trees.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

let oslo: Site
let receiver: Receiver
let web: Console

describe.skipIf(noBrowser)(`webhooks${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    receiver = await openReceiver()
    oslo = await openSite('oslo', { config: { hooks: { allow: [receiver.place] } } })
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  test('an address is added, its secret shown once, tried, heard from, and removed', async () => {
    const page = await web.open(oslo, 'admin@oslo.example', '/administration')
    await page.getByRole('tab', { name: 'Webhooks' }).click()
    await page.getByText('No program is told what happens here.').waitFor()
    await page.getByLabel('Address').fill('http://10.0.0.1/hook')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('alert').getByText('Only https:// is taken').waitFor()
    await page.getByLabel('Address').fill(receiver.url)
    await page.getByRole('checkbox', { name: 'dataset.added' }).check()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const secret = await page.getByText(/^whsec_/).innerText()
    receiver.trust(secret)
    await page.getByRole('button', { name: 'Test webhook 1' }).click()
    await page.getByText('The test was taken: 204.').waitFor()
    await web.look(page, 'administration-hooks')
    expect(await overflow(page)).toBe(0)
    await page.reload()
    await page.getByRole('tab', { name: 'Webhooks' }).click()
    await page.getByText('working').waitFor()
    expect(await page.content()).not.toContain(secret)
    const atOslo = await oslo.as(ana)
    const { id } = await atOslo.call('datasets.add', { name: 'One', path: cytometry })
    await receiver.until(2)
    expect(receiver.heard[1]).toMatchObject({ type: 'dataset.added', data: { dataset: id } })
    await page.getByRole('button', { name: 'Remove webhook 1' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('No program is told what happens here.').waitFor()
    await page.context().close()
    expect(web.complaints).toEqual([])
  })
})
