/**
 * What is in the packs, worked out at open. Of a pack that the index knows to its end only the size is
 * looked at; what a crash kept from the index, or all of it when the index was thrown away, is read
 * from the pack, hashed and put in; what follows the last whole section is the torn end of a crash and
 * is cut off. What the index has of packs that are shorter now, or gone, is forgotten.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault } from '../../../protocol/fault.ts'
import { flushFolder } from '../../base/files.ts'
import { packName, packNumber } from './files.ts'
import { scanPack } from './scan.ts'
import { packHeader } from './section.ts'
import { batchMax, type Entry, type Link, type Table } from './table.ts'

export type Recovered = {
  /** Above every number that was ever used. */
  next: number
  /** Bytes of the packs there are. */
  packs: Map<number, number>
  /** Whether something that was held is not any more. */
  lost: boolean
}

export async function recoverPacks(folder: string, table: Table): Promise<Recovered> {
  const packs = new Map<number, number>()
  for (const name of await readdir(folder)) {
    const number = packNumber(name)
    if (number !== undefined) packs.set(number, 0)
  }
  const known = new Map<number, Link[]>()
  let next = 1
  for await (const link of table.links()) {
    const links = known.get(link.pack)
    if (links === undefined) known.set(link.pack, [link])
    else links.push(link)
  }
  for (const pack of [...packs.keys(), ...known.keys()]) next = Math.max(next, pack + 1)

  const start = packHeader.byteLength
  let lost = false
  const exists = (pack: number) => packs.has(pack)
  for (const pack of [...packs.keys()].sort((a, b) => a - b)) {
    const links = known.get(pack) ?? []
    const path = join(folder, packName(pack))
    const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch((thrown) => {
      throw asFault(thrown, 'store.recover', path)
    })
    try {
      const { size } = await file.stat()
      const before = links.at(-1)?.to ?? start
      if (size < before) lost = true
      const end = await readUnknown({ table, file, pack, links, size, exists })
      if (size > end) {
        await file.truncate(end)
        await file.datasync()
      }
      packs.set(pack, end)
      const whole: Link = { pack, from: start, to: end }
      if (links.length !== 1 || links[0]!.from !== start || links[0]!.to !== end)
        await table.relink(links, [whole])
      if (end > start) continue
      packs.delete(pack)
      await rm(path)
      await table.relink([whole], [])
    } catch (thrown) {
      throw asFault(thrown, 'store.recover', path)
    } finally {
      await file.close()
    }
  }
  for (const [pack] of known) if (!exists(pack)) lost = true
  // The links of a pack that is gone go last: until then the next start would look again.
  if (lost) await forgetLost(table, packs)
  for (const [pack, links] of known) if (!exists(pack)) await table.relink(links, [])
  await flushFolder(folder)
  return { next, packs, lost }
}

/** Reads what no link speaks of; answers where the last whole section ends. */
async function readUnknown(o: {
  table: Table
  file: FileHandle
  pack: number
  links: readonly Link[]
  size: number
  exists(pack: number): boolean
}): Promise<number> {
  const { table, file, pack, size } = o
  let end: number = packHeader.byteLength
  let entries: Entry[] = []
  async function write(): Promise<void> {
    const held = await table.getMany(entries.map(({ key }) => key))
    // The same content may lie in another pack; what points there is as good.
    const added = entries.filter((_, i) => held[i] === undefined || !o.exists(held[i].pack))
    entries = []
    // The link over all of it follows, durably.
    await table.add(added, [], { sync: true })
  }
  async function read(from: number, to: number): Promise<void> {
    for await (const sections of scanPack(file, from, to)) {
      for (const { key, offset, content, end: sectionEnd } of sections) {
        entries.push({ key, location: { pack, offset, bytes: content.byteLength } })
        end = sectionEnd
        if (entries.length >= batchMax) await write()
      }
    }
  }
  for (const { from, to } of o.links) {
    if (from > end) await read(end, Math.min(from, size))
    end = Math.max(end, Math.min(to, size))
  }
  if (size > end) await read(end, size)
  await write()
  return end
}

async function forgetLost(table: Table, packs: ReadonlyMap<number, number>): Promise<void> {
  let gone: Uint8Array[] = []
  for await (const { key, location } of table.list()) {
    const size = packs.get(location.pack)
    if (size !== undefined && location.offset + location.bytes < size) continue
    gone.push(key)
    if (gone.length < batchMax) continue
    await table.remove(gone)
    gone = []
  }
  await table.remove(gone)
}
