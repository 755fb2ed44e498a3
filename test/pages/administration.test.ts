/**
 * What whoever runs a site does in the console: agrees with another site on its name and policy, limits
 * rates, lets people in and out, keeps content, finds what is damaged, copies the site away, and reads what
 * happened.
 */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rot } from '../rot.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { type Console, noBrowser, openConsole, overflow } from '../web/console.ts'

const admin = 'admin@oslo.example'

let pair: Pair
let web: Console
let folder: string

describe.skipIf(noBrowser)(
  `the administrators’ room${noBrowser ? ` (skipped: ${noBrowser})` : ''}`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'crossload-administration-'))
      pair = await acceptedPair()
      web = await openConsole()
    }, 120_000)

    afterAll(async () => {
      await web?.[Symbol.asyncDispose]()
      await pair?.[Symbol.asyncDispose]()
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    test('a link: fingerprints to compare, its policy, and what we call it', async () => {
      const { oslo, kyoto } = pair
      const page = await web.open(oslo, admin, '/administration')
      const links = page.getByRole('list', { name: 'Links' })
      await links.getByText('Fingerprint, name and policy').click()
      const theirs = (await kyoto.admin.call('site.show', {})).fingerprint
      const ours = (await oslo.admin.call('site.show', {})).fingerprint
      await links.getByText(theirs).waitFor()
      await links.getByText(ours).waitFor()
      await links.getByRole('switch').click()
      await expect.poll(async () => (await linkNow()).shared).toBe(true)
      await web.look(page, 'administration-link')
      expect(await overflow(page)).toBe(0)
      await links.getByRole('textbox', { name: 'Our short name' }).fill('far-east')
      await links.getByRole('button', { name: 'Rename kyoto' }).click()
      await links.getByRole('button', { name: 'Pause far-east' }).waitFor()
      expect((await linkNow()).alias).toBe('far-east')
      await oslo.admin.call('links.rename', { id: (await linkNow()).id, alias: 'kyoto' })
      await page.context().close()
    })

    test('limits: of the site with a window, and of one link', async () => {
      const page = await web.open(pair.oslo, admin, '/administration#limits')
      const ofSite = page.getByRole('form', { name: 'Limit of the site' })
      await ofSite.getByRole('textbox', { name: 'Out', exact: true }).fill('10')
      await ofSite.getByText('For example 500 kB/s').waitFor()
      await ofSite.getByRole('textbox', { name: 'Out', exact: true }).fill('10 MB/s')
      await ofSite.getByText('Another rate at some times of the week').click()
      await ofSite.getByRole('textbox', { name: 'Out then' }).fill('none')
      await ofSite.getByRole('button', { name: 'Add this window' }).click()
      await ofSite.getByText('daily 20:00-06:00 out=none').waitFor()
      await ofSite.getByRole('button', { name: 'Set it: limit of the site' }).click()
      await page.getByText(/^Now out (at most 10.0 MB\/s|without limit \(window 1\))/).waitFor()
      await web.look(page, 'administration-limits')
      expect(await overflow(page)).toBe(0)
      const [set] = await pair.oslo.admin.call('limits.list', {})
      expect(set).toMatchObject({ of: 'site', out: 10e6, zone: 'Asia/Tokyo' })
      expect(set!.windows).toMatchObject([{ from: '20:00', to: '06:00', out: null }])
      await page.getByRole('button', { name: 'End the limit of the site' }).click()
      await page.getByRole('button', { name: 'End', exact: true }).click()
      await expect.poll(() => pair.oslo.admin.call('limits.list', {})).toEqual([])
      await page.getByText('kyoto: no limit of its own').click()
      const ofLink = page.getByRole('form', { name: 'Limit of kyoto' })
      await ofLink.getByRole('textbox', { name: 'In', exact: true }).fill('500 kB/s')
      await ofLink.getByRole('button', { name: 'Set it: limit of kyoto' }).click()
      await page.getByText('kyoto: limited').waitFor()
      await pair.oslo.admin.call('limits.clear-link', { id: (await linkNow()).id })
      await page.context().close()
    })

    test('people: a token for one of them, and what removing one does is said before', async () => {
      await pair.oslo.as('gone@lab.example')
      const page = await web.open(pair.oslo, admin, '/administration#people')
      await page.getByLabel('Search for somebody').fill('gone@')
      const people = page.getByRole('list', { name: 'People' })
      await people.getByText(ana, { exact: true }).waitFor({ state: 'detached' })
      await people.getByText('Tokens of gone@lab.example').click()
      await people.getByLabel('What it is for').fill('a robot')
      await people.getByRole('button', { name: 'Make a token' }).click()
      await people.getByText(/^crossload_/).waitFor()
      await people.getByRole('button', { name: 'Revoke token a robot' }).waitFor()
      await web.look(page, 'administration-person')
      expect(await overflow(page)).toBe(0)
      await people.getByRole('button', { name: 'Remove gone@lab.example' }).click()
      await people.getByText('forgotten for good').waitFor()
      await people.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('Nobody is like this.').waitFor()
      await page.context().close()
    })

    test('what is damaged is named, with who can send it again; content is held', async () => {
      const { oslo, atOslo, atKyoto } = pair
      const text = 'FCS3.0 of a tube that will rot\n'
      const path = join(folder, 'tube.fcs')
      await writeFile(path, text)
      const sent = await atKyoto.call('datasets.add', { name: 'Panel', path })
      const to = { email: ana, alias: 'oslo' }
      const { id } = await atKyoto.call('transfers.send', { to, dataset: { id: sent.id } })
      const { destination } = await until(atKyoto, id, isDone)
      const dataset = destination.dataset!
      await rot(oslo, Buffer.from(text))
      const page = await web.open(oslo, admin, '/administration#storage')
      await page.getByText('Nothing is held.').waitFor()
      await page.getByRole('button', { name: 'Read everything now' }).click()
      await page.getByText(`dataset ${dataset} (Panel), version 1:`).first().waitFor()
      const whence = `Kyoto (kyoto) has it as dataset ${sent.id}, version 1: ask them to send it again`
      await page.getByText(`${whence} into dataset ${dataset}.`).first().waitFor()
      const hold = page.getByRole('form', { name: 'Hold a dataset' })
      await hold.getByLabel('Dataset ID').fill(String(dataset))
      await hold.getByLabel('Why it must stay').fill('published')
      await hold.getByRole('button', { name: 'Hold it' }).click()
      const holds = page.getByRole('list', { name: 'Holds' })
      await holds.getByText('published').waitFor()
      await page.getByRole('button', { name: 'Count' }).click()
      await page.getByText('Nobody: may be given back').waitFor()
      await page.getByRole('button', { name: 'Verify everything' }).click()
      await page.getByRole('alert').getByText('not what').waitFor()
      await web.look(page, 'administration-damaged')
      expect(await overflow(page)).toBe(0)
      await holds.getByRole('button', { name: 'Release hold 1' }).click()
      await holds.getByRole('button', { name: 'Release', exact: true }).click()
      await page.getByText('Nothing is held.').waitFor()
      expect(await atOslo.call('datasets.show', { id: dataset })).toMatchObject({ name: 'Panel' })
      await page.context().close()
    })

    test('a backup is made while the site runs', async () => {
      const page = await web.open(pair.oslo, admin, '/administration#backup')
      const to = join(folder, 'copy')
      await page.getByRole('textbox', { name: 'New folder' }).fill(to)
      await page.getByRole('button', { name: 'Copy everything there' }).click()
      await page.getByText(/^Copied .* files/).waitFor()
      expect((await stat(join(to, 'journal'))).isDirectory()).toBe(true)
      await page.getByRole('button', { name: 'Copy everything there' }).click()
      await page.getByRole('alert').getByText('Already there', { exact: true }).waitFor()
      await web.look(page, 'administration-backup')
      await page.context().close()
    })

    test('the journal: newest first, verified, and taken along as a file', async () => {
      const page = await web.open(pair.oslo, admin, '/administration#journal')
      const records = page.getByRole('list', { name: 'Records' })
      const first = await records.getByRole('listitem').first().innerText()
      const [newest] = (await pair.oslo.admin.call('journal.read', { newest: true, limit: 1 }))
        .records
      expect(first).toContain(`${newest!.seq} ${newest!.kind}`)
      await page.getByRole('button', { name: 'Verify the chain' }).click()
      await page.getByText('the chain is whole').waitFor()
      const download = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Export' }).click()
      const path = await (await download).path()
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, at) => at + 1))
      expect(lines.length).toBeGreaterThanOrEqual(newest!.seq)
      await web.look(page, 'administration-journal')
      await page.context().close()
    })

    test('who the site is, and what it was told, is read and not changed here', async () => {
      const page = await web.open(pair.oslo, admin, '/administration#site')
      await page.getByText((await pair.oslo.admin.call('site.show', {})).fingerprint).waitFor()
      await page.getByText('in order').or(page.getByText('damaged')).first().waitFor()
      await page.getByText(join(pair.oslo.home, 'config.json')).waitFor()
      const settings = page.getByRole('list', { name: 'Settings' })
      await settings.getByText('scrubDays: 30').waitFor()
      await web.look(page, 'administration-site')
      expect(await overflow(page)).toBe(0)
      await page.context().close()
    })

    test('no request left the site, the browser had nothing to complain of, and nobody is shut out', () => {
      expect(web.complaints).toEqual([])
    })
  },
  60_000,
)

const linkNow = async () => (await pair.oslo.admin.call('links.list', {}))[0]!
