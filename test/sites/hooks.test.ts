/**
 * A program hears what happens at Oslo: a site is linked, two people are connected, data is added and
 * sent, something on the disk goes bad. Oslo is killed while the program is away, and nothing is lost.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openReceiver, type Receiver } from '../receiver.ts'
import { ana, eventually, isDone, join2, openSite, type Site, until } from '../site.ts'

let folder: string
let receiver: Receiver
let oslo: Site
let kyoto: Site
let secret: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-hooks-'))
  receiver = await openReceiver()
  const config = { hooks: { allow: [receiver.place] } }
  ;[oslo, kyoto] = await Promise.all([openSite('oslo', { config }), openSite('kyoto')])
  const made = await oslo.admin.call('hooks.add', { url: receiver.url })
  secret = made.secret
  receiver.trust(secret)
}, 60_000)

afterAll(async () => {
  for (const one of [oslo, kyoto, receiver]) await one[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const heard = (): Record<string, unknown>[] =>
  receiver.heard.map(({ type, data }) => ({ type, ...data }))
/** Of the program before it went away. */
let earlier = ''
const hears = (type: string) =>
  eventually(async () => heard().find((one) => one.type === type), `it hears of ${type}`)

test('what happens at the site, by IDs that its API knows', async () => {
  const [atOslo] = await join2(oslo, kyoto)
  const [link] = await oslo.admin.call('links.list', {})
  const data = join(folder, 'patients')
  await mkdir(data)
  await writeFile(join(data, 'jane-doe.fcs'), 'FCS3.0 of a person with a name')
  const added = await atOslo.call('datasets.add', { name: 'Trial 7', path: data })
  await writeFile(join(data, 'john-doe.fcs'), 'FCS3.0 of another')
  await atOslo.call('datasets.update', { id: added.id, path: data })
  const to = { email: ana, alias: 'kyoto' }
  const sent = await atOslo.call('transfers.send', { to, dataset: { id: added.id } })
  const done = await until(atOslo, sent.id, isDone)
  await hears('transfer.done')
  const site = link!.site
  expect(heard()).toContainEqual({ type: 'link.changed', link: link!.id, site, state: 'accepted' })
  expect(heard()).toContainEqual(
    expect.objectContaining({ type: 'connection.changed', site, state: 'accepted' }),
  )
  expect(await hears('dataset.added')).toMatchObject({ dataset: added.id, version: 1, files: 1 })
  expect(await hears('dataset.version')).toMatchObject({ dataset: added.id, version: 2, files: 2 })
  expect(await hears('transfer.started')).toMatchObject({ transfer: sent.id, direction: 'out' })
  expect(await hears('transfer.done')).toMatchObject({
    transfer: sent.id,
    dataset: { id: added.id, version: 2 },
    theirDataset: { id: done.destination.dataset },
    bytes: { sent: done.bytes.sent },
  })
  // A new name and new metadata are no new version, however fresh that one is.
  await atOslo.call('datasets.meta', { id: added.id, changes: { panel: 'T cells' } })
  await atOslo.call('datasets.remove', { id: added.id })
})

test('a destination tells of the import, and of a transfer that fails', async () => {
  const atKyoto = await kyoto.as(ana)
  const data = join(folder, 'back')
  await mkdir(data)
  await writeFile(join(data, 'a.txt'), 'from Kyoto')
  const added = await atKyoto.call('datasets.add', { name: 'Back', path: data })
  const to = { email: ana, alias: 'oslo' }
  const sent = await atKyoto.call('transfers.send', { to, dataset: { id: added.id } })
  const done = await until(atKyoto, sent.id, isDone)
  expect(await hears('transfer.imported')).toMatchObject({
    transfer: sent.id,
    direction: 'in',
    dataset: { id: done.destination.dataset },
  })
  await eventually(
    async () =>
      heard().some(({ type, transfer }) => type === 'dataset.added' && transfer === sent.id),
    'it hears of the dataset that came',
  )
  const atOslo = await oslo.as(ana)
  const refused = await atOslo.call('transfers.send', {
    to: { email: ana, alias: 'kyoto' },
    dataset: { id: done.destination.dataset! },
    dest: 9999,
  })
  expect(await hears('transfer.failed')).toMatchObject({
    transfer: refused.id,
    state: 'refused',
    fault: { kind: 'missing' },
  })
  // Every record was taken at the first try, so whatever came twice would have been told twice.
  const ids = receiver.heard.map(({ id }) => id)
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  expect(heard().filter(({ type }) => type === 'dataset.version')).toHaveLength(1)
})

test('a program that is away while the site is killed hears all of it, in order', async () => {
  const atOslo = await oslo.as(ana)
  earlier = receiver.heard.map(({ body }) => body).join('\n')
  const port = Number(receiver.place.split(':')[1])
  await receiver[Symbol.asyncDispose]()
  const ids: number[] = []
  const add = async () => {
    const path = join(folder, 'back')
    ids.push((await atOslo.call('datasets.add', { name: `N${ids.length}`, path })).id)
  }
  await add()
  await eventually(
    async () => (await oslo.admin.call('hooks.list', {}))[0]!.state === 'failing',
    'it is failing',
  )
  await add()
  await oslo.kill('SIGKILL')
  await oslo.start()
  await add()
  receiver = await openReceiver(port)
  receiver.trust(secret)
  await oslo.admin.call('hooks.resume', { id: 1 })
  await receiver.until(3)
  await add()
  await receiver.until(4)
  expect(heard().map(({ dataset }) => dataset)).toEqual(ids)
}, 60_000)

test('damage on the disk is told, without a name', async () => {
  const packs = join(oslo.home, 'store', 'packs')
  await oslo.kill('SIGTERM')
  for (const name of await readdir(packs)) {
    const bytes = await readFile(join(packs, name))
    const at = bytes.indexOf('from Kyoto')
    if (at < 0) continue
    bytes.write('FROM KYOTO', at)
    await writeFile(join(packs, name), bytes)
  }
  await oslo.start()
  await oslo.admin.call('site.scrub-now', {})
  const told = await hears('damage.found')
  expect(told).toMatchObject({ count: 1 })
  const [thing] = told.things as { found: string; owners: { kind: string; id: number }[] }[]
  expect(thing).toMatchObject({ found: 'damaged', bytes: 10 })
  expect(thing!.owners[0]).toMatchObject({ kind: 'dataset', id: expect.any(Number) })
}, 60_000)

test('no name, no path, no address and no secret has left its place', async () => {
  const bodies = [earlier, ...receiver.heard.map(({ body }) => body)].join('\n')
  expect(bodies.match(/transfer\.started/g)!.length).toBeGreaterThan(1)
  expect(bodies).not.toMatch(/example|doe|Trial|Kyoto|\.txt|\.fcs|\/tmp/)
  expect(oslo.log()).not.toContain(secret)
  const inFiles: string[] = []
  for (const entry of await readdir(oslo.home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if ((await readFile(path)).includes(secret.slice(6))) inFiles.push(path)
  }
  expect(inFiles).toEqual([join(oslo.home, 'hooks', '1.secret')])
})

test('a backup takes the secret along: a site that comes from it goes on signing', async () => {
  const copy = join(folder, 'backup')
  await oslo.admin.call('site.backup', { folder: copy })
  expect(await readFile(join(copy, 'hooks', '1.secret'), 'utf8')).toBe(secret)
})
