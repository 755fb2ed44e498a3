/**
 * What the console costs before one sees anything: its bytes, how soon the largest thing on a page
 * stands there (measured by `npm run bench -- --only paint`, shown here to be measurable), and that
 * nothing on the page of what moves jumps while it moves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { writeLarge } from '../trees.ts'
import { type Console, logIn, noBrowser, openConsole } from './console.ts'
import { type Kind, openPaints, shiftsOf, watchBytes, watchShifts } from './measures.ts'

/** Until Activity stands there, everything that the browser fetched, headers too. */
const bytesMax = 350_000

/** Of the score that browsers keep, in which 0.1 is still called good: all of it, and a tenth at once. */
const shiftMax = 0.01

let pair: Pair
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>

describe.skipIf(noBrowser)(`the first load${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    pair = await acceptedPair()
    web = await openConsole()
    folder = await openFolder()
    // Her password is set before anything is measured.
    await (await web.open(pair.oslo, ana)).context().close()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  test.each(['br', 'gzip'])(
    'is small, as served to a browser that takes %s',
    async (packing) => {
      const page = await web.stranger(pair.oslo, '/healthz')
      const fetched = await watchBytes(page, packing)
      await page.goto(`${web.urlOf(pair.oslo)}/`)
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
      await using paints = await openPaints(pair.oslo, { slowDown: 1 })
      const { largestMs, what } = await paints.measure(kind)
      expect(largestMs).toBeGreaterThan(0)
      expect(what).toMatch(/\w/)
    },
    60_000,
  )

  test('nothing jumps on Activity while transfers come, move, pause and end', async () => {
    const { oslo, atOslo, to } = pair
    const sent: string[] = []
    const page = await web.open(oslo, ana)
    await page.getByText('Nothing is moving.').waitFor()
    await oslo.admin.call('limits.set', { out: 3_000_000, localExempt: false })
    const send = async (n: number) => {
      const path = `${folder.path}/${n}.bin`
      await writeLarge(path, 4_000_000, n)
      const { id } = await atOslo.call('datasets.add', { name: `Run ${n}`, path })
      sent.push((await atOslo.call('transfers.send', { to, dataset: { id } })).id)
      await page.getByRole('article', { name: `Run ${n}` }).waitFor()
    }
    await watchShifts(page)
    for (const n of [1, 2, 3]) await send(n)
    await page.getByRole('progressbar', { name: /^Run 1: [1-9]/ }).waitFor()
    await atOslo.call('transfers.pause', { id: sent[2]! })
    const third = page.getByRole('article', { name: 'Run 3' })
    await third.getByText('Paused', { exact: true }).waitFor()
    await atOslo.call('transfers.resume', { id: sent[2]! })
    await oslo.admin.call('limits.clear', {})
    for (const id of sent) await until(atOslo, id, isDone)
    for (const n of [1, 2, 3]) {
      const card = page.getByRole('article', { name: `Run ${n}` })
      await card.getByText('Complete', { exact: true }).waitFor()
    }
    const shifts = await shiftsOf(page)
    await page.context().close()
    // A word that gives way to another of another length moves by itself, and nothing beside it.
    const sum = shifts.reduce((all, { value }) => all + value, 0)
    expect(sum, JSON.stringify(shifts)).toBeLessThan(shiftMax)
    expect(shifts.filter(({ value }) => value > shiftMax / 10)).toEqual([])
  }, 90_000)
})
