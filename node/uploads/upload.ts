/**
 * A file that comes from somebody's browser, piece by piece, until it is made a dataset of. Its bytes lie
 * in `uploads/ID`, and what is known of it in `uploads/ID.json`: so much of it is on the disk for sure.
 */
import { join } from 'node:path'
import { z } from 'zod'
import type { UserId } from '../../protocol/ids.ts'
import { readIfThere, writeDurably } from '../base/files.ts'

/** Bytes of one upload. */
export const uploadBytesMax = 2 ** 40
/** Uploads of one person that are there at one time, and their bytes together. */
export const openUploadsMax = 10_000
export const personBytesMax = 4 * 2 ** 40
/** How long one may lie there, finished or not, in milliseconds. */
export const uploadLastsMs = 7 * 24 * 3_600_000
/** What must stay free on the disk, in bytes; on a small disk a part of it. */
export const keptFreeBytes = 2 ** 30
/** Characters of what the uploader says of it. */
export const metadataCharactersMax = 4096
/** Bytes that come between two flushes: what a crash may cost. */
export const flushedEveryBytes = 32 * 2 ** 20

export const uploadId = z.string().regex(/^[0-9a-f]{32}$/)

const shape = z.object({
  v: z.literal(1),
  id: uploadId,
  user: z.number() as unknown as z.ZodType<UserId>,
  size: z.int().min(0).max(uploadBytesMax),
  /** Bytes that are on the disk, from the first. */
  offset: z.int().min(0),
  madeAt: z.number(),
  metadata: z.record(z.string(), z.string().nullable()),
  /** SHA-256 that the uploader said the whole would have, in base64. */
  sha256: z.string().optional(),
})

export type Upload = Readonly<z.output<typeof shape>>

export const bytesAt = (folder: string, id: string) => join(folder, id)
export const recordAt = (folder: string, id: string) => join(folder, `${id}.json`)

/** Undefined when there is none, or not one of ours. */
export async function readRecord(folder: string, id: string): Promise<Upload | undefined> {
  const bytes = await readIfThere(recordAt(folder, id))
  if (bytes === undefined) return undefined
  try {
    return shape.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    // It is worth what a file without a record is: nothing.
    return undefined
  }
}

/** On the disk when it resolves. */
export async function writeRecord(folder: string, upload: Upload): Promise<void> {
  await writeDurably(recordAt(folder, upload.id), JSON.stringify(upload))
}
