/**
 * The store on a disk: every object is a file of its own, named by its whole CID, so that a file and a
 * metadata block of the same bytes never meet.
 *
 *     objects/<last two letters>/<cid>         held
 *     partial/<cid>.data  partial/<cid>.map    arriving
 *     places/<root>.<sum>.jsonl                left in place
 *     tmp/                                     aside; emptied at every start
 */
import { lstat, open, opendir, readdir, readFile, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { makeFolder, sweepAside } from '../base/files.ts'
import { createSerial } from '../base/work.ts'
import type { Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { createHeldFile, readAt, readFlags } from './held.ts'
import { createIntake } from './intake.ts'
import { openIncoming } from './partials.ts'
import { indexMissingPlaces, indexPlaces, openPlaces } from './places.ts'
import { checkContent, digestsOfSmall, isContent, nameBlock, nameSmall } from './sha256.ts'
import { openStage } from './stage.ts'
import { type Incoming, nodeBytesMax, type Place, type Stage, type Store } from './store.ts'

/** Where an object lies. The check is for our own mistakes: no text from afar gets this far. */
function pathIn(folder: string, cid: FileCid | Root): string {
  if (!/^baf[a-z2-7]{56}$/.test(cid))
    throw new Fault('internal', 'store.path', { text: `${cid} is no CID of ours.` })
  return join(folder, cid.slice(-2), cid)
}

/** With `create` a new store is made in `folder`; without it a store that is not there is `missing`. */
export async function openStore(o: { folder: string; db: Db; create: boolean }): Promise<Store> {
  const [objects, partial, places, tmp] = ['objects', 'partial', 'places', 'tmp'].map((name) =>
    join(o.folder, name),
  ) as [string, string, string, string]
  if (!o.create && (await lstat(objects).catch(() => undefined)) === undefined) {
    throw new Fault('missing', 'store.open', {
      about: o.folder,
      text: `There is no store in ${o.folder}. Is its volume mounted?`,
    })
  }
  for (const folder of [objects, partial, places, tmp]) await makeFolder(folder)
  for (const name of await readdir(tmp)) await rm(join(tmp, name), { recursive: true, force: true })
  await sweepAside(partial)
  await indexMissingPlaces(places, o.db)

  const intake = createIntake(tmp)
  // A process that was ended between a rename and its flush left names that count from now on.
  for (const name of await readdir(objects)) intake.touch(join(objects, name))
  for (const folder of [objects, places]) intake.touch(folder)
  await intake.flush()
  /** Open or being opened. */
  const arriving = new Map<FileCid, Incoming | undefined>()
  const pathOf = (cid: FileCid | Root) => pathIn(objects, cid)

  async function sizeOf(cid: FileCid | Root): Promise<number | undefined> {
    const stat = await lstat(pathOf(cid)).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw asFault(thrown, 'store.has', cid)
    })
    return stat?.isFile() ? stat.size : undefined
  }

  async function openObject(cid: FileCid | Root) {
    return open(pathOf(cid), readFlags).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw asFault(thrown, 'store.open', cid)
    })
  }

  async function putNamed<T extends FileCid | Root>(cid: T, bytes: Uint8Array): Promise<T> {
    if ((await sizeOf(cid)) !== bytes.byteLength) await intake.write(pathOf(cid), bytes)
    return cid
  }

  let damages = 0
  async function forget(cid: FileCid | Root, take: (path: string) => Promise<void>): Promise<void> {
    const path = pathOf(cid)
    try {
      await take(path)
      damages++
      intake.touch(dirname(path))
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT')
        throw asFault(thrown, 'store.remove', cid)
    }
  }

  // Places of one CID are read, extended and written back: one list at a time.
  const inTurn = createSerial()
  const index = (list: string) => inTurn(() => indexPlaces(places, list, o.db))
  const stages = new Set<Stage>()
  let stagesCount = 0
  const store: Store = {
    has: async (cid) => (await sizeOf(cid)) !== undefined,
    hasMany: (cids) => Promise.all(cids.map(async (cid) => (await sizeOf(cid)) !== undefined)),

    async readSmalls(files, into) {
      let at = 0
      for (const { cid, size } of files) {
        await using held = await store.file(cid, size, digestsOfSmall(cid, size))
        if (size > 0) await held.read(0, into.subarray(at, at + size), { trust: true })
        at += size
      }
    },

    async block(cid) {
      const file = await openObject(cid)
      if (file === undefined) throw missing(cid)
      try {
        const { size } = await file.stat()
        if (size > nodeBytesMax) throw corrupt(cid)
        const bytes = await readAt(file, new Uint8Array(size), 0)
        if (nameBlock(bytes) !== cid) throw corrupt(cid)
        return bytes
      } catch (thrown) {
        throw asFault(thrown, 'store.block', cid)
      } finally {
        await file.close()
      }
    },

    async file(cid, size, digests) {
      const file = await openObject(cid)
      if (file === undefined) {
        const left = (await o.db.get<Place[]>(keys.place(cid))) ?? []
        if (left.length === 0) throw missing(cid)
        return openPlaces(left, digests)
      }
      const wrong = () => corrupt(cid)
      const held = createHeldFile({ file, path: pathOf(cid), size, digests, wrong })
      try {
        if ((await file.stat()).size !== size) throw wrong()
        return held
      } catch (thrown) {
        await file.close()
        throw asFault(thrown, 'store.file', cid)
      }
    },

    putBlock: async (bytes) => putNamed(nameBlock(bytes), bytes),
    putSmall: async (digest, bytes) => putNamed(nameSmall(digest, bytes), bytes),
    async putSmalls(files) {
      const cids = files.map(({ digest, bytes }) => nameSmall(digest, bytes))
      return Promise.all(cids.map((cid, i) => putNamed(cid, files[i]!.bytes)))
    },

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
      const paths = { data: `${stem}.data`, map: `${stem}.map`, object: pathOf(cid) }
      try {
        const incoming = await openIncoming({ cid, size, digests }, paths, intake, () =>
          arriving.delete(cid),
        )
        arriving.set(cid, incoming)
        return incoming
      } catch (thrown) {
        arriving.delete(cid)
        throw asFault(thrown, 'store.put', cid)
      }
    },

    flush: () => intake.flush(),
    async stage() {
      const stage = await openStage({
        folder: join(tmp, `stage-${stagesCount++}`),
        places,
        index,
        intake,
        pathOf,
        sizeOf,
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

    async remove(cids) {
      for (const cid of cids) await forget(cid, (path) => unlink(path))
    },

    async *list() {
      for (const shard of await readdir(objects)) {
        for await (const { name } of await opendir(join(objects, shard))) {
          const cid = name as FileCid | Root
          const bytes = await sizeOf(cid)
          if (bytes !== undefined) yield { cid, bytes }
        }
      }
    },

    async compact({ signal }) {
      signal?.throwIfAborted()
      return { bytes: 0 }
    },

    async check(cid) {
      if ((await sizeOf(cid)) === undefined) return 'missing'
      return isContent(cid, await readFile(pathOf(cid))) ? 'whole' : 'damaged'
    },

    async quarantine(cid) {
      const aside = join(o.folder, 'quarantine')
      await makeFolder(aside)
      await forget(cid, (path) => rename(path, join(aside, cid)))
    },

    get damages() {
      return damages
    },

    async [Symbol.asyncDispose]() {
      // Run from the last to the first, each also when another fails.
      await using closing = new AsyncDisposableStack()
      closing.defer(() => intake.close())
      for (const stage of stages) closing.use(stage)
      for (const incoming of arriving.values()) closing.defer(async () => incoming?.close())
    },
  }
  return store
}

function missing(cid: FileCid | Root): Fault {
  return new Fault('missing', 'store.read', { about: cid, text: `${cid} is not held here.` })
}

function corrupt(cid: FileCid | Root): Fault {
  return new Fault('corrupt', 'store.read', {
    about: cid,
    text: `${cid} has changed on the disk. Verify the dataset, check the disk, and have it sent again.`,
  })
}
