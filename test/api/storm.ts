/**
 * A storm of questions at a real site, behind Prism: every row of the table, as an administrator, as a
 * member and as nobody. What comes back must be in the document, and no mistake may be ours.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import type { Client } from '../../api/client.ts'
import { problemMedia } from '../../api/problem.ts'
import { problemShape } from '../../api/problem-shape.ts'
import type { Route } from '../../api/route.ts'
import { type RouteName, routes } from '../../api/routes.ts'
import type { DatasetId, Email, TransferId } from '../../protocol/ids.ts'
import { acceptedPair, ana, isDone, type Pair, until } from '../site.ts'
import { asksFor, type WildAsk } from './asks.ts'
import type { Pool } from './inputs.ts'
import { openPrism, violationsOf } from './prism.ts'
import { type Answer, numberHeader, openTap } from './tap.ts'

type Asker = 'administrator' | 'member' | 'nobody'

type Storm = { seed: number; each: number; say?: (text: string) => void }

/** How many questions are on their way at one time. */
const atOnce = 4

export type Weathered = {
  /** What was asked and what is wrong with the answer, a line each; empty when all is well. */
  readonly findings: string[]
  /** The rows that did what they were asked at least once. */
  readonly answered: ReadonlySet<RouteName>
}

export async function storm({ seed, each, say = () => {} }: Storm): Promise<Weathered> {
  const folder = await mkdtemp(join(tmpdir(), 'crossload-storm-'))
  await using pair = await acceptedPair()
  await using tap = await openTap(() => pair.oslo.admin.url)
  await using prism = await openPrism(tap.url)
  try {
    const { pool, known } = await settle(pair, folder)
    const findings: string[] = []
    let asked = 0
    const answered = new Set<RouteName>()
    const one = async (name: RouteName, asker: Asker, ask: WildAsk) => {
      asked++
      const { number, answer } = tap.put(ask)
      const tame = routes[name].path.replace(/:[a-z]+/gi, 'x')
      const response = await fetch(prism.url + tame, {
        method: ask.method,
        // Prism sees somebody, so that it lets everybody through.
        headers: { [numberHeader]: number, authorization: 'Bearer somebody' },
      })
      const found = await violationsOf(response)
      const told = await answer.catch((thrown: Error) => thrown)
      if (told instanceof Error) found.push(`no answer: ${told.message}`)
      else {
        if (told.status === 200) answered.add(name)
        found.push(...mistakesIn(routes[name] as Route, told))
      }
      if (found.length > 0) findings.push(line(name, asker, ask, told, found))
    }
    for (const [i, name] of names.entries()) {
      for (const [j, asker] of (['nobody', 'member', 'administrator'] as const).entries()) {
        const arbitrary = asksFor(routes[name] as Route, pool, known[asker])
        const asks = fc.sample(arbitrary, { seed: seed * 1009 + i * 3 + j, numRuns: each })
        for (let from = 0; from < asks.length; from += atOnce)
          await Promise.all(asks.slice(from, from + atOnce).map((ask) => one(name, asker, ask)))
      }
    }
    say(`seed ${seed}: ${asked} questions, ${findings.length} findings`)
    say(`answered with 200: ${answered.size} rows of ${names.length}`)
    const health = await pair.oslo.admin.call('site.health', {})
    if (health.state !== 'ok') findings.push(`the site is ${JSON.stringify(health)}`)
    const ours = pair.oslo
      .log()
      .split('\n')
      .filter((text) => /mistake of ours|"level":(50|60)/.test(text))
    return { findings: [...findings, ...ours], answered }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What ends something comes late, so that before it there is something to ask about. */
const ends = (name: string) =>
  /remove|close|release/.test(name)
    ? 2
    : /refuse|pause|resume|cancel|clear|policy/.test(name)
      ? 1
      : 0
const names = (Object.keys(routes) as RouteName[]).toSorted((a, b) => ends(a) - ends(b))

/** People and things to ask about. */
async function settle({ oslo, atOslo, to }: Pair, folder: string) {
  const { admin } = oslo
  await mkdir(join(folder, 'data'))
  await mkdir(join(folder, 'new'))
  await mkdir(join(folder, 'out'))
  await mkdir(join(folder, 'large'))
  await writeFile(join(folder, 'large', 'b.bin'), Buffer.alloc(8_000_000, 'x'))
  await writeFile(join(folder, 'data', 'a.txt'), 'a')
  await writeFile(join(folder, 'doc.json'), '{"gates":[]}')
  const chief = 'chief@oslo.example'
  const gone = 'gone@oslo.example'
  const spares = ['spare1@oslo.example', 'spare2@oslo.example']
  await admin.call('people.add', { email: chief, role: 'administrator' })
  for (const email of [gone, ...spares]) await oslo.as(email)
  await admin.call('people.remove', { email: gone })
  const tokens: string[] = []
  for (const email of [chief, ana, ...spares]) {
    await admin.call('people.token', { email })
    tokens.push((await admin.call('people.tokens', { email })).at(-1)!.id)
  }
  const chiefToken = (await admin.call('people.token', { email: chief })).token
  const spare = await oslo.as(spares[0]!)
  const path = join(folder, 'data')
  const document = join(folder, 'doc.json')
  const own = await thingsOf(atOslo, { path, document })
  const others = await thingsOf(spare, { path, document })
  const inside = { id: own.project, email: spares[1] as Email, role: 'viewer' } as const
  await atOslo.call('projects.set-member', inside)
  const removed = await thingsOf(atOslo, { path, document })
  await atOslo.call('workflows.remove', { id: removed.workflow })
  await atOslo.call('datasets.remove', { id: removed.dataset })
  const send = (dataset: DatasetId) =>
    atOslo.call('transfers.send', { to: { ...to, email: ana as Email }, dataset: { id: dataset } })
  const done = (await send(own.dataset)).id as TransferId
  await until(atOslo, done, isDone)
  // Two that will not end by themselves before the storm does.
  const large = await thingsOf(atOslo, { path: join(folder, 'large'), document })
  const moving: TransferId[] = []
  for (let n = 0; n < 2; n++) {
    const id = (await send(large.dataset)).id as TransferId
    await atOslo.call('limits.set-transfer', { id, out: 16_000 })
    moving.push(id)
  }
  const holds: number[] = []
  for (const { dataset } of [own, others]) {
    holds.push((await admin.call('holds.add', { dataset, reason: 'storm' })).id)
  }
  const groups: string[] = []
  for (const name of ['Imaging', 'Cytometry']) {
    await admin.call('groups.add', { name, claims: [name] })
    await admin.call('groups.add-member', { group: name, email: spares[0] as Email })
    groups.push(name)
  }
  await atOslo.call('projects.set-group', { id: own.project, group: 'Imaging', role: 'viewer' })
  const both = [own, others, removed]
  const pool: Pool = {
    folder,
    tokens,
    emails: [...spares, gone, 'nobody@oslo.example', 'admin@kyoto.example', 'no address'],
    ids: {
      projects: both.map((one) => one.project),
      datasets: both.map((one) => one.dataset),
      workflows: both.map((one) => one.workflow),
      transfers: [done, ...moving],
      holds,
      groups,
      links: (await admin.call('links.list', {})).map(({ id }) => id),
      connections: (await atOslo.call('connections.list', {})).map(({ id }) => id),
    },
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const known: Record<Asker, Record<string, string>[]> = {
    administrator: [bearer(chiefToken)],
    member: [bearer(oslo.tokens.get(ana)!)],
    nobody: [
      {},
      bearer('nonsense'),
      bearer(oslo.tokens.get(gone)!),
      { authorization: 'Basic YTpi' },
      { cookie: 'crossload_session=nonsense' },
    ],
  }
  return { pool, known }
}

/** A project of one's own, with what may be in one. */
async function thingsOf(client: Client, { path, document }: { path: string; document: string }) {
  const project = (await client.call('projects.add', { name: `Of ${basename(path)} ${++made}` })).id
  const dataset = (await client.call('datasets.add', { name: 'Data', path, project })).id
  const workflow = (await client.call('workflows.add', { name: 'Gates', document, dataset })).id
  return { project, dataset, workflow }
}
let made = 0

/** What Prism does not know: that a failure of ours is never an answer, and a problem is one of ours. */
function mistakesIn(route: Route, { status, headers, body }: Answer): string[] {
  const media = (headers['content-type'] ?? '').split(';')[0]
  if (media === 'text/event-stream') {
    return [...body.matchAll(/^event: problem\ndata: (.*)$/gm)].flatMap(([, data]) =>
      wrongProblem(route, JSON.parse(data!)),
    )
  }
  if (status < 400) return []
  if (media !== problemMedia) return [`${status} is no problem document but ${media}`]
  const problem = JSON.parse(body)
  if (problem.status !== status) return [`${status} says that it is ${problem.status}`]
  return wrongProblem(route, problem)
}

function wrongProblem(route: Route, said: unknown): string[] {
  const parsed = problemShape.safeParse(said)
  if (!parsed.success) return [`no problem of ours: ${JSON.stringify(said)}`]
  const { status, kind, side, detail } = parsed.data
  if (status < 500) return []
  // Somebody else's failure, where the row of the table says that there is somebody else.
  if (side !== 'here' && route.kinds.includes('unreachable')) return []
  return [`${status} ${kind}: ${detail}`]
}

function line(
  name: string,
  asker: Asker,
  { what, path, body }: WildAsk,
  told: Answer | Error,
  found: string[],
): string {
  const asked = `${path} ${body?.subarray(0, 300).toString() ?? ''}`.slice(0, 200)
  const answered =
    told instanceof Error ? told.message : `${told.status} ${told.body.slice(0, 200)}`
  return `${name} as ${asker}, ${what}: ${found.join('; ')}\n  asked ${asked}\n  told ${answered}`
}
