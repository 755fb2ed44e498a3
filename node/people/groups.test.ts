import { describe, expect, test } from 'vitest'
import type { GroupId, UserId } from '../../protocol/ids.ts'
import { openCatalog } from '../../test/catalog.ts'
import { keys } from '../db/keys.ts'
import { claimsMax, groupMembersMax, openGroups } from './groups.ts'

const by = { by: 'system' } as const

/** A site with a group of Ben in it, which is a member of a project of Ana's. */
async function openLab() {
  const catalog = await openCatalog()
  const [ana, ben] = [await catalog.person('ana'), await catalog.person('ben')]
  const group = await catalog.groups.add({ name: 'Imaging' }, by)
  await catalog.groups.addMember(group.id, ben.id, by)
  const lab = await catalog.projects.add({ name: 'lab' }, ana)
  return { ...catalog, ana, ben, group, lab }
}

describe('a role given to a group', () => {
  test('is everybody’s in it, from the moment they are in it until they are not', async () => {
    await using site = await openLab()
    const { projects, groups, ana, ben, group, lab } = site
    await expect(projects.show(lab.id, ben)).rejects.toMatchObject({ kind: 'missing' })
    await projects.setGroup(lab.id, { group: group.id, role: 'viewer' }, ana)
    expect((await projects.show(lab.id, ben)).id).toBe(lab.id)
    await expect(projects.need(lab.id, ben, 'dataset.write')).rejects.toMatchObject({
      kind: 'denied',
    })
    // `ben` is the very object that was read before: what counts is who is in the group now.
    await groups.removeMember(group.id, ben.id, by)
    await expect(projects.show(lab.id, ben)).rejects.toMatchObject({ kind: 'missing' })
    expect((await projects.list(ben)).map(({ id }) => id)).toEqual([ben.personal])
  })

  test('and one of their own: the higher counts', async () => {
    await using site = await openLab()
    const { projects, ana, ben, group, lab } = site
    await projects.setGroup(lab.id, { group: group.id, role: 'owner' }, ana)
    await projects.setMember(lab.id, { user: ben.id, role: 'viewer' }, ana)
    expect((await projects.need(lab.id, ben, 'project.own')).id).toBe(lab.id)
    await projects.setGroup(lab.id, { group: group.id, role: 'viewer' }, ana)
    await projects.setMember(lab.id, { user: ben.id, role: 'member' }, ana)
    expect((await projects.need(lab.id, ben, 'dataset.write')).id).toBe(lab.id)
    await expect(projects.need(lab.id, ben, 'project.own')).rejects.toMatchObject({
      kind: 'denied',
    })
  })

  test('never leaves a project without an owner who is a person', async () => {
    await using site = await openLab()
    const { projects, ana, ben, group, lab } = site
    await projects.setGroup(lab.id, { group: group.id, role: 'owner' }, ana)
    await expect(projects.removeMember(lab.id, ana.id, ben)).rejects.toMatchObject({
      kind: 'conflict',
    })
    await projects.setMember(lab.id, { user: ben.id, role: 'owner' }, ana)
    expect((await projects.removeMember(lab.id, ana.id, ben)).members).toEqual([
      { user: ben.id, role: 'owner' },
      { group: group.id, role: 'owner' },
    ])
  })

  test('is not for a personal project, nor from one who does not own it, nor to a group that is none', async () => {
    await using site = await openLab()
    const { projects, ana, ben, group, lab } = site
    const member = { group: group.id, role: 'viewer' } as const
    await expect(projects.setGroup(ana.personal, member, ana)).rejects.toMatchObject({
      kind: 'conflict',
    })
    await expect(projects.setGroup(lab.id, member, ben)).rejects.toMatchObject({ kind: 'missing' })
    const nobody = { ...member, group: 99 as GroupId }
    await expect(projects.setGroup(lab.id, nobody, ana)).rejects.toMatchObject({ kind: 'missing' })
    await expect(projects.removeGroup(lab.id, group.id, ana)).rejects.toMatchObject({
      kind: 'missing',
    })
  })
})

