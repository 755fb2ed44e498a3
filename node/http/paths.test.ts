import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { User } from '../people/users.ts'
import { createPaths } from './paths.ts'

const member = { role: 'member' } as User
const administrator = { role: 'administrator' } as User

async function machine() {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'crossload-paths-')))
  await mkdir(join(top, 'home/store'), { recursive: true })
  await mkdir(join(top, 'data/plates'), { recursive: true })
  await mkdir(join(top, 'database'))
  await symlink(join(top, 'home'), join(top, 'data/way-in'))
  await symlink(join(top, 'data'), join(top, 'way-to-data'))
  return {
    at: (path: string) => join(top, path),
    top,
    [Symbol.asyncDispose]: () => rm(top, { recursive: true }),
  }
}

it('keeps everybody out of the home, by whatever way', async () => {
  await using on = await machine()
  const paths = createPaths({ home: on.at('home'), folders: 'any' })
  for (const way of [
    on.at('home'),
    on.at('home/store/objects'),
    on.at('home/new/folder'),
    on.at('data/../home/token'),
    on.at('data/way-in'),
    on.at('data/way-in/token'),
    on.at('data/way-in/not/there'),
    on.top,
    '/',
  ]) {
    await expect(paths.check(way, administrator)).rejects.toMatchObject({ kind: 'denied' })
  }
})

it('keeps members to the folders they are given', async () => {
  await using on = await machine()
  const paths = createPaths({ home: on.at('home'), folders: [on.at('way-to-data')] })
  expect(await paths.check(on.at('data/plates'), member)).toBe(on.at('data/plates'))
  expect(await paths.check(on.at('way-to-data/plates/new'), member)).toBe(on.at('data/plates/new'))
  for (const way of [on.at('database'), on.at('data/../database'), '/etc/passwd', on.at('data2')]) {
    await expect(paths.check(way, member)).rejects.toMatchObject({ kind: 'denied' })
    expect(await paths.check(way, administrator)).toBeTruthy()
  }
})

it('wants paths that mean the same wherever the site stands', async () => {
  const paths = createPaths({ home: '/nowhere', folders: 'any' })
  for (const way of ['data', './data', '../data', '~/data', '']) {
    await expect(paths.check(way, administrator)).rejects.toMatchObject({ kind: 'invalid' })
  }
})
