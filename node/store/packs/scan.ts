/**
 * A pack read from its bytes alone, section by section, each verified by its hash; memory is flat. Where
 * something else lies, a damaged section or the torn end of a crash, the next section that is whole is
 * searched for, so damage costs what it covers and no more. What the search finds is true in any case:
 * it has the hash that stands before it.
 */
import type { FileHandle } from 'node:fs/promises'
import { sameBytes } from '../../../protocol/wire.ts'
import { readAt } from '../held.ts'
import { sha256 } from '../sha256.ts'
import { cborCode, cidStart, rawCode } from './names.ts'
import { headBytesMax, readHead, sectionBytesMax } from './section.ts'

/** Bytes in memory at a time: room for some of the largest sections. */
const windowBytes = 4 * 1_048_576

/** Bytes that a disk loses together. */
const sectorBytes = 4096

export type Section = {
  readonly key: Uint8Array
  readonly offset: number
  /** A view that holds until the next step. */
  readonly content: Uint8Array
  /** Where it ends in the pack. */
  readonly end: number
}

/** The whole sections between two positions of the pack, as many as fit into memory at a time. */
export async function* scanPack(
  file: FileHandle,
  from: number,
  to: number,
): AsyncGenerator<Section[]> {
  const window = new Uint8Array(Math.min(windowBytes, Math.max(to - from, 1)))
  /** Where the window begins in the pack, and how much of it is filled. */
  let base = from
  let filled = 0
  let at = 0
  /** What lies at `at` is no section; it is searched for from here on. */
  let lost = false
  for (;;) {
    const room = Math.min(window.byteLength - filled, to - base - filled)
    if (room > 0)
      filled += await readPast(file, window.subarray(filled, filled + room), base + filled)
    const isLast = base + filled >= to || room <= 0 || filled < window.byteLength
    const found: Section[] = []
    while (at < filled) {
      if (lost) {
        at = searchStart(window, at, filled)
        if (at >= filled) break
      }
      const one = readSection(window, at, filled)
      if (one === 'short' && !isLast) break
      if (one === 'short' || one === 'bad') {
        lost = true
        at++
        continue
      }
      lost = false
      at = one.content.byteOffset - window.byteOffset + one.content.byteLength
      found.push({ ...one, offset: base + one.at, end: base + at })
    }
    if (found.length > 0) yield found
    if (isLast) return
    // While searching, the start of a head may lie across the end of the window.
    const keep = lost ? Math.min(at, Math.max(0, filled - headBytesMax)) : at
    window.copyWithin(0, keep, filled)
    base += keep
    filled -= keep
    at = lost ? Math.max(0, at - keep) : 0
    if (lost) at = 0
  }
}

/** Bytes that the disk cannot read any more count as zeros: damage like any other. */
async function readPast(file: FileHandle, into: Uint8Array, at: number): Promise<number> {
  try {
    return (await readAt(file, into, at)).byteLength
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EIO') throw thrown
  }
  for (let i = 0; i < into.byteLength; i += sectorBytes) {
    const sector = into.subarray(i, i + sectorBytes)
    await readAt(file, sector, at + i).catch((thrown) => {
      if (thrown.code !== 'EIO') throw thrown
      sector.fill(0)
    })
  }
  return into.byteLength
}

function readSection(window: Uint8Array, at: number, end: number) {
  const head = readHead(window, at, end)
  if (head === 'bad' || head === 'short') return head
  if (head.content + head.bytes > end) return 'short'
  const content = window.subarray(head.content, head.content + head.bytes)
  return sameBytes(sha256(content), head.key.subarray(1)) ? { key: head.key, content, at } : 'bad'
}

/** The first position from `at` on where the head of a section may begin. */
function searchStart(window: Uint8Array, at: number, end: number): number {
  const bytes = Buffer.from(window.buffer, window.byteOffset, end)
  const next = (code: number, from: number) => {
    const found = bytes.indexOf(Uint8Array.of(cidStart[0], code, cidStart[1], cidStart[2]), from)
    return found < 0 ? end : found
  }
  for (let from = at + 1; ; ) {
    const cid = Math.min(next(rawCode, from), next(cborCode, from))
    if (cid >= end) return end
    // One to three bytes of varint come before the CID.
    for (const start of [cid - 3, cid - 2, cid - 1]) {
      if (start < at) continue
      const head = readHead(window, start, end)
      if (head === 'short') return start
      if (head !== 'bad' && head.content + head.bytes - start <= sectionBytesMax) return start
    }
    from = cid + 1
  }
}
