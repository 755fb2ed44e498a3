import { openApi } from '../../../api/openapi.ts'
import { Fault } from '../../../protocol/fault.ts'
import { Unknown } from '../answers.ts'
import type { Handlers, OpenHandlers } from '../doors.ts'
import { loginHandlers } from './login.ts'
import { viewUser } from './people.ts'

/** What is asked by somebody who is not known yet. */
export const openHandlers: OpenHandlers = {
  'site.openapi': async ({ doors }) => openApi(doors.site.facts().version),
  ...loginHandlers,
  'session.open': async ({ doors, visit, input: { email, password } }) => {
    try {
      const { user, ...secret } = await doors.accounts.enter(email, password, visit.from)
      visit.keep(secret)
      return { user: viewUser(user), expiresAt: secret.expiresAt }
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.kind === 'denied')
        throw new Unknown(thrown.op, thrown.message)
      throw thrown
    }
  },
  'session.welcome': async ({ doors, visit, input: { secret, password, name } }) => {
    const { user, ...kept } = await doors.accounts.welcome(secret, { password, name })
    visit.keep(kept)
    return { user: viewUser(user), expiresAt: kept.expiresAt }
  },
}

type Names =
  | 'session.close'
  | 'session.password'
  | 'session.rename'
  | 'session.list'
  | 'session.end'
  | 'session.end-others'

export const sessionHandlers: Handlers<Names> = {
  'session.list': ({ doors, by, visit }) => doors.accounts.sessions.list(by.id, visit.secret),
  'session.end': async ({ doors: { accounts }, by, visit, input: { session } }) => {
    await accounts.sessions.endOne(by.id, session)
    return accounts.sessions.list(by.id, visit.secret)
  },
  'session.end-others': async ({ doors: { accounts }, by, visit }) => {
    await accounts.sessions.endOthers(by.id, visit.secret)
    return accounts.sessions.list(by.id, visit.secret)
  },
  'session.rename': async ({ doors, by, input: { name } }) =>
    viewUser(await doors.users.rename(by.id, name, { by: { user: by.id } })),
  'session.close': async ({ doors, visit }) => {
    if (visit.secret !== undefined) await doors.accounts.sessions.end(visit.secret)
    visit.keep(undefined)
    return {}
  },
  'session.password': async ({ doors, by, visit, input: { old, password } }) => {
    const { user, ...secret } = await doors.accounts.changePassword(by, {
      old,
      password,
      from: visit.from,
    })
    visit.keep(secret)
    return { user: viewUser(user), expiresAt: secret.expiresAt }
  },
}
