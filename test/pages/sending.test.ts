/**
 * What a person is told around sending: who waits for them, what several workflows are as one transfer, why a
 * send that would be refused cannot be begun, what stayed behind when all is there, and where it was laid out.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Email } from '../../protocol/ids.ts'
import { acceptedPair, ana, type Pair } from '../site.ts'
import { cytometry } from '../trees.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

const ben = 'ben@lab.example'
const longMs = 60_000

let pair: Pair
let web: Console
let folder: string
let project: number
let dataset: number

describe.skipIf(noBrowser)(
  `around sending${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'crossload-sending-'))
      pair = await acceptedPair()
      web = await openConsole()
      const { oslo, kyoto, atOslo, atKyoto } = pair
      await Promise.all([oslo.as(ben), kyoto.as(ben)])
      project = (await atOslo.call('projects.add', { name: 'Panels' })).id
      await atOslo.call('projects.set-member', { id: project, email: ben as Email, role: 'member' })
      dataset = (await atOslo.call('datasets.add', { name: 'Panel', path: cytometry, project })).id
      for (const name of ['Gating', 'Counting', 'Plots']) {
        const document = join(folder, `${name}.json`)
        await writeFile(document, JSON.stringify({ name, datasetId: dataset }))
        await atOslo.call('workflows.add', { name, document, dataset })
      }
      await mkdir(join(folder, 'arrived'))
      const [own] = await atKyoto.call('projects.list', {})
      await atKyoto.call('projects.set-deposit', { id: own!.id, folder: join(folder, 'arrived') })
    }, 120_000)

    afterAll(async () => {
      await web?.[Symbol.asyncDispose]()
      await pair?.[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    test('who asks is counted in the menu and on the first page', async () => {
      const { oslo, kyoto } = pair
      const page = await web.open(oslo, ben)
      await page.getByText('Nothing is moving.').waitFor()
      expect(await page.getByRole('link', { name: 'Profile', exact: true }).count()).toBe(1)
      const atKyoto = await kyoto.as(ben)
      await atKyoto.call('connections.ask', { email: ben, alias: 'oslo' })
      await page.reload()
      await page.getByText('1 person asks to connect with you').waitFor()
      await page.getByRole('link', { name: 'Profile 1 waiting' }).waitFor()
      await web.look(page, 'activity-waiting')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('link', { name: 'look at External Connections' }).click()
      await page.getByRole('button', { name: `Accept ${ben}@` }).click()
      await page.getByRole('link', { name: 'Profile', exact: true }).waitFor()
      await page.context().close()
    })

    test('several workflows are ticked and sent as one, and what stayed here is a checklist', async () => {
      const page = await web.open(pair.oslo, ana, '/workflows')
      await page.getByText('Tick workflows of one dataset').waitFor()
      await page.getByRole('checkbox', { name: 'Tick Gating' }).check()
      await page.getByRole('checkbox', { name: 'Tick Plots' }).check()
      await page.getByRole('button', { name: 'Send 2 workflows' }).click()
      await page.getByLabel(`${ana}@kyoto (you, there)`).check()
      await web.look(page, 'workflows-batch')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('button', { name: 'Send 2 WFs & Files' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText(/chosen, .* already there, .* to send/).waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await page.getByText('Complete: every file is at the destination').waitFor()
      const there = await pair.atKyoto.call('workflows.list', {})
      expect(there.map(({ name }) => name).sort()).toEqual(['Gating', 'Plots'])

      const stayed = page.getByRole('region', { name: 'What did not travel: your checklist' })
      await stayed.getByRole('checkbox', { name: `${ben}: member` }).check()
      await stayed.getByRole('button', { name: `Copy ${ben}` }).click()
      await stayed.getByText('Copied').waitFor()
      expect(await stayed.getByText(ana).count()).toBe(0)
      await web.look(page, 'transfer-checklist')
      expect(await overflow(page)).toBe(0)
      await page.context().close()
    })

    test('the destination shows no checklist, and where it was laid out', async () => {
      const page = await web.open(pair.kyoto, ana, '/transfers')
      await page.getByRole('link', { name: /Panel/ }).click()
      await page.getByText('Imported').waitFor()
      expect(await page.getByText('did not travel').count()).toBe(0)
      const [own] = await pair.atKyoto.call('projects.list', {})
      await page.goto(`${web.urlOf(pair.kyoto)}/projects/${own!.id}#deposit`)
      await page.getByText(/version 1 lie there$/).waitFor()
      await web.look(page, 'project-laid-out')
      expect(await overflow(page)).toBe(0)
      await page.context().close()
    })

    test('what would be refused cannot be sent, and the dialog says why', async () => {
      const page = await web.open(pair.oslo, ana, `/datasets/${dataset}#collaborators`)
      await page.getByText('External', { exact: true }).click()
      await page.getByLabel(`${ana}@kyoto (you, there)`).check()
      await page.getByRole('button', { name: 'Send Files' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText(/chosen, .* already there, .* to send/).waitFor()
      expect(await dialog.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(
        false,
      )
      await dialog.getByLabel('Dataset ID').fill('999')
      await dialog.getByText('It would be refused: see above.').waitFor()
      expect(await dialog.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(
        true,
      )
      await web.look(page, 'send-disabled')
      await dialog.getByLabel('Dataset ID').fill('0')
      await dialog.getByText(/chosen, .* already there, .* to send/).waitFor()
      await page.context().close()
    })

    test('a destination that is away: it may be sent all the same, and the fault is counted and told', async () => {
      await pair.kyoto.kill()
      const page = await web.open(pair.oslo, ana, `/datasets/${dataset}#collaborators`)
      await page.getByText('External', { exact: true }).click()
      await page.getByLabel(`${ana}@kyoto (you, there)`).check()
      await page.getByRole('button', { name: 'Send Files' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Try again' }).waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await page.getByRole('link', { name: 'Activity 1 waiting' }).click()
      await page
        .getByRole('article', { name: 'Panel' })
        .getByText('Last fault, tried again')
        .waitFor()
      await web.look(page, 'activity-fault')
      expect(await overflow(page)).toBe(0)
      await page.context().close()
    })

    test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
      expect(web.complaints).toEqual([])
    })
  },
  longMs,
)
