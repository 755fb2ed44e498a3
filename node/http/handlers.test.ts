/** That each handler asks the right room, as the person who asked, and tells what came of it. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type {
  ConnectionId,
  DatasetId,
  Email,
  FileCid,
  LinkId,
  ProjectId,
  Root,
  SiteId,
  TransferId,
  WorkflowId,
} from '../../protocol/ids.ts'
import type { Tree } from '../../protocol/manifest.ts'
import { ana, askStubs, root } from '../../test/doors.ts'
import type { Dataset } from '../catalog/dataset.ts'
import type { Project } from '../catalog/projects.ts'
import type { Workflow } from '../catalog/workflow.ts'
import type { Connection } from '../people/connection.ts'
import type { Link } from '../sites/link.ts'

const site = '12D3KooWGzBS1UsDDr3BqfvqMFAA3TVA3bLQnWdrqWvkRhPVqWUu' as SiteId
const tree: Tree = {
  root: 'bafyroot' as Root,
  times: null,
  entries: 2,
  files: 2,
  bytes: 300,
  blocks: 2,
}
const project: Project = {
  id: 1 as ProjectId,
  name: 'Plates',
  personal: false,
  members: [
    { user: ana.id, role: 'owner' },
    { user: root.id, role: 'viewer' },
  ],
  createdAt: 5,
}
const dataset: Dataset = {
  id: 3 as DatasetId,
  project: project.id,
  name: 'Panel',
  meta: { a: 'b' },
  versions: [
    { version: 1, tree, at: 10, by: { user: ana.id } },
    {
      version: 2,
      tree: { ...tree, files: 4 },
      at: 20,
      by: { site },
      origin: {
        site,
        transfer: 'ab'.repeat(16) as TransferId,
        dataset: 9 as DatasetId,
        version: 5,
        tree,
      },
    },
  ],
  inPlace: false,
  at: 'here',
}
const workflow: Workflow = {
  id: 4 as WorkflowId,
  project: project.id,
  name: 'Gating',
  versions: [
    {
      version: 1,
      tree,
      document: 'bafkdoc' as FileCid,
      format: 'json',
      refs: [{ pointer: '/datasetId', form: 'id-number' }],
      inputs: [],
      binding: { dataset: dataset.id, version: 2, root: tree.root, renamed: [] },
      at: 30,
      by: 'system',
    },
  ],
  at: 'here',
}
const link = {
  id: 2 as LinkId,
  site,
  alias: 'kyoto',
  name: 'Kyoto',
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  at: 'accepted',
  asked: 'there',
  changedAt: 7,
  policy: { shared: false },
} as unknown as Link
const connection = {
  id: 6 as ConnectionId,
  user: ana.id,
  email: ana.email,
  site,
  theirs: 'ben@lab.example' as Email,
  at: 'asked',
  asked: 'here',
  changedAt: 8,
} as unknown as Connection

const people = {
  get: async (id: number) => [ana, root].find((one) => one.id === id),
  byEmail: async (email: Email) => [ana, root].find((one) => one.email === email),
}
const links = { bySite: () => link }
const projects = { mine: async () => [project] }
const deposits = { ofDataset: async () => undefined }

async function temporary() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'crossload-handlers-')))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

describe('datasets', () => {
  it('are told by their newest version, with where each came from', async () => {
    const { ask } = askStubs({
      users: people,
      links,
      projects,
      deposits,
      datasets: { show: async () => dataset, versions: async () => dataset.versions },
    })
    const shown = await ask('GET /api/datasets/3', { as: 'ana' })
    expect(shown.json).toMatchObject({
      id: 3,
      version: 2,
      files: 4,
      mine: true,
      changedAt: '1970-01-01T00:00:00.020Z',
    })
    const versions = await ask('GET /api/datasets/3/versions', { as: 'ana' })
    expect(versions.json).toEqual(shown.json.versions)
    expect(versions.json).toMatchObject([
      { version: 1, by: 'ana@lab.example', addedAt: '1970-01-01T00:00:00.010Z' },
      { version: 2, by: 'kyoto', origin: { alias: 'kyoto', id: 9, version: 5 } },
    ])
    expect(versions.json[0]).not.toHaveProperty('origin')
  })

  it('are listed as the asker may read them, and marked where they own', async () => {
    const asked: unknown[] = []
    const { ask } = askStubs({
      projects: { mine: async () => [] },
      datasets: {
        list: async (by, options) => {
          asked.push(by.id, options)
          return [dataset]
        },
      },
    })
    const { json } = await ask('GET /api/datasets?mine=true&after=2&limit=10', { as: 'ana' })
    expect(json).toMatchObject([{ id: 3, mine: false }])
    expect(asked).toEqual([ana.id, { mine: true, after: 2, limit: 10 }])
  })

  it('are added from a path outside the home only', async () => {
    await using on = await temporary()
    const added: unknown[] = []
    const { ask } = askStubs(
      {
        projects,
        datasets: {
          add: async (input, by) => {
            added.push(input, by.id)
            return { dataset, flagged: ['con'] }
          },
        },
      },
      { home: join(on.folder, 'home') },
    )
    const body = { name: 'Panel', path: join(on.folder, 'data'), inPlace: true }
    const { json } = await ask('POST /api/datasets', { as: 'ana', body })
    expect(json).toMatchObject({ id: 3, flagged: ['con'] })
    expect(added).toEqual([body, ana.id])
    const key = { ...body, path: join(on.folder, 'home/site.key') }
    expect((await ask('POST /api/datasets', { as: 'ana', body: key })).status).toBe(403)
    expect(added).toHaveLength(2)
  })

  it('are read from no path for one who may not write them', async () => {
    const { ask } = askStubs({
      datasets: {
        need: async (id, _by, act) => {
          throw new Fault('missing', act, { about: id })
        },
      },
    })
    // The path would be refused too; but whether it is there is nobody's business.
    const body = { path: '/nowhere/home' }
    for (const line of ['POST /api/datasets/3/versions', 'POST /api/datasets/3/export']) {
      const with_ = line.endsWith('export') ? { folder: body.path } : body
      expect((await ask(line, { as: 'ana', body: with_ })).status).toBe(404)
    }
  })

  it('change their metadata, export, verify and go', async () => {
    await using on = await temporary()
    const { ask } = askStubs({
      projects,
      datasets: {
        need: async () => dataset,
        meta: async (_id, changes) => ({ ...dataset, meta: changes as Record<string, string> }),
        files: async (_id, _by, { signal, ...options } = {}) => {
          expect(signal?.aborted).toBe(false)
          return { files: [], next: JSON.stringify(options) }
        },
        export: async (_id, _folder, _by, options) => ({
          files: 1,
          bytes: 2,
          version: options!.version!,
        }),
        verify: async () => ({ files: 1, bytes: 2, bad: ['x'], version: 2 }),
        remove: async () => dataset,
      },
    })
    const as = 'ana'
    const meta = await ask('PUT /api/datasets/3/meta', { as, body: { changes: { a: 'c' } } })
    expect(meta.json.meta).toEqual({ a: 'c' })
    const files = await ask('GET /api/datasets/3/files?version=1&after=a%2Fb', { as })
    expect(JSON.parse(files.json.next)).toEqual({ version: 1, after: 'a/b', limit: 1000 })
    const folder = join(on.folder, 'new')
    const found = await ask('GET /api/datasets/3/files?search=Tube&limit=2', { as })
    expect(JSON.parse(found.json.next)).toEqual({ search: 'Tube', limit: 2 })
    const written = await ask('POST /api/datasets/3/export', { as, body: { folder, version: 2 } })
    expect(written.json).toEqual({ folder, files: 1, bytes: 2, version: 2 })
    const verified = await ask('POST /api/datasets/3/verify', { as })
    expect(verified.json).toEqual({ files: 1, bytes: 2, bad: ['x'] })
    expect((await ask('DELETE /api/datasets/3', { as })).json).toEqual({})
  })
})

describe('workflows', () => {
  it('are told with what they are bound to', async () => {
    const { ask } = askStubs({
      links,
      projects,
      users: people,
      workflows: { show: async () => workflow },
    })
    const { json } = await ask('GET /api/workflows/4', { as: 'ana' })
    expect(json).toMatchObject({
      id: 4,
      dataset: 3,
      datasetVersion: 2,
      document: 'bafkdoc',
      refs: [{ pointer: '/datasetId', form: 'id-number' }],
      versions: [{ version: 1, by: 'system' }],
    })
  })

  it('are added with every path checked', async () => {
    await using on = await temporary()
    const { ask } = askStubs(
      {
        links,
        projects,
        workflows: { add: async () => ({ workflow, unbound: [], open: ['slot'], flagged: [] }) },
      },
      { home: join(on.folder, 'home') },
    )
    const body = { name: 'Gating', document: join(on.folder, 'a.json'), dataset: 3 }
    const added = await ask('POST /api/workflows', { as: 'ana', body })
    expect(added.json).toMatchObject({ id: 4, open: ['slot'] })
    for (const more of [
      { document: join(on.folder, 'home/token') },
      { results: join(on.folder, 'home') },
    ]) {
      const refused = await ask('POST /api/workflows', { as: 'ana', body: { ...body, ...more } })
      expect(refused.status).toBe(403)
    }
  })
})

/** A site without groups. */
const nobodyIn = { of: () => new Set<never>() }

