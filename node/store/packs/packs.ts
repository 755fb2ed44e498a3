/**
 * The room of small things: metadata blocks and files of one block or none, many in one file and many
 * to one flush. What is put is in memory or on its way to the disk at first, and readable from there;
 * a flush makes it durable and enters its place into the index (`table.ts`).
 */
import { join } from 'node:path'
import { Fault } from '../../../protocol/fault.ts'
import type { FileCid, Root } from '../../../protocol/ids.ts'
import { flushFolder } from '../../base/files.ts'
import { createGroup, createSerial, type Serial } from '../../base/work.ts'
import type { Db } from '../../db/db.ts'
import { createPackFile, packName, packsMax } from './files.ts'
import { cidOfKey, keyOfCid, type Location } from './names.ts'
import { createPackReader, type PackReader } from './reader.ts'
import { recoverPacks } from './recover.ts'
import { batchMax, type Entry, linksOf, openTable, type Table } from './table.ts'
import { createPackWriter, type NewPack, type PackWriter } from './writer.ts'

/** Things that are not in the index yet; with so many, a flush begins by itself. */
const pendingMax = 16_384

export type Name = FileCid | Root
export type New = { readonly cid: Name; readonly key: Uint8Array; readonly bytes: Uint8Array }

type Put = { readonly items: readonly New[]; readonly isNew: boolean }

export interface Packs extends AsyncDisposable {
  /** Where each lies, in memory or on the disk. */
  locate(cids: readonly Name[]): Promise<(Location | undefined)[]>
  /** Takes what is not held already, or all of it when `isNew`; the bytes are copied. */
  put(items: readonly New[], isNew?: boolean): Promise<void>
  /** Everything whose put had resolved is on the disk and in the index. */
  flush(): Promise<void>
  /** Durably; content that is in no index is found no more. */
  remove(cids: readonly Name[]): Promise<void>
  list(): AsyncGenerator<{ cid: Name; bytes: number }>
  /** Whether the last start found that something was lost. */
  readonly lostAtOpen: boolean
  readonly inside: Inside
}

/** What reading, staging and compacting share with the room and nobody else has. */
export type Inside = {
  readonly folder: string
  readonly table: Table
  readonly reader: PackReader
  readonly writer: PackWriter
  /** Held while locations are changed. */
  readonly inTurn: Serial
  /** Closed packs and their bytes. */
  readonly packs: Map<number, number>
  /** Packs whose content is not all in the index yet: nobody may judge them by it. */
  readonly growing: Set<number>
  pathOf(pack: number): string
  nextNumber(): number
  create(): Promise<NewPack>
}

