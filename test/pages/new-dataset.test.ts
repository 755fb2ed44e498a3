/**
 * Ana makes a dataset of a folder on her own machine, in a browser. The line is cut in the middle, the
 * page is loaded again, and the dataset is the folder.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { openFolder } from '../folder.ts'
import { ana, diff, eventually, openSite, run, type Site, top } from '../site.ts'
import { openProxy, type TcpProxy } from '../tcp-proxy.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

const real = join(top, 'test/data/flow-cytometry')
const largeBytes = 30_000_000

let site: Site
let atOslo: Client
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>

describe.skipIf(noBrowser)(`a new dataset${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    folder = await openFolder()
    site = await openSite('oslo')
    atOslo = await site.as(ana)
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await site?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  const figures = (page: Page) => page.getByTestId('figures').innerText()
  /** What the dataset on this page's link has, as ordinary files. */
  async function exported(page: Page): Promise<string> {
    const link = page.getByRole('link', { name: /^dataset \d+$/ })
    await link.waitFor()
    const id = Number((await link.innerText()).split(' ')[1])
    const into = join(folder.path, `exported-${id}`)
    await atOslo.call('datasets.export', { id: id as never, folder: into })
    return into
  }

  test('of a folder of real files, from the list of datasets', async () => {
    const page = await web.open(site, ana, '/datasets')
    await page.getByRole('link', { name: 'New dataset' }).click()
    await page.getByRole('heading', { name: 'New dataset' }).waitFor()
    await web.look(page, 'new-dataset')
    expect(await overflow(page)).toBe(0)
    await page.getByLabel('A folder').setInputFiles(real)
    await page.getByText(/^0 of \d+ files, 0 B of/).waitFor()
    expect(await page.getByLabel('Name').inputValue()).toBe('flow-cytometry')
    await page.getByLabel('Name').fill('Plate <1>')
    await page.getByRole('button', { name: 'Upload' }).click()
    const into = await exported(page)
    expect(await diff(real, into)).toBe('')
    await web.look(page, 'new-dataset-made')
    await page.getByRole('link', { name: /^dataset/ }).click()
    await page.getByRole('heading', { name: 'Plate <1>' }).waitFor()
    // And a file of it comes back to her machine as it was.
    const [name] = (await readdir(real)).filter((one) => one.endsWith('.B08'))
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name: `Download ${name}` }).click()
    const came = await (await coming).path()
    expect((await readFile(came)).equals(await readFile(join(real, name!)))).toBe(true)
    const packing = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download all as a tar' }).click()
    const packed = await packing
    expect(packed.suggestedFilename()).toBe('Plate -1-.tar')
    const unpacked = join(folder.path, 'unpacked')
    await mkdir(unpacked)
    const ran = await run('tar', ['-xf', await packed.path(), '-C', unpacked])
    expect(ran.code).toBe(0)
    expect(await diff(real, join(unpacked, 'Plate -1-'))).toBe('')
    // The next version holds what is chosen for it, and nothing else.
    await page.getByRole('tab', { name: 'Versions' }).click()
    await page.getByRole('link', { name: 'New version' }).click()
    await page.getByRole('heading', { name: 'New version of Plate <1>' }).waitFor()
    const one = { name: 'one.txt', mimeType: 'text/plain', buffer: Buffer.from('one') }
    await page.getByLabel('Single files').setInputFiles(one)
    await web.look(page, 'new-version')
    await page.getByRole('button', { name: 'Upload' }).click()
    await page.getByRole('link', { name: /^dataset/ }).click()
    await page.getByRole('link', { name: 'Download one.txt' }).waitFor()
    await page.getByRole('tab', { name: 'Versions' }).click()
    await page.getByText('Version 2: 1 file').waitFor()
    await page.context().close()
  }, 60_000)

  test('goes on after the line was cut, after a pause and after a reload', async () => {
    const data = join(folder.path, 'large')
    await mkdir(join(data, 'deep/er'), { recursive: true })
    await writeFile(join(data, 'deep/er/large.bin'), Buffer.alloc(largeBytes, 'large'))
    await writeFile(join(data, 'small.txt'), 'small')
    await writeFile(join(data, 'empty.txt'), '')
    await using line = await openLine(site)
    const through = { ...site, admin: { ...site.admin, url: line.url } } as Site
    const page = await web.open(through, ana, '/datasets/new')
    await page.getByLabel('A folder').setInputFiles(data)
    await page.getByRole('button', { name: 'Upload' }).click()
    await eventually(async () => (await largest(site)) > 3_000_000, 'some of it is there')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText(/^Paused/).waitFor()
    const paused = await settled(site)
    expect(paused).toBeLessThan(largeBytes)
    await page.getByRole('button', { name: 'Go on' }).click()
    await eventually(async () => (await largest(site)) > paused + 2_000_000, 'it goes on')
    line.proxy.reset()
    await eventually(async () => (await largest(site)) > paused + 5_000_000, 'it goes on by itself')
    // The browser asks whether to leave a page from which files are on their way.
    page.on('dialog', (dialog) => void dialog.accept())
    await page.reload()
    await page.getByLabel('A folder').setInputFiles(data)
    const before = line.passed
    await page.getByRole('button', { name: 'Upload' }).click()
    const into = await exported(page)
    expect(await diff(data, into)).toBe('')
    // What had come was not sent again.
    expect(line.passed - before).toBeLessThan(largeBytes - 5_000_000)
    expect(await figures(page)).toMatch(/^3 of 3 files/)
    expect(await readdir(join(site.home, 'uploads'))).toEqual([])
    await page.context().close()
  }, 120_000)

  test('says in words what does not fit, and goes on when it is mended', async () => {
    const page = await web.open(site, ana, '/datasets/new')
    const files = ['a.txt', 'b.txt'].map((name) => ({
      ...{ name, mimeType: 'text/plain', buffer: Buffer.from(name) },
    }))
    await page.getByLabel('Single files').setInputFiles(files)
    await page.getByLabel('Name').fill('Two')
    await page.route('**/api/uploads', (route) =>
      route.fulfill({
        status: 507,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          ...{ type: 'urn:crossload:problem:full', title: 'x', status: 507, kind: 'full' },
          ...{ detail: 'The site’s disk has no room.', op: 'x', side: 'here', again: true },
        }),
      }),
    )
    await page.getByRole('button', { name: 'Upload' }).click()
    await page.getByRole('alert').getByText('The site’s disk has no room.').waitFor()
    await web.look(page, 'new-dataset-full')
    await page.unroute('**/api/uploads')
    await page.getByRole('button', { name: 'Go on' }).click()
    const into = await exported(page)
    expect((await readdir(into)).sort()).toEqual(['a.txt', 'b.txt'])
    await page.context().close()
  }, 60_000)

  test('nothing was complained of', () => {
    expect(web.complaints).toEqual([])
  })
})

