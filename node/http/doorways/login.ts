/**
 * Where the institution sends the browser after a login there. The question comes from another site, so
 * no session's cookie is with it and none is asked for: what proves it is the login that this browser
 * began. Whatever comes of it, the browser is sent on into the console at once.
 */
import { faultOf } from '../answers.ts'
import type { Doorway } from '../doorway.ts'
import { demandInstitution } from '../handlers/login.ts'
import { returnPath } from '../visit.ts'

export const login: readonly Doorway[] = [
  {
    name: 'login.finish',
    methods: ['GET'],
    path: returnPath,
    permission: 'anyone',
    isReturn: true,
    says: 'The institution’s answer about a person; opens a session and leads into the console.',
    async answer({ request, reply, doors, visit, clock, log }) {
      const institution = demandInstitution(doors)
      visit.keepLogin(undefined)
      try {
        const { user, to } = await institution.finish({
          ...{ from: visit.from, kept: visit.login },
          answer: new URL(request.url, visit.site),
        })
        visit.keep(await doors.accounts.sessions.begin(user))
        return reply.redirect(to, 303)
      } catch (thrown) {
        const [fault] = faultOf(thrown, { clock, log })
        // The words wait here for the page: what stands in an address, anybody may have written.
        return reply.redirect(`/login?tried=${institution.failed(fault)}`, 303)
      }
    },
  },
]
