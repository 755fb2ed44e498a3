/**
 * Canonical DAG-CBOR and frames. Whatever comes from afar is refused unless it is exactly what this
 * module would itself have written: one value, one byte string, one hash.
 */
import * as dagCbor from '@ipld/dag-cbor'
import type { infer as ZodOutput, ZodType } from 'zod'
import { Fault } from './fault.ts'
import { misfit } from './misfit.ts'

/** Deepest nesting of maps and lists that is decoded. */
export const nestingMax = 32

export function encode(value: unknown): Uint8Array {
  return dagCbor.encode(value)
}

/**
 * Bytes from afar → value. Faults `invalid` when the bytes exceed `bytesMax`, nest deeper than
 * `nestingMax`, are not canonical DAG-CBOR, or do not fit `schema`.
 */
export function decode<S extends ZodType>(
  bytes: Uint8Array,
  schema: S,
  bytesMax: number,
  op: string,
): ZodOutput<S> {
  if (bytes.byteLength > bytesMax)
    refuse(op, `A message of ${bytes.byteLength} bytes is over the cap of ${bytesMax}.`)
  if (depthOf(bytes) > nestingMax) refuse(op, `A message nests deeper than ${nestingMax} levels.`)
  let value: unknown
  try {
    value = dagCbor.decode(bytes)
  } catch (cause) {
    throw new Fault('invalid', op, { text: 'A message is not DAG-CBOR.', cause })
  }
  if (!sameBytes(dagCbor.encode(value), bytes)) refuse(op, 'A message is not in canonical form.')
  return check(value, schema, op)
}

/** A decoded value against its schema; `invalid` names the first place that does not fit. */
export function check<S extends ZodType>(value: unknown, schema: S, op: string): ZodOutput<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const place =
    issue === undefined || issue.path.length === 0 ? 'the message' : issue.path.join('.')
  throw new Fault('invalid', op, {
    about: place,
    text: `${place} ${misfit(issue)}.`,
  })
}

function refuse(op: string, text: string): never {
  throw new Fault('invalid', op, { text })
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Deepest nesting of CBOR bytes, found without recursion and before any decoding: the decoder itself
 * recurses and would end the process on 10,000 nested lists. Malformed bytes count as far as they go;
 * the decoder then refuses them.
 */
export function depthOf(bytes: Uint8Array): number {
  const open: number[] = []
  let deepest = 0
  let at = 0
  while (at < bytes.byteLength) {
    const first = bytes[at++]!
    const major = first >> 5
    const info = first & 31
    let count = info
    if (info >= 24) {
      const width = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
      count = 0
      for (let i = 0; i < width; i++) count = count * 256 + (bytes[at + i] ?? 0)
      at += width
    }
    if (major === 2 || major === 3) at += count
    const children = major === 4 ? count : major === 5 ? count * 2 : major === 6 ? 1 : 0
    if (children > 0) {
      open.push(children)
      // A tag counts as a level too: the decoder recurses for it as for a list of one.
      deepest = Math.max(deepest, open.length)
      if (open.length > nestingMax * 2) return open.length
      continue
    }
    while (open.length > 0) {
      const left = open[open.length - 1]! - 1
      if (left > 0) {
        open[open.length - 1] = left
        break
      }
      open.pop()
    }
  }
  return deepest
}

/** One message on a channel: a small canonical head, then raw bytes that the head describes. */
export type Frame = { readonly head: Uint8Array; readonly body: Uint8Array }

/** The most a frame may hold; the receiver refuses more before it allocates. Both in bytes. */
export type FrameCaps = { readonly headBytesMax: number; readonly bodyBytesMax: number }

/** Two big-endian 32-bit lengths, head first. */
export const frameLengthBytes = 8

const nothing = new Uint8Array(0)

/** The pieces to write, in order; the body is not copied. */
export function frameBytes(head: Uint8Array, body: Uint8Array = nothing): Uint8Array[] {
  const start = new Uint8Array(frameLengthBytes + head.byteLength)
  const view = new DataView(start.buffer)
  view.setUint32(0, head.byteLength)
  view.setUint32(4, body.byteLength)
  start.set(head, frameLengthBytes)
  return body.byteLength === 0 ? [start] : [start, body]
}

/**
 * A transform for `it-pipe`: byte chunks of any size → frames. A declared length over its cap is
 * `invalid` before a byte of it is kept; a source that ends inside a frame is `unreachable`, because
 * an end of stream is never success. Each frame owns its bytes; `take` gives room for a body, so that
 * a reader may use the same buffers again and again.
 */
export function readFrames(
  caps: FrameCaps,
  take: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Frame> {
  return async function* frames(source) {
    const lengths = new Uint8Array(frameLengthBytes)
    let filled = 0
    let head: Uint8Array | undefined
    let body: Uint8Array = nothing
    for await (const chunk of source) {
      let at = 0
      while (
        at < chunk.byteLength ||
        (head !== undefined && filled === head.byteLength + body.byteLength)
      ) {
        if (head === undefined) {
          const taken = chunk.subarray(at, at + frameLengthBytes - filled)
          lengths.set(taken, filled)
          filled += taken.byteLength
          at += taken.byteLength
          if (filled < frameLengthBytes) continue
          const view = new DataView(lengths.buffer)
          head = allocate(view.getUint32(0), caps.headBytesMax, (bytes) => new Uint8Array(bytes))
          body = allocate(view.getUint32(4), caps.bodyBytesMax, take)
          filled = 0
        }
        const inHead = filled < head.byteLength
        const target = inHead ? head : body
        const offset = inHead ? filled : filled - head.byteLength
        const taken = chunk.subarray(at, at + target.byteLength - offset)
        target.set(taken, offset)
        filled += taken.byteLength
        at += taken.byteLength
        if (filled < head.byteLength + body.byteLength) continue
        yield { head, body }
        head = undefined
        body = nothing
        filled = 0
      }
    }
    if (head !== undefined || filled > 0) {
      throw new Fault('unreachable', 'wire.read', {
        side: 'between',
        text: 'The stream ended in the middle of a message.',
      })
    }
  }
}

function allocate(
  bytes: number,
  bytesMax: number,
  take: (bytes: number) => Uint8Array,
): Uint8Array {
  if (bytes > bytesMax)
    refuse('wire.read', `A message declares ${bytes} bytes; the cap is ${bytesMax}.`)
  // Plain allocation, not the pool: a kept frame must not keep a slab alive.
  return bytes === 0 ? nothing : take(bytes)
}
