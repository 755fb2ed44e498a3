/**
 * Ana makes a project at Oslo, lets Ben in, gives him another role and takes him out again; names a folder
 * for what arrives. Then what is hers alone: her name, her password, and tokens for her programs.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../api/client.ts'
import type { Email } from '../../protocol/ids.ts'
import { ana, openSite, type Site } from '../site.ts'
import { cytometry } from '../trees.ts'
import { type Console, logIn, noBrowser, openConsole, overflow, password } from '../web/console.ts'

const ben = 'ben@lab.example'

let oslo: Site
let web: Console
let folder: string

describe.skipIf(noBrowser)(
  `projects and a profile${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'crossload-projects-'))
      oslo = await openSite('oslo')
      await oslo.as(ben)
      web = await openConsole()
    }, 120_000)

    afterAll(async () => {
      await web?.[Symbol.asyncDispose]()
      await oslo?.[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    test('a project is made, and its owner says who is in it', async () => {
      const page = await web.open(oslo, ana)
      await page.getByRole('link', { name: 'Projects' }).click()
      await page.getByText('Nobody has shared a project with you yet.').waitFor()
      await page.getByRole('link', { name: 'My own' }).waitFor()
      await web.look(page, 'projects')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('textbox', { name: 'Name' }).fill('Blood panels')
      await page.getByRole('button', { name: 'Make it' }).click()
      await page.getByRole('heading', { name: 'Blood panels' }).waitFor()
      await page.getByText('No dataset is in this project yet.').waitFor()
      const id = Number(new URL(page.url()).pathname.split('/').at(-1))
      const atOslo = await oslo.as(ana)
      await atOslo.call('datasets.add', { name: 'Panel', path: cytometry, project: id })
      await page.reload()
      await page.getByRole('link', { name: 'Panel' }).waitFor()
      await web.look(page, 'project')
      await page.getByRole('tab', { name: 'Members' }).click()
      await page.getByRole('textbox', { name: 'E-mail' }).fill('nobody@lab.example')
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('alert').getByText('has no account at this site').waitFor()
      // The site says it as a command; here it is a page.
      expect(await page.getByRole('alert').innerText()).not.toContain('crossload')
      const next = 'An administrator adds people under Administration, People'
      expect(await page.getByRole('link', { name: next }).getAttribute('href')).toBe(
        '/administration#people',
      )
      await page.getByRole('textbox', { name: 'E-mail' }).fill(ben)
      await page.getByRole('combobox', { name: 'Role', exact: true }).selectOption('viewer')
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('combobox', { name: `Role of ${ben}` }).waitFor()
      await web.look(page, 'project-members')
      expect(await overflow(page)).toBe(0)

      const bens = await web.open(oslo, ben, `/projects/${id}#members`)
      await bens.getByText('Owners decide who is in it.').waitFor()
      expect(await bens.getByRole('button', { name: 'Add', exact: true }).count()).toBe(0)
      await page.getByRole('combobox', { name: `Role of ${ben}` }).selectOption('member')
      await expect.poll(() => roleOf(id)).toBe('member')
      await bens.getByRole('link', { name: 'Projects' }).click()
      const shared = bens.getByRole('list', { name: 'Projects shared with me' })
      await shared.getByText('member', { exact: true }).waitFor()
      await shared.getByRole('link', { name: 'Blood panels' }).waitFor()

      await page.getByRole('combobox', { name: `Role of ${ana}` }).selectOption('viewer')
      await page.getByRole('alert').getByText('would have no owner').waitFor()
      await page.getByRole('button', { name: `Remove ${ben}` }).click()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByRole('combobox', { name: `Role of ${ben}` }).waitFor({ state: 'detached' })
      await bens.reload()
      await bens.getByText('Nobody has shared a project with you yet.').waitFor()
      await bens.context().close()
      await page.context().close()
    })

    test('its deposit folder is named and ended; one that is not there is refused in words', async () => {
      const atOslo = await oslo.as(ana)
      const { id } = await atOslo.call('projects.add', { name: 'Laid out' })
      const page = await web.open(oslo, ana, `/projects/${id}#deposit`)
      await page.getByText('What arrives in this project stays in the site’s store.').waitFor()
      await page.getByRole('textbox', { name: 'Folder' }).fill(join(folder, 'not there'))
      await page.getByRole('button', { name: 'Lay out what arrives there' }).click()
      await page.getByRole('alert').waitFor()
      const there = join(folder, 'laid out')
      await mkdir(there)
      await page.getByRole('textbox', { name: 'Folder' }).fill(there)
      await page.getByRole('button', { name: 'Lay out what arrives there' }).click()
      await page.getByText('Nothing has arrived yet.').waitFor()
      await web.look(page, 'project-deposit')
      expect((await atOslo.call('projects.show', { id })).deposit?.folder).toContain('laid out')
      await page.getByRole('button', { name: 'End the deposit folder' }).click()
      await page.getByRole('button', { name: 'End', exact: true }).click()
      await page.getByText('stays in the site’s store').waitFor()
      expect((await atOslo.call('projects.show', { id })).deposit).toBeUndefined()
      await page.context().close()
    })

    test('a token is shown once, does what it is for, and is revoked', async () => {
      const page = await web.open(oslo, ana, '/profile')
      await page
        .getByText('There is no token.')
        .or(page.getByRole('list', { name: 'Tokens' }))
        .waitFor()
      await page.getByLabel('What it is for').fill('nightly count')
      await page.getByLabel('It may').selectOption('read')
      await page.getByRole('button', { name: 'Make a token' }).click()
      const token = await page.getByText(/^crossload_/).innerText()
      await page.getByRole('button', { name: 'Copy the token' }).click()
      const program = createClient({ url: web.urlOf(oslo), token })
      expect((await program.call('site.show', {})).you.email).toBe(ana)
      await expect(program.call('projects.add', { name: 'x' })).rejects.toMatchObject({
        kind: 'denied',
      })
      const row = page.getByRole('listitem').filter({ hasText: 'nightly count' })
      await row.getByText('reads only').waitFor()
      await web.look(page, 'profile-tokens')
      expect(await overflow(page)).toBe(0)
      await page.reload()
      await row.waitFor()
      expect(await page.content()).not.toContain(token)
      await page.getByRole('button', { name: 'Revoke token nightly count' }).click()
      await page.getByRole('button', { name: 'Revoke', exact: true }).click()
      await row.waitFor({ state: 'detached' })
      await expect(program.call('site.show', {})).rejects.toMatchObject({ kind: 'denied' })
      await page.context().close()
    })

    test('a person changes their own name and password', async () => {
      const page = await web.open(oslo, ana, '/profile')
      await page.getByRole('button', { name: 'Change your name' }).click()
      await page.getByLabel('Your name').fill('Ana of the cytometers')
      await page.getByRole('button', { name: 'Keep' }).click()
      await page.getByText('Ana of the cytometers').waitFor()
      const next = 'another horse, another battery'
      await page.getByLabel('Present password').fill('not this one at all')
      await page.getByLabel(/^New password/).fill(next)
      await page.getByLabel('The new password again').fill(`${next}!`)
      await page.getByText('The two passwords differ.').waitFor()
      await page.getByLabel('The new password again').fill(next)
      await page.getByRole('button', { name: 'Change it' }).click()
      await page.getByRole('alert').getByText('It was not changed').waitFor()
      await web.look(page, 'profile-password')
      await page.getByLabel('Present password').fill(password)
      await page.getByRole('button', { name: 'Change it' }).click()
      await page.getByText('Every other session of yours has ended.').waitFor()
      await page.getByRole('button', { name: 'Log out' }).click()
      await logIn(page, ana)
      await page.getByRole('alert').getByText('You are not logged in').waitFor()
      await logIn(page, ana, next)
      await page.getByRole('heading', { name: 'Activity' }).waitFor()
      await page.context().close()
    })

    test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
      expect(web.complaints).toEqual([])
    })
  },
  60_000,
)

async function roleOf(id: number): Promise<string | undefined> {
  const { members } = await (await oslo.as(ana)).call('projects.show', { id })
  return members.find(({ email }) => email === (ben as Email))?.role
}