describe('projects', () => {
  it('are told with their members by name', async () => {
    const { ask } = askStubs({
      ...{ users: people, groups: nobodyIn },
      projects: { show: async () => project },
    })
    const { json } = await ask('GET /api/projects/1', { as: 'ana' })
    expect(json.role).toBe('owner')
    expect(json.members).toEqual([
      { id: 1, email: 'ana@lab.example', name: 'Ana', role: 'owner' },
      { id: 2, email: 'root@lab.example', name: 'Ana', role: 'viewer' },
    ])
  })

  it('tell nobody but their owners who has an account', async () => {
    const { ask } = askStubs({
      ...{ users: people, groups: nobodyIn },
      projects: {
        need: async (id, by, act) => {
          if (by.id === ana.id) return project
          throw new Fault('missing', act, { about: id })
        },
        setMember: async () => project,
      },
    })
    const body = { role: 'viewer' }
    const known = 'PUT /api/projects/1/members/root@lab.example'
    const unknown = 'PUT /api/projects/1/members/nobody@lab.example'
    const foreign = [await ask(known, { body }), await ask(unknown, { body })]
    expect(foreign.map(({ status }) => status)).toEqual([404, 404])
    expect(foreign[0]!.text).toBe(foreign[1]!.text)
    expect((await ask(known, { as: 'ana', body })).status).toBe(200)
    expect((await ask(unknown, { as: 'ana', body })).json.detail).toContain('has no account')
  })
})

