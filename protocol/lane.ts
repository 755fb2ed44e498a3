/**
 * A socket of its own for content, promised over the control stream: where it is dialled, under which
 * ticket, with which key, each good once. And how bytes travel on it. The page is lane.md.
 */
import { z } from 'zod'
import { Fault } from './fault.ts'
import type { FrameCaps } from './wire.ts'

export const laneProtocol = '/crossload/lane/1.0.0'
export const laneCaps: FrameCaps = { headBytesMax: 2 * 1024, bodyBytesMax: 0 }

export const laneAddressesMax = 4
export const laneTicketBytes = 16
export const laneKeyBytes = 32
export const laneTtlMsMax = 60_000

/** The one TLS 1.3 cipher suite of a lane. */
export const laneCipher = 'TLS_AES_128_GCM_SHA256'

/** HOST:PORT; a host of `*` is the one at the other end of the connection, as the reader sees it. */
const laneAddressShape =
  /^(\*|\[[0-9a-fA-F:.]{2,45}\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?):([1-9][0-9]{0,4})$/

export const laneAddress = z
  .string()
  .max(260)
  .refine((text) => {
    const port = laneAddressShape.exec(text)?.[2]
    return port !== undefined && Number(port) <= 65535
  }, 'is not HOST:PORT')

const bytesOf = (length: number) =>
  z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength === length,
    `is not ${length} bytes`,
  )

const promise = {
  addresses: z.array(laneAddress).min(1).max(laneAddressesMax),
  ticket: bytesOf(laneTicketBytes),
  key: bytesOf(laneKeyBytes),
  ttlMs: z.int().min(1).max(laneTtlMsMax),
}
const lanePromise = z.object(promise)
export type LanePromise = z.infer<typeof lanePromise>

export const laneMessage = z.object({
  /** What the asker wants to speak over a lane. */
  protocol: z.string().regex(/^\/[\x21-\x7e]{1,99}$/),
  /** Where the other side may dial the asker instead, because it could not be dialled itself. */
  back: lanePromise.optional(),
})

export type LaneMessage = z.infer<typeof laneMessage>

export const laneAnswer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('lane'), ...promise }),
  /** The lane that was promised with the question is there. */
  z.object({ type: z.literal('back') }),
  z.object({ type: z.literal('none') }),
])
export type LaneAnswer = z.infer<typeof laneAnswer>

/** The identity under which TLS offers the key: the ticket in small hexadecimal digits. */
export function laneIdentity(ticket: Uint8Array): string {
  return [...ticket].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A length before each piece, big-endian; a piece of no bytes is the end. */
export const pieceHeadBytes = 4
export const pieceBytesMax = 2 ** 24

export function writePieceHead(into: Uint8Array, at: number, length: number): void {
  into[at] = length >>> 24
  into[at + 1] = length >>> 16
  into[at + 2] = length >>> 8
  into[at + 3] = length
}

/** Pieces → bytes, without a copy: what `take` gives is part of what was fed. */
export type Pieces = {
  /** Only when `take` had nothing more. */
  feed(bytes: Uint8Array): void
  /** The next run of bytes; fault `invalid` for a piece that is too long, or that follows the end. */
  take(): Uint8Array | undefined
  readonly ended: boolean
}

export function createPieces(): Pieces {
  let fed: Uint8Array = new Uint8Array(0)
  let at = 0
  /** Of the piece that is being read. */
  let left = 0
  let length = 0
  let headFilled = 0
  let ended = false

  function readHead(): void {
    while (at < fed.byteLength && headFilled < pieceHeadBytes) {
      length = length * 256 + fed[at++]!
      headFilled++
    }
    if (headFilled < pieceHeadBytes) return
    if (length > pieceBytesMax) refuse(`A piece declares ${length} bytes.`)
    if (length === 0) ended = true
    left = length
    length = 0
    headFilled = 0
  }

  return {
    feed(bytes) {
      fed = bytes
      at = 0
    },
    take() {
      while (at < fed.byteLength) {
        if (ended) refuse('Bytes follow the end.')
        if (left === 0) readHead()
        if (left === 0 || at === fed.byteLength) continue
        const run = fed.subarray(at, at + left)
        at += run.byteLength
        left -= run.byteLength
        return run
      }
      return undefined
    },
    get ended() {
      return ended
    },
  }
}

function refuse(text: string): never {
  throw new Fault('invalid', 'lane.read', { text })
}
