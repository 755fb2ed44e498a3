/**
 * Whose questions are being answered. A person who is removed has none any more: what is on its way for
 * them ends at that moment, with the reason wherever there is still somebody to tell it to.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { UserId } from '../../protocol/ids.ts'
import { Unknown } from './answers.ts'
import { tellSocket } from './unread.ts'

const leftText =
  'Your account at this site was removed, so this has ended. If that was a mistake, ask an administrator of the site to add you again.'

/** Of somebody who came with what was theirs before they were removed. */
export const left = () => new Unknown('people.left', leftText)

export interface Presence {
  /** Aborts with the fault to tell when this person is removed; has done so for one who was. */
  of(user: UserId): AbortSignal
  end(user: UserId): void
}

export function createPresence(): Presence {
  const people = new Map<UserId, AbortController>()
  /** A question may have been let in just before its person was removed. IDs are never given twice. */
  const ended = new Set<UserId>()
  return {
    of(user) {
      if (ended.has(user)) return AbortSignal.abort(left())
      const known = people.get(user) ?? new AbortController()
      people.set(user, known)
      return known.signal
    },
    end(user) {
      ended.add(user)
      people.get(user)?.abort(left())
      people.delete(user)
    },
  }
}

/** Whoever is still saying something hears it on the bare line, for nothing else would be read before its end. */
export function endWhileComing(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  leaving: AbortSignal,
): void {
  const cut = () => {
    if (raw.complete || reply.raw.headersSent) return
    tellSocket(raw.socket, { fault: left(), status: 401 })
    raw.destroy()
  }
  leaving.addEventListener('abort', cut, { once: true })
  reply.raw.once('close', () => leaving.removeEventListener('abort', cut))
}
