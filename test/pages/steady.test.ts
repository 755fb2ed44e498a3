/** Nothing on the page of what moves jumps while it moves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { writeLarge } from '../trees.ts'
import { type Console, noBrowser, openConsole } from '../web/console.ts'
import { shiftsOf, watchShifts } from '../web/measures.ts'

/** Of the score that browsers keep, in which 0.1 is still called good: all of it, and a tenth at once. */
const shiftMax = 0.01

let pair: Pair
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>

describe.skipIf(noBrowser)(`Activity${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    pair = await acceptedPair()
    web = await openConsole()
    folder = await openFolder()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  test('nothing jumps while transfers come, move, pause and end', async () => {
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
