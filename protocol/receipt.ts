/**
 * What the destination signs: that it holds everything (`received`), and that it counts (`imported`).
 * Success of a transfer is this signature and nothing else. The page is receipt.md.
 */
import { z } from 'zod'
import { siteText, transferText } from './bundle.ts'
import { decode, encode, type FrameCaps } from './wire.ts'

export const receiptProtocol = '/crossload/receipt/1.0.0'
export const receiptBytesMax = 256 * 1024
export const receiptCaps: FrameCaps = { headBytesMax: receiptBytesMax + 16 * 1024, bodyBytesMax: 0 }
export const receiptSignedPrefix = 'crossload receipt 1\n'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const localId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

export const receiptShape = z.strictObject({
  v: z.literal(1),
  kind: z.enum(['received', 'imported']),
  transfer: transferText,
  /** The source, whom this is for. */
  source: siteText,
  /** The destination, who signs. */
  destination: siteText,
  at: count,
  /** SHA-256 of the bundle's bytes, hexadecimal. */
  bundle: z.string().regex(/^[0-9a-f]{64}$/),
  /** Every tree of the bundle in order: its root and what is now held of it. Sizes in bytes. */
  trees: z.array(z.strictObject({ root: z.string().max(80), files: count, bytes: count })).max(300),
  /** The destination's own IDs; only in `imported`. */
  dataset: z.strictObject({ id: localId, version: localId }).optional(),
  workflows: z.array(z.strictObject({ source: localId, id: localId, version: localId })).max(256),
})
export type Receipt = z.infer<typeof receiptShape>

export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encode(receipt)
}

export function decodeReceipt(bytes: Uint8Array): Receipt {
  return decode(bytes, receiptShape, receiptBytesMax, 'receipt.decode')
}

/** Destination → source. */
export const receiptMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('receipt'),
    receipt: z.instanceof(Uint8Array).refine((b) => b.byteLength <= receiptBytesMax),
    signature: z.instanceof(Uint8Array).refine((b) => b.byteLength === 64),
  }),
  /** It ended without an import: cancelled by a person there, or failed for good. */
  z.object({
    type: z.literal('ended'),
    transfer: transferText,
    state: z.enum(['cancelled', 'failed']),
    fault: z
      .object({
        kind: z.string().max(40),
        op: z.string().max(200),
        text: z.string().max(4000),
        list: z.array(z.string().max(2000)).max(100).optional(),
      })
      .optional(),
  }),
])
export type ReceiptMessage = z.infer<typeof receiptMessage>

/** Source → destination: durable here; need not be said again. */
export const receiptAnswer = z.object({ type: z.literal('kept') })
