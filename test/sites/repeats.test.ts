/**
 * The same question twice, as from a program whose line broke before the answer came: at a real site,
 * over a restart, and after the index was thrown away.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ana, openSite, type Site } from '../site.ts'

let oslo: Site
beforeAll(async () => {
  oslo = await openSite('oslo')
  await oslo.as(ana)
}, 60_000)
afterAll(() => oslo[Symbol.asyncDispose]())

async function ask(method: string, path: string, body: object, key: string) {
  const { url } = oslo.admin
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${oslo.tokens.get(ana)}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const projects = async () => {
  const list = await (await oslo.as(ana)).call('projects.list', {})
  return list.map(({ name }) => name)
}

test('a project is made once, and both hear of the same', async () => {
  const add = () => ask('POST', '/api/projects', { name: 'Twice' }, 'one')
  const [first, second] = await Promise.all([add(), add()])
  expect(first.status).toBe(200)
  expect(second).toEqual(first)
  expect(await add()).toEqual(first)
  expect((await projects()).filter((name) => name === 'Twice')).toHaveLength(1)
})

test('the key of one question is none for another', async () => {
  const other = await ask('POST', '/api/projects', { name: 'Other' }, 'one')
  expect(other).toMatchObject({ status: 409, body: { kind: 'conflict' } })
  expect(await projects()).not.toContain('Other')
})

test('after a restart, and without the index, it is still known that it was done', async () => {
  const add = () => ask('POST', '/api/projects', { name: 'Before' }, 'two')
  expect((await add()).status).toBe(200)
  await oslo.kill('SIGTERM')
  await oslo.start()
  expect(await add()).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('of the journal') },
  })
  await oslo.kill('SIGTERM')
  await rm(join(oslo.home, 'index'), { recursive: true })
  await oslo.start()
  expect((await add()).status).toBe(409)
  expect((await projects()).filter((name) => name === 'Before')).toHaveLength(1)
})

test('what was refused may be asked again with the same key', async () => {
  const { id } = await (await oslo.as(ana)).call('projects.add', { name: 'Shared' })
  const path = `/api/projects/${id}/members/ben@oslo.example`
  const add = () => ask('PUT', path, { role: 'viewer' }, 'three')
  expect((await add()).status).toBe(404)
  await oslo.as('ben@oslo.example')
  expect(await add()).toMatchObject({ status: 200, body: { id } })
})
