/**
 * The names of one folder, in order, held as bytes: a folder of a million names takes some tens of
 * megabytes and not some hundreds. Runs in the reader's thread, so it may take as long as it takes.
 */
import { isUtf8 } from 'node:buffer'
import { type Dirent, opendirSync } from 'node:fs'
import { foldPath } from '../../protocol/paths.ts'

/** Entries that the platform is asked for at a time. */
const entriesAtOnce = 512

export interface Names {
  readonly count: number
  /** Undefined when it is not UTF-8. */
  text(index: number): string | undefined
  bytes(index: number): Buffer
  /** The folder itself says that it is an ordinary file; false when it does not say. */
  isFile(index: number): boolean
}

/** Faults of the disk come as the platform throws them. */
export function readNames(folder: string): Names {
  let bytes = Buffer.alloc(1024)
  let used = 0
  let starts = new Uint32Array(64)
  let files = new Uint8Array(64)
  let count = 0
  // Its type knows text only; with this encoding the names are bytes.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: entriesAtOnce }
  const open = opendirSync(folder, options)
  try {
    for (;;) {
      const found = open.readSync() as Dirent<Buffer> | null
      if (found === null) break
      const { name } = found
      if (used + name.byteLength > bytes.byteLength)
        bytes = Buffer.concat([bytes], Math.max(bytes.byteLength * 2, used + name.byteLength))
      if (count + 1 >= starts.length) {
        starts = grown(new Uint32Array(starts.length * 2), starts)
        files = grown(new Uint8Array(files.length * 2), files)
      }
      bytes.set(name, used)
      files[count] = found.isFile() ? 1 : 0
      used += name.byteLength
      starts[++count] = used
    }
  } finally {
    open.closeSync()
  }
  const order = inOrder(bytes, starts, count)
  const view = (index: number) => {
    const at = order[index]!
    return bytes.subarray(starts[at]!, starts[at + 1]!)
  }
  return {
    count,
    bytes: view,
    text(index) {
      const name = view(index)
      return isUtf8(name) ? name.toString('utf8') : undefined
    },
    isFile: (index) => files[order[index]!] === 1,
  }
}

function grown<T extends Uint32Array | Uint8Array>(into: T, from: T): T {
  into.set(from)
  return into
}

/** Places of the names, by their bytes. */
function inOrder(bytes: Buffer, starts: Uint32Array, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  return order.sort((a, b) => {
    const [from, other] = [starts[a]!, starts[b]!]
    const [length, otherLength] = [starts[a + 1]! - from, starts[b + 1]! - other]
    const both = Math.min(length, otherLength)
    for (let i = 0; i < both; i++) {
      const difference = bytes[from + i]! - bytes[other + i]!
      if (difference !== 0) return difference
    }
    return length - otherLength
  })
}

/**
 * For every name, whether another name of the folder may fold to the same: all that do, and by chance
 * one in millions that does not. Numbers are compared, so that a million folds need not be held.
 */
export function likeOthers(names: Names): (index: number) => boolean {
  const numbers = new Float64Array(names.count)
  for (let i = 0; i < names.count; i++) {
    const name = names.text(i)
    numbers[i] = name === undefined ? -1 - i : numberOf(foldPath(name))
  }
  const sorted = numbers.slice().sort()
  const twice = new Set<number>()
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) twice.add(sorted[i]!)
  return (index) => twice.has(numbers[index]!)
}

/** FNV-1a, twice and apart, as one whole number of 52 bits. */
function numberOf(text: string): number {
  let low = 0x811c9dc5
  let high = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x5bd1e995)
    high ^= high >>> 13
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0)
}
