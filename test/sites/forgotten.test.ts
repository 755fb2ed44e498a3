/**
 * Ana leaves Oslo. She had sent and received, was connected with Ken at Kyoto, had tokens, an upload, a
 * refused transfer, and a program was told of it all. Afterwards nothing in Oslo's home says who she was;
 * what happened is still there, and its chain holds. Kyoto keeps what it was told.
 */
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { openDb } from '../../node/db/db.ts'
import { keys } from '../../node/db/keys.ts'
import { openFolder } from '../folder.ts'
import { openReceiver, type Receiver } from '../receiver.ts'
import { eventually, isDone, isEnded, openSite, type Site, until } from '../site.ts'

const ana = 'ana.lyst@oslo-lab.example'
const ken = 'ken.ito@kyoto-lab.example'
/** What must not be found of her, and of whom she knew; as it might be written. */
const traces = ['ana.lyst', 'ana lyst', 'lyst laptop', 'ken.ito', 'ken ito']

let folder: Awaited<ReturnType<typeof openFolder>>
let receiver: Receiver
let oslo: Site
let kyoto: Site
let atOslo: Client
let atKyoto: Client
let backup: string
let sent: string
let got: string
let refused: string

beforeAll(async () => {
  folder = await openFolder()
  backup = join(folder.path, 'backup')
  receiver = await openReceiver()
  const config = { hooks: { allow: [receiver.place] } }
  ;[oslo, kyoto] = await Promise.all([openSite('oslo', { config }), openSite('kyoto')])
  await oslo.admin.call('hooks.add', { url: receiver.url })
  const { invitation } = await oslo.admin.call('links.invite', {})
  await kyoto.admin.call('links.add', { to: invitation, alias: 'oslo' })
  await oslo.admin.call('people.add', { email: ana, name: 'Ana Lyst' })
  await kyoto.admin.call('people.add', { email: ken, name: 'Ken Ito' })
  ;[atOslo, atKyoto] = await Promise.all([member(oslo, ana), member(kyoto, ken)])
  await live()
}, 240_000)

afterAll(async () => {
  for (const one of [oslo, kyoto, receiver, folder]) await one?.[Symbol.asyncDispose]()
})

async function member(site: Site, email: string): Promise<Client> {
  site.tokens.set(email, (await site.admin.call('people.token', { email })).token)
  return site.as(email)
}

