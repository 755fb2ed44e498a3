import { Fault, toWireFault } from '../../../protocol/fault.ts'
import type { Login } from '../../login/login.ts'
import type { Doors, OpenHandlers } from '../doors.ts'
import { returnPath } from '../visit.ts'

export const loginHandlers: Pick<OpenHandlers, 'login.show' | 'login.begin'> = {
  'login.show': async ({ doors: { login }, input: { tried } }) => {
    if (login === undefined) return {}
    if (tried === undefined) return { institution: login.name }
    const fault = login.failure(tried) ?? forgotten(login)
    return { institution: login.name, trouble: toWireFault(fault) }
  },
  'login.begin': async ({ doors, visit, input: { to } }) => {
    const { url, kept } = await demandInstitution(doors).begin({
      ...{ from: visit.from, redirect: `${visit.site}${returnPath}`, to },
    })
    visit.keepLogin(kept)
    return { url }
  },
}

export function demandInstitution({ login }: Doors): Login {
  if (login !== undefined) return login
  throw new Fault('conflict', 'login.begin', {
    text: 'People of this site log in with a password. Ask an administrator for a one-time link.',
  })
}

const forgotten = ({ name }: Login) =>
  new Fault('gone', 'login.expired', {
    text: `That login at ${name} did not work. Begin again.`,
  })
