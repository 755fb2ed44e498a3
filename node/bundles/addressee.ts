/** Whom a person means by a connection's ID, or by EMAIL@ALIAS: always an accepted connection. */
import type { SendInput } from '../../api/shapes.ts'
import { Fault } from '../../protocol/fault.ts'
import type { ConnectionId, Email, SiteId } from '../../protocol/ids.ts'
import type { Connections } from '../people/connections.ts'
import type { User } from '../people/users.ts'
import type { Link } from '../sites/link.ts'
import type { Links } from '../sites/links.ts'
import { openLink } from '../sites/policy.ts'

export type Addressee = { site: SiteId; person: Email; connection: ConnectionId }

export function createAddressBook(links: Links, connections: Connections) {
  return async (by: User, to: SendInput['to']): Promise<Addressee> => {
    if (typeof to === 'number') {
      const { id, site, theirs, at } = connections.get(by, to)
      const link = demandLink(links.bySite(site))
      if (at !== 'accepted') throw unconnected(`${theirs}@${link.alias}`)
      return { site, person: theirs, connection: id }
    }
    const link = links.byAlias(to.alias)
    if (link === undefined) {
      throw new Fault('missing', 'send', {
        about: to.alias,
        text: `There is no linked site called ${to.alias}. Look at the names with: crossload links`,
      })
    }
    const { site } = demandLink(link)
    const connection = connections.between(by, to.email, site)
    if (connection === undefined) throw unconnected(`${to.email}@${to.alias}`)
    return { site, person: to.email, connection: connection.id }
  }
}

/** A pause passes, so what is sent during one is kept and waits. Everything else is decided now. */
function demandLink(link: Link | undefined): Link {
  return link?.at === 'paused' ? link : openLink(link, 'send')
}

function unconnected(whom: string): Fault {
  return new Fault('missing', 'send', {
    about: whom,
    text: `You have no accepted connection with ${whom}. Ask for one with: crossload connect ${whom}`,
  })
}
