/**
 * Pages that mean harm, in a real browser in which Ana has a session: names that hold scripts, a page of
 * another site that asks in her name, and one that shows the console in a frame of its own.
 */
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Email } from '../../protocol/ids.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { type Console, noBrowser, openConsole } from './console.ts'

let pair: Pair
let web: Console
let folder: string

/** Whatever of these is taken for a page's own sets `hit`. */
const scripts = [
  '<img src=x onerror="window.hit=1">',
  '<script>window.hit=1</script>',
  '"><svg onload="window.hit=1">',
  'javascript:window.hit=1',
]
const isHit = (page: Page) => page.evaluate(() => 'hit' in window)

/** A page of another origin on the same machine: the browser counts it as the same *site*, ports or not. */
async function openEvil(html: string) {
  const server = createServer((_asked, answer) => {
    answer.writeHead(200, { 'content-type': 'text/html' }).end(html)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

describe.skipIf(noBrowser)(`harm (${noBrowser ? `skipped: ${noBrowser}` : 'in a browser'})`, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'crossload-attacks-'))
    pair = await acceptedPair()
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await pair?.[Symbol.asyncDispose]()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  test('no script runs that stands in what people or other sites have named', async () => {
    const { oslo, atOslo, to } = pair
    const document = join(folder, 'doc.json')
    await writeFile(document, '{"gates":[]}')
    for (const [i, script] of scripts.entries()) {
      const path = join(folder, `data-${i}`, 'x')
      const file = script.replaceAll('/', '\u2215')
      await writeTree(path, file)
      await oslo.admin.call('people.add', { email: `p${i}@oslo.example` as Email, name: script })
      const project = await atOslo.call('projects.add', { name: script })
      const meta = { [script]: script }
      const input = { name: script, path, project: project.id, meta }
      const { id } = await atOslo.call('datasets.add', input)
      await atOslo.call('workflows.add', { name: script, document, dataset: id, format: script })
      const sent = await atOslo.call('transfers.send', { to, dataset: { id } })
      await until(atOslo, sent.id, isDone)
    }
    // Each page once what was named is on it: that is when a script would run.
    const named = scripts.at(-1)!
    for (const site of [oslo, pair.kyoto]) {
      const client = await site.as(ana)
      const dataset = (await client.call('datasets.list', {})).at(-1)!
      const [transfer] = await client.call('transfers.list', {})
      const addresses = [
        '/datasets',
        `/datasets/${dataset.id}`,
        '/transfers',
        `/transfers/${transfer!.id}`,
      ]
      if (site === oslo) addresses.push('/workflows')
      const page = await web.open(site, ana, '/')
      await page.getByText('Nothing is moving.').waitFor()
      for (const address of addresses) {
        await page.goto(site.admin.url + address)
        await page.getByText(named).first().waitFor()
        expect([address, await isHit(page)]).toEqual([address, false])
      }
      await page.context().close()
    }
    const admin = await web.open(oslo, 'admin@oslo.example', '/administration')
    await admin.getByRole('tab', { name: 'People' }).click()
    await admin.getByText(named).first().waitFor()
    expect(await isHit(admin)).toBe(false)
    await admin.getByRole('tab', { name: 'Journal' }).click()
    await admin.getByText('project.').first().waitFor()
    expect(await isHit(admin)).toBe(false)
    await admin.context().close()
    expect(web.complaints.filter((one) => !one.startsWith('asked for'))).toEqual([])
  }, 120_000)

  test('a page of another origin changes nothing and reads nothing in her name', async () => {
    const { atOslo, oslo } = pair
    const { url } = oslo.admin
    const before = await atOslo.call('projects.list', {})
    using evil = await openEvil(`<!doctype html><title>evil</title>
      <form method="post" enctype="text/plain" action="${url}/api/projects" target="out">
        <input name='{"name":"stolen","x":"' value='"}'></form><iframe name="out"></iframe>`)
    const page = await web.open(oslo, ana, '/')
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.goto(evil.url)
    const told = await page.evaluate(async (site) => {
      const ask = (path: string, more: RequestInit) =>
        fetch(site + path, { credentials: 'include', ...more }).then(
          (answer) => `${answer.type} ${answer.status}`,
          () => 'refused',
        )
      const body = '{"name":"stolen"}'
      const headers = { 'content-type': 'application/json' }
      document.querySelector('form')!.submit()
      return {
        json: await ask('/api/projects', { method: 'POST', headers, body }),
        plain: await ask('/api/projects', { method: 'POST', mode: 'no-cors', body }),
        left: await ask('/api/session', { method: 'DELETE' }),
        read: await ask('/api/projects', {}),
        readOpaque: await ask('/api/projects', { mode: 'no-cors' }),
      }
    }, url)
    expect(told).toEqual({
      json: 'refused',
      plain: 'opaque 0',
      left: 'refused',
      read: 'refused',
      readOpaque: 'opaque 0',
    })
    await page.waitForLoadState('networkidle')
    expect(await atOslo.call('projects.list', {})).toEqual(before)
    // She is still in: nobody ended her session either.
    await page.goto(`${url}/`)
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.context().close()
  })

  test('no page can show the console in a frame', async () => {
    using evil = await openEvil(
      `<!doctype html><title>evil</title><iframe src="${pair.oslo.admin.url}/"></iframe>`,
    )
    const page = await web.open(pair.oslo, ana, '/')
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.goto(evil.url)
    await page.waitForLoadState('networkidle')
    const framed = page.frames().filter((frame) => frame !== page.mainFrame())
    expect(framed.map((frame) => frame.url())).toEqual(['chrome-error://chromewebdata/'])
    await page.context().close()
  })
})

async function writeTree(path: string, file: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await writeFile(join(path, file), file)
}
