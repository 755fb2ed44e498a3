/**
 * The door to uploads: made, written to piece by piece, used once, or swept away. Each is one person's,
 * and is not there for anybody else. They are no part of what a site holds: nothing here is in the
 * journal, and only what a dataset is made of comes into the store, by its own door.
 */
import { open, readdir, rm } from 'node:fs/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { UserId } from '../../protocol/ids.ts'
import type { Clock } from '../base/clock.ts'
import { flushFolder, makeFolder } from '../base/files.ts'
import { type Checksum, demandRoom, receive } from './receive.ts'
import {
  bytesAt,
  metadataCharactersMax,
  openUploadsMax,
  personBytesMax,
  readRecord,
  recordAt,
  type Upload,
  uploadBytesMax,
  uploadId,
  uploadLastsMs,
  writeRecord,
} from './upload.ts'

/** Between two sweeps, in milliseconds. */
const sweepEveryMs = 3_600_000

export type NewUpload = Pick<Upload, 'id' | 'size' | 'metadata' | 'sha256'>

export type Writing = {
  readonly offset: number
  readonly source: AsyncIterable<Uint8Array>
  readonly checksum?: Checksum | undefined
}

/** A finished upload, for as long as it is used. */
export type Finished = { readonly id: string; readonly path: string; readonly size: number }

export interface Uploads extends AsyncDisposable {
  newId(): string
  /** Faults `invalid`, `full` when the disk or what one person may have there has no room. */
  create(input: NewUpload, user: UserId): Promise<Upload>
  /** Faults `missing` for another's as for none, `gone` when its time is over. */
  need(id: string, user: UserId): Upload
  /**
   * Answers how it is then; its `offset` is on the disk. Faults `conflict` when that is not where it
   * ends, or somebody else writes or uses it; and as `receive` does.
   */
  write(id: string, user: UserId, writing: Writing): Promise<Upload>
  /** Faults `conflict` while somebody writes or uses it. */
  remove(id: string, user: UserId): Promise<void>
  /**
   * Lets `run` have finished uploads, which nobody else may touch meanwhile; when it has succeeded they
   * are gone, when it has not they are as they were. Faults `conflict` when one is not finished.
   */
  use<T>(
    ids: readonly string[],
    user: UserId,
    run: (uploads: readonly Finished[]) => Promise<T>,
  ): Promise<T>
  /** Takes away what was a removed person's, as soon as nobody is at it any more. Never throws. */
  leave(user: UserId): Promise<void>
  /** Takes away what is too old, and what belongs to people who were removed; answers how many. */
  sweep(): Promise<number>
}

export type UploadsNeeds = {
  readonly folder: string
  readonly clock: Clock
  readonly isPerson: (id: UserId) => Promise<boolean>
  readonly log: (fault: Fault) => void
}

