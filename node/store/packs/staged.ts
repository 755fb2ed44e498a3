/**
 * Packs of a stage: files of its own that become packs of the store when it is kept. Where what lies is
 * written beside them in a list, so that a stage of a million files has none of it in memory.
 */
import { type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault } from '../../../protocol/fault.ts'
import { flushFolder } from '../../base/files.ts'
import { createGroup } from '../../base/work.ts'
import { readAt, writeAt } from '../held.ts'
import { createPackFile, packName } from './files.ts'
import { decodeLocation, encodeLocation, keyBytes } from './names.ts'
import type { Name, New, Packs } from './packs.ts'
import { batchMax, type Entry, linksOf } from './table.ts'
import { createPackWriter } from './writer.ts'

/** Names of what came last, twice as many at most: the same once more is not written again. */
const recentMax = 32_768
/** A key and a location. */
const recordBytes = keyBytes + 12

export interface StagedPacks {
  put(items: readonly New[]): Promise<void>
  /** Durable and held when it resolves. */
  keep(): Promise<void>
  /** Closes what is open; the files are the stage's to remove. */
  close(): Promise<void>
}

export function createStagedPacks(o: {
  /** The stage's own. */
  folder: string
  packs: Packs
  isHeld(cids: readonly Name[]): Promise<boolean[]>
}): StagedPacks {
  const { inside } = o.packs
  const own = (pack: number) => join(o.folder, packName(pack))
  let count = 0
  const writer = createPackWriter(() =>
    createPackFile(own(count), count++, () => Promise.resolve()),
  )
  const list = createList(join(o.folder, 'locations'))
  let recent = new Set<Name>()
  let older = new Set<Name>()

  function remember(cid: Name): void {
    recent.add(cid)
    if (recent.size < recentMax) return
    older = recent
    recent = new Set()
  }

  async function putAll(items: readonly New[]): Promise<void> {
    const fresh = items.filter(({ cid }) => !recent.has(cid) && !older.has(cid))
    const held = await o.isHeld(fresh.map(({ cid }) => cid))
    for (const [i, { cid, key, bytes }] of fresh.entries()) {
      if (held[i] || recent.has(cid)) continue
      let location = writer.append(key, bytes)
      while (location === undefined) {
        await writer.ready(bytes.byteLength)
        location = writer.append(key, bytes)
      }
      remember(cid)
      await list.add({ key, location })
    }
  }

  const puts = createGroup<readonly New[]>({ round: (all) => putAll(all.flat()) })

  return {
    put: (items) => puts.add(items),

    async keep() {
      if (count === 0) return
      await writer.sync()
      await writer.close()
      const numbers: number[] = []
      for (let pack = 0; pack < count; pack++) {
        const number = inside.nextNumber()
        inside.growing.add(number)
        await rename(own(pack), inside.pathOf(number)).catch((thrown) => {
          throw asFault(thrown, 'store.keep', 'the store')
        })
        numbers.push(number)
      }
      await flushFolder(inside.folder)
      const linked = new Map<number, number>()
      for await (const batch of list.read()) {
        const entries = batch.map(({ key, location }) => ({
          key,
          location: { ...location, pack: numbers[location.pack]! },
        }))
        const links = linksOf(entries, linked)
        await inside.inTurn(() => inside.table.add(entries, links))
        for (const { pack, to } of links) linked.set(pack, to)
      }
      for (const number of numbers) {
        inside.packs.set(number, linked.get(number) ?? 0)
        inside.growing.delete(number)
      }
    },

    async close() {
      await puts.drain()
      await writer.close()
      await list.close()
    },
  }
}

/** Records of one length, in memory a batch at a time. */
function createList(path: string) {
  let file: FileHandle | undefined
  let buffer = Buffer.alloc(recordBytes * batchMax)
  let used = 0
  let end = 0

  async function write(): Promise<void> {
    const bytes = buffer.subarray(0, used)
    buffer = Buffer.alloc(recordBytes * batchMax)
    used = 0
    try {
      file ??= await open(path, 'wx+', 0o600)
      await writeAt(file, bytes, end)
    } catch (thrown) {
      throw asFault(thrown, 'store.stage', 'the store')
    }
    end += bytes.byteLength
  }

  return {
    async add({ key, location }: Entry): Promise<void> {
      buffer.set(key, used)
      buffer.set(encodeLocation(location), used + keyBytes)
      used += recordBytes
      if (used === buffer.byteLength) await write()
    },

    async *read(): AsyncGenerator<Entry[]> {
      if (used > 0) await write()
      for (let at = 0; at < end; at += buffer.byteLength) {
        const bytes = await readAt(file!, buffer.subarray(0, end - at), at)
        const entries: Entry[] = []
        for (let i = 0; i < bytes.byteLength; i += recordBytes) {
          const location = decodeLocation(bytes.subarray(i + keyBytes, i + recordBytes))!
          entries.push({ key: bytes.slice(i, i + keyBytes), location })
        }
        yield entries
      }
    },

    async close(): Promise<void> {
      await file?.close()
      file = undefined
    },
  }
}
