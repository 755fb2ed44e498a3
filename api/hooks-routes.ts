/** The rows of the table about webhooks. */
import { z } from 'zod'
import { hookEvents } from './hook-events.ts'
import { deliveryView, hookView, newHookView } from './hooks-shapes.ts'
import { text, version } from './inputs.ts'
import { fields, long, value } from './route.ts'

export const hooksRoutes = {
  'hooks.list': value('GET /api/hooks', 'site.administer', {
    says: 'Where this site tells other programs what happened, and how the last deliveries went.',
    output: z.array(hookView),
  }),
  'hooks.add': long('POST /api/hooks', 'site.administer', {
    says: 'Tells an address what happens from now on; the secret that signs it is shown this once.',
    input: fields({
      url: text(2048),
      /** All of them unless said. */
      events: z.array(z.enum(hookEvents)).min(1).max(hookEvents.length).optional(),
    }),
    output: newHookView,
    kinds: ['conflict', 'unreachable'],
  }),
  'hooks.remove': value('DELETE /api/hooks/:id', 'site.administer', {
    says: 'Ends a webhook; what it was not told yet it is never told.',
    input: fields({ id: version }),
    output: hookView,
  }),
  'hooks.resume': value('POST /api/hooks/:id/resume', 'site.administer', {
    says: 'Tries at once what a webhook has not taken; with `skip` it goes on behind that event.',
    input: fields({ id: version, skip: z.boolean().optional() }),
    output: hookView,
  }),
  'hooks.test': long('POST /api/hooks/:id/test', 'site.administer', {
    says: 'Sends one event of the type test, once, and tells how it went.',
    input: fields({ id: version }),
    output: deliveryView,
  }),
}
