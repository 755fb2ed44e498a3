import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBundle } from '../../protocol/bundle.ts'
import { Fault, faultKinds, toWireFault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId, TransferId, UserId } from '../../protocol/ids.ts'
import { openCatalog } from '../../test/catalog.ts'
import { keys } from '../db/keys.ts'
import { openBook, transferFolds } from './book.ts'
import {
  type KeptBundle,
  openBundle,
  openTransfer,
  type SealedBundle,
  type SealedTransfer,
  sealBundle,
  sealTransfer,
} from './sealed.ts'
import type { State, Transfer } from './transfer.ts'

const site = `12D3KooW${'A'.repeat(44)}` as SiteId
const id = (n: number) => n.toString(16).padStart(32, '0') as TransferId

function transferOf(user: UserId, more: Partial<Transfer> = {}): Transfer {
  return {
    ...{ id: id(1), direction: 'out', site, connection: 1 as ConnectionId, user },
    ...{ email: 'ana@lab.example' as Email, person: 'ken@lab.example' as Email },
    ...{ dest: 0, allow: false, bundle: 'f'.repeat(64), createdAt: 5, since: 6 },
    ...{ state: { at: 'waiting' }, receipts: [], workflows: [], theirWorkflows: [], told: false },
    ...more,
  }
}

const bundleOf = ({ id: transfer, email, person }: Transfer): KeptBundle => ({
  bundle: {
    ...{ v: 1, transfer, from: { site, person: email }, to: { site, person } },
    ...{ createdAt: 5, workflows: [] },
  },
  signature: 'c2ln',
})

/** Ana has a key; what is opened has gone through the journal's JSON. */
async function openSealing() {
  const catalog = await openCatalog({ more: transferFolds })
  const { id: ana } = await catalog.person('ana')
  const count = async () => ({}) as never
  const book = openBook({ ...catalog, count })
  const kept = <T>(value: T): T => JSON.parse(JSON.stringify(value))
  return { ...catalog, book, ana, kept }
}

const email = fc
  .tuple(fc.stringMatching(/^[a-z0-9.]{3,20}$/), fc.stringMatching(/^[a-z]{3,20}$/))
  .map(([name, host]) => `${name}@${host}.example` as Email)
const fault = fc
  .tuple(fc.constantFrom('denied', 'missing', 'conflict'), email, fc.string({ unit: 'grapheme' }))
  .map(([kind, about, text]) =>
    toWireFault(new Fault(kind, 'offer.x', { about, text: `${about} ${text}` })),
  )
const state: fc.Arbitrary<State> = fc.oneof(
  fc.constantFrom<State>({ at: 'moving' }, { at: 'done' }, { at: 'cancelled', by: 'there' }),
  fc.record({ at: fc.constantFrom('failed', 'refused'), fault }) as fc.Arbitrary<State>,
)

test('what is kept of a transfer names nobody, and opens as what it was', async () => {
  await using on = await openSealing()
  fc.assert(
    fc.property(email, email, state, (ours, theirs, now) => {
      const transfer = transferOf(on.ana, { email: ours, person: theirs, state: now })
      const kept = on.kept(sealTransfer(on.seals, transfer))
      for (const name of [ours, theirs, 'fault' in now ? now.fault.text : ours])
        expect(JSON.stringify(kept)).not.toContain(name)
      const { sealed: _, ...opened } = openTransfer(on.seals, kept)
      expect(opened).toEqual(transfer)
      const bundle = bundleOf(transfer)
      const keptBundle = on.kept(sealBundle(on.seals, transfer, bundle))
      for (const name of [ours, theirs]) expect(JSON.stringify(keptBundle)).not.toContain(name)
      const again = openBundle(on.seals, transfer, keptBundle)
      expect(encodeBundle(again.bundle)).toEqual(encodeBundle(bundle.bundle))
    }),
  )
})

test('a seal that was moved to another transfer does not open', async () => {
  await using on = await openSealing()
  const [one, two] = [transferOf(on.ana), transferOf(on.ana, { id: id(2) })]
  const { sealed } = sealTransfer(on.seals, one)
  const moved = { ...sealTransfer(on.seals, two), sealed }
  expect(() => openTransfer(on.seals, moved)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  const bundle = { ...sealBundle(on.seals, two, bundleOf(two)) }
  bundle.sealed = sealBundle(on.seals, one, bundleOf(one)).sealed!
  expect(() => openBundle(on.seals, two, bundle)).toThrow(
    expect.objectContaining({ kind: 'corrupt' }),
  )
})

test('without the key a transfer is as it was but for the names, and goes on being kept', async () => {
  await using on = await openSealing()
  const wire = toWireFault(new Fault('denied', 'offer.x', { text: 'Not for ken@lab.example.' }))
  const transfer = transferOf(on.ana, { state: { at: 'failed', fault: wire } })
  await on.book.make(transfer, bundleOf(transfer), 'system')
  const before = await on.db.get<SealedTransfer>(keys.transfer(transfer.id))
  await on.seals.destroy(on.ana)
  const found = await on.book.need(transfer.id)
  expect(found).toMatchObject({ email: '', person: '', bundle: transfer.bundle })
  expect(found.state).toMatchObject({
    at: 'failed',
    fault: { kind: 'denied', text: faultKinds.denied.sentence },
  })
  // Moved on with a key that is not there, the seal stays what it is: the key of a backup would open it.
  expect((await on.book.apply(transfer.id, { type: 'told' }, 'system')).told).toBe(true)
  const after = await on.db.get<SealedTransfer>(keys.transfer(transfer.id))
  expect(after).toEqual({ ...before, told: true })
  expect((await on.book.bundle(transfer.id)).bundle.from).toEqual({ site, person: '' })
})

test('transfers from before there were seals are read, and sealed once', async () => {
  await using on = await openSealing()
  const wire = toWireFault(new Fault('denied', 'offer.x', { text: 'Not for ken@lab.example.' }))
  const transfer = transferOf(on.ana, { state: { at: 'refused', fault: wire }, told: true })
  await on.commit('transfer.made', 'system', { transfer, kept: bundleOf(transfer) })
  expect(await on.book.need(transfer.id)).toEqual(transfer)
  const records = () => on.journal.head.seq
  const then = records()
  await on.book.sealOld()
  await on.book.sealOld()
  expect(records()).toBe(then + 1)
  const values = [
    await on.db.get<SealedTransfer>(keys.transfer(transfer.id)),
    await on.db.get<SealedBundle>(keys.bundle(transfer.id)),
    ...(await on.rebuilt(keys.transfers())),
    ...(await on.rebuilt(keys.bundles())),
  ]
  expect(JSON.stringify(values)).not.toMatch(/ana@|ken@/)
  expect(values).toHaveLength(4)
  const { sealed: _, ...opened } = await on.book.need(transfer.id)
  expect(opened).toEqual(transfer)
  expect(await on.book.bundle(transfer.id)).toEqual(bundleOf(transfer))
})
