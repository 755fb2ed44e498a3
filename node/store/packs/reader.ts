/**
 * Packs being read. Their files stay open for a while, a few at a time; a pack that compaction has
 * deleted meanwhile is `gone`, and whoever reads looks up once more where the content lies now.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { asFault, Fault } from '../../../protocol/fault.ts'
import { readAt } from '../held.ts'

/** Pack files that are kept open for reading. More are open only while more are read at once. */
const openMax = 32

const flags = constants.O_RDONLY | constants.O_NOFOLLOW

export interface PackReader {
  /** As many bytes as `into` has, or fewer at the end of the pack. Undefined when the pack is gone. */
  read(pack: number, offset: number, into: Uint8Array): Promise<Uint8Array | undefined>
  /** Both filled in turn; false when the pack ends before. Undefined when it is gone. */
  readBoth(
    pack: number,
    offset: number,
    first: Uint8Array,
    second: Uint8Array,
  ): Promise<boolean | undefined>
  /** A pack that is deleted or cut: its file is not kept open. */
  forget(pack: number): void
  close(): Promise<void>
}

type Kept = { file: Promise<FileHandle | undefined>; users: number; forgotten: boolean }

export function createPackReader(pathOf: (pack: number) => string): PackReader {
  /** The longest unused first. */
  const kept = new Map<number, Kept>()
  let closed = false

  const drop = (one: Kept) => one.file.then((file) => file?.close()).catch(() => {})

  async function openPack(pack: number): Promise<FileHandle | undefined> {
    return open(pathOf(pack), flags).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw asFault(thrown, 'store.read', pathOf(pack))
      return undefined
    })
  }

  function trim(): void {
    for (const [pack, one] of kept) {
      if (kept.size <= openMax) return
      if (one.users > 0) continue
      kept.delete(pack)
      void drop(one)
    }
  }

  async function use<T>(pack: number, run: (file: FileHandle) => Promise<T>) {
    if (closed) throw new Fault('gone', 'store.read', { text: 'The store is closed.' })
    const one = kept.get(pack) ?? { file: openPack(pack), users: 0, forgotten: false }
    kept.delete(pack)
    kept.set(pack, one)
    one.users++
    try {
      const file = await one.file
      if (file === undefined) {
        forget(pack)
        return undefined
      }
      return await run(file).catch((thrown) => {
        throw asFault(thrown, 'store.read', pathOf(pack))
      })
    } catch (thrown) {
      forget(pack)
      throw thrown
    } finally {
      one.users--
      if (one.users === 0 && one.forgotten) void drop(one)
      trim()
    }
  }

  function forget(pack: number): void {
    const one = kept.get(pack)
    if (one === undefined) return
    kept.delete(pack)
    one.forgotten = true
    if (one.users === 0) void drop(one)
  }

  return {
    read: (pack, offset, into) => use(pack, (file) => readAt(file, into, offset)),
    readBoth: (pack, offset, first, second) =>
      use(pack, async (file) => {
        const wanted = first.byteLength + second.byteLength
        const { bytesRead } = await file.readv([first, second], offset)
        if (bytesRead === wanted) return true
        // The platform may take a part at a time; this is rare enough to begin again.
        if ((await readAt(file, first, offset)).byteLength < first.byteLength) return false
        const rest = await readAt(file, second, offset + first.byteLength)
        return rest.byteLength === second.byteLength
      }),
    forget,
    async close() {
      closed = true
      const all = [...kept.values()]
      kept.clear()
      await Promise.all(all.map(drop))
    },
  }
}
