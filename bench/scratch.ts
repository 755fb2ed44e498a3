/**
 * One temporary folder for a run of the bench, and the data in it: large files and trees of small
 * ones, made once for all cases that want the same, never repeating a block.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../test/site.ts'
import { writeLarge, writeMany } from '../test/trees.ts'

export interface Scratch extends AsyncDisposable {
  readonly folder: string
  /** A file of so many bytes, the same one each time. */
  large(bytes: number): Promise<string>
  /** A folder of so many files of so many bytes each. */
  many(count: number, bytes: number): Promise<string>
  /** A name in here that is not taken. */
  fresh(name: string): string
  remove(path: string): Promise<void>
  /** All that was written is on the disk: the next one to be measured does not pay for the last. */
  settle(): Promise<void>
}

export async function openScratch(at = tmpdir()): Promise<Scratch> {
  const folder = await mkdtemp(join(at, 'crossload-bench-'))
  const made = new Map<string, string>()
  let count = 0
  async function once(path: string, make: () => Promise<unknown>): Promise<string> {
    if (!made.has(path)) {
      await make()
      made.set(path, path)
    }
    return path
  }
  const remove = (path: string) => {
    made.delete(path)
    return rm(path, { recursive: true, force: true })
  }
  return {
    folder,
    large(bytes) {
      const path = join(folder, `large-${bytes}.bin`)
      return once(path, () => writeLarge(path, bytes, 1))
    },
    many(files, bytes) {
      const path = join(folder, `many-${files}-${bytes}`)
      return once(path, () => writeMany(path, files, bytes))
    },
    fresh: (name) => join(folder, `${name}-${++count}`),
    remove,
    async settle() {
      await run('sync', ['-f', folder])
    },
    [Symbol.asyncDispose]: () => remove(folder),
  }
}
