/** Files of the disk, block by block. Nothing is handed out that was not hashed on its way. */
import { constants } from 'node:fs'
import { copyFile, type FileHandle, link } from 'node:fs/promises'
import { asFault, type Fault } from '../../protocol/fault.ts'
import { blockBytes, blockSize, digestAt } from '../../protocol/unixfs.ts'
import { sameBytes } from '../../protocol/wire.ts'
import { sha256 } from './sha256.ts'
import type { HeldFile } from './store.ts'

/** Read, never through a link, never waiting for the other end of a pipe. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const cloneFlags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE
/** How file systems say that they share no blocks, give no second names, or not with this other one. */
const cannotClone: ReadonlySet<string> = new Set([
  'EXDEV',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'ENOTTY',
  'EINVAL',
  'EPERM',
  'EMLINK',
])

export type Source = {
  readonly file: FileHandle
  readonly path: string
  readonly size: number
  readonly digests: Uint8Array
  /** Throws when the file is no longer what it was. Asked after every read. */
  readonly check?: (() => Promise<void>) | undefined
  /** What it means that a block is not what it was. */
  readonly wrong: () => Fault
}

/** Takes over the open file and closes it. */
export function createHeldFile(from: Source): HeldFile {
  return {
    size: from.size,
    async read(index, into, options) {
      const size = blockSize(from.size, index)
      const buffer = into?.subarray(0, size) ?? new Uint8Array(size)
      const bytes = await readAt(from.file, buffer, index * blockBytes).catch((thrown) => {
        throw asFault(thrown, 'store.read', from.path)
      })
      await from.check?.()
      const trusted = options?.trust === true && from.check === undefined
      if (bytes.byteLength !== size) throw from.wrong()
      if (!trusted && !isBlock(bytes, from.digests, index)) throw from.wrong()
      return bytes
    },
    async cloneTo(path, options) {
      // A file in place is somebody else's: it gets no second name.
      if (options?.link === true && from.check !== undefined) return false
      try {
        if (options?.link === true) await link(from.path, path)
        else await copyFile(from.path, path, cloneFlags)
        return true
      } catch (thrown) {
        if (cannotClone.has((thrown as NodeJS.ErrnoException).code ?? '')) return false
        throw asFault(thrown, 'store.clone', path)
      }
    },
    [Symbol.asyncDispose]: () => from.file.close(),
  }
}

export function isBlock(bytes: Uint8Array, digests: Uint8Array, index: number): boolean {
  return sameBytes(sha256(bytes), digestAt(digests, index))
}

/** Every byte, also when the platform takes only a part at a time. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, at + done)
    done += bytesWritten
  }
}

/** Exactly as many bytes as `into` has, or fewer at the end of the file. */
export async function readAt(file: FileHandle, into: Uint8Array, at: number): Promise<Uint8Array> {
  let filled = 0
  while (filled < into.byteLength) {
    const { bytesRead } = await file.read(into, filled, into.byteLength - filled, at + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return into.subarray(0, filled)
}
