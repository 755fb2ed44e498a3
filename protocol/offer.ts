/**
 * Source → destination: an offer, and what the source later says about it. The page is offer.md.
 */
import { z } from 'zod'
import { bundleBytesMax, transferText } from './bundle.ts'
import type { FrameCaps } from './wire.ts'

export const offerProtocol = '/crossload/offer/1.0.0'

/** The head carries the bundle whole, and its signature. */
export const offerCaps: FrameCaps = { headBytesMax: bundleBytesMax + 16 * 1024, bodyBytesMax: 0 }

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const bytes = (max: number) =>
  z.instanceof(Uint8Array).refine((b) => b.byteLength <= max, `is over ${max} bytes`)

export const offerMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('offer'),
    bundle: bytes(bundleBytesMax),
    signature: bytes(64),
    /** The destination's dataset ID; 0 means a new dataset, or the dataset in the same bundle. */
    dest: count,
    /** Count what would cross and keep nothing. */
    dry: z.boolean(),
    /** Bind workflows although inputs changed or are missing: the person saw the report and allowed it. */
    allow: z.boolean(),
  }),
  z.object({ type: z.literal('resume'), transfer: transferText }),
  z.object({ type: z.literal('cancel'), transfer: transferText }),
])
export type OfferMessage = z.infer<typeof offerMessage>

/** Rows of a binding report that one answer holds. */
export const bindingRowsMax = 4096

export const bindingRow = z.object({
  label: z.string().max(500),
  path: z.string().max(1024),
  state: z.enum(['matched', 'renamed', 'changed', 'missing']),
  now: z.string().max(1024).optional(),
})

export const offerAnswer = z.discriminatedUnion('type', [
  /** The destination pulls from now on. */
  z.object({ type: z.literal('accepted') }),
  /** It waits for a person at the destination. */
  z.object({ type: z.literal('parked') }),
  /** Answer to resume and cancel: heard, whatever the transfer's state was. */
  z.object({ type: z.literal('heard') }),
  /** Answer to a dry offer. Bytes of content; `held` is only what this same source sent before. */
  z.object({
    type: z.literal('counted'),
    files: count,
    bytes: count,
    heldFiles: count,
    heldBytes: count,
    binding: z.array(bindingRow).max(bindingRowsMax),
  }),
])
export type OfferAnswer = z.infer<typeof offerAnswer>
export type BindingRow = z.infer<typeof bindingRow>
