import { Fault } from '../../../protocol/fault.ts'
import type { Email } from '../../../protocol/ids.ts'
import type { User } from '../../people/users.ts'
import type { Doors, Handlers } from '../doors.ts'

type Names =
  | 'people.list'
  | 'people.add'
  | 'people.token'
  | 'people.tokens'
  | 'people.remove-token'
  | 'people.link'
  | 'people.remove'
  | 'people.logins'
  | 'people.remove-logins'
  | 'tokens.list'
  | 'tokens.add'
  | 'tokens.remove'

export const peopleHandlers: Handlers<Names> = {
  'people.list': async ({ doors }) => (await doors.users.list()).map(viewUser),
  'people.add': async ({ doors, by, input }) =>
    viewUser(await doors.users.add({ ...input, by: { user: by.id } })),
  'people.token': async ({ doors, by, input: { email, ...o } }) => {
    const { id } = await personOf(doors, email)
    return { email, token: await doors.tokens.create(id, { by: { user: by.id }, ...o }) }
  },
  'people.tokens': async ({ doors, input: { email } }) =>
    doors.tokens.list((await personOf(doors, email)).id),
  'people.remove-token': async ({ doors, by, input: { email, token } }) => {
    const { id } = await personOf(doors, email)
    return doors.tokens.remove(id, token, { by: { user: by.id } })
  },
  'tokens.list': ({ doors, by }) => doors.tokens.list(by.id),
  'tokens.add': async ({ doors, by, input }) => ({
    email: by.email,
    token: await doors.tokens.create(by.id, { by: { user: by.id }, ...input }),
  }),
  'tokens.remove': ({ doors, by, input: { token } }) =>
    doors.tokens.remove(by.id, token, { by: { user: by.id } }),
  'people.link': async ({ doors, by, visit, input: { email, mail = false }, signal }) => {
    const person = await personOf(doors, email)
    // Before the link is made, which ends the one before.
    if (mail) doors.notices.mail.demand()
    const { secret, expiresAt } = await doors.accounts.createLink(person.id, {
      by: { user: by.id },
    })
    // Behind `#`: a browser sends that to nobody, so it stands in no log.
    const link = `${visit.site}/welcome#${secret}`
    const welcome = { email, link, expiresAt }
    if (!mail) return welcome
    return { ...welcome, mail: await doors.notices.mail.invite(person, welcome, { signal }) }
  },
  'people.logins': async ({ doors, input: { email } }) =>
    doors.bindings.of((await personOf(doors, email)).id),
  'people.remove-logins': async ({ doors, by, input: { email } }) => {
    const { id } = await personOf(doors, email)
    return doors.bindings.end(id, { by: { user: by.id } })
  },
  'people.remove': async ({ doors, by, input }) => {
    const { id } = await personOf(doors, input.email)
    return viewUser(await doors.accounts.remove(id, { by: { user: by.id } }))
  },
}

/** The active person of that address. Faults `missing`. */
export async function personOf(doors: Pick<Doors, 'users'>, email: Email): Promise<User> {
  const user = await doors.users.byEmail(email)
  if (user !== undefined) return user
  throw new Fault('missing', 'people.get', {
    about: email,
    text: `${email} has no account at this site. An administrator adds one with crossload people add ${email}`,
  })
}

export function viewUser({ at, ...user }: User) {
  return { ...user, state: at }
}
