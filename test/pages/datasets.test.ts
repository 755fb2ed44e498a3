/**
 * Ana works with files that lie at the site's machine, by console alone: she makes a dataset of a folder and
 * its next version, notes something, reads and exports it, binds a workflow to it, and removes both. Whoever
 * may only look is offered nothing else.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Email } from '../../protocol/ids.ts'
import { ana, diff, openSite, type Site } from '../site.ts'
import { cytometry } from '../trees.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

const vera = 'vera@lab.example'
const longMs = 60_000

let oslo: Site
let web: Console
let folder: string
let tree: string

describe.skipIf(noBrowser)(
  `datasets and workflows${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'crossload-datasets-'))
      tree = join(folder, 'panel')
      await cp(cytometry, tree, { recursive: true })
      oslo = await openSite('oslo')
      web = await openConsole()
    }, 120_000)

    afterAll(async () => {
      await web?.[Symbol.asyncDispose]()
      await oslo?.[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    test('a folder of the site’s machine becomes a dataset, and then its next version', async () => {
      const page = await web.open(oslo, ana, '/datasets')
      await page.getByText('There is no dataset yet.').waitFor()
      await page.getByRole('link', { name: 'New dataset' }).click()
      await page.getByRole('textbox', { name: 'What the dataset is called' }).fill('Panel')
      await page.getByRole('textbox', { name: 'Folder or file' }).fill(join(folder, 'not there'))
      await page.getByRole('button', { name: 'Add them' }).click()
      await page.getByRole('alert').getByText('not there').waitFor()
      await page.getByRole('textbox', { name: 'Folder or file' }).fill(tree)
      await page.getByRole('button', { name: 'Add them' }).click()
      await page.getByRole('link', { name: 'dataset 1, version 1' }).waitFor()
      await web.look(page, 'new-dataset-folder')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('link', { name: 'dataset 1, version 1' }).click()
      await page.getByRole('tab', { name: 'Versions' }).click()
      await page.getByRole('link', { name: 'New version' }).click()
      await writeFile(join(tree, 'only in the second.txt'), 'new')
      await page.getByRole('textbox', { name: 'Folder or file' }).fill(tree)
      await page.getByRole('button', { name: 'Make the next version of them' }).click()
      await page.getByRole('link', { name: 'dataset 1, version 2' }).click()
      await page.getByText('only in the second.txt').waitFor()
      await page.getByRole('combobox', { name: 'Version' }).selectOption('1')
      await page.getByText('only in the second.txt').waitFor({ state: 'detached' })
      const tar = page.getByRole('link', { name: 'Download all as a tar' })
      expect(await tar.getAttribute('href')).toBe('/api/datasets/1/archive?version=1')
      await web.look(page, 'dataset-files')
      await page.context().close()
    })

    test('it is described, exported and verified', async () => {
      const page = await web.open(oslo, ana, '/datasets/1#manage')
      const note = page.getByRole('form', { name: 'Note something' })
      await note.getByLabel('Key').fill('instrument')
      await note.getByLabel('Value').fill('FACScan')
      await note.getByRole('button', { name: 'Note it' }).click()
      await page.getByRole('list', { name: 'Metadata' }).getByText('FACScan').waitFor()
      const to = join(folder, 'exported')
      const exports = page.getByRole('region', { name: 'Export to a folder' })
      await exports.getByRole('textbox', { name: 'New folder' }).fill(to)
      await exports.getByRole('button', { name: 'Export' }).click()
      await exports.getByText(/^Wrote .* files/).waitFor()
      expect(await diff(tree, to)).toBe('')
      await exports.getByRole('button', { name: 'Export' }).click()
      await exports.getByRole('alert').waitFor()
      await page.getByRole('button', { name: 'Verify', exact: true }).click()
      await page.getByText('all of them are what they should be').waitFor()
      await web.look(page, 'dataset-manage')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('button', { name: 'Take away instrument' }).click()
      await page.getByRole('button', { name: 'Take away', exact: true }).click()
      await page.getByText('Nothing is noted.').waitFor()
      await page.context().close()
    })

    test('a workflow is bound to it, gets a next version, is exported and removed', async () => {
      const document = join(folder, 'gating.json')
      await writeFile(
        document,
        JSON.stringify({ name: 'Gating', datasetId: 1, other: 'dataset:77' }),
      )
      await mkdir(join(folder, 'results'))
      await writeFile(join(folder, 'results', 'counts.csv'), 'a,b\n')
      const page = await web.open(oslo, ana, '/datasets/1#workflows')
      await page.getByRole('link', { name: 'New workflow' }).click()
      await page.getByText('Panel, version 2').waitFor()
      await page.getByLabel('Version').selectOption('1')
      await page.getByText('Panel, version 1').waitFor()
      await page.getByLabel('Version').selectOption('2')
      await page.getByText('Panel, version 2').waitFor()
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Gating')
      await page.getByRole('textbox', { name: 'Document' }).fill(document)
      await page.getByRole('textbox', { name: 'Results' }).fill(join(folder, 'results'))
      await page.getByRole('button', { name: 'Make it' }).click()
      await page.getByRole('alert').getByText('names datasets other than 1').waitFor()
      await page
        .getByRole('alert')
        .getByText('“Take it although it names other datasets”')
        .waitFor()
      await page.getByText('How the document is read').click()
      await page.getByLabel('Take it although it names other datasets').check()
      await page.getByRole('button', { name: 'Make it' }).click()
      await page.getByText('Left as it is, naming another dataset').waitFor()
      await web.look(page, 'new-workflow')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('link', { name: 'workflow 1, version 1' }).click()
      await page.getByRole('tab', { name: 'Manage' }).click()
      await writeFile(document, JSON.stringify({ name: 'Gating', datasetId: 1 }))
      await page.getByRole('textbox', { name: 'Document' }).fill(document)
      await page.getByRole('button', { name: 'Make the next version' }).click()
      await page.getByRole('link', { name: 'workflow 1, version 2' }).waitFor()
      const to = join(folder, 'exported workflow')
      await page.getByRole('textbox', { name: 'New folder' }).fill(to)
      await page.getByRole('button', { name: 'Export', exact: true }).click()
      await page.getByText(/^Wrote .* 1 result file/).waitFor()
      expect(JSON.parse(await readFile(join(to, 'Gating.json'), 'utf8'))).toMatchObject({
        datasetId: 1,
      })
      await web.look(page, 'workflow-manage')
      expect(await overflow(page)).toBe(0)
      await page.getByRole('button', { name: 'Remove Gating' }).click()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('There is no workflow yet.').waitFor()
      await page.context().close()
    })

    test('who may only look is offered nothing else; the owner is asked before it is gone', async () => {
      const atOslo = await oslo.as(ana)
      await oslo.as(vera)
      const { project } = await atOslo.call('datasets.show', { id: 1 })
      await atOslo.call('projects.set-member', {
        id: project,
        email: vera as Email,
        role: 'viewer',
      })
      const veras = await web.open(oslo, vera, '/datasets/1#manage')
      await veras.getByRole('button', { name: 'Verify', exact: true }).waitFor()
      await veras.getByText('Nothing is noted.').waitFor()
      expect(await veras.getByRole('button', { name: 'Note it' }).count()).toBe(0)
      expect(await veras.getByRole('region', { name: 'Remove' }).count()).toBe(0)
      await veras.getByRole('tab', { name: 'Versions' }).click()
      await veras.getByText('Version 2').waitFor()
      expect(await veras.getByRole('link', { name: 'New version' }).count()).toBe(0)
      await veras.context().close()
      const page = await web.open(oslo, ana, '/datasets/1#manage')
      await page.getByRole('button', { name: 'Remove Panel' }).click()
      await page.getByText('Dataset 1 cannot be brought back.').waitFor()
      await page.getByRole('button', { name: 'Keep it' }).click()
      await page.getByRole('button', { name: 'Remove Panel' }).click()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('There is no dataset yet.').waitFor()
      await page.context().close()
    })

    test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
      expect(web.complaints).toEqual([])
    })
  },
  longMs,
)
