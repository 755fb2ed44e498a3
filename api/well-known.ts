/**
 * What stands at `/.well-known/crossload` of a site's own name, for whoever knows nothing but that
 * name: its key, and where other sites reach it. Nothing in it opens anything; what a site may do
 * follows from its link alone.
 */
import { z } from 'zod'
import { siteId } from './shapes.ts'

export const wellKnownPath = '/.well-known/crossload'
/** Bytes of the document. */
export const wellKnownBytesMax = 64 * 1024

/** Fields that a newer site adds are passed over. */
export const wellKnown = z.object({
  v: z.literal(1),
  site: siteId,
  name: z.string().max(200),
  /** Multiaddrs. */
  addresses: z.array(z.string().max(512)).max(32),
  /** Where its table of questions stands, on the same host. */
  openapi: z.string().max(200),
})

export type WellKnown = z.output<typeof wellKnown>