describe('deposit folders', () => {
  it('are their owners’ to name, where people may name folders and the site can write', async () => {
    await using place = await temporary()
    const { folder } = place
    const asked: unknown[] = []
    const stubs = {
      ...{ users: people, groups: nobodyIn },
      projects: {
        need: async (id: ProjectId, by: { id: number }, act: string) => {
          if (by.id === ana.id) return project
          throw new Fault('denied', act, { about: id })
        },
        setDeposit: async (_: ProjectId, deposit: Project['deposit']) => {
          asked.push(deposit)
          return { ...project, deposit }
        },
      },
      deposits: {
        check: async (path: string) => {
          if (path.endsWith('none')) throw new Fault('missing', 'deposit.place', { about: path })
        },
        again: async (id: ProjectId) => void asked.push(id),
      },
    }
    const { ask } = askStubs(stubs, { folders: [folder] })
    const put = 'PUT /api/projects/1/deposit'
    const named = await ask(put, { as: 'ana', body: { folder } })
    expect(named.json.deposit).toEqual({ folder, link: false })
    expect((await ask(put, { as: 'ana', body: { folder, link: true } })).json.deposit.link).toBe(
      true,
    )
    expect(asked).toEqual([{ folder, link: false }, 1, { folder, link: true }, 1])
    const refused = [
      await ask(put, { body: { folder } }),
      await ask(put, { as: 'ana', body: { folder: '/somewhere/else' } }),
      await ask(put, { as: 'ana', body: { folder: '/nowhere/home/store' } }),
      await ask(put, { as: 'ana', body: { folder: join(folder, 'none') } }),
    ]
    expect(refused.map(({ json }) => json.kind)).toEqual(['denied', 'denied', 'denied', 'missing'])
    expect(asked).toHaveLength(4)
    const ended = await ask('DELETE /api/projects/1/deposit', { as: 'ana' })
    expect([ended.status, 'deposit' in ended.json]).toEqual([200, false])
  })
})

