/**
 * Pages that mean harm, in a real browser in which Ana has a session: one of another site that asks in
 * her name, one that shows the console in a frame of its own, and one whose name has come to point at
 * the site's own address. Names that hold scripts are in `scripts.test.ts`.
 */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ana, openSite, type Site } from '../site.ts'
import { type Console, chromiumPath, noBrowser, openConsole } from './console.ts'

let oslo: Site
let web: Console

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
    oslo = await openSite('oslo')
    web = await openConsole()
  }, 120_000)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
  })

  test('a page of another origin changes nothing and reads nothing in her name', async () => {
    const atOslo = await oslo.as(ana)
    const { url } = oslo.admin
    const before = await atOslo.call('projects.list', {})
    using evil = await openEvil(`<!doctype html><title>evil</title>
      <form method="post" enctype="text/plain" action="${url}/api/projects" target="out">
        <input name='{"name":"stolen","x":"' value='"}'></form>
      <form method="post" action="${url}/api/projects" target="out"><input name="name" value="stolen"></form>
      <form method="post" enctype="multipart/form-data" action="${url}/api/uploads" target="out">
        <input name="name" value="stolen"></form><iframe name="out"></iframe>`)
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
      for (const form of document.querySelectorAll('form')) form.submit()
      const hear = new Promise<string>((resolve) => {
        const stream = new EventSource(`${site}/api/events`, { withCredentials: true })
        stream.onopen = () => resolve('heard')
        stream.onerror = () => resolve('refused')
      })
      const tus = { 'tus-resumable': '1.0.0', 'upload-length': '4' }
      return {
        hear: await hear,
        upload: await ask('/api/uploads', { method: 'POST', headers: tus }),
        uploadOpaque: await ask('/api/uploads', { method: 'POST', mode: 'no-cors', body }),
        json: await ask('/api/projects', { method: 'POST', headers, body }),
        plain: await ask('/api/projects', { method: 'POST', mode: 'no-cors', body }),
        left: await ask('/api/session', { method: 'DELETE' }),
        read: await ask('/api/projects', {}),
        readOpaque: await ask('/api/projects', { mode: 'no-cors' }),
      }
    }, url)
    expect(told).toEqual({
      hear: 'refused',
      upload: 'refused',
      uploadOpaque: 'refused',
      json: 'refused',
      plain: 'refused',
      left: 'refused',
      read: 'refused',
      readOpaque: 'refused',
    })
    await page.waitForLoadState('networkidle')
    expect(await atOslo.call('projects.list', {})).toEqual(before)
    expect(await readdir(join(oslo.home, 'uploads')).catch(() => [])).toEqual([])
    // She is still in: nobody ended her session either.
    await page.goto(`${url}/`)
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.context().close()
  })

  test('no page can show the console in a frame', async () => {
    const { url } = oslo.admin
    using evil = await openEvil(`<!doctype html><title>evil</title><iframe src="${url}/"></iframe>
      <object data="${url}/"></object><embed src="${url}/">`)
    const page = await web.open(oslo, ana, '/')
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    await page.goto(evil.url)
    await page.waitForLoadState('networkidle')
    const framed = page.frames().filter((frame) => frame !== page.mainFrame())
    expect(framed.length).toBeGreaterThan(0)
    for (const frame of framed) expect(frame.url()).not.toContain(url)
    await page.context().close()
  })

  test('a name that was made to point here opens nothing', async () => {
    const { port } = new URL(oslo.admin.url)
    // The attacker's name server answers with the site's own address from now on.
    const args = ['--no-sandbox', '--host-resolver-rules=MAP evil.test 127.0.0.1']
    await using browser = await chromium.launch({ executablePath: chromiumPath, args })
    const page = await browser.newPage({ bypassCSP: true })
    const evil = `http://evil.test:${port}`
    const answer = await page.goto(`${evil}/`)
    expect(answer!.status()).toBe(403)
    expect(await page.content()).toContain('not known by that name')
    expect(await page.content()).not.toContain('<script')
    // The attacker's own page came before the name was moved; this one stands for it, since it has the
    // same origin, once what the site says about it is not heeded.
    const [script] = await assetsOf(oslo)
    const told = await page.evaluate(rebound, { script: script!, token: oslo.tokens.get(ana)! })
    const stream = told.pop()
    expect(stream).toEqual(['EventSource /api/events', 'refused'])
    expect(told.length).toBeGreaterThan(8)
    expect(told.filter(([, status]) => status !== 403)).toEqual([])
  })
})

/** The console's own scripts, by their address. */
async function assetsOf(site: Site): Promise<string[]> {
  const page = await (await fetch(`${site.admin.url}/`)).text()
  return [...page.matchAll(/src="([^"]+\.js)"/g)].map((found) => found[1]!)
}

type Answer = [asked: string, status: number | 'refused' | 'heard']

/** Runs in the browser: asks for all sorts of things, with a stolen token even, at its own origin. */
async function rebound(o: { script: string; token: string }): Promise<Answer[]> {
  const told: Answer[] = []
  const ask = async (method: string, path: string, headers = {}, body?: string) => {
    const asked = fetch(path, { method, headers, ...(body !== undefined && { body }) })
    told.push([`${method} ${path}`, (await asked).status])
  }
  const authorization = `Bearer ${o.token}`
  const json = { 'content-type': 'application/json' }
  const email = 'admin@oslo.example'
  await ask('GET', o.script)
  await ask('GET', '/datasets')
  await ask('GET', '/healthz')
  await ask('GET', '/metrics', { authorization })
  await ask('GET', '/api/health')
  await ask('GET', '/api/openapi')
  await ask('GET', '/.well-known/crossload')
  await ask('GET', '/ga4gh/drs/v1/service-info')
  await ask('GET', '/api/datasets', { authorization })
  await ask('GET', '/api/events', { authorization, accept: 'text/event-stream' })
  await ask('POST', '/api/session', json, JSON.stringify({ email, password: 'guessed-it-12' }))
  await ask('POST', '/api/projects', { ...json, authorization }, '{"name":"stolen"}')
  const tus = { 'tus-resumable': '1.0.0', 'upload-length': '4' }
  await ask('POST', '/api/uploads', { ...tus, authorization })
  const heard = await new Promise<Answer[1]>((resolve) => {
    const stream = new EventSource('/api/events')
    stream.onopen = () => resolve('heard')
    stream.onerror = () => resolve('refused')
  })
  return [...told, ['EventSource /api/events', heard]]
}
