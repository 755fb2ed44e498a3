/**
 * One temporary folder for a run of the bench, and the data in it: large files and trees of small
 * ones, made once for all cases that want the same, never repeating a block.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../test/site.ts'
import { writeLarge, writeMany } from '../test/trees.ts'

/** A case of more than this runs so long that its beginning does not matter. */
const warmBytesMax = 4e9

export interface Scratch extends AsyncDisposable {
  readonly folder: string
  /** A file of so many bytes, the same one each time. */
  large(bytes: number): Promise<string>
  /** A folder of so many files of so many bytes each. */
  many(count: number, bytes: number): Promise<string>
  /** A name in here that is not taken. */
  fresh(name: string): string
  remove(path: string): Promise<void>
  /**
   * All that was written is on the disk, and the memory that the next one will use has just been used:
   * whoever is measured neither pays for the last nor for memory that the host of a virtual machine
   * has to find first, which costs ten times what a copy does and falls on whoever comes first.
   */
  settle(): Promise<void>
}

export async function openScratch(at = tmpdir()): Promise<Scratch> {
  const folder = await mkdtemp(join(at, 'crossload-bench-'))
  const made = new Map<string, string>()
  let count = 0
  let warmBytes = 0
  async function once(path: string, make: () => Promise<unknown>): Promise<string> {
    if (!made.has(path)) {
      await make()
      made.set(path, path)
    }
    return path
  }
  const needs = (bytes: number) => {
    warmBytes = Math.min(warmBytesMax, Math.max(warmBytes, bytes * 1.25))
  }
  /** Fills the page cache and lets go of it. */
  async function warm(): Promise<void> {
    const path = join(folder, 'warm')
    await using file = await open(path, 'w')
    const piece = new Uint8Array(1024 * 1024)
    for (let at = 0; at < warmBytes; at += piece.byteLength) await file.write(piece)
    await rm(path)
  }
  const remove = (path: string) => {
    made.delete(path)
    return rm(path, { recursive: true, force: true })
  }
  return {
    folder,
    large(bytes) {
      needs(bytes)
      const path = join(folder, `large-${bytes}.bin`)
      return once(path, () => writeLarge(path, bytes, 1))
    },
    many(files, bytes) {
      needs(files * bytes)
      const path = join(folder, `many-${files}-${bytes}`)
      return once(path, () => writeMany(path, files, bytes))
    },
    fresh: (name) => join(folder, `${name}-${++count}`),
    remove,
    async settle() {
      await run('sync', ['-f', folder])
      await warm()
    },
    [Symbol.asyncDispose]: () => remove(folder),
  }
}