/** Bytes of the largest upload that are on the site's disk. */
async function largest(site: Site): Promise<number> {
  const at = join(site.home, 'uploads')
  let most = 0
  for (const name of await readdir(at)) {
    if (name.endsWith('.json') || name.startsWith('.')) continue
    const file = await readFile(join(at, name)).catch(() => Buffer.alloc(0))
    most = Math.max(most, file.byteLength)
  }
  return most
}

/** The same, once the record counts all of it. */
async function settled(site: Site): Promise<number> {
  const at = join(site.home, 'uploads')
  return eventually(async () => {
    const [record] = (await readdir(at)).filter((name) => name.endsWith('.json'))
    const texts = await Promise.all(
      (await readdir(at))
        .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
        .map((name) => readFile(join(at, name), 'utf8').catch(() => '{}')),
    )
    const offsets = texts.map((text) => JSON.parse(text).offset ?? 0)
    const most = Math.max(0, ...offsets)
    return record !== undefined && most === (await largest(site)) && most
  }, 'the record counts what came')
}

/** A slow cable to the site. */
async function openLine(
  site: Site,
): Promise<AsyncDisposable & { url: string; proxy: TcpProxy; passed: number }> {
  const line = { passed: 0 }
  const proxy = await openProxy({
    to: { port: Number(new URL(site.admin.url).port) },
    bytesPerSecond: 8_000_000,
    through(data, way) {
      if (way === 'there') line.passed += data.byteLength
      return { data }
    },
  })
  return Object.assign(line, {
    proxy,
    url: `http://127.0.0.1:${proxy.port}`,
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  })
}
