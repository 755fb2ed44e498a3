/**
 * What people do with the console beside sending, which is `guide.test.ts`: Ana comes in at Oslo, sees
 * what has arrived at Kyoto, pauses, resumes and cancels what is on its way, and her site goes away.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../bench/free-port.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import {
  type Console,
  logIn,
  noBrowser,
  oneTimeLink,
  openConsole,
  overflow,
  password,
} from '../web/console.ts'

let pair: Pair
let web: Console
let folder: string
let dataset: number

describe.skipIf(noBrowser)(`the console${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    // A browser looks for its site where it was.
    pair = await acceptedPair({ oslo: { http: `127.0.0.1:${await freePort()}` } })
    web = await openConsole()
    folder = await mkdtemp(join(tmpdir(), 'crossload-console-'))
    await writeTree()
    const panel = { name: 'Blood panel', path: join(folder, 'panel') }
    dataset = (await pair.atOslo.call('datasets.add', panel)).id
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  test('a one-time link lets a person choose a password, once', async () => {
    const without = await web.stranger(pair.oslo, '/welcome')
    await without.getByText('This address lacks its secret').waitFor()
    await without.context().close()
    const link = new URL(await oneTimeLink(pair.oslo, ana))
    const page = await web.stranger(pair.oslo, `${link.pathname}${link.hash}`)
    await page.getByLabel(/^Password/).fill(password)
    await page.getByLabel('The password again').fill('one two three')
    await page.getByText('The two passwords differ.').waitFor()
    await web.look(page, 'welcome')
    await page.getByLabel('The password again').fill(password)
    expect(new URL(page.url()).hash).toBe('')
    await page.getByRole('button', { name: 'Keep it and log in' }).click()
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.context().close()
    const late = await web.stranger(pair.oslo, `${link.pathname}${link.hash}`)
    await late.getByLabel(/^Password/).fill(password)
    await late.getByLabel('The password again').fill(password)
    await late.getByRole('button', { name: 'Keep it and log in' }).click()
    await late.getByRole('alert').getByText('was used already').waitFor()
    await late.context().close()
  })

  test('nobody sees anything before logging in, and a wrong password is told in words', async () => {
    const page = await web.stranger(pair.oslo, '/datasets')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await web.look(page, 'login')
    await logIn(page, ana, 'wrong')
    await page.getByRole('alert').getByText('is wrong').waitFor()
    await web.look(page, 'login-wrong')
    await logIn(page, ana)
    // The page that was asked for, not another.
    await page.getByRole('heading', { name: 'Datasets' }).waitFor()
    await page.getByRole('link', { name: 'Blood panel' }).waitFor()
    await web.look(page, 'datasets')
    expect(await overflow(page)).toBe(0)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.context().close()
  })

  test('an empty activity says what to do next', async () => {
    const page = await web.open(pair.oslo, ana)
    await page.getByText('Nothing is moving.').waitFor()
    await web.look(page, 'activity-empty')
    await page.context().close()
  })

  test('the destination sees what it received, with the times of its reader', async () => {
    const { atOslo, to } = pair
    const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset } })
    await until(atOslo, sent.id, isDone)
    const page = await web.open(pair.kyoto, ana, '/transfers')
    await page.getByText(`Received from ${ana}@oslo`).waitFor()
    await page.getByRole('link', { name: 'Blood panel' }).click()
    const ended = page.getByText('Ended').locator('..').getByRole('time')
    expect(await ended.getAttribute('title')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)
    await page.getByText('Imported').waitFor()
    await page.context().close()
  })

  test('a transfer is paused, resumed and cancelled while one looks, and nothing goes away', async () => {
    const { oslo, atOslo, to } = pair
    await oslo.admin.call('limits.set', { out: 400_000, localExempt: false })
    const big = await atOslo.call('datasets.add', { name: 'Slow', path: join(folder, 'slow') })
    const page = await web.open(oslo, ana)
    await page.getByText('Nothing is moving.').waitFor()
    await atOslo.call('transfers.send', { to, dataset: { id: big.id } })
    const card = page.getByRole('article', { name: 'Slow' })
    await card.getByText('Moving', { exact: true }).waitFor()
    await card.getByText(/kB\/s/).waitFor()
    await web.look(page, 'activity')
    await card.getByRole('button', { name: 'Pause Slow' }).click()
    await card.getByText('Paused', { exact: true }).waitFor()
    await web.look(page, 'activity-paused')
    await page.emulateMedia({ colorScheme: 'dark' })
    await web.look(page, 'activity-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    await card.getByRole('button', { name: 'Resume Slow' }).click()
    await card.getByRole('button', { name: 'Pause Slow' }).waitFor()
    await card.getByRole('button', { name: 'Cancel Slow' }).click()
    await card.getByText('Nothing of it will be imported.').waitFor()
    await web.look(page, 'activity-cancel')
    await card.getByRole('button', { name: 'Cancel', exact: true }).click()
    await card.getByText('Cancelled', { exact: true }).waitFor()
    await page.context().close()
    await oslo.admin.call('limits.clear', {})
  })

  test('a site that went away is told, and found again', async () => {
    const page = await web.open(pair.oslo, ana)
    await page.getByText('Nothing is moving.').waitFor()
    await pair.oslo.kill()
    await page.getByText('Not live').waitFor()
    // What was known stays on the page.
    await page.getByText('Nothing is moving.').waitFor()
    await web.look(page, 'not-live')
    await pair.oslo.start()
    await page.getByText('Not live').waitFor({ state: 'detached' })
    await page.context().close()
  })

  test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
    expect(web.complaints).toEqual([])
  })
})

async function writeTree(): Promise<void> {
  await mkdir(join(folder, 'panel/raw'), { recursive: true })
  await mkdir(join(folder, 'slow'))
  await writeFile(join(folder, 'panel/notes.txt'), 'n'.repeat(10_000))
  await writeFile(join(folder, 'panel/raw/tube 1 (a).fcs'), bytesOf(2_000_000, 1))
  await writeFile(join(folder, 'panel/raw/tube 2.fcs'), bytesOf(1_000_000, 2))
  await writeFile(join(folder, 'slow/large.bin'), bytesOf(8_000_000, 3))
}

const bytesOf = (size: number, seed: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * (i >> 8)) & 255)
