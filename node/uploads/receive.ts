/**
 * The bytes of one question go behind those that are there. What is acknowledged is on the disk first:
 * the bytes are flushed, then the record that counts them. What was cut counts as far as it came, unless
 * a digest was said: then all of the question counts or nothing.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { asFault, Fault } from '../../protocol/fault.ts'
import { freeBytes, hasRoom } from '../base/files.ts'
import { bytesAt, flushedEveryBytes, keptFreeBytes, type Upload, writeRecord } from './upload.ts'

/** What was said that the bytes of one question are. */
export type Checksum = { readonly algorithm: 'sha1' | 'sha256'; readonly digest: Uint8Array }

/** The bytes are not what the uploader said; none of them count. */
export class WrongDigest extends Fault {
  constructor(about: string) {
    super('corrupt', 'uploads.digest', {
      about,
      side: 'between',
      text: 'The bytes that came are not those that were announced: their digest differs. Send them again.',
    })
  }
}

export type Receiving = {
  readonly folder: string
  readonly upload: Upload
  readonly source: AsyncIterable<Uint8Array>
  readonly checksum?: Checksum | undefined
  /** Told of each state that is on the disk. */
  readonly reached: (upload: Upload) => void
}

/** Answers how it is then. Faults `full`, `corrupt` as `WrongDigest`, `invalid` for bytes over its size. */
export async function receive(o: Receiving): Promise<Upload> {
  const { folder, checksum } = o
  const { id, size } = o.upload
  const path = bytesAt(folder, id)
  const hash = checksum === undefined ? undefined : createHash(checksum.algorithm)
  let upload = o.upload
  let at = upload.offset
  try {
    await using file = await open(path, 'r+')
    const flush = async () => {
      if (at === upload.offset) return
      await file.datasync()
      upload = { ...upload, offset: at }
      await writeRecord(folder, upload)
      o.reached(upload)
    }
    try {
      for await (const bytes of o.source) {
        if (at + bytes.byteLength > size) throw tooMany(id, size)
        hash?.update(bytes)
        for (let done = 0; done < bytes.byteLength; ) {
          const left = bytes.byteLength - done
          done += (await file.write(bytes, done, left, at + done)).bytesWritten
        }
        at += bytes.byteLength
        if (hash !== undefined || at - upload.offset < flushedEveryBytes) continue
        await flush()
        await demandRoom(folder, 0)
      }
    } catch (thrown) {
      // On a disk that is full this fails as well, and what counts is what counted before.
      if (hash === undefined) await flush().catch(() => {})
      throw thrown
    }
    if (hash !== undefined && !hash.digest().equals(checksum!.digest)) throw new WrongDigest(id)
    await flush()
  } catch (thrown) {
    throw asFault(thrown, 'uploads.write', id)
  }
  if (upload.offset < size || upload.sha256 === undefined) return upload
  if ((await sha256Of(path)) === upload.sha256) return upload
  // There is no telling which of its bytes are wrong.
  upload = { ...upload, offset: 0 }
  await writeRecord(folder, upload)
  o.reached(upload)
  throw new WrongDigest(id)
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(bytes)
  return hash.digest('base64')
}

/** Faults `full` unless so many bytes could come and enough would stay free. */
export async function demandRoom(folder: string, bytes: number): Promise<void> {
  const isSpared = await hasRoom(folder, keptFreeBytes)
  if (isSpared && (bytes === 0 || bytes <= (await freeBytes(folder)))) return
  throw new Fault('full', 'uploads.room', {
    about: bytes,
    text: 'The site’s disk has no room for it. Tell an administrator; what has come stays, and the upload goes on when there is room.',
  })
}

function tooMany(about: string, size: number): Fault {
  return new Fault('invalid', 'uploads.write', {
    about,
    text: `More bytes came than the ${size} that were announced. Begin the upload anew with its true size.`,
  })
}
