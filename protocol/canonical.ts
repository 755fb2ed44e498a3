/**
 * Canonical DAG-CBOR of a known shape, read and written directly. A tree of a million entries passes
 * here, and going through values of any shape, a second encoding and a schema cost ten times as much.
 * What the reader accepts is what `wire.ts` would accept for the same shape: every length in its
 * shortest form, keys in their one order, text that is UTF-8, links of one kind, nothing behind.
 */
import type { CID } from 'multiformats/cid'
import { Fault } from './fault.ts'
import { blockCid, digestBytes } from './unixfs.ts'

const uint = 0
const negative = 1
const byteString = 2
const textString = 3
const list = 4
const map = 5
/** What the head of a value says besides its kind: the longest form that is read has 8 bytes. */
const lengths = { one: 24, two: 25, four: 26, eight: 27 } as const
const nothing = 0xf6

/** A link: tag 42 on a byte string of 37, a zero, then CIDv1 · dag-cbor · sha2-256 · 32 bytes. */
const linkStart = Uint8Array.of(0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x71, 0x12, 0x20)

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** A key as it stands in a map. Keys are short ASCII. */
export type Key = Uint8Array
export function keyOf(name: string): Key {
  return Uint8Array.of(0x60 + name.length, ...encoder.encode(name))
}

/** Reads from the front; whatever is not there as asked for is `invalid`. Sizes in bytes. */
export class CanonicalReader {
  readonly #bytes: Uint8Array
  readonly #op: string
  #at = 0

  constructor(bytes: Uint8Array, bytesMax: number, op: string) {
    this.#bytes = bytes
    this.#op = op
    if (bytes.byteLength > bytesMax)
      this.refuse(`A node of ${bytes.byteLength} bytes is over the cap of ${bytesMax}.`)
  }

  get at(): number {
    return this.#at
  }

  refuse(text = 'A node does not have its canonical form.'): never {
    throw new Fault('invalid', this.#op, { text })
  }

  #head(major: number): number {
    const first = this.#bytes[this.#at++]
    if (first === undefined || first >> 5 !== major) this.refuse()
    const info = first & 31
    if (info < lengths.one) return info
    const width =
      info === lengths.one
        ? 1
        : info === lengths.two
          ? 2
          : info === lengths.four
            ? 4
            : info === lengths.eight
              ? 8
              : this.refuse()
    if (this.#at + width > this.#bytes.byteLength) this.refuse()
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.#bytes[this.#at++]!
    // The shortest form is the only one; numbers past 2^53 are nobody's.
    const least = width === 1 ? 24 : 2 ** (width * 4)
    if (value < least || !Number.isSafeInteger(value)) this.refuse()
    return value
  }

  #take(bytes: number): Uint8Array {
    const end = this.#at + bytes
    if (end > this.#bytes.byteLength) this.refuse()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  /** A map of exactly so many keys. */
  map(keys: number): void {
    if (this.#head(map) !== keys) this.refuse()
  }

  /** One of these numbers of keys. */
  mapOf(first: number, second: number): number {
    const keys = this.#head(map)
    return keys === first || keys === second ? keys : this.refuse()
  }

  list(itemsMax: number): number {
    const items = this.#head(list)
    return items <= itemsMax ? items : this.refuse(`A list of ${items} is over ${itemsMax}.`)
  }

  /** Goes on behind this key when it is there. */
  isKey(key: Key): boolean {
    for (let i = 0; i < key.byteLength; i++) if (this.#bytes[this.#at + i] !== key[i]) return false
    this.#at += key.byteLength
    return true
  }

  key(key: Key): void {
    if (!this.isKey(key)) this.refuse()
  }

  text(): string {
    const taken = this.#take(this.#head(textString))
    try {
      return decoder.decode(taken)
    } catch {
      return this.refuse('A name is not valid UTF-8.')
    }
  }

  count(most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#head(uint)
    return value <= most ? value : this.refuse(`${value} is over ${most}.`)
  }

  /** A whole number of either sign, or null. */
  wholeOrNull(): number | null {
    const first = this.#bytes[this.#at]
    if (first === nothing) {
      this.#at++
      return null
    }
    if (first === undefined || first >> 5 !== negative) return this.#head(uint)
    const value = -1 - this.#head(negative)
    return Number.isSafeInteger(value) ? value : this.refuse()
  }

  /** A copy: what is kept of a node must not keep all of it. */
  bytes(): Uint8Array {
    return this.#take(this.#head(byteString)).slice()
  }

  link(): CID {
    if (!this.isKey(linkStart)) this.refuse('A link is not a CIDv1 of DAG-CBOR with a sha2-256.')
    return blockCid(this.#take(digestBytes).slice(), 'dag-cbor')
  }

  end(): void {
    if (this.#at !== this.#bytes.byteLength) this.refuse()
  }
}

/** Writes behind what it holds, into memory that is used again after `take`. */
export class CanonicalWriter {
  #bytes: Uint8Array
  #at = 0

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  get byteLength(): number {
    return this.#at
  }

  /** A view, good until the next write. */
  view(from: number, to = this.#at): Uint8Array {
    return this.#bytes.subarray(from, to)
  }

  /** The first `bytes` as a copy; what is behind them moves to the front. */
  take(bytes = this.#at): Uint8Array {
    const taken = this.#bytes.slice(0, bytes)
    this.#bytes.copyWithin(0, bytes, this.#at)
    this.#at -= bytes
    return taken
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(this.#bytes.byteLength * 2, this.#at + bytes))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }

  #head(major: number, value: number): void {
    this.#room(9)
    const kind = major << 5
    if (value < 24) {
      this.#bytes[this.#at++] = kind | value
      return
    }
    const width = value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8
    this.#bytes[this.#at++] = kind | (width === 1 ? 24 : width === 2 ? 25 : width === 4 ? 26 : 27)
    let left = value
    for (let i = width - 1; i >= 0; i--) {
      this.#bytes[this.#at + i] = left % 256
      left = Math.floor(left / 256)
    }
    this.#at += width
  }

  map(keys: number): this {
    this.#head(map, keys)
    return this
  }

  list(items: number): this {
    this.#head(list, items)
    return this
  }

  /** What is encoded already. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.byteLength)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
    return this
  }

  key(key: Key): this {
    return this.raw(key)
  }

  /** Returns where the text itself begins: behind its head. */
  text(text: string): number {
    const before = this.#at
    this.#head(textString, text.length)
    this.#room(text.length)
    const from = this.#at
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      // Beyond ASCII a text has more bytes than units, and its head may be longer.
      if (unit > 0x7f) return this.#wideText(text, before)
      this.#bytes[from + i] = unit
    }
    this.#at += text.length
    return from
  }

  #wideText(text: string, before: number): number {
    const bytes = encoder.encode(text)
    this.#at = before
    this.#head(textString, bytes.byteLength)
    const from = this.#at
    this.raw(bytes)
    return from
  }

  count(value: number): this {
    this.#head(uint, value)
    return this
  }

  wholeOrNull(value: number | null): this {
    if (value === null) return this.raw(Uint8Array.of(nothing))
    if (value < 0) this.#head(negative, -1 - value)
    else this.#head(uint, value)
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.#head(byteString, bytes.byteLength)
    return this.raw(bytes)
  }

  /** A link to a node; `blockCid` made it, or the reader. */
  link(cid: CID): this {
    return this.raw(linkStart).raw(cid.multihash.digest)
  }
}
