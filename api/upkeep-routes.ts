/** The rows of the table about keeping what is held: its space, its health, and what must stay. */
import { z } from 'zod'
import { datasetId, text, version } from './inputs.ts'
import { fields, long, value } from './route.ts'
import * as shapes from './upkeep-shapes.ts'

export const upkeepRoutes = {
  'site.reclaim': long('POST /api/reclaim', 'site.administer', {
    says: 'Gives back the space of what nobody holds; with `dry` only tells what is held and why.',
    input: fields({ dry: z.boolean().optional() }),
    output: shapes.reclaimView,
    kinds: ['corrupt', 'full'],
  }),
  'site.scrub': value('GET /api/scrub', 'site.administer', {
    says: 'How far the reading of every held byte is, what was found damaged, and who has it.',
    output: shapes.scrubView,
  }),
  'site.scrub-now': long('POST /api/scrub', 'site.administer', {
    says: 'Reads every held byte now, as fast as the disk.',
    output: shapes.scrubView,
    kinds: ['corrupt', 'full'],
  }),
  'holds.list': value('GET /api/holds', 'site.administer', {
    says: 'The datasets whose content stays even when they are removed.',
    output: z.array(shapes.holdView),
  }),
  'holds.add': value('POST /api/holds', 'site.administer', {
    says: 'Keeps the content of a dataset, as it is now, until the hold is released.',
    input: fields({ dataset: datasetId, reason: text(500) }),
    output: shapes.holdView,
    kinds: ['gone'],
  }),
  'holds.release': value('DELETE /api/holds/:id', 'site.administer', {
    says: 'Ends a hold; what nobody else holds may then be reclaimed.',
    input: fields({ id: version }),
    output: shapes.holdView,
  }),
}
