/** A disk of a few MiB that fills up. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { openFolder } from './folder.ts'

const run = promisify(execFile)

export type SmallDisk = AsyncDisposable & { readonly path: string }

/** Null where this account may not mount one; the test is then to be skipped. */
export async function openSmallDisk(mebibytes: number): Promise<SmallDisk | null> {
  const folder = await openFolder()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder.path])
  } catch {
    await folder[Symbol.asyncDispose]()
    return null
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await run('umount', [folder.path])
      await folder[Symbol.asyncDispose]()
    },
  }
}
