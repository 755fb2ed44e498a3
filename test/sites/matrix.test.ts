/**
 * Who may ask what: every route of the table, asked of a real site by everybody, about what is theirs
 * and about what is somebody else's. What should come of it is written down here a second time, by
 * permission, and not read from the site's own table.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { placed } from '../../api/client.ts'
import type { Permission, Route } from '../../api/route.ts'
import { type RouteName, routes } from '../../api/routes.ts'
import type { Doorway } from '../../node/http/doorway.ts'
import { doorways } from '../../node/http/doorways/doorways.ts'
import type { Email } from '../../protocol/ids.ts'
import { openReceiver, type Receiver } from '../receiver.ts'
import { acceptedPair, ana, eventually, isDone, type Pair, until } from '../site.ts'

const actors = ['nobody', 'expired', 'viewer', 'member', 'owner', 'administrator'] as const
type Actor = (typeof actors)[number]
type Whose = 'own' | 'other'
/** `passes`: what is wrong after that is not a matter of rights. */
type Outcome = 'unknown' | 'denied' | 'missing' | 'passes'

type Things = {
  project: number
  dataset: number
  /** Of a file in it. */
  cid: string
  workflow: number
  connection: number
  transfer: string
  notice: number
  /** By its name. */
  group: string
}

const emails = { viewer: 'vera@oslo.example', member: 'mo@oslo.example', owner: ana }
const ben = 'ben@oslo.example'
/** Two people whom nobody will miss. */
const spares: Record<Whose, string> = { other: 'spare@oslo.example', own: 'spare2@oslo.example' }

/** What each permission means. */
const administrators: readonly Permission[] = [
  'site.administer',
  'metrics.read',
  'people.manage',
  'group.manage',
  'link.manage',
]
const everybody: readonly Permission[] = [
  'session.use',
  'site.read',
  'link.read',
  'group.use',
  'connection.use',
  'project.add',
  'transfer.use',
]
const readers: readonly Permission[] = ['project.read', 'dataset.read', 'workflow.read']
const writers: readonly Permission[] = ['dataset.write', 'workflow.write']
const persons: readonly Permission[] = ['connection.own', 'transfer.read', 'transfer.steer']
/** They answer with what the asker may see, be it nothing. */
const lists: readonly string[] = ['projects.list', 'datasets.list', 'workflows.list']
/** Anybody may come and try; what is sent must be the asker's own. */
const sends: readonly string[] = ['transfers.send', 'transfers.dry-run']

function expected(name: string, permission: Permission, actor: Actor, whose: Whose): Outcome {
  if (permission === 'anyone') return 'passes'
  if (actor === 'nobody' || actor === 'expired') return 'unknown'
  if (administrators.includes(permission)) return actor === 'administrator' ? 'passes' : 'denied'
  if (lists.includes(name)) return 'passes'
  // A person whom nobody but the owner is connected with is not there for anybody else.
  if (sends.includes(name)) return actor === 'owner' && whose === 'own' ? 'passes' : 'missing'
  // Whoever runs the site has no look at what others were told either.
  if (name === 'notices.read') return actor === 'owner' && whose === 'own' ? 'passes' : 'missing'
  if (everybody.includes(permission)) return 'passes'
  if (permission === 'group.read')
    return actor === 'administrator' || whose === 'own' ? 'passes' : 'missing'
  if (whose === 'other' || actor === 'administrator') return 'missing'
  if (persons.includes(permission)) return actor === 'owner' ? 'passes' : 'missing'
  if (readers.includes(permission) || actor === 'owner') return 'passes'
  if (writers.includes(permission)) return actor === 'member' ? 'passes' : 'denied'
  if (permission === 'project.own') return 'denied'
  throw new Error(`${name} has a permission that this test does not know: ${permission}`)
}

