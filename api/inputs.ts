/**
 * What people type, as shapes: checked the same wherever it stands, in an address or in a body.
 */
import { z } from 'zod'
import {
  type ConnectionId,
  type DatasetId,
  type LinkId,
  type ProjectId,
  parseAlias,
  parseEmail,
  parseTransferId,
  type UserId,
  type WorkflowId,
} from '../protocol/ids.ts'

/** The most items one page of a list has. */
export const pageItemsMax = 1000

/** The same of a folder's content, where each folder in it is added up. */
export const folderItemsMax = 200

/** A local ID: a number, or its digits where it stands in an address. */
const localId = <T extends number>() =>
  z.union([
    z.int().min(1),
    z
      .string()
      .regex(/^[1-9][0-9]{0,14}$/, 'is not an ID')
      .transform(Number),
  ]) as unknown as z.ZodType<T, number>

export const projectId = localId<ProjectId>()
export const datasetId = localId<DatasetId>()
export const workflowId = localId<WorkflowId>()
export const linkId = localId<LinkId>()
export const connectionId = localId<ConnectionId>()
export const version = localId<number>()
export const userId = localId<UserId>()
export const transferId = z.string().max(32).transform(parseTransferId)
export const email = z.string().max(254).transform(parseEmail)
export const alias = z.string().max(32).transform(parseAlias)

export const text = (charactersMax: number) =>
  z
    .string()
    .min(1)
    .max(charactersMax)
    .refine((s) => !/\p{Cc}/u.test(s), 'has control characters')

export const name = text(200)

/** A group, by its ID or its name. */
export const group = text(200)

/** What is typed as a password; what makes one strong is told in words by the site. */
export const password = z.string().min(1).max(1000)

/** An absolute path at the site's own machine. */
export const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((s) => !s.includes('\0'), 'has a NUL')

export const meta = z
  .record(text(200), text(4096))
  .refine((m) => Object.keys(m).length <= 256, 'has more than 256 entries')

export const metaChanges = z
  .record(text(200), text(4096).nullable())
  .refine((m) => Object.keys(m).length <= 256, 'has more than 256 entries')

/** A part of a name, in capitals or not; an ID is found by its digits. */
export const search = z.string().min(1).max(200).optional()

/** The last that matches decides; one with `!` in front takes away, and a list that begins so, from all. */
export const globs = z.array(text(1024)).max(1000)
/** Symbolic links in a folder that is added: refused with a list, or their content taken. */
export const links = z.enum(['refuse', 'follow'])
/** JSON Pointers to where a document names its dataset. */
export const pointers = z.array(z.string().max(2048)).max(4096)
/** What a workflow reads by path. */
export const inputs = z
  .array(z.strictObject({ label: text(500), path: z.string().min(1).max(1024) }))
  .max(4096)

/** Bytes per second, or null for no limit. Whether it is enough is for the site to say, in words. */
export const rate = z.int().min(0).nullable()
export const limitWindow = z.strictObject({
  days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).max(7),
  /** `HH:MM` on the wall; a window whose end is before its beginning goes over midnight. */
  from: text(5),
  to: text(5),
  out: rate.exactOptional(),
  in: rate.exactOptional(),
})

/** Of a limit, what is to change; the rest stays. */
export const limitChanges = {
  out: rate.optional(),
  in: rate.optional(),
  windows: z.array(limitWindow).max(100).optional(),
  /** The time zone of the windows: `Europe/Oslo`. */
  zone: text(64).optional(),
}

export const flag = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((t) => t === 'true'),
]) as unknown as z.ZodType<boolean, boolean>

export const whole = (most: number) =>
  z.union([
    z.int().min(0).max(most),
    z
      .string()
      .regex(/^[0-9]{1,15}$/, 'is not a number')
      .transform(Number)
      .refine((n) => n <= most, `is over ${most}`),
  ]) as unknown as z.ZodType<number, number>
