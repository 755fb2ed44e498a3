import { describe, expect, it } from 'vitest'
import type { Email, GroupId, ProjectId, UserId } from '../../protocol/ids.ts'
import { type Act, acts, may, type Thing } from './permissions.ts'
import type { User } from './users.ts'

function person(id: number, more: Partial<User> = {}): User {
  const email = `p${id}@lab.example` as Email
  const personal = id as ProjectId
  return { id: id as UserId, email, name: '', role: 'member', personal, at: 'active', ...more }
}

const ana = person(1)
const root = person(2, { role: 'administrator' })
const project = (role: 'owner' | 'member' | 'viewer'): Thing => ({
  members: [{ user: ana.id, role }],
})

describe('may', () => {
  it('lets only owners send', () => {
    for (const act of ['dataset.send', 'workflow.send'] as const) {
      expect(may(ana, act, project('owner'))).toBe(true)
      expect(may(ana, act, project('member'))).toBe(false)
      expect(may(ana, act, project('viewer'))).toBe(false)
    }
  })

  it('lets viewers read and members write', () => {
    expect(may(ana, 'dataset.read', project('viewer'))).toBe(true)
    expect(may(ana, 'dataset.write', project('viewer'))).toBe(false)
    expect(may(ana, 'dataset.write', project('member'))).toBe(true)
    expect(may(ana, 'project.own', project('member'))).toBe(false)
  })

  it('gives administrators the site and nobody’s data', () => {
    expect(may(root, 'link.manage', 'site')).toBe(true)
    expect(may(ana, 'link.manage', 'site')).toBe(false)
    expect(may(root, 'dataset.read', project('owner'))).toBe(false)
    expect(may(root, 'connection.own', { user: ana.id })).toBe(false)
    expect(may(ana, 'connection.own', { user: ana.id })).toBe(true)
  })

  it('gives in a project what the highest of their own and their groups’ roles gives', () => {
    const [imaging, other] = [7 as GroupId, 8 as GroupId]
    const on: Thing = {
      members: [
        { user: ana.id, role: 'viewer' },
        { group: imaging, role: 'member' },
        { group: other, role: 'owner' },
      ],
    }
    const inImaging = { ...ana, groups: new Set([imaging]) }
    expect(may(ana, 'dataset.write', on)).toBe(false)
    expect(may(inImaging, 'dataset.write', on)).toBe(true)
    expect(may(inImaging, 'dataset.send', on)).toBe(false)
    expect(may({ ...person(9), groups: new Set([other]) }, 'dataset.send', on)).toBe(true)
    // A group and a person may have the same number; neither has what is the other’s.
    expect(may(person(imaging), 'dataset.read', on)).toBe(false)
    expect(may({ ...person(9), groups: new Set([1 as GroupId]) }, 'dataset.read', on)).toBe(false)
  })

  it('shows who is in a group to those in it and to administrators', () => {
    const on: Thing = { group: 7 as GroupId }
    expect(may(root, 'group.read', on)).toBe(true)
    expect(may(ana, 'group.read', on)).toBe(false)
    expect(may({ ...ana, groups: new Set([7 as GroupId]) }, 'group.read', on)).toBe(true)
    expect(may({ ...ana, groups: new Set([7 as GroupId]) }, 'group.manage', on)).toBe(false)
  })

  it('denies by default', () => {
    const every: Thing[] = ['site', { user: ana.id }, project('owner')]
    const gone = person(1, { at: 'removed', role: 'administrator' })
    for (const on of every) {
      expect(may(root, 'no.such.act' as Act, on)).toBe(false)
      expect(may(root, 'toString' as Act, on)).toBe(false)
      for (const act of Object.keys(acts) as Act[]) expect(may(gone, act, on)).toBe(false)
    }
    // A right on a project is never granted by asking about something else.
    expect(may(ana, 'dataset.read', 'site')).toBe(false)
    expect(may(ana, 'dataset.read', { user: ana.id })).toBe(false)
    expect(may(root, 'site.administer', { user: root.id })).toBe(false)
  })
})
