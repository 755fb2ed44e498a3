/** What a limit is for, and how it is kept. Pure. */
import type { LinkId, TransferId } from '../../protocol/ids.ts'
import { type Key, keys } from '../db/keys.ts'
import type { Folds } from '../journal/commit.ts'
import type { Limit } from './limit.ts'

/** The site as a whole; all that crosses one link; one transfer. */
export type Scope =
  | { readonly of: 'site' }
  | { readonly of: 'link'; readonly link: LinkId }
  | { readonly of: 'transfer'; readonly transfer: TransferId }

/** A record of `limits.set`: the whole limit, or null when there is none any more. */
export type Kept = { readonly scope: Scope; readonly limit: Limit | null }

export function keyOf(scope: Scope): Key {
  switch (scope.of) {
    case 'site':
      return keys.limit('site', 0)
    case 'link':
      return keys.limit('link', scope.link)
    case 'transfer':
      return keys.limit('transfer', scope.transfer)
  }
}

export const limitFolds: Folds = {
  'limits.set': ({ data }) => {
    const kept = data as Kept
    const key = keyOf(kept.scope)
    return [kept.limit === null ? { del: key } : { put: key, value: kept }]
  },
}
