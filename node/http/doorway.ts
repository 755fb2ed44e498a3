/**
 * Addresses whose questions and answers have the form of somebody else's standard, so they cannot be
 * rows of our table: resumable uploads, data repositories, metrics, login at another provider. They
 * ask for a permission like any row, and a failure without a form of its own is a problem document.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Permission } from '../../api/route.ts'
import type { Clock } from '../base/clock.ts'
import type { User } from '../people/users.ts'
import { admit, demandPermission } from './admit.ts'
import { answerFault, blamed, faultOf, goneSignal } from './answers.ts'
import type { Doors, SiteDoor } from './doors.ts'
import type { Log } from './log.ts'
import { demandMovement, demandQuestion } from './patience.ts'
import { endWhileComing, type Presence } from './presence.ts'
import { createVisit, type Visit } from './visit.ts'

export type Asking = {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly doors: Doors
  readonly visit: Visit
  /** Nobody where anyone may ask. */
  readonly by: User | undefined
  /** Aborts when the asker goes away or is removed, or the site stops. */
  readonly signal: AbortSignal
  readonly presence: Presence
  readonly clock: Clock
  readonly log: Log
}

/** Answers even in safe mode, when nobody is known and nothing is read but the site as a whole. */
export type Lookout = {
  readonly name: string
  readonly path: string
  readonly says: string
  readonly answer: (reply: FastifyReply, site: SiteDoor) => unknown
}

export type Doorway = {
  /** As a row of the table is called: `noun.verb`. */
  readonly name: string
  readonly methods: readonly HTTPMethods[]
  /** As Fastify writes one: `/ga4gh/drs/v1/objects/:id`, `/api/uploads/*`. */
  readonly path: string
  /** Without one the site does not start. */
  readonly permission: Permission
  readonly says: string
  /** Sends the answer itself. The body is `request.raw`, unread, when `raw` is set. */
  readonly answer: (asking: Asking) => unknown
  readonly raw?: boolean
  /** Another site sends browsers here on purpose. */
  readonly isReturn?: boolean
  /** How this standard tells a failure; a problem document unless said. */
  readonly refuse?: (reply: FastifyReply, ...told: ReturnType<typeof faultOf>) => unknown
}

export type Serving = {
  /** Faults in safe mode. */
  readonly ready: () => Doors
  readonly stopping: AbortSignal
  readonly presence: Presence
  readonly url?: string | undefined
  readonly clock: Clock
  readonly log: Log
}

export function addDoorway(app: FastifyInstance, doorway: Doorway, needs: Serving): void {
  const { name, permission } = doorway
  demandPermission(name, permission)
  const asked = new WeakMap<FastifyRequest, { visit: Visit; by: User | undefined }>()
  app.register(async (room) => {
    if (doorway.raw) {
      room.removeAllContentTypeParsers()
      room.addContentTypeParser('*', (_request, _payload, done) => done(null))
    }
    room.setErrorHandler((thrown, request, reply) =>
      (doorway.refuse ?? answerFault)(reply, ...faultOf(blamed(thrown, request), needs)),
    )
    room.route({
      method: [...doorway.methods],
      url: doorway.path,
      config: { routeName: name },
      // Before the body is read, as for every row of the table.
      onRequest: async (request, reply) => {
        if (doorway.raw) demandMovement(request, reply, needs.clock)
        else demandQuestion(request, reply, needs.clock)
        const visit = createVisit(request, reply, needs.clock, {
          ...{ url: needs.url, isLate: doorway.raw === true },
        })
        const by = await admit(request, visit, {
          ...{ name, permission, doors: needs.ready(), isReturn: doorway.isReturn },
        })
        asked.set(request, { visit, by })
        if (by !== undefined) endWhileComing(request, reply, needs.presence.of(by.id))
      },
      handler: (request, reply) => {
        const { by } = asked.get(request)!
        const leaving = by === undefined ? [] : [needs.presence.of(by.id)]
        for (const one of leaving) one.throwIfAborted()
        const signal = AbortSignal.any([needs.stopping, ...leaving, goneSignal(reply)])
        const { clock, log, presence } = needs
        const asking = { request, reply, doors: needs.ready(), signal, presence, clock, log }
        return doorway.answer({ ...asking, ...asked.get(request)! })
      },
    })
  })
}

export function addLookout(app: FastifyInstance, lookout: Lookout, site: SiteDoor): void {
  const config = { routeName: lookout.name }
  app.get(lookout.path, { config }, (_request, reply) => lookout.answer(reply, site))
}
