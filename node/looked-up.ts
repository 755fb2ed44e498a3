/** What notices say of people and things, asked of the rooms that know them when a notice is read. */
import { Fault } from '../protocol/fault.ts'
import type { Hooks } from './hooks/hooks.ts'
import type { Lookup } from './notices/words.ts'
import type { Connections } from './people/connections.ts'
import type { Users } from './people/users.ts'
import type { Links } from './sites/links.ts'
import type { Transfers } from './transfers/transfers.ts'

export function createLookup(o: {
  transfers: Pick<Transfers<never>, 'view'>
  connections: Pick<Connections, 'get'>
  links: Pick<Links, 'bySite' | 'list'>
  hooks: Pick<Hooks, 'list'>
  users: Pick<Users, 'get'>
}): Lookup {
  const { transfers, connections, links, hooks, users } = o
  return {
    transfer: (id) => unlessMissing(() => transfers.view(id)),
    connection(user, id) {
      try {
        const { theirs, site } = connections.get({ id: user }, id)
        return { person: theirs, alias: links.bySite(site)?.alias ?? site }
      } catch (thrown) {
        return demandMissing(thrown)
      }
    },
    link: (id) => links.list().find((one) => one.id === id)?.name,
    hook(id) {
      const found = hooks.list().find(({ hook }) => hook.id === id)
      return found === undefined ? undefined : new URL(found.hook.url).host
    },
    async email(id) {
      const user = await users.get(id)
      return user?.at === 'active' ? user.email : undefined
    },
  }
}

/** What a room no longer has is no failure of a notice about it. */
export async function unlessMissing<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (thrown) {
    return demandMissing(thrown)
  }
}

function demandMissing(thrown: unknown): undefined {
  if (thrown instanceof Fault && thrown.kind === 'missing') return undefined
  throw thrown
}