describe('links and connections', () => {
  it('redeems what looks like an invitation and asks what does not', async () => {
    const asked: unknown[] = []
    const note =
      (how: string) => async (to: string, o: { alias?: string | undefined; by: unknown }) => {
        asked.push([how, to, o.alias, o.by])
        return link
      }
    const { ask } = askStubs({ links: { redeem: note('redeem'), ask: note('ask') } })
    const body = { to: ' crossload1abc ', alias: 'kyoto' }
    const { json } = await ask('POST /api/links', { body })
    expect(json).toMatchObject({ id: 2, state: 'accepted', shared: false })
    // As a mail quotes it.
    await ask('POST /api/links', { body: { to: '> CROSSLOAD1AB > CD' } })
    await ask('POST /api/links', { body: { to: '/ip4/127.0.0.1/tcp/1' } })
    expect(asked).toEqual([
      ['redeem', 'crossload1abc', 'kyoto', { user: root.id }],
      ['redeem', '> CROSSLOAD1AB > CD', undefined, { user: root.id }],
      ['ask', '/ip4/127.0.0.1/tcp/1', undefined, { user: root.id }],
    ])
  })

  it('moves a link as the administrator who asked', async () => {
    const moved: unknown[] = []
    const note = (how: string) => async (id: LinkId, o: { by: unknown }) => {
      moved.push([how, id, o.by])
      return link
    }
    const verbs = ['accept', 'refuse', 'pause', 'resume', 'remove'] as const
    const { ask } = askStubs({ links: Object.fromEntries(verbs.map((verb) => [verb, note(verb)])) })
    for (const verb of verbs.slice(0, 4)) await ask(`POST /api/links/2/${verb}`, { body: {} })
    await ask('DELETE /api/links/2')
    expect(moved).toEqual(verbs.map((verb) => [verb, 2, { user: root.id }]))
  })

  it('tells a connection by our name for the site', async () => {
    const { ask } = askStubs({
      links,
      connections: {
        list: () => [connection],
        ask: async (_by, to) => ({ ...connection, theirs: to.email }),
      },
    })
    const expected = {
      id: 6,
      email: 'ana@lab.example',
      person: 'ben@lab.example',
      site,
      alias: 'kyoto',
      state: 'asked',
      asked: 'here',
      changedAt: '1970-01-01T00:00:00.008Z',
    }
    expect((await ask('GET /api/connections', { as: 'ana' })).json).toEqual([expected])
    const body = { email: 'Cleo@Lab.Example', alias: 'kyoto' }
    const asked = await ask('POST /api/connections', { as: 'ana', body })
    expect(asked.json).toEqual({ ...expected, person: 'cleo@lab.example' })
  })
})

