import { isInvitation } from '../../../protocol/invitation.ts'
import { fingerprintOf } from '../../sites/identity.ts'
import type { Link } from '../../sites/link.ts'
import type { Handlers } from '../doors.ts'

type Names =
  | 'links.invite'
  | 'links.list'
  | 'links.add'
  | 'links.accept'
  | 'links.refuse'
  | 'links.pause'
  | 'links.resume'
  | 'links.policy'
  | 'links.rename'
  | 'links.remove'

export const linkHandlers: Handlers<Names> = {
  'links.invite': async ({ doors, by, input: { expiresMs } }) => {
    const { text, expiresAt } = await doors.links.invite({ expiresMs, by: { user: by.id } })
    return { invitation: text, expiresAt }
  },
  'links.list': ({ doors }) => doors.links.list().map(viewLink),
  'links.add': async ({ doors, by, input: { to, alias }, signal }) => {
    const options = { alias, by: { user: by.id }, signal }
    return viewLink(await doors.links[isInvitation(to) ? 'redeem' : 'ask'](to.trim(), options))
  },
  'links.accept': async ({ doors, by, input: { id, alias } }) =>
    viewLink(await doors.links.accept(id, { alias, by: { user: by.id } })),
  'links.refuse': async ({ doors, by, input: { id } }) =>
    viewLink(await doors.links.refuse(id, { by: { user: by.id } })),
  'links.pause': async ({ doors, by, input: { id } }) =>
    viewLink(await doors.links.pause(id, { by: { user: by.id } })),
  'links.resume': async ({ doors, by, input: { id } }) =>
    viewLink(await doors.links.resume(id, { by: { user: by.id } })),
  'links.policy': async ({ doors, by, input: { id, shared } }) =>
    viewLink(await doors.links.setPolicy(id, { shared }, { by: { user: by.id } })),
  'links.rename': async ({ doors, by, input: { id, alias } }) =>
    viewLink(await doors.links.rename(id, alias, { by: { user: by.id } })),
  'links.remove': async ({ doors, by, input: { id } }) =>
    viewLink(await doors.links.remove(id, { by: { user: by.id } })),
}

function viewLink({ id, site, alias, name, addresses, at, asked, changedAt, policy }: Link) {
  const { shared } = policy
  return {
    ...{ id, site, alias, name, asked, shared, changedAt },
    fingerprint: fingerprintOf(site),
    addresses: [...addresses],
    state: at,
  }
}
