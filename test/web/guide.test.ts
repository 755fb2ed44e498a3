/**
 * OMIQ's guide for moving from one server to another by External Transfer, walked as it is written, in
 * two windows of a real browser: Ana at Oslo, the source, and Ana at Kyoto, the destination. She clicks,
 * types and reads; nothing is asked of the API but what a colleague with a ruler would check at the end.
 * Rows O1 to O17 of what the guide promises stand in the names of the tests.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder } from '../folder.ts'
import { ana, openSite, type Site } from '../site.ts'
import { cytometry, writeLarge } from '../trees.ts'
import { type Console, noBrowser, openConsole } from './console.ts'
import { analyses, writeAnalysis } from './guide.ts'

const bea = 'bea@lab.example'
/** So slow that one sees it move: bytes a second. */
const slow = 1_000_000
/** Real acquisitions are small; one of this size takes long enough to be seen on its way. */
const longRunBytes = 6_000_000
const stepMs = 120_000

let oslo: Site
let kyoto: Site
let web: Console
let folder: Awaited<ReturnType<typeof openFolder>>
/** Her two windows. */
let source: Page
let destination: Page
/** The dataset at Oslo, and what it became at Kyoto in the first and in the third case. */
let here: number
let first: string
let there: string

describe.skipIf(noBrowser)(`OMIQ’s guide${noBrowser ? ` (skipped: ${noBrowser})` : ''}`, () => {
  beforeAll(async () => {
    ;[oslo, kyoto] = await Promise.all([openSite('oslo'), openSite('kyoto')])
    const { invitation } = await oslo.admin.call('links.invite', {})
    await kyoto.admin.call('links.add', { to: invitation, alias: 'oslo' })
    folder = await openFolder()
    // Bea works with Ana at Oslo, and has a dataset of her own at Kyoto: what Ana must never reach.
    await Promise.all([oslo.as(bea), kyoto.as(ana)])
    const beas = await kyoto.as(bea)
    await beas.call('datasets.add', { name: 'Bea’s own', path: cytometry })
    const atOslo = await oslo.as(ana)
    const { id: project } = await atOslo.call('projects.add', { name: 'Blood lab' })
    await atOslo.call('projects.set-member', { id: project, email: bea as never, role: 'viewer' })
    const panel = join(folder.path, 'panel')
    await cp(cytometry, panel, { recursive: true })
    await writeLarge(join(panel, 'long-run.fcs'), longRunBytes, 5)
    const blood = { name: 'Blood panel', path: panel, project }
    here = (await atOslo.call('datasets.add', blood)).id
    for (const name of Object.keys(analyses)) {
      const written = await writeAnalysis(folder.path, name, here)
      await atOslo.call('workflows.add', { name, dataset: here as never, project, ...written })
    }
    web = await openConsole()
    source = await web.open(oslo, ana)
    destination = await web.open(kyoto, ana)
    await source.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  }, stepMs)

  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
    await oslo?.[Symbol.asyncDispose]()
    await kyoto?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  test(
    'O4, O5, O7: at the destination she asks herself, by e-mail and the source’s short name',
    async () => {
      await visit(destination, 'Profile')
      const panel = destination.getByRole('region', { name: 'Connections' })
      await panel.getByRole('button', { name: 'External Connections' }).click()
      await panel.getByRole('heading', { name: 'External Connections' }).waitFor()
      await panel.getByText('You are connected with nobody yet.').waitFor()
      await panel.getByText('Linked: oslo').waitFor()
      await panel.getByLabel('E-mail there').fill(ana)
      await panel.getByLabel('Short name of the other site').fill('oslo')
      await panel.getByRole('button', { name: 'Ask to connect' }).click()
      await panel.getByText('has been asked').waitFor()
    },
    stepMs,
  )

  test(
    'O6: at the source she accepts, and both ends say that they are connected',
    async () => {
      await visit(source, 'Profile')
      const panel = source.getByRole('region', { name: 'Connections' })
      await panel.getByText('1 waiting for you').waitFor()
      await panel.getByRole('button', { name: 'External Connections' }).click()
      await panel.getByText('asks to connect with you').waitFor()
      await panel.getByRole('button', { name: `Accept ${ana}@` }).click()
      await panel.getByText('connected: both of you may send').waitFor()
      await destination.getByText('connected: both of you may send').waitFor()
    },
    stepMs,
  )

  test(
    'O3, O8: her own datasets, and a Collaborators box that changes when it is External',
    async () => {
      await visit(source, 'Datasets')
      await source.getByLabel('Owned by me').check()
      await source.getByRole('link', { name: 'Blood panel' }).click()
      await source.getByRole('tab', { name: 'Collaborators' }).click()
      const box = source.getByRole('region', { name: 'Collaborators' })
      await box.getByText('Internal: people at this site').waitFor()
      await box.getByText(bea).waitFor()
      expect(await box.getByRole('button', { name: /^Send/ }).count()).toBe(0)
      const internal = await lookOf(source, 'Internal: people at this site')
      await box.getByText('External', { exact: true }).click()
      await box.getByText('External: people at other sites').waitFor()
      expect(await box.getByText(bea).count()).toBe(0)
      const external = await lookOf(source, 'External: people at other sites')
      expect(external.edge).not.toBe(internal.edge)
      expect(external.ground).not.toBe(internal.ground)
      expect(await box.getByLabel('External', { exact: true }).isChecked()).toBe(true)
      expect(await box.getByRole('button', { name: 'Send Files' }).isDisabled()).toBe(true)
    },
    stepMs,
  )

  test(
    'O9, O10, O11, case 1: Send Files, with 0, of the files she ticks, seen to move at both ends',
    async () => {
      await visit(destination, 'Activity')
      await source.getByLabel(`${ana}@kyoto (you, there)`).check()
      await source.getByRole('button', { name: 'Send Files' }).click()
      const dialog = source.getByRole('dialog')
      await dialog.getByText('Asking the destination').waitFor({ state: 'detached' })
      await dialog.getByText('7.15 MB chosen, 0 B already there, 7.15 MB to send').waitFor()
      expect(await dialog.getByLabel('Dataset ID').inputValue()).toBe('0')
      // O2: what stays behind is said before anything is sent.
      await dialog.getByText('Stays here: collaborators, groups, connections').waitFor()
      await dialog.getByLabel('0877408774.B08').uncheck()
      await dialog.getByRole('button', { name: 'Open compensation' }).click()
      await dialog.getByLabel('compref').uncheck()
      await dialog.getByText('10 files ticked').waitFor()
      await dialog.getByText('6.98 MB chosen').waitFor()
      await oslo.admin.call('limits.set', { out: slow, localExempt: false })
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      const isMoving = { name: /^Blood panel: [1-9]\d?% there$/ }
      await Promise.all([
        source.getByRole('progressbar', isMoving).waitFor(),
        destination.getByRole('progressbar', isMoving).waitFor(),
      ])
      // O17: a dataset that has not arrived has no ID there yet, and the page says so.
      await source.getByText('not known yet').waitFor()
      expect(await source.getByRole('button', { name: /^Copy/ }).count()).toBe(0)
      await complete(source)
      await oslo.admin.call('limits.clear', {})
      const arrived = destination.getByRole('article', { name: 'Blood panel' })
      await arrived.getByText('Complete', { exact: true }).waitFor()
      first = await source.getByTestId('dest-dataset').innerText()
      // Bea has the first ID of Kyoto, so it is not the number that the dataset has at Oslo.
      expect(first).toBe('2')
      // O3: what remains to be done over there.
      for (const todo of ['make the groups again', 'add the collaborators', 'let them ask'])
        await source.getByText(todo).waitFor()
    },
    stepMs,
  )

  test(
    'O17: an ID that is wrong and one that is somebody else’s are refused alike, in words',
    async () => {
      await visit(source, 'Datasets')
      await source.getByRole('link', { name: 'Blood panel' }).click()
      await external(source)
      await source.getByRole('button', { name: 'Send Files' }).click()
      const dialog = source.getByRole('dialog')
      const told: string[] = []
      for (const id of ['999', '1']) {
        await dialog.getByLabel('Dataset ID').fill(id)
        const alert = dialog.getByRole('alert').filter({ hasText: new RegExp(`\\b${id}\\b`) })
        await alert.waitFor()
        told.push((await alert.innerText()).replace(new RegExp(`\\b${id}\\b`), 'ID'))
      }
      expect(told[0]).toBe(told[1])
      await dialog.getByLabel('Dataset ID').fill('one')
      await dialog.getByText('An ID is a whole number; 0 means a new dataset.').waitFor()
      expect(await dialog.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(
        true,
      )
      // Nothing typed is 0.
      await dialog.getByLabel('Dataset ID').fill('')
      await dialog.getByText('7.15 MB chosen').waitFor()
      await dialog.getByRole('button', { name: 'Close', exact: true }).click()
    },
    stepMs,
  )

  test(
    'O12, case 2: Send WF & Files is one act, and the workflow is bound when it is there',
    async () => {
      await openWorkflow('Gating')
      await source.getByRole('button', { name: 'Send WF & Files' }).click()
      const dialog = source.getByRole('dialog')
      await dialog.getByText('Stays here: collaborators, groups, connections').waitFor()
      await dialog.getByText('Travels: workflow "Gating": its document, 1 result file').waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await complete(source)
      const dataset = await source.getByTestId('dest-dataset').innerText()
      expect(dataset).not.toBe(first)
      await visit(destination, 'Workflows')
      await destination.getByRole('link', { name: 'Gating' }).click()
      await destination.getByRole('link', { name: `dataset ${dataset}` }).waitFor()
      await destination.getByText('0877408774.B08').first().waitFor()
    },
    stepMs,
  )

  test(
    'O13, case 3: the dataset alone, until nobody can doubt that it is complete',
    async () => {
      await visit(source, 'Datasets')
      await source.getByRole('link', { name: 'Blood panel' }).click()
      await external(source)
      await source.getByRole('button', { name: 'Send Files' }).click()
      const dialog = source.getByRole('dialog')
      // What went before is not sent again.
      await dialog.getByText('7.15 MB chosen, 7.15 MB already there, 0 B to send').waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await complete(source)
    },
    stepMs,
  )

  test(
    'O14: its entry in the Transfer history opens, and the Dest Dataset is copied',
    async () => {
      await visit(source, 'Transfer history')
      const entries = source.getByRole('list', { name: 'Transfers' }).getByRole('listitem')
      // The newest first.
      await entries.first().getByText(`Sent to ${ana}@kyoto`).waitFor()
      await entries.first().getByRole('link', { name: 'Blood panel' }).click()
      await factOf(source, 'Dest Dataset').waitFor()
      there = await source.getByTestId('dest-dataset').innerText()
      await source.getByRole('button', { name: 'Copy the Dest Dataset ID' }).click()
      await source.getByText('Copied').waitFor()
      expect(await source.evaluate(() => navigator.clipboard.readText())).toBe(there)
    },
    stepMs,
  )

  test.each(['Compensation', 'Counting'])(
    'O15, O16: Send WF of %s with the copied ID, and no byte of the dataset crosses',
    async (name) => {
      await openWorkflow(name)
      await source.getByRole('button', { name: 'Send WF', exact: true }).click()
      const dialog = source.getByRole('dialog')
      const field = dialog.getByLabel('Dest Dataset ID')
      // It is known from the transfer before.
      expect(await field.inputValue()).toBe(there)
      await field.fill('')
      await field.focus()
      await source.keyboard.press('Control+V')
      expect(await field.inputValue()).toBe(there)
      await dialog.getByText('2 inputs of 2 matched').waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await complete(source)
      await factOf(source, 'Of the dataset').getByText('0 bytes', { exact: true }).waitFor()
      await visit(destination, 'Workflows')
      await destination.getByRole('link', { name }).click()
      await destination.getByRole('link', { name: `dataset ${there}` }).waitFor()
    },
    stepMs,
  )

  test(
    'O16: or all of them at once, from the page of their dataset',
    async () => {
      await visit(source, 'Datasets')
      await source.getByRole('link', { name: 'Blood panel' }).click()
      await external(source)
      await source.getByRole('button', { name: 'Send 3 WFs', exact: true }).click()
      const dialog = source.getByRole('dialog')
      expect(await dialog.getByLabel('Dest Dataset ID').inputValue()).toBe(there)
      await dialog.getByText('6 inputs of 6 matched').waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await complete(source)
      await factOf(source, 'Of the dataset').getByText('0 bytes', { exact: true }).waitFor()
    },
    stepMs,
  )

  test(
    'O17: to a dataset that lacks inputs it is refused with a list, and nothing is half bound',
    async () => {
      const before = await workflowsThere()
      await openWorkflow('Gating')
      await source.getByRole('button', { name: 'Send WF', exact: true }).click()
      const dialog = source.getByRole('dialog')
      await dialog.getByLabel('Dest Dataset ID').fill(first)
      await dialog.getByText('0877408774.B08 is missing').waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await source.getByText('Refused by the destination').first().waitFor()
      expect(await workflowsThere()).toBe(before)
    },
    stepMs,
  )

  test(
    'O17: to a dataset that has been removed there it is refused in words',
    async () => {
      const before = await workflowsThere()
      const removed = await kyoto.cli(['dataset', 'remove', first], {
        token: kyoto.tokens.get(ana)!,
      })
      expect(removed.code, removed.stderr).toBe(0)
      await openWorkflow('Gating')
      await source.getByRole('button', { name: 'Send WF', exact: true }).click()
      const dialog = source.getByRole('dialog')
      await dialog.getByLabel('Dest Dataset ID').fill(first)
      await dialog.getByRole('alert').getByText(first).waitFor()
      await dialog.getByRole('button', { name: 'Send', exact: true }).click()
      await source.getByText('Refused by the destination').first().waitFor()
      expect(await workflowsThere()).toBe(before)
    },
    stepMs,
  )

  test(
    'O2: none of her collaborators came along',
    async () => {
      await visit(destination, 'Datasets')
      const arrived = destination.getByRole('listitem').filter({ hasText: `Dataset ${there},` })
      await arrived.getByRole('link').click()
      await destination.getByRole('tab', { name: 'Collaborators' }).click()
      const members = destination.getByRole('list', { name: 'Members' }).getByRole('listitem')
      await members.first().waitFor()
      expect(await members.count()).toBe(1)
      expect(await members.first().innerText()).toContain(ana)
    },
    stepMs,
  )

  test(
    'O1: the same roots at both ends, and results that agree to the last byte',
    async () => {
      const [atOslo, atKyoto] = [await oslo.as(ana), await kyoto.as(ana)]
      const rootOf = async (client: typeof atOslo, id: number) =>
        (await client.call('datasets.show', { id })).root
      expect(await rootOf(atKyoto, Number(there))).toBe(await rootOf(atOslo, here))
      const ours = await atOslo.call('workflows.list', {})
      const theirs = await atKyoto.call('workflows.list', {})
      // One by one, and all at once: what was sent twice is there twice, from the same workflow.
      expect(theirs.length).toBe(6)
      for (const one of theirs) {
        const own = ours.find(({ name }) => name === one.name)!
        expect([one.root, one.document]).toEqual([own.root, own.document])
        const into = join(folder.path, `at-kyoto-${one.id}`)
        await atKyoto.call('workflows.export', { id: one.id, folder: into })
        await analyses[one.name]!.demand(into)
      }
    },
    stepMs,
  )

  test('no request left the site, and the browser had nothing to complain of', () => {
    expect(web.complaints).toEqual([])
  })
})

/** To a room, by the menu. */
async function visit(page: Page, room: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: room }).click()
  await page.getByRole('heading', { name: room, level: 1 }).waitFor()
}

async function openWorkflow(name: string): Promise<void> {
  await visit(source, 'Workflows')
  await source.getByRole('link', { name }).click()
  await external(source)
}

async function external(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Collaborators' }).click()
  await page.getByText('External', { exact: true }).click()
  await page.getByLabel(`${ana}@kyoto (you, there)`).check()
}

async function complete(page: Page): Promise<void> {
  await page
    .getByText('Complete: every file is at the destination and it has signed for them.')
    .waitFor({ timeout: 60_000 })
}

/** What stands beside a name. */
const factOf = (page: Page, name: string) => page.getByText(name, { exact: true }).locator('..')

/** How a side of the Collaborators box looks, whatever it says. */
function lookOf(page: Page, heading: string) {
  return page.getByText(heading).evaluate((element) => {
    const { borderLeftColor: edge, backgroundColor: ground } = getComputedStyle(
      element.closest('.side')!,
    )
    return { edge, ground }
  })
}

/** How many workflows her window at Kyoto lists. */
async function workflowsThere(): Promise<number> {
  await visit(destination, 'Activity')
  await visit(destination, 'Workflows')
  const list = destination.getByRole('list', { name: 'Workflows' })
  await list.waitFor()
  return await list.getByRole('listitem').count()
}