describe('limits', () => {
  const limit = {
    zone: 'UTC',
    out: 1_000_000,
    in: null,
    windows: [{ days: ['mon'], from: '08:00', to: '18:00', in: null }],
    localExempt: false,
  } as const
  const now = { out: { rate: 1_000_000, until: 9 }, in: { rate: null, window: 0 } }
  const told = {
    out: 1_000_000,
    in: null,
    zone: 'UTC',
    windows: limit.windows,
    now: { ...now, out: { rate: 1_000_000, until: '1970-01-01T00:00:00.009Z' } },
  }
  const [mine, theirs] = ['a', 'b'].map((c) => c.repeat(32) as TransferId)
  const need = async (id: TransferId) => ({ user: id === mine ? ana.id : root.id })
  const scopes = [
    { of: 'site' },
    { of: 'link', link: link.id },
    { of: 'transfer', transfer: mine! },
    { of: 'transfer', transfer: theirs! },
  ] as const

  it('are told to everybody, but of transfers only to those who sent or received them', async () => {
    const { ask } = askStubs({
      links: { get: () => link },
      transfers: { need: need as never },
      limits: { list: () => scopes.map((scope) => ({ scope, limit, now })) },
    })
    const { json } = await ask('GET /api/limits', { as: 'ana' })
    expect(json).toEqual([
      { of: 'site', localExempt: false, ...told },
      { of: 'link', link: 2, alias: 'kyoto', ...told },
      { of: 'transfer', transfer: mine, ...told },
    ])
  })

  it('are set and ended as whoever asked, with what was given', async () => {
    const asked: unknown[] = []
    const { ask } = askStubs({
      links: { get: () => link },
      transfers: { need: need as never },
      limits: {
        async set(scope, changes, by) {
          asked.push([scope, changes, by])
          return { scope, limit, now }
        },
        async clear(scope, by) {
          asked.push([scope, by])
          return { scope, limit, now }
        },
      },
    })
    const by = { user: root.id }
    await ask('PUT /api/limits', { body: { out: 5, localExempt: true } })
    await ask('PUT /api/links/2/limits', { body: { in: null, windows: [] } })
    await ask(`PUT /api/transfers/${theirs}/limits`, { body: { out: 0, zone: 'UTC' } })
    await ask('DELETE /api/limits')
    await ask('DELETE /api/links/2/limits')
    await ask(`DELETE /api/transfers/${theirs}/limits`)
    expect(asked).toEqual([
      [scopes[0], { out: 5, localExempt: true }, by],
      [scopes[1], { in: null, windows: [] }, by],
      [scopes[3], { out: 0, zone: 'UTC' }, by],
      [scopes[0], by],
      [scopes[1], by],
      [scopes[3], by],
    ])
    const foreign = `/api/transfers/${theirs}/limits`
    expect((await ask(`PUT ${foreign}`, { as: 'ana', body: { out: 5 } })).status).toBe(404)
    expect((await ask(`DELETE ${foreign}`, { as: 'ana' })).status).toBe(404)
    const odd = { windows: [{ days: ['someday'], from: '08:00', to: '18:00' }] }
    expect((await ask('PUT /api/limits', { body: odd })).status).toBe(400)
    expect(asked).toHaveLength(6)
  })
})

it('the journal is read a page at a time', async () => {
  const record = (seq: number) => ({ seq, at: seq, kind: 'x.y', by: 'system' as const, data: {} })
  const { ask } = askStubs({
    site: {
      records: async (after, limit) =>
        [1, 2, 3]
          .filter((n) => n > after)
          .slice(0, limit)
          .map(record),
    },
  })
  const first = (await ask('GET /api/journal?limit=2')).json
  expect([first.records.length, first.next]).toEqual([2, 2])
  const last = (await ask('GET /api/journal?limit=2&after=2')).json
  expect(last).toEqual({
    records: [{ ...record(3), at: '1970-01-01T00:00:00.003Z' }],
  })
})
