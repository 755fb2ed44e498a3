/**
 * A webhook as it is kept: where it leads and what it is told. How far it has come is in the index, and
 * in the journal once an hour and whenever it is paused: an index that is made again tells at most that
 * hour once more. The secret is in neither (`secrets.ts`).
 */
import type { Change } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { Actor } from '../journal/journal.ts'
import type { EventType } from './events.ts'

export type Hook = {
  readonly id: number
  readonly url: string
  readonly events: readonly EventType[]
  readonly by: Actor
  readonly madeAt: number
  /** Why it rests until somebody resumes it. */
  readonly paused?: string | undefined
}

/** One try, as it is shown. */
export type Delivery = {
  readonly event: string
  readonly type: string
  readonly at: number
  readonly tries: number
  readonly status?: number | undefined
  readonly problem?: string | undefined
}

export type Failing = {
  readonly since: number
  readonly tries: number
  readonly nextAt: number
}

/** How far a hook has come. */
export type Position = {
  readonly id: number
  /** The last record of the journal of which everything was told. */
  readonly after: number
  /** What is tried again. */
  readonly failing?: Failing | undefined
  /** An event of the next record that is left out, because somebody said so. */
  readonly skip?: string | undefined
  /** Newest first. */
  readonly deliveries: readonly Delivery[]
}

export const positionChange = (position: Position): Change => ({
  put: keys.hookAt(position.id),
  value: position,
})

export const hookFolds: Folds = {
  'hook.put': ({ data }) => [
    { put: keys.hook(data.hook.id), value: data.hook },
    { put: keys.counter('hook'), value: data.hook.id },
    positionChange(data.position),
  ],
  /** It moved on, was paused, or was resumed. */
  'hook.moved': ({ data }) => [
    { put: keys.hook(data.hook.id), value: data.hook },
    positionChange(data.position),
  ],
  'hook.removed': ({ data }) => [{ del: keys.hook(data.id) }, { del: keys.hookAt(data.id) }],
}
