import type { Connection } from '../../people/connection.ts'
import type { Doors, Handlers } from '../doors.ts'

type Names = 'connections.list' | 'connections.ask' | 'connections.accept' | 'connections.remove'

/** Each is about the asker's own; the room has nobody else's to give. */
export const connectionHandlers: Handlers<Names> = {
  'connections.list': async ({ doors, by }) =>
    (await doors.connections.list(by)).map((one) => viewConnection(doors, one)),
  'connections.ask': async ({ doors, by, input, signal }) =>
    viewConnection(doors, await doors.connections.ask(by, input, { signal })),
  'connections.accept': async ({ doors, by, input: { id } }) =>
    viewConnection(doors, await doors.connections.accept(by, id)),
  'connections.remove': async ({ doors, by, input: { id } }) =>
    viewConnection(doors, await doors.connections.remove(by, id)),
}

function viewConnection({ links }: Doors, connection: Connection) {
  const { id, email, theirs, site, at, asked, changedAt } = connection
  const alias = links.bySite(site)?.alias ?? ''
  return { id, email, person: theirs, site, alias, state: at, asked, changedAt }
}
