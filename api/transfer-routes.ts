/** Questions about what is on its way, and how fast it may go. Part of the table in `routes.ts`. */
import { z } from 'zod'
import { flag, limitChanges, linkId, pageItemsMax, search, transferId, whole } from './inputs.ts'
import { events, fields, long, value } from './route.ts'
import * as shapes from './shapes.ts'

export const transferRoutes = {
  // ── transfers
  'transfers.send': long('POST /api/transfers', 'transfer.use', {
    says: 'Begins to send a dataset, workflows, or both, to a connected person.',
    input: shapes.sendInput,
    output: shapes.transferView,
    kinds: ['gone', 'conflict', 'corrupt', 'full'],
  }),
  'transfers.dry-run': long('POST /api/transfers/dry-run', 'transfer.use', {
    says: 'Counts what a send would move and what the destination already holds; keeps nothing.',
    input: shapes.sendInput,
    output: shapes.dryRunView,
    kinds: ['conflict', 'gone', 'unreachable', 'corrupt', 'unsupported'],
  }),
  'transfers.list': value('GET /api/transfers', 'transfer.use', {
    says: 'My transfers, out and in, newest first; `search` finds names, people and IDs.',
    input: fields({
      /** Those that are older than this one. */
      after: transferId.optional(),
      search,
      /** Only those that have not ended. */
      running: flag.optional(),
      limit: whole(pageItemsMax).default(100),
    }),
    output: z.array(shapes.transferView),
  }),
  'transfers.show': value('GET /api/transfers/:id', 'transfer.read', {
    says: 'One transfer: state, IDs at both sites, bytes, receipts.',
    input: fields({ id: transferId }),
    output: shapes.transferView,
  }),
  'transfers.follow': events('GET /api/transfers/:id/events', 'transfer.read', {
    says: 'One transfer each time it moves, until it has ended.',
    input: fields({ id: transferId }),
    output: shapes.transferView,
  }),
  'transfers.watch': events('GET /api/events', 'transfer.use', {
    says: 'Any of my transfers each time it moves.',
    output: shapes.transferView,
  }),
  'transfers.pause': value('POST /api/transfers/:id/pause', 'transfer.steer', {
    says: 'Stops a transfer until it is resumed; what has arrived stays.',
    input: fields({ id: transferId }),
    output: shapes.transferView,
    kinds: ['conflict'],
  }),
  'transfers.resume': value('POST /api/transfers/:id/resume', 'transfer.steer', {
    says: 'Goes on with a paused transfer.',
    input: fields({ id: transferId }),
    output: shapes.transferView,
    kinds: ['conflict'],
  }),
  'transfers.cancel': value('POST /api/transfers/:id/cancel', 'transfer.steer', {
    says: 'Ends a transfer; nothing of it is imported.',
    input: fields({ id: transferId }),
    output: shapes.transferView,
    kinds: ['conflict'],
  }),

  // ── limits
  'limits.list': value('GET /api/limits', 'site.read', {
    says: 'The rates that are set: for the site, for links, for my transfers; and what holds now.',
    output: z.array(shapes.limitView),
  }),
  'limits.set': value('PUT /api/limits', 'site.administer', {
    says: 'Limits the rate of the site as a whole; what is not given stays.',
    input: fields({ ...limitChanges, localExempt: z.boolean().optional() }),
    output: shapes.limitView,
  }),
  'limits.clear': value('DELETE /api/limits', 'site.administer', {
    says: 'Ends the limit of the site as a whole.',
    output: shapes.limitView,
  }),
  'limits.set-link': value('PUT /api/links/:id/limits', 'link.manage', {
    says: 'Limits the rate of all that crosses a link.',
    input: fields({ id: linkId, ...limitChanges }),
    output: shapes.limitView,
    kinds: ['conflict'],
  }),
  'limits.clear-link': value('DELETE /api/links/:id/limits', 'link.manage', {
    says: 'Ends the limit of a link.',
    input: fields({ id: linkId }),
    output: shapes.limitView,
  }),
  'limits.set-transfer': value('PUT /api/transfers/:id/limits', 'transfer.steer', {
    says: 'Limits the rate of a transfer, until it is over.',
    input: fields({ id: transferId, ...limitChanges }),
    output: shapes.limitView,
    kinds: ['conflict'],
  }),
  'limits.clear-transfer': value('DELETE /api/transfers/:id/limits', 'transfer.steer', {
    says: 'Ends the limit of a transfer.',
    input: fields({ id: transferId }),
    output: shapes.limitView,
  }),
}
