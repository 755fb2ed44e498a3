/** Who may ask the upkeep what, and how what it says is told. */
import { describe, expect, it } from 'vitest'
import type { DatasetId, FileCid, Root, SiteId } from '../../../protocol/ids.ts'
import { askStubs, root } from '../../../test/doors.ts'
import type { Dataset } from '../../catalog/dataset.ts'
import type { ReclaimOptions } from '../../upkeep/reclaim.ts'
import type { ToldDamage, Upkeep } from '../../upkeep/upkeep.ts'

const none = { things: 0, bytes: 0 }
const held = {
  ...{ dataset: { things: 3, bytes: 30 }, workflow: none, transfer: none, hold: none },
  ...{ used: none, nobody: { things: 2, bytes: 20 } },
}
const tree = { root: 'bafyroot' as Root, times: null, entries: 1, files: 1, bytes: 3, blocks: 1 }
const dataset: Dataset = {
  ...{ id: 3 as DatasetId, project: 1 as Dataset['project'], name: 'Panel', meta: {} },
  versions: [{ version: 1, tree, at: 10, by: 'system' }],
  ...{ inPlace: false, at: 'here' },
}

describe('the upkeep', () => {
  it('is for administrators', async () => {
    const { ask } = askStubs()
    for (const line of [
      'POST /api/reclaim',
      'GET /api/scrub',
      'POST /api/scrub',
      'GET /api/holds',
      'POST /api/holds',
      'DELETE /api/holds/1',
    ]) {
      const body = line.startsWith('POST') ? {} : undefined
      expect([line, (await ask(line, { as: 'ana', body })).status]).toEqual([line, 403])
    }
  })

  it('reclaims for whoever asked, and only tells when it is dry', async () => {
    const asked: ReclaimOptions[] = []
    const { ask } = askStubs({
      upkeep: {
        async reclaim(o) {
          asked.push(o)
          return { held, removed: { ...none, partials: 0 }, compacted: 0, unreadable: [] }
        },
      },
    })
    const { json } = await ask('POST /api/reclaim', { body: { dry: true } })
    expect(json).toEqual({
      dry: true,
      held,
      removed: { things: 0, bytes: 0, partials: 0 },
      compacted: 0,
      unreadable: [],
    })
    await ask('POST /api/reclaim', { body: {} })
    expect(asked.map(({ dry, by }) => [dry, by])).toEqual([
      [true, { user: root.id }],
      [false, { user: root.id }],
    ])
  })

  it('tells what is damaged, whose it is and who has it', async () => {
    const damage: ToldDamage = {
      ...{ cid: 'bafkfile' as FileCid, bytes: 4, foundAt: 0 },
      found: 'damaged',
      owners: [{ kind: 'dataset', id: 3, name: 'Panel', version: 1, path: 'a.fcs' }],
      sources: [{ site: '12D3Kyoto' as SiteId, alias: 'kyoto', name: 'Kyoto', id: 12, version: 1 }],
    }
    const view: Awaited<ReturnType<Upkeep['view']>> = {
      ...{ days: 30, percent: 50, things: 5, bytes: 50, bytesPerSecond: 9 },
      state: 'running',
      ...{ startedAt: 1, last: { at: 2, things: 10, bytes: 100 } },
      ...{ damaged: [damage], damagedCount: 1 },
    }
    const scrubbed = { things: 10, bytes: 100, found: 1 }
    const { ask } = askStubs({
      upkeep: {
        view: async () => view,
        scrubNow: async () => scrubbed,
      },
    })
    const told = {
      ...view,
      startedAt: '1970-01-01T00:00:00.001Z',
      last: { at: '1970-01-01T00:00:00.002Z', things: 10, bytes: 100 },
      damaged: [{ ...damage, foundAt: '1970-01-01T00:00:00.000Z' }],
    }
    expect((await ask('GET /api/scrub')).json).toEqual(told)
    expect((await ask('POST /api/scrub', { body: {} })).json).toEqual(told)
  })

  it('holds what is there, and says why not otherwise', async () => {
    const known: Dataset[] = [dataset, { ...dataset, id: 4 as DatasetId, at: 'removed' }]
    const { ask } = askStubs({
      datasets: { get: async (id) => known.find((one) => one.id === id) },
      upkeep: {
        holds: {
          add: async (hold, by) => ({ id: 1, ...hold, by, madeAt: 0 }),
          list: async () => [],
          release: async () => {
            throw new Error('nobody should ask')
          },
        },
      },
    })
    const hold = (id: number) =>
      ask('POST /api/holds', { body: { dataset: id, reason: 'a paper' } })
    expect((await hold(3)).json).toEqual({
      ...{ id: 1, dataset: 3, name: 'Panel', reason: 'a paper', versions: 1 },
      madeAt: '1970-01-01T00:00:00.000Z',
    })
    expect([(await hold(4)).status, (await hold(5)).status]).toEqual([410, 404])
    expect((await ask('POST /api/holds', { body: { dataset: 3 } })).status).toBe(400)
    expect((await ask('GET /api/holds')).json).toEqual([])
  })
})
