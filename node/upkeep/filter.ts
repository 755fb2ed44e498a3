/**
 * A set of CIDs that forgets none and may believe in a few too many: what it says is kept, so its
 * mistakes only cost space, and each run draws another seed, so that no thing is kept by mistake for
 * long. It takes 12 bits for a name of 59 letters; a tree of ten million files fits into 32 MiB.
 */
import type { FileCid, Root } from '../../protocol/ids.ts'

/** Bits for each name, and how many of them a name sets: about four in a thousand are wrong. */
const bitsEach = 12
const setsEach = 6
/** Names of the first part, and how much larger each next one is. */
const firstNames = 65_536
const growth = 4
/** Past this, the last part takes whatever more there is, and believes in more than it was told. */
const namesMax = 16_777_216

export interface Filter {
  add(cid: FileCid | Root): void
  /** True for everything that was added, and for a few others. */
  has(cid: FileCid | Root): boolean
  /** Different names that were added, about. */
  readonly count: number
}

type Part = { bits: Uint32Array; names: number; count: number }

/** `seed` is four random bytes. */
export function createFilter(seed: Uint8Array): Filter {
  const mix = new DataView(seed.buffer, seed.byteOffset, 4).getUint32(0) | 1
  const parts: Part[] = [createPart(firstNames)]

  function has(first: number, second: number): boolean {
    return parts.some(({ bits }) => {
      for (let i = 0; i < setsEach; i++) {
        const at = place(first, second, i, bits)
        if ((bits[at >>> 5]! & (1 << (at & 31))) === 0) return false
      }
      return true
    })
  }

  return {
    add(cid) {
      const first = Math.imul(wordOf(cid, 12), mix)
      const second = Math.imul(wordOf(cid, 20), mix) | 1
      if (has(first, second)) return
      let part = parts.at(-1)!
      if (part.count >= part.names && part.names < namesMax) {
        part = createPart(part.names * growth)
        parts.push(part)
      }
      part.count++
      for (let i = 0; i < setsEach; i++) {
        const at = place(first, second, i, part.bits)
        part.bits[at >>> 5]! |= 1 << (at & 31)
      }
    },
    has: (cid) => has(Math.imul(wordOf(cid, 12), mix), Math.imul(wordOf(cid, 20), mix) | 1),
    get count() {
      return parts.reduce((sum, part) => sum + part.count, 0)
    },
  }
}

function createPart(names: number): Part {
  return { bits: new Uint32Array(Math.ceil((names * bitsEach) / 32)), names, count: 0 }
}

function place(first: number, second: number, i: number, bits: Uint32Array): number {
  const mixed = (first + Math.imul(i, second)) >>> 0
  // The upper bits count the same as the lower ones: the product is taken apart, not the remainder.
  return Math.floor((mixed / 4_294_967_296) * (bits.length * 32))
}

/** 32 bits of the digest: the text is base32, and behind its eighth letter there is nothing else. */
function wordOf(cid: string, from: number): number {
  let word = 0
  for (let i = from; i < from + 7; i++) word = ((word << 5) | letter(cid.charCodeAt(i))) >>> 0
  return word
}

/** a–z is 0–25, 2–7 is 26–31. */
function letter(code: number): number {
  return code >= 97 ? code - 97 : code - 24
}

/** Of how many parts a scrub takes the store, by the last byte of the digest. */
export const slicesCount = 256

/** The last two letters are the last byte of the digest: five bits and three. */
export function sliceOf(cid: FileCid | Root): number {
  return (letter(cid.charCodeAt(57)) << 3) | (letter(cid.charCodeAt(58)) >> 2)
}
