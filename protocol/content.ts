/**
 * The destination pulls what an accepted offer promised. Everything is asked for by its place in the
 * transfer, never by its CID, so nobody can ask for what was not offered. The page is content.md.
 */
import { z } from 'zod'
import { transferText } from './bundle.ts'
import type { FrameCaps } from './wire.ts'

export const contentProtocol = '/crossload/content/1.0.0'

/**
 * Bytes of blocks and nodes that may be asked for and not yet be answered, per stream. A WANT is the
 * credit: the source never sends what was not wanted, so this bounds the memory of both.
 */
export const wantedBytesMax = 8 * 1024 * 1024
/** Wants that may be unanswered, per stream. */
export const wantedItemsMax = 4096
/** What one node (root, page, list, times) weighs at most, in bytes; also what a want of it counts. */
export const nodeBytesMax = 1024 * 1024
/** The most block bytes in one frame. */
export const frameBodyBytesMax = 1024 * 1024

export const contentCaps: FrameCaps = { headBytesMax: 256 * 1024, bodyBytesMax: frameBodyBytesMax }

const index = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32)
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/**
 * A metadata node by place: `root` of a tree, `page` p, `list` n of entry e on page p, `times` (the
 * root of modification times), `times-page` p. Unused places are 0.
 */
export const nodePlace = z.object({
  tree: index,
  node: z.enum(['root', 'page', 'list', 'times', 'times-page']),
  page: index,
  entry: index,
  list: index,
})
export type NodePlace = z.infer<typeof nodePlace>

/** `count` blocks from `first` of entry `entry` on page `page` of tree `tree`. */
export const blockPlace = z.tuple([index, index, index, index, index.min(1)])
/** [tree, page, entry, first, count] */
export type BlockPlace = z.infer<typeof blockPlace>

/** `there`: what of the bundle's content the destination has by now; `received` counts repeats. */
const tally = z.object({ held: count, received: count, there: count }).partial().optional()

/** Destination → source. */
export const pullMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), transfer: transferText }),
  z.object({
    type: z.literal('want'),
    nodes: z.array(nodePlace).max(wantedItemsMax),
    blocks: z.array(blockPlace).max(wantedItemsMax),
    /** Bytes so far, for the source's progress line; believed for display only. */
    tally,
  }),
  /** Nothing more is wanted. The tally is the last one. */
  z.object({ type: z.literal('finish'), tally }),
])
export type PullMessage = z.infer<typeof pullMessage>

/** Source → destination, in the order of the wants. */
export const serveMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('opened') }),
  /** The body is the node's bytes. */
  z.object({ type: z.literal('node') }),
  /** The body is these blocks, one after another; their sizes follow from the manifest. */
  z.object({ type: z.literal('blocks'), of: z.array(blockPlace).min(1).max(wantedItemsMax) }),
  /** Everything wanted on this stream has been sent: this many nodes, blocks and bytes of blocks. */
  z.object({
    type: z.literal('end'),
    nodes: count,
    blocks: count,
    bytes: count,
    roots: z.array(z.string().max(80)).max(300),
  }),
])
export type ServeMessage = z.infer<typeof serveMessage>