/** All that Ana does before she leaves. */
async function live(): Promise<void> {
  await atKyoto.call('connections.ask', { email: ana, alias: 'oslo' })
  const [asked] = await atOslo.call('connections.list', {})
  await atOslo.call('connections.accept', { id: asked!.id })
  const made = async (client: Client, name: string) => {
    const path = join(folder.path, name)
    await mkdir(path)
    await writeFile(join(path, 'a.fcs'), `FCS3.0 of ${name}`)
    return client.call('datasets.add', { name, path })
  }
  await atOslo.call('tokens.add', { label: 'Lyst laptop' })
  const ours = await made(atOslo, 'ours')
  const theirs = await made(atKyoto, 'theirs')
  const toKen = { email: ken, alias: 'kyoto' }
  const toAna = { email: ana, alias: 'oslo' }
  sent = (await atOslo.call('transfers.send', { to: toKen, dataset: { id: ours.id } })).id
  await until(atOslo, sent, isDone)
  got = (await atKyoto.call('transfers.send', { to: toAna, dataset: { id: theirs.id } })).id
  await until(atKyoto, got, isDone)
  // Refused in words that name who may not; and one that Oslo refuses, which is written down here.
  const wrong = { to: toKen, dataset: { id: ours.id }, dest: 99 }
  refused = (await atOslo.call('transfers.send', wrong)).id
  const view = await until(atOslo, refused, isEnded)
  expect(view.fault?.text).toContain(ken)
  await atKyoto
    .call('transfers.send', { to: toAna, dataset: { id: theirs.id }, dest: 99 })
    .then(({ id }) => until(atKyoto, id, isEnded))
  const begun = await fetch(`${oslo.admin.url}/api/uploads`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${oslo.tokens.get(ana)}`,
      'tus-resumable': '1.0.0',
      'upload-length': '100',
      'upload-metadata': `filename ${Buffer.from('ana lyst.fcs').toString('base64')}`,
    },
  })
  expect(begun.status).toBe(201)
  const { link } = await oslo.admin.call('people.link', { email: ana })
  const entered = await fetch(`${oslo.admin.url}/api/welcome`, {
    method: 'POST',
    headers: { origin: oslo.admin.url, 'content-type': 'application/json' },
    body: JSON.stringify({
      secret: link.slice(link.indexOf('#') + 1),
      password: 'four words in a row',
    }),
  })
  expect(entered.status).toBe(200)
  await eventually(
    async () => receiver.heard.some(({ data }) => data.transfer === got),
    'the program hears of the last transfer',
  )
}

/** Every file under a home whose bytes hold one of these, in whatever letters. */
async function filesWith(home: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    // What goes while it is looked for is not there.
    const bytes = (await readIfThere(path, 'latin1')).toLowerCase()
    const all = `${entry.name.toLowerCase()}\n${bytes}\n${bytes.replaceAll('\0', '')}`
    for (const text of texts)
      if (all.includes(text)) found.push(`${path.slice(home.length)}: ${text}`)
  }
  return found
}

const readIfThere = (path: string, as: BufferEncoding) =>
  readFile(path, as).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return ''
    throw thrown
  })

/** Keys of an index, of a site that is stopped, whose records hold one of these. */
async function recordsWith(index: string, texts: readonly string[]): Promise<string[]> {
  await using db = await openDb({ folder: index, create: false })
  const found: string[] = []
  const nouns = ['users', 'tokens', 'connections', 'transfers', 'bundles', 'projects'] as const
  for (const noun of nouns) {
    const records = await Array.fromAsync(db.list(keys[noun]()))
    expect([noun, records.length > 0]).toEqual([noun, true])
    for (const { key, value } of records) {
      const text = JSON.stringify(value).toLowerCase()
      if (texts.some((one) => text.includes(one))) found.push(key)
    }
  }
  return found
}

/** Without what is another each time a site starts. */
const answers = async () => ({
  people: await oslo.admin.call('people.list', {}),
  projects: await oslo.admin.call('projects.list', {}),
  links: (await oslo.admin.call('links.list', {})).map(({ addresses: _, ...link }) => link),
  records: (await oslo.admin.call('journal.read', { limit: 1000 })).records,
})

describe('before she leaves', () => {
  test('who she is stands in no file but in letters that only her key opens', async () => {
    // An upload has the name that its file had, and goes with her.
    const found = await filesWith(oslo.home, traces)
    expect(found.filter((line) => !line.startsWith('/uploads/'))).toEqual([])
    expect((await atOslo.call('transfers.show', { id: sent })).destination.person).toBe(ken)
    expect((await atOslo.call('tokens.list', {})).map(({ label }) => label)).toContain(
      'Lyst laptop',
    )
    expect(oslo.log().toLowerCase()).not.toMatch(/ana\.lyst|ken\.ito/)
  })

  test('all of it is there after the index was made again', async () => {
    const asks = async () => ({
      transfers: await atOslo.call('transfers.list', { limit: 10 }),
      connections: await atOslo.call('connections.list', {}),
      tokens: await atOslo.call('tokens.list', {}),
      you: (await atOslo.call('site.show', {})).you,
    })
    const before = await asks()
    expect(before.transfers).toHaveLength(3)
    await oslo.kill()
    await rm(join(oslo.home, 'index'), { recursive: true })
    await oslo.start()
    expect(await asks()).toEqual(before)
  })

  test('a backup can bring her back, so it has her key', async () => {
    await oslo.admin.call('site.backup', { folder: backup })
    expect(await readdir(join(backup, 'people'))).toEqual(['1.key', '2.key'])
  })
})

describe('after she has left', () => {
  beforeAll(async () => {
    await oslo.admin.call('people.remove', { email: ana })
  })

  test('she is a removed person, and nothing in the home says who that was', async () => {
    const people = await oslo.admin.call('people.list', {})
    expect(people).toMatchObject([
      { id: 1, state: 'active' },
      { id: 2, email: '', name: 'a removed person', state: 'removed' },
    ])
    await eventually(
      async () => (await filesWith(oslo.home, traces)).length === 0,
      'nothing is found, her upload gone too',
    )
    expect(await readdir(join(oslo.home, 'people'))).toEqual(['1.key'])
    expect(oslo.log().toLowerCase()).not.toMatch(/ana\.lyst|ken\.ito/)
    for (const { body } of receiver.heard)
      for (const trace of traces) expect(body.toLowerCase()).not.toContain(trace)
  })

  test('history keeps its chain, also in an export', async () => {
    const { records, head } = await oslo.admin.call('journal.verify', {})
    expect([records > 20, head.length]).toEqual([true, 64])
    const exported = await oslo.cli(['journal', 'export'])
    expect(exported.stdout).toContain('user.removed')
    expect(exported.stdout).toContain(sent)
    for (const trace of traces) expect(exported.stdout.toLowerCase()).not.toContain(trace)
  })

  test('Kyoto keeps what it was told, and hears that the connection has ended', async () => {
    expect((await atKyoto.call('transfers.show', { id: got })).destination.person).toBe(ana)
    await eventually(async () => {
      const [connection] = await atKyoto.call('connections.list', {})
      return connection?.state === 'removed'
    }, 'the connection is over there')
    const [theirs] = await atKyoto.call('datasets.list', {})
    const again = { to: { email: ana, alias: 'oslo' }, dataset: { id: theirs!.id } }
    await expect(atKyoto.call('transfers.send', again)).rejects.toMatchObject({ kind: 'missing' })
    const ask = atKyoto.call('connections.ask', { email: ana, alias: 'oslo' })
    await expect(ask).rejects.toMatchObject({ kind: 'missing' })
    // Who asks for her by name is not written down by that name.
    expect(await filesWith(oslo.home, traces)).toEqual([])
  })

  test('an index made again from the journal gives the same answers, and a key that a crash left goes', async () => {
    const before = await answers()
    await oslo.kill()
    // Read as it is meant to be read: what the index packs, nobody finds by looking at its files.
    expect(await recordsWith(join(oslo.home, 'index'), traces)).toEqual([])
    await rm(join(oslo.home, 'index'), { recursive: true })
    await cp(join(backup, 'people', '2.key'), join(oslo.home, 'people', '2.key'))
    await oslo.start()
    const after = await answers()
    // A start may add a record of its own; none that was there is another.
    const records = after.records.slice(0, before.records.length)
    expect({ ...after, records }).toEqual(before)
    expect(await readdir(join(oslo.home, 'people'))).toEqual(['1.key'])
    expect(await filesWith(oslo.home, traces)).toEqual([])
  })

  test('the address may come again, and is somebody else', async () => {
    const next = await oslo.admin.call('people.add', { email: ana })
    expect(next).toMatchObject({ id: 3, email: ana })
    const token = await oslo.admin.call('people.token', { email: ana })
    oslo.tokens.set(ana, token.token)
    const hers = await oslo.as(ana)
    expect(await hers.call('transfers.list', { limit: 10 })).toEqual([])
    expect(await hers.call('connections.list', {})).toEqual([])
  })

  test('the backup from before still knows her: whoever restores it removes her again', async () => {
    const [key, away] = [join(backup, 'people', '2.key'), join(folder.path, 'away')]
    await rename(key, away)
    await using restored = await openSite('oslo', { home: backup, made: true })
    // A copy without her key says so, and makes no other one in its place.
    const health = await restored.admin.call('site.health', {})
    expect(health).toMatchObject({ state: 'damaged' })
    expect(health.fault?.text).toContain('Put people/2.key back')
    expect((await restored.admin.call('people.list', {}))[1]).toMatchObject({
      email: 'person-2@key-missing.invalid',
      state: 'active',
    })
    await restored.kill()
    expect(await readdir(join(backup, 'people'))).toEqual(['1.key'])
    await rename(away, key)
    await restored.start()
    const people = await restored.admin.call('people.list', {})
    expect(people[1]).toMatchObject({ email: ana, name: 'Ana Lyst', state: 'active' })
    await restored.admin.call('people.remove', { email: ana })
    await eventually(
      async () => (await filesWith(backup, traces)).length === 0,
      'nothing is found in the backup any more',
    )
    expect((await restored.admin.call('site.verify', {})).bad).toEqual([])
  })
})