let pair: Pair
let receiver: Receiver
let folder: string
let things: Record<Whose, Things>
let link: number
const tokens = new Map<Actor, string>()
let fresh = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crossload-matrix-'))
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'a.txt'), 'a')
  await writeFile(join(folder, 'doc.json'), '{"gates":[]}')
  receiver = await openReceiver()
  pair = await acceptedPair({ oslo: { config: { hooks: { allow: [receiver.place] } } } })
  const { oslo, kyoto } = pair
  const { admin } = oslo
  await Promise.all(
    [...Object.values(emails), ben, ...Object.values(spares)].map((email) => oslo.as(email)),
  )
  const benAtKyoto = await kyoto.as(ben)
  await benAtKyoto.call('connections.ask', { email: ben, alias: 'oslo' })
  things = { own: await make(ana), other: await make(ben) }
  for (const email of Object.values(emails) as Email[])
    await admin.call('groups.add-member', { group: things.own.group, email })
  await admin.call('groups.add-member', { group: things.other.group, email: ben as Email })
  link = (await admin.call('links.list', {}))[0]!.id
  const atOslo = await oslo.as(ana)
  for (const role of ['viewer', 'member'] as const) {
    const input = { id: things.own.project as never, email: emails[role] as Email, role }
    await atOslo.call('projects.set-member', input)
  }
  for (const actor of ['viewer', 'member', 'owner'] as const)
    tokens.set(actor, oslo.tokens.get(emails[actor])!)
  const { token } = await admin.call('people.token', { email: ana, expiresMs: 1000 })
  tokens.set('expired', token)
  tokens.set('administrator', (await admin.call('tokens.add', {})).token)
  await untilExpired(token)
}, 120_000)

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Somebody's own of everything. */
async function make(email: string): Promise<Things> {
  const client = await pair.oslo.as(email)
  const [connection] = await client.call('connections.list', {})
  if (connection!.state !== 'accepted')
    await client.call('connections.accept', { id: connection!.id })
  const project = (await client.call('projects.add', { name: `Of ${email}` })).id
  // Of each its own content: what is in both can be had by whoever may read either.
  const path = join(folder, `data-of-${email}`)
  await mkdir(path)
  await writeFile(join(path, 'a.txt'), email)
  const { id: dataset } = await client.call('datasets.add', { name: 'Data', path, project })
  const [file] = (await client.call('datasets.files', { id: dataset })).files
  const document = join(folder, 'doc.json')
  const workflow = await client.call('workflows.add', { name: 'Gates', document, dataset })
  const to = { email: email as Email, alias: 'kyoto' }
  const sent = await client.call('transfers.send', { to, dataset: { id: dataset } })
  const { name: group } = await pair.oslo.admin.call('groups.add', { name: `Of ${email}` })
  await until(client, sent.id, isDone)
  const notice = await eventually(
    async () => (await client.call('notices.list', {})).notices[0]?.id,
    `${email} hears of it`,
  )
  return {
    notice,
    ...{ project, dataset, workflow: workflow.id, cid: file!.cid },
    ...{ connection: connection!.id, transfer: sent.id, group },
  }
}

async function untilExpired(token: string): Promise<void> {
  for (const late = AbortSignal.timeout(10_000); !late.aborted; ) {
    const headers = { authorization: `Bearer ${token}` }
    if ((await fetch(`${pair.oslo.admin.url}/api/site`, { headers })).status === 401) return
  }
  throw new Error('the token does not expire')
}

