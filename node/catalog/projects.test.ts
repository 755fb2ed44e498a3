import { describe, expect, test } from 'vitest'
import type { ProjectId, UserId } from '../../protocol/ids.ts'
import { openCatalog } from '../../test/catalog.ts'

describe('projects', () => {
  test('everyone has a personal one from the first moment, which names nobody', async () => {
    await using catalog = await openCatalog()
    const ana = await catalog.person('ana')
    const ben = await catalog.person('ben')
    expect(await catalog.projects.show(ana.personal, ana)).toEqual({
      id: ana.personal,
      name: 'Personal',
      personal: true,
      members: [{ user: ana.id, role: 'owner' }],
      createdAt: 1_000_000,
    })
    expect(ben.personal).not.toBe(ana.personal)
    await expect(catalog.projects.show(ana.personal, ben)).rejects.toMatchObject({
      kind: 'missing',
    })
  })

  test('are added, listed and owned', async () => {
    await using catalog = await openCatalog()
    const { projects } = catalog
    const [ana, ben] = [await catalog.person('ana'), await catalog.person('ben')]
    const lab = await projects.add({ name: 'lab' }, ana)
    await projects.setMember(lab.id, { user: ben.id, role: 'viewer' }, ana)
    expect((await projects.list(ben)).map((one) => one.id)).toEqual([ben.personal, lab.id])
    expect((await projects.mine(ben)).map((one) => one.id)).toEqual([ben.personal])
    expect((await projects.mine(ana)).map((one) => one.id)).toEqual([ana.personal, lab.id])
  })

  test('added at once have different IDs', async () => {
    await using catalog = await openCatalog()
    const ana = await catalog.person('ana')
    const made = await Promise.all(
      ['a', 'b', 'c'].map((name) => catalog.projects.add({ name }, ana)),
    )
    expect(new Set(made.map((one) => one.id)).size).toBe(3)
  })
})

describe('a deposit folder', () => {
  test('is the owners’ to name and to take back, and a change of members keeps it', async () => {
    await using catalog = await openCatalog()
    const { projects } = catalog
    const [ana, ben] = [await catalog.person('ana'), await catalog.person('ben')]
    const { id } = await projects.add({ name: 'lab' }, ana)
    const deposit = { folder: '/data/in', link: true }
    expect((await projects.setDeposit(id, deposit, ana)).deposit).toEqual(deposit)
    await projects.setMember(id, { user: ben.id, role: 'member' }, ana)
    await expect(projects.setDeposit(id, undefined, ben)).rejects.toMatchObject({ kind: 'denied' })
    expect((await projects.show(id, ben)).deposit).toEqual(deposit)
    expect(await projects.setDeposit(id, undefined, ana)).not.toHaveProperty('deposit')
    expect(await projects.show(id, ben)).not.toHaveProperty('deposit')
  })
})

describe('members', () => {
  test('are the owners’ to change; others are told it is not theirs, or nothing at all', async () => {
    await using catalog = await openCatalog()
    const { projects } = catalog
    const [ana, ben, cy] = [
      await catalog.person('ana'),
      await catalog.person('ben'),
      await catalog.person('cy'),
    ]
    const { id } = await projects.add({ name: 'lab' }, ana)
    await projects.setMember(id, { user: ben.id, role: 'member' }, ana)
    const add = (by: typeof ana) => projects.setMember(id, { user: cy.id, role: 'viewer' }, by)
    await expect(add(ben)).rejects.toMatchObject({ kind: 'denied' })
    await expect(add(cy)).rejects.toMatchObject({ kind: 'missing', about: id })
    await expect(projects.removeMember(id, ana.id, ben)).rejects.toMatchObject({ kind: 'denied' })
    await projects.removeMember(id, ben.id, ana)
    await expect(projects.show(id, ben)).rejects.toMatchObject({ kind: 'missing' })
  })

  test('leave an owner behind, and a personal project its own', async () => {
    await using catalog = await openCatalog()
    const { projects } = catalog
    const [ana, ben] = [await catalog.person('ana'), await catalog.person('ben')]
    const { id } = await projects.add({ name: 'lab' }, ana)
    await expect(projects.removeMember(id, ana.id, ana)).rejects.toMatchObject({ kind: 'conflict' })
    await expect(
      projects.setMember(id, { user: ana.id, role: 'viewer' }, ana),
    ).rejects.toMatchObject({ kind: 'conflict' })
    const share = (role: 'owner' | 'viewer') =>
      projects.setMember(ana.personal, { user: ben.id, role }, ana)
    await expect(share('owner')).rejects.toMatchObject({ kind: 'conflict' })
    expect((await share('viewer')).members).toHaveLength(2)
  })

  test('are people of this site', async () => {
    await using catalog = await openCatalog()
    const ana = await catalog.person('ana')
    const member = { user: 99 as UserId, role: 'member' } as const
    await expect(catalog.projects.setMember(ana.personal, member, ana)).rejects.toMatchObject({
      kind: 'missing',
      about: 99,
    })
    await expect(
      catalog.projects.removeMember(ana.personal, member.user, ana),
    ).rejects.toMatchObject({ kind: 'missing' })
    await expect(catalog.projects.show(99 as ProjectId, ana)).rejects.toMatchObject({
      kind: 'missing',
    })
  })
})
