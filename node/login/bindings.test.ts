import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../protocol/ids.ts'
import { openFolder } from '../../test/folder.ts'
import { systemClock } from '../base/clock.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import { openJournal } from '../journal/journal.ts'
import { openIndex } from '../journal/recovery.ts'
import { openSeals } from '../people/seals.ts'
import { bindingFolds, bindingsMax, endedBindingsChanges, openBindings } from './bindings.ts'

const [ana, ben] = [1 as UserId, 2 as UserId]
const by = { by: 'system' } as const
const there = { issuer: 'https://id.example', sub: 'a-1' }

/** A real journal, index and keys. */
async function openThere(folder: string, { create = true, index = 'index' } = {}) {
  const stack = new AsyncDisposableStack()
  const clock = systemClock
  const journal = stack.use(await openJournal({ folder: join(folder, 'journal'), clock, create }))
  const folds: Folds = {
    ...bindingFolds,
    'user.removed': ({ data }) => endedBindingsChanges(data),
  }
  const made = { folder: join(folder, index), journal, folds, create: create || index !== 'index' }
  const { db, commit } = await openIndex(made)
  stack.use(db)
  const seals = await openSeals({ folder: join(folder, 'people'), clock })
  if (create) for (const user of [ana, ben]) await seals.make(user)
  const bindings = stack.use(await openBindings({ commit, db, clock, seals }))
  const kept = async () => (await Array.fromAsync(db.list(keys.logins()))).length
  return { bindings, commit, seals, kept, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('an account', () => {
  test('is found by who its person is there, and by nothing like it', async () => {
    await using folder = await openFolder()
    await using o = await openThere(folder.path)
    await o.bindings.bind(ana, there)
    expect(o.bindings.find(there)).toBe(ana)
    for (const other of [
      { ...there, sub: 'A-1' },
      { ...there, sub: 'a-1 ' },
      { ...there, issuer: 'https://id.example/' },
      { issuer: 'https://id.examplea', sub: '-1' },
    ])
      expect(o.bindings.find(other)).toBeUndefined()
  })

  test('is bound to one of an issuer, and nobody to two accounts', async () => {
    await using folder = await openFolder()
    await using o = await openThere(folder.path)
    await o.bindings.bind(ana, there)
    await o.bindings.bind(ana, there)
    expect(await o.kept()).toBe(1)
    const conflict = { kind: 'conflict' }
    await expect(o.bindings.bind(ana, { ...there, sub: 'a-2' })).rejects.toMatchObject(conflict)
    await expect(o.bindings.bind(ben, there)).rejects.toMatchObject(conflict)
    for (let i = 1; i < bindingsMax; i++)
      await o.bindings.bind(ana, { issuer: `https://${i}.example`, sub: 'a-1' })
    const more = { issuer: 'https://more.example', sub: 'a-1' }
    await expect(o.bindings.bind(ana, more)).rejects.toMatchObject(conflict)
    expect(await o.bindings.end(ana, by)).toHaveLength(bindingsMax)
    await o.bindings.bind(ben, there)
    expect(o.bindings.find(there)).toBe(ben)
    expect(await o.bindings.end(ana, by)).toEqual([])
  })
})

test('it is the same after a new start, and from an index that was made again', async () => {
  await using folder = await openFolder()
  {
    await using o = await openThere(folder.path)
    await o.bindings.bind(ana, there)
    await o.bindings.bind(ben, { ...there, sub: 'b-1' })
    await o.bindings.end(ben, by)
  }
  for (const index of ['index', 'again']) {
    await using o = await openThere(folder.path, { create: false, index })
    expect(o.bindings.find(there)).toBe(ana)
    expect(o.bindings.find({ ...there, sub: 'b-1' })).toBeUndefined()
    expect(await o.kept()).toBe(1)
  }
})

test('whoever is removed is bound no more, and without their key it is nobody’s', async () => {
  await using folder = await openFolder()
  {
    await using o = await openThere(folder.path)
    await o.bindings.bind(ana, there)
    await o.bindings.bind(ben, { ...there, sub: 'b-1' })
    await o.commit('user.removed', 'system', { user: { id: ana }, ...o.bindings.endsWith(ana) })
    expect(o.bindings.find(there)).toBeUndefined()
    expect(await o.kept()).toBe(1)
    // A record from before there were bindings.
    await o.commit('user.removed', 'system', { user: { id: 9 } })
    await o.seals.destroy(ben)
  }
  await using o = await openThere(folder.path, { create: false })
  expect(o.bindings.find({ ...there, sub: 'b-1' })).toBeUndefined()
  // It can be bound anew.
  await o.bindings.bind(ana, { ...there, sub: 'b-1' })
  expect(o.bindings.find({ ...there, sub: 'b-1' })).toBe(ana)
})