export async function openUploads(o: UploadsNeeds): Promise<Uploads> {
  const { folder, clock } = o
  await makeFolder(folder)
  const uploads = await readAll(folder)
  /** Written to or used just now; each with its end. */
  const busy = new Map<string, Promise<unknown>>()

  function need(id: string, user: UserId): Upload {
    const upload = uploads.get(id)
    if (upload === undefined || upload.user !== user) {
      throw new Fault('missing', 'uploads.need', {
        about: id.slice(0, 80),
        text: 'There is no such upload of yours. Begin it anew.',
      })
    }
    if (clock.now() < upload.madeAt + uploadLastsMs) return upload
    throw new Fault('gone', 'uploads.need', {
      about: id,
      text: 'This upload was begun more than seven days ago. Begin it anew.',
    })
  }

  /** Nobody else has it while `run` runs. */
  async function alone<T>(ids: readonly string[], run: () => Promise<T>): Promise<T> {
    for (const id of ids) if (busy.has(id)) throw inUse(id)
    const ended = Promise.withResolvers<void>()
    for (const id of ids) busy.set(id, ended.promise)
    try {
      return await run()
    } finally {
      for (const id of ids) busy.delete(id)
      ended.resolve()
    }
  }

  async function drop(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      // The record first: bytes without one are taken away at the next start.
      await rm(recordAt(folder, id), { force: true })
      await rm(bytesAt(folder, id), { force: true })
      uploads.delete(id)
    }
    await flushFolder(folder)
  }

  async function dropOrLog(ids: readonly string[]): Promise<void> {
    try {
      await drop(ids)
    } catch (thrown) {
      o.log(asFault(thrown, 'uploads.remove', folder))
    }
  }

  function checkShare(user: UserId, size: number): void {
    let count = 1
    let bytes = size
    for (const one of uploads.values()) {
      if (one.user !== user) continue
      count++
      bytes += one.size
    }
    if (count <= openUploadsMax && bytes <= personBytesMax) return
    throw new Fault('full', 'uploads.create', {
      about: count > openUploadsMax ? count : bytes,
      text: `You have as much here as one person may before it becomes a dataset: ${openUploadsMax} files, ${personBytesMax / 2 ** 40} TiB. Make a dataset of it, or remove some.`,
    })
  }

  /** What all unfinished uploads together have still to bring. */
  function owed(): number {
    let bytes = 0
    for (const { size, offset } of uploads.values()) bytes += size - offset
    return bytes
  }

  async function sweep(): Promise<number> {
    const old: string[] = []
    const people = new Map<UserId, boolean>()
    for (const { id, user, madeAt } of [...uploads.values()]) {
      if (!people.has(user)) people.set(user, await o.isPerson(user))
      const isOver = clock.now() >= madeAt + uploadLastsMs || people.get(user) === false
      if (isOver && !busy.has(id)) old.push(id)
    }
    if (old.length > 0) await alone(old, () => drop(old))
    return old.length
  }

  const sweeping = clock.every(sweepEveryMs, () => {
    sweep().catch((thrown) => o.log(asFault(thrown, 'uploads.sweep', folder)))
  })
  await sweep()

  return {
    need,
    sweep,
    async leave(user) {
      const theirs = [...uploads.values()].filter((one) => one.user === user)
      await Promise.allSettled(theirs.map(({ id }) => busy.get(id)))
      await sweep().catch((thrown) => o.log(asFault(thrown, 'uploads.leave', folder)))
    },
    newId: () => Buffer.from(clock.random(16)).toString('hex'),

    async create(input, user) {
      const upload: Upload = {
        ...{ v: 1, ...input },
        ...{ user, offset: 0, madeAt: clock.now() },
      }
      checkNew(upload)
      checkShare(user, upload.size)
      await demandRoom(folder, owed() + upload.size)
      checkShare(user, upload.size)
      uploads.set(upload.id, upload)
      try {
        await alone([upload.id], async () => {
          const file = await open(bytesAt(folder, upload.id), 'wx', 0o600)
          await file.close()
          await writeRecord(folder, upload)
        })
      } catch (thrown) {
        await dropOrLog([upload.id])
        throw asFault(thrown, 'uploads.create', upload.id)
      }
      return upload
    },

    async write(id, user, { offset, source, checksum }) {
      const upload = need(id, user)
      if (upload.offset !== offset) {
        throw new Fault('conflict', 'uploads.write', {
          about: id,
          text: `${upload.offset} bytes of it are here, not ${offset}. Go on from there.`,
        })
      }
      const reached = (now: Upload) => void uploads.set(id, now)
      return alone([id], () => receive({ folder, upload, source, checksum, reached }))
    },

    async remove(id, user) {
      need(id, user)
      await alone([id], () => drop([id]))
    },

    use(ids, user, run) {
      const found = ids.map((id) => need(id, user))
      if (new Set(ids).size < ids.length)
        throw new Fault('invalid', 'uploads.use', { text: 'The same upload is named twice.' })
      for (const { id, offset, size } of found) {
        if (offset === size) continue
        throw new Fault('conflict', 'uploads.use', {
          about: id,
          text: `Only ${offset} of ${size} bytes of an upload are here. Wait for its end, or go on with it.`,
        })
      }
      return alone(ids, async () => {
        const made = await run(
          found.map(({ id, size }) => ({ id, size, path: bytesAt(folder, id) })),
        )
        await dropOrLog(ids)
        return made
      })
    },

    async [Symbol.asyncDispose]() {
      sweeping[Symbol.dispose]()
      await Promise.all(busy.values())
    },
  }
}

/** What has a record and its bytes; everything else in the folder is taken away. */
async function readAll(folder: string): Promise<Map<string, Upload>> {
  try {
    const uploads = new Map<string, Upload>()
    const names = new Set(await readdir(folder))
    for (const name of names) {
      const isId = uploadId.safeParse(name).success
      const upload = isId ? await readRecord(folder, name) : undefined
      if (upload?.id === name) uploads.set(name, upload)
    }
    for (const name of names) {
      if (!uploads.has(name.replace(/\.json$/, '')))
        await rm(`${folder}/${name}`, { force: true, recursive: true })
    }
    return uploads
  } catch (thrown) {
    throw asFault(thrown, 'uploads.open', folder)
  }
}

function checkNew({ id, size, metadata }: Upload): void {
  const isLong = JSON.stringify(metadata).length > metadataCharactersMax
  const isSize = Number.isSafeInteger(size) && size >= 0 && size <= uploadBytesMax
  if (uploadId.safeParse(id).success && isSize && !isLong) return
  throw new Fault('invalid', 'uploads.create', {
    about: size,
    text: `An upload has at most ${uploadBytesMax} bytes, and ${metadataCharactersMax} characters are said of it. Split the file, or add it at the site’s machine.`,
  })
}

function inUse(about: string): Fault {
  return new Fault('conflict', 'uploads.write', {
    about,
    text: 'Somebody writes to this upload or makes a dataset of it just now. Look at it again, then go on.',
  })
}
