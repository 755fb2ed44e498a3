/** What is kept of groups of people, and how records change it. Who is in one stands beside it, a key each. */
import type { GroupId, UserId } from '../../protocol/ids.ts'
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'

export type Group = {
  readonly id: GroupId
  readonly name: string
  /** The names of groups at the institution whose people are in this one, as told at each login. */
  readonly claims: readonly string[]
  readonly at: 'active' | 'removed'
}

export type Membership = { readonly group: GroupId; readonly user: UserId }

/** What one record says of who is in what. */
export type Moved = {
  readonly joined: readonly Membership[]
  readonly left: readonly Membership[]
}

const left = ({ group, user }: Membership): Change => ({ del: keys.groupMember(group, user) })

/** `group.removed` is folded by both rooms that it concerns, as `user.put` is. */
export function groupFolds(projectChanges: (project: never) => Change[]): Folds {
  return {
    'group.put': ({ data }) => [{ put: keys.group(data.id), value: data }],
    'group.members': ({ data }) => [
      ...(data.joined as Membership[]).map(({ group, user }) => ({
        put: keys.groupMember(group, user),
        value: { group, user },
      })),
      ...(data.left as Membership[]).map(left),
    ],
    'group.removed': ({ data }) => [
      { put: keys.group(data.group.id), value: data.group },
      ...(data.left as Membership[]).map(left),
      ...(data.projects as never[]).flatMap(projectChanges),
    ],
  }
}

/** Of `user.removed`: they are in no group any more. Records from before there were groups say nothing. */
export const leftGroupsChanges = (data: { left?: readonly Membership[] }): Change[] =>
  (data.left ?? []).map(left)