describe('a group', () => {
  test('has a name that no other active one has, and that is no ID', async () => {
    await using site = await openLab()
    const { groups, group } = site
    await expect(groups.add({ name: 'IMAGING' }, by)).rejects.toMatchObject({ kind: 'exists' })
    for (const name of ['', ' ', '12', 'a\u0007b', 'x'.repeat(201), 'a\ud800'])
      await expect(groups.add({ name }, by)).rejects.toMatchObject({ kind: 'invalid' })
    const other = await groups.add({ name: ' Cytometry ' }, by)
    expect(other.name).toBe('Cytometry')
    await expect(groups.change(other.id, { name: 'imaging' }, by)).rejects.toMatchObject({
      kind: 'exists',
    })
    // Its own name in other letters is its own.
    expect((await groups.change(group.id, { name: 'imaging' }, by)).name).toBe('imaging')
    expect(groups.find('CYTOMETRY')).toEqual(other)
    expect(groups.find(String(other.id))).toEqual(other)
    await groups.remove(other.id, by)
    expect(groups.find('Cytometry')).toBeUndefined()
    const again = await groups.add({ name: 'Cytometry' }, by)
    expect(again.id).toBeGreaterThan(other.id)
  })

  test('takes people of this site, each once', async () => {
    await using site = await openLab()
    const { groups, group, ben, ana } = site
    await groups.addMember(group.id, ben.id, by)
    expect([...groups.members(group.id)]).toEqual([ben.id])
    await expect(groups.addMember(group.id, 99 as UserId, by)).rejects.toMatchObject({
      kind: 'missing',
    })
    await expect(groups.removeMember(group.id, ana.id, by)).rejects.toMatchObject({
      kind: 'missing',
    })
    await expect(groups.addMember(9 as GroupId, ben.id, by)).rejects.toMatchObject({
      kind: 'missing',
    })
  })

  test('that is removed is out of every project with the same record, and cannot come back', async () => {
    await using site = await openLab()
    const { projects, groups, journal, ana, ben, group, lab } = site
    const second = await projects.add({ name: 'second' }, ana)
    for (const { id } of [lab, second])
      await projects.setGroup(id, { group: group.id, role: 'member' }, ana)
    const before = journal.head.seq
    await groups.remove(group.id, by)
    expect(journal.head.seq).toBe(before + 1)
    for (const { id } of [lab, second]) {
      expect((await projects.show(id, ana)).members).toEqual([{ user: ana.id, role: 'owner' }])
      await expect(projects.show(id, ben)).rejects.toMatchObject({ kind: 'missing' })
    }
    const member = { group: group.id, role: 'viewer' } as const
    await expect(projects.setGroup(lab.id, member, ana)).rejects.toMatchObject({ kind: 'missing' })
    await expect(groups.remove(group.id, by)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('loses whoever is removed from the site', async () => {
    await using site = await openLab()
    const { groups, group, ben, users } = site
    await users.remove(ben.id, by)
    expect([...groups.members(group.id)]).toEqual([])
    expect([...groups.of(ben.id)]).toEqual([])
    expect(await site.rebuilt(keys.groupMembers())).toEqual([])
  })

  test('has at most so many people', async () => {
    await using site = await openLab()
    const { commit, groups, group, ana } = site
    const joined = Array.from({ length: groupMembersMax - 1 }, (_, i) => ({
      group: group.id,
      user: 1000 + i,
    }))
    await commit('group.members', 'system', { joined, left: [] })
    await expect(groups.addMember(group.id, ana.id, by)).rejects.toMatchObject({
      kind: 'conflict',
    })
    await groups.change(group.id, { claims: ['staff'] }, by)
    expect((await groups.takeOver(ana.id, ['staff'])).full.map(({ id }) => id)).toEqual([group.id])
  })
})

describe('what the institution says', () => {
  test('is who is in groups that take it over; the others stay as they are', async () => {
    await using site = await openLab()
    const { groups, group, ana, ben, journal } = site
    const staff = await groups.add({ name: 'Staff', claims: ['staff', 'guests'] }, by)
    const core = await groups.add({ name: 'Core', claims: ['core'] }, by)
    await groups.takeOver(ben.id, ['guests', 'core', 'unknown'])
    expect([...groups.of(ben.id)]).toEqual([group.id, staff.id, core.id])
    const before = journal.head.seq
    await groups.takeOver(ben.id, ['staff', 'core'])
    expect(journal.head.seq).toBe(before)
    await groups.takeOver(ben.id, ['staff'])
    expect([...groups.of(ben.id)]).toEqual([group.id, staff.id])
    await groups.takeOver(ben.id, [])
    expect([...groups.of(ben.id)]).toEqual([group.id])
    expect([...groups.of(ana.id)]).toEqual([])
  })

  test('is named in few and plain words', async () => {
    await using site = await openLab()
    const { groups, group } = site
    const many = Array.from({ length: claimsMax + 1 }, (_, i) => `g${i}`)
    for (const claims of [[''], ['a\nb'], ['x'.repeat(201)], many]) {
      await expect(groups.change(group.id, { claims }, by)).rejects.toMatchObject({
        kind: 'invalid',
      })
    }
    expect((await groups.change(group.id, { claims: ['a', 'a'] }, by)).claims).toEqual(['a'])
  })
})

test('groups are the same after a new start and after the index was made again', async () => {
  await using site = await openLab()
  const { groups, group, ana, ben, lab, projects, commit, db } = site
  await groups.takeOver(ana.id, [])
  await projects.setGroup(lab.id, { group: group.id, role: 'viewer' }, ana)
  const gone = await groups.add({ name: 'Gone' }, by)
  await groups.remove(gone.id, by)
  const needs = { commit, db, isPerson: async () => true, projectsWithout: async () => [] }
  using again = await openGroups(needs)
  expect(again.list()).toEqual(groups.list())
  expect([...again.of(ben.id)]).toEqual([group.id])
  expect(await site.rebuilt(keys.groups())).toEqual([group, { ...gone, at: 'removed' }])
  expect(await site.rebuilt(keys.groupMembers())).toEqual([{ group: group.id, user: ben.id }])
  expect(await site.rebuilt(keys.projects())).toContainEqual({
    ...lab,
    members: [
      { user: ana.id, role: 'owner' },
      { group: group.id, role: 'viewer' },
    ],
  })
})
