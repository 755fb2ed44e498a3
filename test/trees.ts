/** Trees of files for tests: real ones from `test/data`, and generated ones that are hard to carry. */
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

export const data = resolve(import.meta.dirname, 'data')
export const cytometry = join(data, 'flow-cytometry')
export const dicom = join(data, 'dicom')
export const galaxy = join(data, 'workflows')

const mib = 1024 * 1024

/** The same bytes for the same seed, and no block like another: xorshift, fast enough for gigabytes. */
export function fillBytes(into: Uint8Array, seed: number): Uint8Array {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.byteLength >> 2)
  let x = (seed * 2654435761 + 1) >>> 0 || 1
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x
  }
  for (let i = words.length * 4; i < into.byteLength; i++) into[i] = x & 255
  return into
}

/** A small generator of numbers for choices in tests: [0, below). */
export function createDice(seed: number): (below: number) => number {
  let x = (seed * 2654435761 + 97) >>> 0 || 1
  return (below) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % below
  }
}

export async function writeLarge(path: string, bytes: number, seed: number): Promise<void> {
  await using file = await open(path, 'wx')
  for (let at = 0, block = 0; at < bytes; at += mib, block++) {
    const size = Math.min(mib, bytes - at)
    // Aligned for the 32-bit view; the tail is cut off again.
    const buffer = fillBytes(new Uint8Array(Math.ceil(size / 4) * 4), seed * 1_000_003 + block)
    await file.write(buffer, 0, size)
  }
}

/** `count` files of `bytes` bytes each, a hundred to a folder. */
export async function writeMany(
  folder: string,
  count: number,
  bytes: number,
  seed = 1,
): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    const inside = join(folder, `plate-${String(first / 100).padStart(4, '0')}`)
    await mkdir(inside, { recursive: true })
    const names = Array.from({ length: Math.min(100, count - first) }, (_, i) => first + i)
    await Promise.all(
      names.map((n) =>
        writeFile(join(inside, `well-${n}.dat`), fillBytes(new Uint8Array(bytes), seed + n)),
      ),
    )
  }
}

/** Names and sizes that real data has and that are easily lost. */
export async function writeOdd(folder: string): Promise<void> {
  await mkdir(join(folder, 'empty folder'), { recursive: true })
  await mkdir(join(folder, 'a/deep/er/folder'), { recursive: true })
  const small: Record<string, string> = {
    'with spaces and: colons.txt': 'a',
    'emoji 🧬🔬.txt': 'b',
    // The same letter composed and decomposed: two names, byte for byte.
    'caf\u00e9.txt': 'composed',
    'cafe\u0301.txt': 'decomposed',
    'empty.fcs': '',
    '.hidden': 'c',
    '-n': 'looks like an option',
    'a/deep/er/folder/leaf.txt': 'd',
    'a.txt': 'sorts between a/ and the rest',
    'back\\slash.txt': 'e',
    'trailing space ': 'f',
  }
  for (const [name, text] of Object.entries(small)) await writeFile(join(folder, name), text)
  await writeLarge(join(folder, 'one-mib.bin'), mib, 11)
  await writeLarge(join(folder, 'one-mib-and-one.bin'), mib + 1, 12)
}
