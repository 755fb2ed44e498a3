/** What machines ask that do not know us yet: is it well, and where is it for other sites. */
import { type WellKnown, wellKnownPath } from '../../../protocol/well-known.ts'
import type { Doorway, Lookout } from '../doorway.ts'

export const healthz: Lookout = {
  path: '/healthz',
  says: '200 while the site works, 503 when it had to go into safe mode; for whoever watches machines.',
  answer(reply, site) {
    const { state } = site.health()
    return reply.code(state === 'safe' ? 503 : 200).send({ state })
  },
}

export const wellKnown: readonly Doorway[] = [
  {
    name: 'site.well-known',
    methods: ['GET'],
    path: wellKnownPath,
    permission: 'anyone',
    says: 'Which site this is and where other sites reach it; an administrator there links by our name.',
    answer({ reply, doors }) {
      const { site, name, addresses } = doors.site.facts()
      const told: WellKnown = { v: 1, site, name, addresses, openapi: '/api/openapi' }
      return reply.send(told)
    },
  },
]
