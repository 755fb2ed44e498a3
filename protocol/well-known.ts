/**
 * What stands at `/.well-known/crossload` of a site's own name, for an administrator elsewhere who
 * knows nothing but that name: its key, and where other sites reach it. Nothing in it opens anything;
 * whoever dials finds out by the key whether it was true. JSON, because it is read before there is
 * any conversation; the page is the last chapter of link.md.
 */
import { z } from 'zod'
import { addressList, nameText } from './hello.ts'
import { parseSiteId } from './ids.ts'

export const wellKnownPath = '/.well-known/crossload'
/** Bytes of the document. */
export const wellKnownBytesMax = 64 * 1024

/** Fields that a newer site adds are passed over. */
export const wellKnown = z.object({
  v: z.literal(1),
  site: z.string().max(128).transform(parseSiteId),
  name: nameText,
  addresses: addressList.min(1),
  /** Where its table of questions stands, on the same host. */
  openapi: z.literal('/api/openapi'),
})

export type WellKnown = z.output<typeof wellKnown>