export async function openPacks(o: {
  folder: string
  db: Db
  /** Of small things that lie somewhere else in the store, whether they are held. */
  elsewhere?: ((cids: readonly Name[]) => Promise<boolean[]>) | undefined
  /** For tests: smaller packs. */
  packBytesMax?: number | undefined
}): Promise<Packs> {
  const { folder, db } = o
  const table = openTable(db)
  const { next, packs, lost } = await recoverPacks(folder, table)
  let numbers = next
  const growing = new Set<number>()
  const pathOf = (pack: number) => join(folder, packName(pack))
  const reader = createPackReader(pathOf)
  const inTurn = createSerial()

  function nextNumber(): number {
    if (numbers <= packsMax) return numbers++
    throw new Fault('full', 'store.pack', { text: 'The store has no more numbers for packs.' })
  }

  async function create(): Promise<NewPack> {
    const number = nextNumber()
    growing.add(number)
    return createPackFile(pathOf(number), number, () => flushFolder(folder))
  }

  const writer = createPackWriter(create, o.packBytesMax)
  /** Appended, not in the index: since the last flush began, and of a flush that runs. */
  let pending = new Map<Name, Location>()
  let flushing = new Map<Name, Location>()
  /** Up to where each growing pack is in the index. */
  const linked = new Map<number, number>()

  const placed = (cid: Name) => pending.get(cid) ?? flushing.get(cid)

  async function locate(cids: readonly Name[]): Promise<(Location | undefined)[]> {
    const found = cids.map(placed)
    const asked = cids.filter((_, i) => found[i] === undefined)
    if (asked.length === 0) return found
    const locations = await table.find(asked)
    for (let i = 0, j = 0; i < found.length; i++) found[i] ??= locations[j++] ?? placed(cids[i]!)
    return found
  }

  async function heldOf(cids: readonly Name[]): Promise<Set<Name>> {
    const found = await locate(cids)
    const left = cids.filter((_, i) => found[i] === undefined)
    const elsewhere = await o.elsewhere?.(left)
    const missing = new Set(left.filter((_, i) => !elsewhere?.[i]))
    return new Set(cids.filter((cid) => !missing.has(cid)))
  }

  async function putAll(puts: readonly Put[]): Promise<void> {
    const asked = puts.flatMap(({ items, isNew }) => (isNew ? [] : items.map(({ cid }) => cid)))
    const held = asked.length > 0 ? await heldOf(asked) : undefined
    for (const { items } of puts) {
      for (const { cid, key, bytes } of items) {
        // Asked again after each wait: somebody else may have brought the same.
        while (!held?.has(cid) && placed(cid) === undefined) {
          const location = writer.append(key, bytes)
          if (location === undefined) await writer.ready(bytes.byteLength)
          else pending.set(cid, location)
        }
      }
    }
    if (pending.size >= pendingMax) await flush()
  }

  async function indexAll(locations: readonly (readonly [Name, Location])[]): Promise<void> {
    for (let i = 0; i < locations.length; i += batchMax) {
      const batch: Entry[] = locations
        .slice(i, i + batchMax)
        .map(([cid, location]) => ({ key: keyOfCid(cid), location }))
      const links = linksOf(batch, linked)
      await table.add(batch, links)
      for (const { pack, to } of links) linked.set(pack, to)
    }
  }

  /** A pack that is full and wholly in the index is like any other from now on. */
  function settle(): void {
    const waiting = new Set([...pending.values()].map(({ pack }) => pack))
    for (const [pack, to] of linked) {
      if (pack === writer.current || waiting.has(pack)) continue
      packs.set(pack, to)
      linked.delete(pack)
      growing.delete(pack)
    }
  }

  const puts = createGroup<Put>({ round: putAll })
  const group = createGroup<undefined>({
    async round() {
      flushing = pending
      pending = new Map()
      try {
        await writer.sync()
        await inTurn(async () => {
          await indexAll([...flushing])
          flushing = new Map()
        })
      } catch (thrown) {
        // Still in memory or in the pack, and still to be flushed.
        pending = new Map([...flushing, ...pending])
        flushing = new Map()
        throw thrown
      }
      settle()
    },
  })
  const flush = () => group.add(undefined)

  return {
    locate,
    put: (items, isNew = false) => puts.add({ items, isNew }),
    flush,
    remove: (cids) =>
      inTurn(async () => {
        for (const cid of cids) {
          pending.delete(cid)
          flushing.delete(cid)
        }
        for (let i = 0; i < cids.length; i += batchMax)
          await table.remove(cids.slice(i, i + batchMax).map(keyOfCid))
      }),
    async *list() {
      // Only what is in the index is listed, so that nothing is listed twice.
      await flush()
      for await (const { key, location } of table.list())
        yield { cid: cidOfKey(key), bytes: location.bytes }
    },
    lostAtOpen: lost,
    inside: {
      ...{ folder, table, reader, writer, inTurn, packs, growing, pathOf, nextNumber, create },
    },
    async [Symbol.asyncDispose]() {
      // What cannot be flushed any more was never acknowledged.
      await flush().catch(() => {})
      await group.drain()
      await writer.close()
      await reader.close()
    },
  }
}
