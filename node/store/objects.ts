/**
 * The store on a disk. Whatever is of one block or none lies in packs, many in a file; a file of more is
 * an object of its own. Both are named by the whole CID, so that a file and a metadata block of the
 * same bytes never meet.
 *
 *     packs/<number>.car                       held, small; `packs/older`: some small ones are objects
 *     objects/<last two letters>/<cid>         held
 *     partial/<cid>.data  partial/<cid>.map    arriving
 *     places/<root>.<sum>.jsonl                left in place
 *     quarantine/<cid>                         damaged, kept aside
 *     damages                                  how often something that was held went
 *     tmp/                                     aside; emptied at every start
 */
import { type FileHandle, lstat, opendir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { makeFolder, sweepAside, writeDurably } from '../base/files.ts'
import { createSerial } from '../base/work.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { openDamages } from './damages.ts'
import { corrupt, missing } from './faults.ts'
import { createIntake } from './intake.ts'
import { createCompactor } from './packs/compact.ts'
import { createContents } from './packs/contents.ts'
import { isSmall, keyOfCid } from './packs/names.ts'
import { openPacks } from './packs/packs.ts'
import { openIncoming } from './partials.ts'
import { indexMissingPlaces, indexPlaces, openPlaces } from './places.ts'
import { createPuts } from './puts.ts'
import { checkContent, nameBlock } from './sha256.ts'
import { createSmalls } from './smalls.ts'
import { openStage } from './stage.ts'
import { createStillness } from './stillness.ts'
import type { Incoming, Place, Stage, Store } from './store.ts'
import { createObjects } from './whole.ts'

type Name = FileCid | Root

const folders = ['objects', 'packs', 'partial', 'places', 'tmp', 'quarantine']

/** With `create` a new store is made in `folder`; without it a store that is not there is `missing`. */
export async function openStore(o: {
  folder: string
  db: Db
  create: boolean
  /** For tests: smaller packs. */
  packBytesMax?: number | undefined
}): Promise<Store> {
  const [folder, packsFolder, partial, places, tmp, quarantine] = folders.map((name) =>
    join(o.folder, name),
  ) as [string, string, string, string, string, string]
  if (!o.create && (await lstat(folder).catch(() => undefined)) === undefined) {
    throw new Fault('missing', 'store.open', {
      about: o.folder,
      text: `There is no store in ${o.folder}. Is its volume mounted?`,
    })
  }
  for (const path of [folder, partial, places, tmp, quarantine]) await makeFolder(path)
  const isOlder = await openPacksFolder(packsFolder, folder)
  for (const name of await readdir(tmp)) await rm(join(tmp, name), { recursive: true, force: true })
  for (const path of [partial, o.folder]) await sweepAside(path)
  await indexMissingPlaces(places, o.db)

  const intake = createIntake(tmp)
  const objects = createObjects(folder, intake.touch)
  // A process that was ended between a rename and its flush left names that count from now on.
  for (const name of await readdir(folder)) intake.touch(join(folder, name))
  for (const path of [folder, places]) intake.touch(path)
  await intake.flush()
  const damages = await openDamages(join(o.folder, 'damages'))
  const elsewhere = isOlder ? objects.haveMany : undefined
  const packs = await openPacks({
    folder: packsFolder,
    db: o.db,
    elsewhere,
    packBytesMax: o.packBytesMax,
  })
  if (packs.lostAtOpen) await damages.grow()
  const contents = createContents(packs)
  const smalls = createSmalls({ packs, contents })
  const compact = createCompactor(packs.inside)
  const compacting = createSerial()
  const stillness = createStillness()
  /** Open or being opened. */
  const arriving = new Map<FileCid, Incoming | undefined>()

  async function hasMany(cids: readonly Name[]): Promise<boolean[]> {
    const small = cids.filter(isSmall)
    const found = small.length > 0 ? await packs.locate(small) : []
    let next = 0
    const have = cids.map((cid) => isSmall(cid) && found[next++] !== undefined)
    const asked = cids.flatMap((cid, i) => (have[i] || (isSmall(cid) && !isOlder) ? [] : [i]))
    const whole = await objects.haveMany(asked.map((i) => cids[i]!))
    for (const [j, i] of asked.entries()) have[i] = whole[j]!
    return have
  }

  /** What the store itself holds as an object, or what was left in place. */
  async function openFile(cid: FileCid, size: number, digests: Uint8Array) {
    const object = isSmall(cid) && !isOlder ? undefined : await objects.file(cid, size, digests)
    if (object !== undefined) return object
    const left = (await o.db.get<Place[]>(keys.place(cid))) ?? []
    if (left.length === 0) throw missing(cid)
    return openPlaces(left, digests)
  }

  async function flush(): Promise<void> {
    await Promise.all([intake.flush(), packs.flush()])
  }

  const puts = createPuts(packs.put)

  async function remove(cids: readonly Name[]): Promise<void> {
    const have = await hasMany(cids)
    const held = cids.filter((_, i) => have[i])
    if (held.length === 0) return
    await damages.grow()
    await packs.remove(held.filter(isSmall))
    for (const cid of held) if (isOlder || !isSmall(cid)) await objects.remove(cid)
    await intake.flush()
  }

  async function putAside(cid: Name): Promise<void> {
    const [have] = await hasMany([cid])
    if (!have) return
    await damages.grow()
    const aside = join(quarantine, cid)
    const bytes = isSmall(cid) ? await smalls.rawBytes(cid) : undefined
    if (bytes !== undefined) {
      await writeDurably(aside, bytes)
      await packs.remove([cid])
    }
    if ((await objects.sizeOf(cid)) === undefined) return
    await objects.moveAside(cid, aside)
    intake.touch(quarantine)
    await intake.flush()
  }

  /** A file that arrived block by block, where files of its size lie. */
  async function holdFile(file: FileHandle, cid: FileCid, path: string): Promise<void> {
    if (isSmall(cid)) {
      const bytes = await file.readFile()
      await puts.putSmall(keyOfCid(cid).subarray(1), bytes)
      await packs.flush()
      await rm(path)
      return
    }
    await intake.settle(file, path, objects.pathOf(cid))
    await intake.flush()
  }

  // Places of one CID are read, extended and written back: one list at a time.
  const inTurn = createSerial()
  const index = (list: string) => inTurn(() => indexPlaces(places, list, o.db))
  const stages = new Set<Stage>()
  let stagesCount = 0
  return {
    ...puts,
    flush,
    hasMany,
    has: async (cid) => (await hasMany([cid]))[0]!,

    async block(cid) {
      const bytes = await contents.read(cid)
      if (bytes !== undefined) {
        if (nameBlock(bytes) !== cid) throw corrupt(cid)
        return bytes
      }
      const object = isOlder ? await objects.block(cid) : undefined
      if (object === undefined) throw missing(cid)
      return object
    },

    async file(cid, size, digests) {
      return (await smalls.file(cid, size, digests)) ?? openFile(cid, size, digests)
    },
    readSmalls: (files, into) => smalls.readAll(files, into, openFile),

    async put(cid, size, digests) {
      checkContent(cid, size, digests)
      if (arriving.has(cid)) {
        throw new Fault('busy', 'store.put', {
          about: cid,
          text: `${cid} is arriving already, with another transfer.`,
        })
      }
      arriving.set(cid, undefined)
      const stem = join(partial, cid)
      const paths = { data: `${stem}.data`, map: `${stem}.map` }
      try {
        const incoming = await openIncoming(
          { cid, size, digests },
          {
            paths,
            hold: (file) => holdFile(file, cid, paths.data),
            onClose: () => arriving.delete(cid),
          },
        )
        arriving.set(cid, incoming)
        return incoming
      } catch (thrown) {
        arriving.delete(cid)
        throw asFault(thrown, 'store.put', cid)
      }
    },

    async stage() {
      const stage = await openStage({
        folder: join(tmp, `stage-${stagesCount++}`),
        places,
        index,
        intake,
        packs,
        hasMany,
        pathOf: objects.pathOf,
        sizeOf: objects.sizeOf,
        onClose: () => stages.delete(stage),
      })
      stages.add(stage)
      return stage
    },

    async sweepPartials(keep) {
      let swept = 0
      for (const name of await readdir(partial)) {
        const cid = name.replace(/\.(data|map)$/, '') as FileCid
        if (arriving.has(cid) || keep(cid)) continue
        await rm(join(partial, name), { force: true })
        if (name.endsWith('.data')) swept++
      }
      return swept
    },

    remove: (cids) => stillness.change(() => remove(cids)),

    async *list() {
      for await (const one of packs.list()) yield one
      for await (const one of objects.list()) yield one
    },

    compact: ({ signal }) =>
      stillness.change(() =>
        compacting(() => compact({ signal, isOver: () => stillness.isWanted })),
      ),

    async check(cid, reading) {
      const found = isSmall(cid) ? await smalls.check(cid) : undefined
      if (found !== undefined) return found
      if (isSmall(cid) && !isOlder) return 'missing'
      const whole = await objects.isWhole(cid, reading)
      return whole === undefined ? 'missing' : whole ? 'whole' : 'damaged'
    },

    quarantine: (cid) => stillness.change(() => putAside(cid)),
    still: stillness.hold,

    get damages() {
      return damages.count
    },

    async [Symbol.asyncDispose]() {
      // Run from the last to the first, each also when another fails.
      await using closing = new AsyncDisposableStack()
      closing.use(packs)
      closing.defer(() => intake.close())
      for (const stage of stages) closing.use(stage)
      for (const incoming of arriving.values()) closing.defer(async () => incoming?.close())
    },
  }
}

/**
 * Whether small things may lie among the objects: the store is older than its packs. It is written
 * down before the first pack can be, because later nothing else would show it, and forgotten once the
 * last of them is gone, because whoever puts something new has to look for it there.
 */
async function openPacksFolder(packs: string, objects: string): Promise<boolean> {
  const mark = join(packs, 'older')
  if ((await lstat(packs).catch(() => undefined)) === undefined) {
    const isOlder = (await readdir(objects)).length > 0
    await makeFolder(packs)
    if (isOlder) await writeDurably(mark, '')
  }
  if ((await lstat(mark).catch(() => undefined)) === undefined) return false
  for (const shard of await readdir(objects)) {
    for await (const { name } of await opendir(join(objects, shard)))
      if (isSmall(name as Name)) return true
  }
  await rm(mark, { force: true })
  return false
}
