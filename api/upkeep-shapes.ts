/** What people see of what is held, what is damaged, and what must stay. */
import { z } from 'zod'
import { count, datasetId, fileCid, instant, root, siteId } from './shapes.ts'

const amount = z.object({ things: count, bytes: count })

export const reclaimView = z.object({
  /** True when nothing was removed, because that was asked for. */
  dry: z.boolean(),
  /** What the store itself holds, each thing once; files left in place are not among it. */
  held: z.object({
    dataset: amount,
    workflow: amount,
    transfer: amount,
    hold: amount,
    /** By nobody yet, but in use by work that is under way. */
    used: amount,
    nobody: amount,
  }),
  /** `partials`: parts of files that were arriving. */
  removed: amount.extend({ partials: count }),
  /** Bytes that the disk has back from rewritten packs. */
  compacted: count,
  /** Parts of manifests that cannot be read; while there are any, nothing is removed. */
  unreadable: z.array(z.string()),
})

const ownerView = z.object({
  kind: z.enum(['dataset', 'workflow', 'transfer', 'hold']),
  id: z.union([count, z.string()]),
  name: z.string(),
  version: count.optional(),
  /** A file's, or what the damaged part of the manifest says. */
  path: z.string(),
})

export const scrubView = z.object({
  /** Within which every held byte is read again; 0: only when asked. */
  days: count,
  state: z.enum(['off', 'waiting', 'running', 'at once']),
  /** Of the pass under way. */
  percent: count,
  things: count,
  bytes: count,
  bytesPerSecond: count,
  startedAt: instant.optional(),
  /** The last whole pass. */
  last: z.object({ at: instant, things: count, bytes: count }).optional(),
  damaged: z.array(
    z.object({
      cid: z.union([root, fileCid]),
      /** `changed`: a file left in place is not what it was; the others are the store's own. */
      found: z.enum(['damaged', 'missing', 'changed']),
      bytes: count,
      /** Of a file left in place. */
      place: z.string().optional(),
      foundAt: instant,
      owners: z.array(ownerView),
      /** Sites that have it, by what was sent and signed. */
      sources: z.array(
        z.object({
          site: siteId,
          alias: z.string().optional(),
          name: z.string(),
          /** The dataset's or workflow's there. */
          id: count,
          version: count,
        }),
      ),
    }),
  ),
  /** All of them; `damaged` lists the first. */
  damagedCount: count,
})

export const holdView = z.object({
  id: count,
  dataset: datasetId,
  name: z.string(),
  reason: z.string(),
  versions: count,
  madeAt: instant,
})
