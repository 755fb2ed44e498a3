/** Projects in words. */
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'

export type Project = Told<'projects.show'>
export type Role = Project['members'][number]['role']

export const roles: readonly Role[] = ['viewer', 'member', 'owner']

export const roleSays: Record<Role, string> = {
  viewer: 'Viewers see everything in it and download it.',
  member: 'Members also add datasets and workflows and make new versions.',
  owner: 'Owners also send to other sites, remove, and decide who is in it.',
}

/** Everybody's personal project has the same name: whose it is tells them apart. */
export function nameOf(project: Project, you: string): string {
  if (!project.personal) return visible(project.name)
  const owner = project.members.find(({ role }) => role === 'owner')
  if (owner?.email === you) return 'My own'
  return `Personal project of ${owner === undefined ? 'somebody' : visible(owner.name || owner.email)}`
}
