import { expect, test } from 'vitest'
import { Fault, fromWireFault } from '../protocol/fault.ts'
import type { SiteId } from '../protocol/ids.ts'
import { createAudit } from './audit.ts'
import type { Commit } from './journal/commit.ts'

const linked = '12D3KooWLinked' as SiteId
const protocol = '/crossload/offer/1.0.0'

function openAudit() {
  let now = 0
  const written: { site: string; kind: string; op: string }[] = []
  const commit = (async (_kind: string, by: { site: string }, data: object) => {
    written.push({ ...by, ...(data as { kind: string; op: string }) })
  }) as unknown as Commit
  const clock = { now: () => now } as never
  const log = { error: () => {} } as never
  const audit = createAudit({ commit, clock, log, isLinked: (site) => site === linked })
  const pass = (ms: number) => {
    now += ms
  }
  return { audit, written, pass }
}

test('one reason of one site is one record an hour', async () => {
  const { audit, written, pass } = openAudit()
  const denied = new Fault('denied', 'offer.check')
  for (let i = 0; i < 1000; i++) await audit.note(linked, protocol, denied)
  expect(written).toHaveLength(1)
  await audit.note(linked, protocol, new Fault('invalid', 'offer.check'))
  await audit.note(linked, protocol, new Fault('denied', 'offer.recipient'))
  expect(written).toHaveLength(3)
  pass(60 * 60 * 1000)
  await audit.note(linked, protocol, denied)
  expect(written).toHaveLength(4)
})

test('what may happen to anybody, and what the other side says of itself, is no reason', async () => {
  const { audit, written } = openAudit()
  for (const kind of ['busy', 'unreachable', 'full', 'gone'] as const)
    await audit.note(linked, protocol, new Fault(kind, 'offer.check'))
  for (let i = 0; i < 100; i++)
    await audit.note(
      linked,
      protocol,
      fromWireFault({ kind: 'denied', op: `of.my-own-${i}`, text: '' }),
    )
  expect(written).toEqual([])
})

test('strangers, however many, fill no journal, and hide nobody who is linked', async () => {
  const { audit, written, pass } = openAudit()
  const knock = async (from: number) => {
    for (let i = 0; i < 10_000; i++)
      await audit.note(
        `12D3KooW${from + i}` as SiteId,
        protocol,
        new Fault('invalid', 'channel.receive'),
      )
  }
  await knock(0)
  expect(written).toHaveLength(100)
  await audit.note(linked, protocol, new Fault('invalid', 'channel.receive'))
  expect(written.at(-1)!.site).toBe(linked)
  pass(24 * 60 * 60 * 1000)
  await knock(10_000)
  expect(written).toHaveLength(201)
})
