/**
 * Packs being written, one after another. Sections are gathered in memory and written in pieces of a
 * MiB; `sync` writes the rest and flushes. Two buffers take turns, so that one fills while the other
 * is written, and when both are full whoever appends has to wait: that is all the memory there is.
 *
 * What a full disk refused stays in its buffer and is tried again by the next that waits or syncs, so
 * nothing that was taken is lost. A flush that failed is another matter: the system may have dropped
 * what it was to write and would not say so again. After that nothing more is taken.
 */
import type { FileHandle } from 'node:fs/promises'
import { asFault, Fault } from '../../../protocol/fault.ts'
import { createSerial } from '../../base/work.ts'
import { writeAt } from '../held.ts'
import type { Location } from './names.ts'
import { headBytes, packBytesMax, packHeader, sectionBytesMax, writeHead } from './section.ts'

/** Bytes that are written at a time, about. */
const pieceBytes = 1_048_576

/** A new empty pack file, open for writing; `settle` makes its name durable. */
export type NewPack = { number: number; file: FileHandle; settle(): Promise<void> }

export interface PackWriter {
  /**
   * Takes one section, or answers undefined while there is no room in memory: then `ready` is to be
   * awaited first. The bytes are copied.
   */
  append(key: Uint8Array, bytes: Uint8Array): Location | undefined
  /** Resolves when one more section of this length can be appended. `full`, or `corrupt` once lost. */
  ready(bytes: number): Promise<void>
  /** The whole section, as long as it is only in memory: a view that holds until the next wait. */
  peek(location: Location): Uint8Array | undefined
  /** What was appended before the call is on the disk. `full`: it is still in memory; try again. */
  sync(): Promise<void>
  /** The pack that the next section may go to. */
  readonly current: number | undefined
  /** Closes the files as they are. */
  close(): Promise<void>
}

type Pack = NewPack & {
  /** Where the next section goes, and what has been handed to the system. */
  end: number
  written: number
  settled: boolean
}
type Piece = { readonly bytes: Uint8Array; used: number; start: number; pack: Pack | undefined }

export function createPackWriter(
  create: () => Promise<NewPack>,
  bytesMax = packBytesMax,
): PackWriter {
  const inTurn = createSerial()
  const newPiece = (): Piece => ({
    bytes: new Uint8Array(pieceBytes + sectionBytesMax),
    used: 0,
    start: 0,
    pack: undefined,
  })
  let current: Pack | undefined
  /** Packs with something that was not flushed yet. */
  const dirty = new Set<Pack>()
  let filling: Piece | undefined
  let spare: Piece | undefined
  /** Waits to be written or is being written. */
  let full: Piece | undefined
  let pumping: Promise<void> | undefined
  let rolling = false
  let lost: Fault | undefined
  /** Of all packs together. */
  let appended = 0
  let written = 0

  function check(): void {
    if (lost !== undefined) throw lost
  }

  function lose(thrown: unknown): never {
    const { kind } = asFault(thrown, 'store.flush')
    lost ??= new Fault(kind === 'full' ? 'full' : 'corrupt', 'store.flush', {
      about: 'the store',
      cause: thrown,
      text:
        kind === 'full'
          ? 'The disk filled up while content was flushed. Free some space, then start the site again.'
          : 'The disk failed to keep what was written. Check the disk, then start the site again.',
    })
    throw lost
  }

  /** Only while nothing is full. */
  function turnOver(): void {
    full = filling
    filling = spare ?? newPiece()
    spare = undefined
    filling.used = 0
    filling.pack = current
    filling.start = current?.end ?? 0
  }

  function pump(): Promise<void> {
    pumping ??= writeFull().finally(() => {
      pumping = undefined
    })
    return pumping
  }

  async function writeFull(): Promise<void> {
    const piece = full
    if (piece?.pack === undefined) {
      full = undefined
      return
    }
    const { pack } = piece
    try {
      await writeAt(pack.file, piece.bytes.subarray(0, piece.used), piece.start)
    } catch (thrown) {
      // A part of it would only keep the disk full.
      await pack.file.truncate(pack.written).catch(() => {})
      throw asFault(thrown, 'store.write', 'the store')
    }
    pack.written = piece.start + piece.used
    written += piece.used
    spare = piece
    full = undefined
  }

  async function roll(): Promise<void> {
    rolling = true
    try {
      while (full !== undefined) await pump()
      if (filling !== undefined && filling.used > 0) turnOver()
      const next = await create()
      // The next flush closes it.
      if (current !== undefined) dirty.add(current)
      current = { ...next, end: packHeader.byteLength, written: 0, settled: false }
      dirty.add(current)
      filling ??= newPiece()
      filling.pack = current
      filling.start = 0
      filling.bytes.set(packHeader)
      filling.used = packHeader.byteLength
      appended += filling.used
    } finally {
      rolling = false
    }
  }

  async function flushPack(pack: Pack): Promise<void> {
    if (!pack.settled) await pack.settle()
    pack.settled = true
    const { end } = pack
    const whole = pack.written === end
    await pack.file.datasync()
    if (!whole || pack.end !== end) return
    dirty.delete(pack)
    if (pack !== current) await pack.file.close()
  }

  const fits = (bytes: number) =>
    current !== undefined && current.end + headBytes(bytes) + bytes <= bytesMax

  return {
    append(key, bytes) {
      check()
      if (rolling || filling === undefined || current === undefined) return undefined
      if (!fits(bytes.byteLength)) return undefined
      if (filling.used >= pieceBytes) {
        if (full !== undefined) return undefined
        turnOver()
        // Its failure is met by whoever waits or syncs next: the piece is still there then.
        pump().catch(() => {})
      }
      const offset = current.end
      const content = writeHead(filling.bytes, filling.used, key, bytes.byteLength)
      filling.bytes.set(bytes, content)
      const section = content + bytes.byteLength - filling.used
      filling.used += section
      current.end += section
      appended += section
      dirty.add(current)
      return { pack: current.number, offset, bytes: bytes.byteLength }
    },

    ready: (bytes) =>
      inTurn(async () => {
        check()
        while (full !== undefined) await pump()
        if (!fits(bytes)) await roll()
        check()
      }),

    peek({ pack, offset, bytes }) {
      for (const piece of [filling, full]) {
        if (piece?.pack?.number !== pack || offset < piece.start) continue
        const at = offset - piece.start
        if (at < piece.used) return piece.bytes.subarray(at, at + headBytes(bytes) + bytes)
      }
      return undefined
    },

    sync: () =>
      inTurn(async () => {
        check()
        const goal = appended
        while (written < goal) {
          if (full === undefined) turnOver()
          await pump()
        }
        await Promise.all([...dirty].map(flushPack)).catch(lose)
      }),

    get current() {
      return current?.number
    },

    async close() {
      await pumping?.catch(() => {})
      const files = new Set([...dirty, ...(current === undefined ? [] : [current])])
      dirty.clear()
      current = undefined
      for (const { file } of files) await file.close().catch(() => {})
      lost ??= new Fault('internal', 'store.write', { text: 'The pack is closed.' })
    },
  }
}
