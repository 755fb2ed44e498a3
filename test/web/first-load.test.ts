/**
 * What the console costs before one sees anything: its bytes, and how soon the largest thing on a page
 * stands there (measured by `npm run bench -- --only paint`, shown here to be measurable).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ana, openSite, type Site } from '../site.ts'
import { type Console, logIn, noBrowser, openConsole, password } from './console.ts'
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

  test('a page is drawn before its program has come: the login for whoever has no session', async () => {
    const sent = async (address: string, cookie = '') => {
      const answer = await fetch(`${web.urlOf(oslo)}${address}`, { headers: { cookie } })
      expect(answer.headers.get('vary')).toContain('cookie')
      const words = ['Log in</h1>', 'Asking the site…'] as const
      const text = await answer.text()
      return words.filter((word) => text.includes(word)).join()
    }
    for (const address of ['/', '/login', '/datasets/7'])
      expect([address, await sent(address)]).toEqual([address, 'Log in</h1>'])
    // What these say is known only when the site was asked.
    for (const address of ['/welcome', '/login?tried=that', '/?tried=that'])
      expect([address, await sent(address)]).toEqual([address, 'Asking the site…'])
    expect(await sent('/', 'other=1; crossload_session=anything')).toBe('Asking the site…')
  })

  test('what somebody types before the program has come is kept, and not sent by the browser', async () => {
    const page = await web.stranger(oslo, '/healthz')
    let letCome = () => {}
    const held = new Promise<void>((resolve) => {
      letCome = resolve
    })
    await page.route('**/assets/enter-*.js', async (route) => {
      await held
      await route.continue()
    })
    await page.goto(`${web.urlOf(oslo)}/datasets`, { waitUntil: 'commit' })
    await page.getByLabel('E-mail').fill(ana)
    await page.getByLabel(/^Password/).fill(password)
    await page.getByLabel(/^Password/).press('Enter')
    expect(await page.getByRole('button', { name: 'Log in', exact: true }).isDisabled()).toBe(true)
    letCome()
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByRole('heading', { name: 'Datasets' }).waitFor()
    expect(new URL(page.url()).search).toBe('')
    expect(web.complaints).toEqual([])
    await page.context().close()
  }, 60_000)

  test.each<Kind>(['login'])(
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
