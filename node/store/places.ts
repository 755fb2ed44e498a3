/**
 * Files that stay where they are. A place is believed only as long as the file has the size, the
 * modification time and the inode it had when it was hashed, and every block is hashed again as it is
 * read. The places of one tree are a list in the store; the index that finds a place by its CID is
 * made from these lists and may be thrown away.
 */
import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { asFault, Fault } from '../../protocol/fault.ts'
import { type FileCid, parseFileCid } from '../../protocol/ids.ts'
import { createSerial } from '../base/work.ts'
import type { Change, Db } from '../db/db.ts'
import { keys } from '../db/keys.ts'
import { createHeldFile, readFlags } from './held.ts'
import { type HeldFile, type Place, placesMax } from './store.ts'

/** Characters of a list that are written, and lines that are indexed, at a time. */
const charactersMax = 65_536
const linesMax = 500

export function placeOf(path: string, stat: BigIntStats): Place {
  return { path, size: Number(stat.size), mtimeNs: String(stat.mtimeNs), ino: String(stat.ino) }
}

function isAt(place: Place, stat: BigIntStats): boolean {
  const now = placeOf(place.path, stat)
  return (
    stat.isFile() &&
    now.size === place.size &&
    now.mtimeNs === place.mtimeNs &&
    now.ino === place.ino
  )
}

function changed(path: string, cause?: unknown): Fault {
  return new Fault('conflict', 'store.place', {
    about: path,
    cause,
    text: `${path} has changed or gone since it was registered in place. Put it back, or update the dataset.`,
  })
}

/** The file as it was when it was registered, or `conflict` about its path. */
async function openPlace(place: Place, digests: Uint8Array): Promise<HeldFile> {
  const { path, size } = place
  async function check(): Promise<void> {
    const stat = await lstat(path, { bigint: true }).catch((thrown) => rethrow(thrown, path))
    if (!isAt(place, stat)) throw changed(path)
  }
  const file = await open(path, readFlags).catch((thrown) => rethrow(thrown, path))
  try {
    // Both the name and what was opened by it: a link or another file may have come in between.
    await check()
    if (!isAt(place, await file.stat({ bigint: true }))) throw changed(path)
  } catch (thrown) {
    await file.close()
    throw thrown
  }
  return createHeldFile({ file, path, size, digests, check, wrong: () => changed(path) })
}

function rethrow(thrown: unknown, path: string): never {
  const code = (thrown as { code?: unknown }).code
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') throw changed(path, thrown)
  throw asFault(thrown, 'store.place', path)
}

/** The first place that still holds; when none does, the fault of the newest. */
export async function openPlaces(places: readonly Place[], digests: Uint8Array): Promise<HeldFile> {
  let first: unknown
  for (const place of places) {
    try {
      return await openPlace(place, digests)
    } catch (thrown) {
      first ??= thrown
    }
  }
  throw first
}

/** One more place, the newest first; the same path counts once. */
export function withPlace(places: readonly Place[], place: Place): Place[] {
  return [place, ...places.filter((other) => other.path !== place.path)].slice(0, placesMax)
}

const line = z.strictObject({
  cid: z.string().transform((text) => parseFileCid(text)),
  path: z.string(),
  size: z.number(),
  mtimeNs: z.string(),
  ino: z.string(),
})
/** The last line: a list without it was cut, one whose sum differs was damaged. */
const lastLine = z.strictObject({ places: z.number(), sha256: z.string() })

/** A list being written, of any length. */
export interface PlaceList {
  readonly path: string
  add(cid: FileCid, place: Place): Promise<void>
  /** Complete, still open, not flushed; and the sum of its lines, the same for the same places. */
  end(): Promise<{ file: FileHandle; sum: string }>
  close(): Promise<void>
}

export async function createPlaceList(path: string): Promise<PlaceList> {
  const file = await open(path, 'wx', 0o600).catch((thrown) => {
    throw asFault(thrown, 'store.refer', 'the store')
  })
  const inTurn = createSerial()
  const sum = createHash('sha256')
  let text = ''
  let places = 0
  async function write(): Promise<void> {
    const now = text
    text = ''
    await file.appendFile(now).catch((thrown) => {
      throw asFault(thrown, 'store.refer', 'the store')
    })
  }
  return {
    path,
    add: (cid, place) =>
      inTurn(async () => {
        const added = `${JSON.stringify({ cid, ...place })}\n`
        sum.update(added)
        places++
        text += added
        if (text.length >= charactersMax) await write()
      }),
    end: () =>
      inTurn(async () => {
        const hex = sum.digest('hex')
        text += `${JSON.stringify({ places, sha256: hex })}\n`
        await write()
        return { file, sum: hex }
      }),
    close: () => file.close(),
  }
}

/** Puts one list into the index. Doing it again changes nothing. */
export async function indexPlaces(folder: string, name: string, db: Db): Promise<void> {
  const file = await open(join(folder, name), 'r')
  let batch = new Map<FileCid, Place[]>()
  let places = 0
  let ended = false
  const sum = createHash('sha256')
  async function write(): Promise<void> {
    const changes: Change[] = []
    const known = await Promise.all(
      [...batch.keys()].map((cid) => db.get<Place[]>(keys.place(cid))),
    )
    for (const [i, [cid, added]] of [...batch].entries()) {
      changes.push({ put: keys.place(cid), value: added.reduceRight(withPlace, known[i] ?? []) })
    }
    batch = new Map()
    await db.write(changes)
  }
  try {
    for await (const text of file.readLines()) {
      const value: unknown = JSON.parse(text)
      const last = lastLine.safeParse(value)
      if (last.success) {
        ended = last.data.places === places && last.data.sha256 === sum.digest('hex')
        break
      }
      sum.update(`${text}\n`)
      const { cid, ...place } = line.parse(value)
      batch.set(cid, withPlace(batch.get(cid) ?? [], place))
      places++
      if (batch.size >= linesMax) await write()
    }
    if (!ended) throw new Error('The list was cut or damaged.')
    await write()
    await db.write([{ put: keys.meta(`places ${name}`), value: places }])
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('corrupt', 'store.places', {
      about: name,
      cause,
      text: `The list of files in place ${name} is damaged. Bring it back from a backup, or move it out of the store and register those datasets again.`,
    })
  } finally {
    await file.close().catch(() => {})
  }
}

/** Whatever lists the index does not know yet: after a crash, or when it was thrown away. */
export async function indexMissingPlaces(folder: string, db: Db): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.jsonl')) continue
    if ((await db.get(keys.meta(`places ${name}`))) === undefined)
      await indexPlaces(folder, name, db)
  }
}
