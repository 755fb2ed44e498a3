import { expect, test } from 'vitest'
import type { ConnectionId, Email, SiteId, UserId } from '../../protocol/ids.ts'
import { openCatalog } from '../../test/catalog.ts'
import { keys } from '../db/keys.ts'
import { type Connection, connectionFolds, type SealedConnection } from './connection.ts'
import { openContacts } from './contacts.ts'

const site = 'kyoto' as SiteId
const names = { email: 'ana@lab.example', theirs: 'ken@lab.example', name: 'Ken' } as {
  email: Email
  theirs: Email
  name: string
}

function connectionOf(id: number, user: UserId): Connection {
  return {
    ...{ id: id as ConnectionId, user, site, ...names, at: 'accepted', asked: 'here' },
    ...{ changedAt: 5, told: true },
    stances: { ours: { is: 'willing', changedAt: 1 }, theirs: { is: 'willing', changedAt: 2 } },
  }
}

test('connections from before there were seals are read, and sealed once', async () => {
  await using on = await openCatalog({ more: connectionFolds })
  const { id: user } = await on.person('ana')
  const old = connectionOf(1, user)
  await on.commit('connection.add', 'system', old)
  const then = on.journal.head.seq
  for (const _ of [1, 2]) {
    const contacts = await openContacts(on)
    expect(contacts.all()).toEqual([old])
    expect(contacts.find({ site, user, theirs: names.theirs })).toEqual(old)
  }
  expect(on.journal.head.seq).toBe(then + 1)
  const values = [
    await on.db.get(keys.connection(old.id)),
    ...(await on.rebuilt(keys.connections())),
  ]
  expect(values).toHaveLength(2)
  expect(JSON.stringify(values)).not.toMatch(/ana@|ken@|Ken/)
})

test('without the key connections are told apart by their IDs, and keep what is sealed', async () => {
  await using on = await openCatalog({ more: connectionFolds })
  const { id: user } = await on.person('ana')
  for (const id of [1, 2]) {
    const theirs = `ken${id}@lab.example` as Email
    await on.commit('connection.add', 'system', { ...connectionOf(id, user), theirs })
  }
  await openContacts(on)
  const sealedOf = async (id: number) =>
    (await on.db.get<SealedConnection>(keys.connection(id as ConnectionId)))?.sealed
  const before = [await sealedOf(1), await sealedOf(2)]
  await on.seals.destroy(user)
  const contacts = await openContacts(on)
  expect(contacts.all()).toMatchObject([
    { id: 1, email: '', theirs: '', name: '' },
    { id: 2, email: '', theirs: '', name: '' },
  ])
  const [first] = contacts.all()
  await contacts.change(first!, 'system', (was) => ({ ...was!, at: 'removed' }))
  expect(contacts.all().map(({ at }) => at)).toEqual(['removed', 'accepted'])
  expect([await sealedOf(1), await sealedOf(2)]).toEqual(before)
})

test('of a person who was removed, names are in memory until the other site was told, and not longer', async () => {
  await using on = await openCatalog({ more: connectionFolds })
  const { id: user } = await on.person('ana')
  const contacts = await openContacts(on)
  const pair = { site, user, theirs: names.theirs }
  const made = await contacts.change(pair, 'system', (_, fresh) => ({
    ...fresh(names.email),
    ...{ at: 'accepted', told: true },
  }))
  await on.seals.destroy(user)
  await contacts.change(made, 'system', (was) => ({ ...was!, at: 'removed', told: false }))
  contacts.forget(user)
  expect(contacts.get(made.id)).toMatchObject({ theirs: names.theirs })
  await contacts.change(made, 'system', (was) => ({ ...was!, told: true }))
  expect(contacts.get(made.id)).toMatchObject({ email: '', theirs: '', told: true })
  expect(contacts.find(pair)).toBeUndefined()
})