/** Something that the schema takes, about these things. */
async function inputOf(name: RouteName, of: Things, actor: Actor): Promise<object> {
  const { connection, dataset, group, notice, project, transfer, workflow } = of
  const whose: Whose = of === things.own ? 'own' : 'other'
  const spare = spares[whose]
  const path = join(folder, 'data')
  const unique = `x${++fresh}`
  const tokenOf = async (email: string) => {
    await pair.oslo.admin.call('people.token', { email })
    return (await pair.oslo.admin.call('people.tokens', { email })).at(-1)!.id
  }
  const own =
    actor === 'administrator' ? 'admin@oslo.example' : emails[actor as keyof typeof emails]
  const to = { email: ana, alias: 'kyoto' }
  const password = 'not the right password'
  const inputs: Partial<Record<RouteName, object>> = {
    'site.backup': { folder: join(folder, unique) },
    'site.reclaim': { dry: true },
    'holds.add': { dataset, reason: 'matrix' },
    'hooks.add': { url: `http://${receiver.place}/${unique}` },
    'notices.read': { id: notice },
    'notices.read-all': { through: 1 },
    'notices.prefer': { digest: 'off' },
    'session.open': { email: ben, password },
    'session.welcome': { secret: 'nonsense', password },
    'session.password': { old: password, password },
    'session.rename': { name: 'Somebody' },
    'session.end': { session: '0'.repeat(16) },
    'people.add': { email: `${unique}@oslo.example` },
    'people.token': { email: spare },
    'people.tokens': { email: spare },
    'people.link': { email: spare },
    'people.remove': { email: spare },
    'people.logins': { email: spare },
    'people.remove-logins': { email: spare },
    'login.begin': {},
    'groups.add': { name: unique },
    'groups.change': { group, claims: [] },
    'groups.members': { group },
    'groups.add-member': { group, email: spare },
    'groups.remove-member': { group, email: whose === 'own' ? emails.member : ben },
    'groups.remove': { group },
    'projects.set-group': { id: project, group, role: 'viewer' },
    'projects.remove-group': { id: project, group },
    'links.add': { to: 'nonsense' },
    'links.rename': { id: link, alias: 'kyoto' },
    'links.policy': { id: link, shared: false },
    'connections.ask': { email: 'admin@kyoto.example', alias: 'kyoto' },
    'projects.add': { name: unique },
    'projects.show': { id: project },
    'projects.set-member': { id: project, email: spare, role: 'viewer' },
    'projects.remove-member': { id: project, email: spare },
    'projects.set-deposit': { id: project, folder: join(folder, 'data') },
    'projects.remove-deposit': { id: project },
    'datasets.add': { name: unique, path, project },
    'datasets.update': { id: dataset, path },
    'datasets.meta': { id: dataset, changes: { a: 'b' } },
    'datasets.content': { id: dataset, path: 'a.txt' },
    'workflows.content': { id: workflow, path: 'document' },
    'datasets.export': { id: dataset, folder: join(folder, unique) },
    'workflows.add': { name: unique, document: join(folder, 'doc.json'), dataset, project },
    'workflows.update': { id: workflow, document: join(folder, 'doc.json') },
    'workflows.export': { id: workflow, folder: join(folder, unique) },
    'transfers.send': { to, dataset: { id: dataset } },
    'transfers.dry-run': { to, dataset: { id: dataset } },
  }
  if (name === 'holds.release') {
    const added = { dataset: things.other.dataset as never, reason: unique }
    return { id: (await pair.oslo.admin.call('holds.add', added)).id }
  }
  if (['hooks.remove', 'hooks.resume', 'hooks.test'].includes(name)) {
    const added = { url: `http://${receiver.place}/${unique}` }
    const { id } = await pair.oslo.admin.call('hooks.add', added)
    // The one before has done its part; there may be only so many.
    await pair.oslo.admin.call('hooks.remove', { id: id - 1 }).catch(() => {})
    return { id }
  }
  if (name.endsWith('-uploaded')) {
    const uploads = [{ upload: await uploadedBy(actor), path: unique }]
    return name === 'datasets.add-uploaded'
      ? { name: unique, project, uploads }
      : { id: dataset, uploads }
  }
  if (name === 'people.remove-token') return { email: spare, token: await tokenOf(spare) }
  if (name === 'tokens.remove') return { token: own ? await tokenOf(own) : '0'.repeat(16) }
  const id = name.startsWith('datasets.')
    ? dataset
    : name.startsWith('workflows.')
      ? workflow
      : name.startsWith('connections.')
        ? connection
        : name.startsWith('transfers.') || name.endsWith('-transfer')
          ? transfer
          : link
  return inputs[name] ?? (routes[name].path.includes(':id') ? { id } : {})
}

/** A finished upload of this actor's; one that is not there for whoever may have none. */
async function uploadedBy(actor: Actor): Promise<string> {
  const token = tokens.get(actor)
  if (token === undefined || actor === 'expired') return '0'.repeat(32)
  const { headers } = await fetch(`${pair.oslo.admin.url}/api/uploads`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0', 'upload-length': '1' },
      'content-type': 'application/offset+octet-stream',
    },
    body: 'x',
  })
  return headers.get('location')!.split('/').at(-1)!
}

/** The addresses that are not rows of the table; each with a path that has something behind it. */
const doorwayPaths: Record<string, (of: Things) => string> = {
  'uploads.create': () => '/api/uploads',
  'uploads.write': () => `/api/uploads/${'0'.repeat(32)}`,
  'datasets.archive': ({ dataset }) => `/api/datasets/${dataset}/archive`,
  'drs.service-info': () => '/ga4gh/drs/v1/service-info',
  'drs.object': ({ cid }) => `/ga4gh/drs/v1/objects/${cid}`,
  'drs.access': ({ cid }) => `/ga4gh/drs/v1/objects/${cid}/access/https`,
  'drs.content': ({ cid }) => `/ga4gh/drs/v1/content/${cid}?ticket=nonsense`,
  'login.finish': () => '/login/callback?state=nonsense',
  'site.well-known': () => '/.well-known/crossload',
  'site.metrics': () => '/metrics',
}

