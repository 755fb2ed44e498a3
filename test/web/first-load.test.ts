/**
 * What the console costs before one sees anything: its bytes, and how soon the largest thing on a page
 * stands there (measured by `npm run bench -- --only paint`, shown here to be measurable).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ana, openSite, type Site } from '../site.ts'
import { type Console, logIn, noBrowser, openConsole } from './console.ts'
import { type Kind, openPaints, watchBytes } from './measures.ts'

/** Until Activity stands there, everything that the browser fetched, headers too. */
const bytesMax = 350_000

let oslo: Site
let web: Console

describe.skipIf(noBrowser)(`the first load${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    oslo = await openSite('oslo')
    await oslo.as(ana)
    web = await openConsole()
    // Her password is set before anything is measured.
    await (await web.open(oslo, ana)).context().close()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
  })

  test.each(['br', 'gzip'])(
    'is small, as served to a browser that takes %s',
    async (packing) => {
      const page = await web.stranger(oslo, '/healthz')
      const fetched = await watchBytes(page, packing)
      await page.goto(`${web.urlOf(oslo)}/`)
      await logIn(page, ana)
      await page.getByText('Nothing is moving.').waitFor()
      const { bytes, scripts, packings } = fetched()
      await page.context().close()
      // The program itself is among them, and it came packed.
      expect(scripts).toBeGreaterThan(0)
      expect(packings).toEqual([packing])
      expect(bytes).toBeGreaterThan(50_000)
      expect(bytes).toBeLessThan(bytesMax)
    },
    60_000,
  )

  test.each<Kind>(['login', 'activity'])(
    'the paint of the page %s can be measured',
    async (kind) => {
      await using paints = await openPaints(oslo, { slowDown: 1 })
      const { largestMs, what } = await paints.measure(kind)
      expect(largestMs).toBeGreaterThan(0)
      expect(what).toMatch(/\w/)
    },
    60_000,
  )
})
