/**
 * Long lists in a browser: however far one scrolls, few rows are on the page, and every row is reached.
 * A hundred thousand are measured by `npm run bench -- --only lists`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { ana, openSite, type Site } from '../site.ts'
import { writeMany } from '../trees.ts'
import { type Console, noBrowser, openConsole } from '../web/console.ts'
import { multiply } from '../web/many.ts'
import { scrollDown } from '../web/measures.ts'

const count = 3000
/** What is seen, and as much again above and below. */
const rowsMax = 80

let oslo: Site
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>

describe.skipIf(noBrowser)(`long lists${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    folder = await openFolder()
    oslo = await openSite('oslo')
    const atOslo = await oslo.as(ana)
    await writeMany(folder.path, count, 16)
    await atOslo.call('datasets.add', { name: 'Plates', path: folder.path })
    await multiply(oslo, count)
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  test('of datasets, to the last', async () => {
    const page = await web.open(oslo, ana)
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    const found = await scrollDown(page, {
      open: () => page.getByRole('link', { name: 'Datasets', exact: true }).click(),
      label: 'Datasets',
      until: count,
    })
    expect(found.reached).toBe(count)
    expect(found.rowsMost).toBeLessThan(rowsMax)
    // The oldest is the last, and the list says that there is no more.
    await page.getByRole('link', { name: 'Plates', exact: true }).waitFor()
    await page
      .locator(`[role="listitem"][aria-setsize="${count}"], li[aria-setsize="${count}"]`)
      .last()
      .waitFor()
    await page.context().close()
  }, 90_000)

  test('of the files of one, to the last', async () => {
    const page = await web.open(oslo, ana, '/datasets/1')
    const found = await scrollDown(page, {
      open: () => page.getByRole('tab', { name: 'Files' }).click(),
      label: 'Files',
      until: count,
    })
    expect(found.reached).toBe(count)
    expect(found.rowsMost).toBeLessThan(rowsMax)
    await page.context().close()
    expect(web.complaints).toEqual([])
  }, 90_000)
})
