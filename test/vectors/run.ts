/**
 * Runs a folder of vectors: one file, one outcome. A file says in a sentence what it shows, what its
 * bytes claim to be (`of`), the bytes, and either the value they mean or the kind of fault they are
 * refused with. In a value a byte string is `{"bytes": hex}` and a CID `{"cid": text}`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { Fault, type FaultKind } from '../../protocol/fault.ts'

/** Hexadecimal, whole; or in pieces where something long repeats. */
export type VectorBytes = string | readonly (string | { repeat: string; times: number })[]

export type Vector = {
  readonly sentence: string
  readonly of: string
  readonly bytes: VectorBytes
  readonly value?: unknown
  /** The bytes hold more than `value`: something that this version ignores. */
  readonly ignores?: true
  readonly fault?: FaultKind
  /** What else it takes to judge the bytes; the reader knows. */
  readonly [more: string]: unknown
}

export type Reader = {
  /** The value, or a thrown fault. */
  read(bytes: Uint8Array, vector: Vector): unknown
  /** The other way, where there is one: must give the very bytes again. */
  write?(value: unknown, vector: Vector): Uint8Array
  /** The kind with which every strict prefix of valid bytes is refused; `invalid` unless said. */
  cut?: FaultKind
}

/** Above this many bytes a vector is read whole only. */
const cutBytesMax = 8 * 1024

/** Defines the tests of every vector in `folder`, each whole and cut at every byte. */
export function runVectors(folder: URL, readers: Readonly<Record<string, Reader>>): void {
  const vectors = readVectors(folder)
  const name = folder.pathname.split('/').filter(Boolean).at(-1)!
  describe(`vectors of ${name}`, () => {
    for (const [file, vector] of vectors) {
      const reader = readers[vector.of]
      if (reader === undefined) throw new Error(`${file}: nobody reads "${vector.of}"`)
      it(`${file}: ${vector.sentence}`, () => runWhole(reader, vector))
      it(`${file}, cut at every byte`, () => runCut(reader, vector))
    }
    it('has valid and invalid ones in about equal number', () => {
      const invalid = vectors.filter(([, vector]) => vector.fault !== undefined).length
      expect(invalid / vectors.length).toBeGreaterThan(0.35)
      expect(invalid / vectors.length).toBeLessThan(0.65)
    })
  })
}

/** Every vector of a folder with its file's name, in order of names. */
export function readVectors(folder: URL): [string, Vector][] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return files.sort().map((file) => {
    const vector = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector
    if ((vector.fault === undefined) === (vector.value === undefined)) {
      throw new Error(`${file}: a vector has a value or a fault`)
    }
    return [file, vector]
  })
}

export function bytesOf(bytes: VectorBytes): Uint8Array {
  const pieces = typeof bytes === 'string' ? [bytes] : bytes
  const hex = pieces.map((p) => (typeof p === 'string' ? p : p.repeat.repeat(p.times))).join('')
  const whole = Uint8Array.from(Buffer.from(hex, 'hex'))
  if (whole.byteLength * 2 !== hex.length)
    throw new Error('the bytes of a vector are not hexadecimal')
  return whole
}

async function runWhole(reader: Reader, vector: Vector): Promise<void> {
  const bytes = bytesOf(vector.bytes)
  const outcome = await outcomeOf(reader, bytes, vector)
  if (vector.fault !== undefined) {
    expect(outcome).toEqual({ fault: vector.fault })
    return
  }
  expect(outcome).toEqual({ value: vector.value })
  if (reader.write === undefined || vector.ignores) return
  const written = reader.write(fromJson(vector.value), vector)
  expect(Buffer.from(written).toString('hex')).toBe(Buffer.from(bytes).toString('hex'))
}

async function runCut(reader: Reader, vector: Vector): Promise<void> {
  const bytes = bytesOf(vector.bytes)
  if (bytes.byteLength > cutBytesMax) return
  for (let length = 0; length < bytes.byteLength; length++) {
    const outcome = await outcomeOf(reader, bytes.slice(0, length), vector)
    // What is refused whole may be valid in part, such as all but the trailing bytes; it never crashes.
    if (vector.fault !== undefined) continue
    expect({ length, ...outcome }).toEqual({ length, fault: reader.cut ?? 'invalid' })
  }
}

/** What is thrown besides faults is a crash, and goes through. */
async function outcomeOf(reader: Reader, bytes: Uint8Array, vector: Vector) {
  try {
    return { value: toJson(await reader.read(bytes, vector)) }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { fault: thrown.kind }
  }
}

export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  const cid = CID.asCID(value)
  if (cid !== null) return { cid: cid.toString() }
  return mapped(value, toJson)
}

export function fromJson(value: unknown): unknown {
  const { bytes, cid, ...more } = (value ?? {}) as Record<string, unknown>
  const alone = Object.keys(more).length === 0
  if (alone && typeof bytes === 'string') return Uint8Array.from(Buffer.from(bytes, 'hex'))
  if (alone && typeof cid === 'string') return CID.parse(cid)
  return mapped(value, fromJson)
}

function mapped(value: unknown, each: (one: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(each)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries.map(([key, one]) => [key, each(one)]))
}