async function askDoorway(doorway: Doorway, actor: Actor, of: Things) {
  const token = tokens.get(actor)
  const response = await fetch(pair.oslo.admin.url + doorwayPaths[doorway.name]!(of), {
    method: doorway.methods[0] as string,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  await response.body?.cancel()
  return { status: response.status, problem: undefined }
}

async function ask(name: RouteName, actor: Actor, of: Things) {
  const route = routes[name] as Route
  const { path, query, body } = placed(route.path, route.method, await inputOf(name, of, actor))
  const token = tokens.get(actor)
  const stop = new AbortController()
  const response = await fetch(pair.oslo.admin.url + path + query, {
    method: route.method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    signal: stop.signal,
  })
  const isProblem = response.headers.get('content-type')?.includes('problem') ?? false
  const problem = isProblem
    ? ((await response.json()) as { op: string; detail: string })
    : undefined
  stop.abort()
  return { status: response.status, problem }
}

function outcomeOf({ status, problem }: Awaited<ReturnType<typeof ask>>): Outcome {
  // A password that is wrong is no question of rights: whoever is told so was let in to say it.
  if (problem?.op === 'people.enter') return 'passes'
  if (status === 401) return 'unknown'
  if (status === 403) return 'denied'
  if (status === 404) return 'missing'
  return 'passes'
}

/** What ends something comes last, so that everything is there for whoever may not. */
const ends = (name: string) =>
  name.includes('remove') ? 2 : /refuse|pause|resume/.test(name) ? 1 : 0
const names = (Object.keys(routes) as RouteName[]).toSorted((a, b) => ends(a) - ends(b))

/** Who was answered with what they asked for, by the name of the question. */
const answered = new Map<string, Set<string>>()
let asked = 0
function note(name: string, actor: Actor, whose: Whose, status: number): void {
  asked++
  if (status >= 300) return
  answered.set(name, (answered.get(name) ?? new Set()).add(`${actor}, ${whose}`))
}

test.each(actors)(
  '%s, about what is theirs and what is not',
  async (actor) => {
    const wrong: unknown[] = []
    for (const doorway of doorways) {
      for (const whose of ['other', 'own'] as const) {
        const answer = await askDoorway(doorway, actor, things[whose])
        note(doorway.name, actor, whose, answer.status)
        const is = outcomeOf(answer)
        const should = expected(doorway.name, doorway.permission, actor, whose)
        if (is !== should || answer.status >= 500)
          wrong.push({ name: doorway.name, whose, should, is, ...answer })
      }
    }
    for (const name of names) {
      for (const whose of ['other', 'own'] as const) {
        const answer = await ask(name, actor, things[whose])
        note(name, actor, whose, answer.status)
        const is = outcomeOf(answer)
        const should = expected(name, routes[name].permission, actor, whose)
        if (is !== should || answer.status >= 500)
          wrong.push({ name, whose, should, is, ...answer })
      }
    }
    expect(wrong).toEqual([])
  },
  120_000,
)

/** What nobody is answered with here, and why. */
const unanswered: Record<string, string> = {
  'drs.content': 'its ticket is nonsense',
  'limits.set-transfer': 'the transfer is over',
  'links.add': 'nobody is at that address',
  'links.pause': 'the link was refused before',
  'links.resume': 'it was never paused',
  'login.begin': 'no institution is set up',
  'login.finish': 'no login was begun',
  'mail.test': 'no mail server is set up',
  'session.open': 'the password is wrong',
  'session.password': 'the password is wrong',
  'session.welcome': 'the link is nonsense',
  'transfers.cancel': 'the transfer is over',
  'transfers.pause': 'the transfer is over',
  'transfers.resume': 'the transfer is over',
  'uploads.create': 'it says no size',
  'uploads.write': 'there is no such upload',
}

test('nothing was asked for in vain: whoever may, was answered at least once', () => {
  const all = [...names, ...doorways.map(({ name }) => name)]
  expect(asked).toBe(all.length * actors.length * 2)
  expect(new Set(all).size).toBeGreaterThan(70)
  expect(all.filter((name) => !answered.has(name)).sort()).toEqual(Object.keys(unanswered).sort())
})
