/** Questions about groups of people. Part of the table in `routes.ts`. */
import { z } from 'zod'
import { email, group, name, pageItemsMax, text, userId, whole } from './inputs.ts'
import { fields, value } from './route.ts'
import * as shapes from './shapes.ts'

/** How many and how long is for the site to say, in words. */
const claims = z.array(text(1000)).max(100).optional()

export const groupsRoutes = {
  'groups.list': value('GET /api/groups', 'group.use', {
    says: 'The groups that I am in; for an administrator, all.',
    output: z.array(shapes.groupView),
  }),
  'groups.add': value('POST /api/groups', 'group.manage', {
    says: 'Makes a group, with nobody in it yet.',
    input: fields({ name, claims }),
    output: shapes.groupView,
    kinds: ['exists', 'conflict'],
  }),
  'groups.change': value('PUT /api/groups/:group', 'group.manage', {
    says: 'Gives a group another name, or other groups of the institution to take over.',
    input: fields({ group, name: name.optional(), claims }),
    output: shapes.groupView,
    kinds: ['exists'],
  }),
  'groups.members': value('GET /api/groups/:group/members', 'group.read', {
    says: 'Who is in a group that I am in; for an administrator, in any.',
    input: fields({
      group,
      after: userId.optional(),
      limit: whole(pageItemsMax).default(pageItemsMax),
    }),
    output: z.array(shapes.groupPersonView),
  }),
  'groups.add-member': value('PUT /api/groups/:group/members/:email', 'group.manage', {
    says: 'Takes a person into a group.',
    input: fields({ group, email }),
    output: shapes.groupView,
    kinds: ['conflict'],
  }),
  'groups.remove-member': value('DELETE /api/groups/:group/members/:email', 'group.manage', {
    says: 'Takes a person out of a group.',
    input: fields({ group, email }),
    output: shapes.groupView,
  }),
  'groups.remove': value('DELETE /api/groups/:group', 'group.manage', {
    says: 'Ends a group, and with it what it may do in every project.',
    input: fields({ group }),
    output: shapes.groupView,
    kinds: ['conflict'],
  }),
}
