/** What a row of the table of routes is, and how one is written. */
import { z } from 'zod'
import type { FaultKind } from '../protocol/fault.ts'

/**
 * What the asker must be allowed. Rights on the site as a whole are asked before anything is read;
 * those on a thing by the room that has it, which answers `missing` alike for what does not exist and
 * for what the asker may not even read. `anyone` needs no token.
 */
export type Permission =
  | 'anyone'
  | 'session.use'
  | 'site.read'
  | 'site.administer'
  | 'metrics.read'
  | 'people.manage'
  | 'group.use'
  | 'group.read'
  | 'group.manage'
  | 'link.read'
  | 'link.manage'
  | 'connection.use'
  | 'connection.own'
  | 'project.add'
  | 'project.read'
  | 'project.own'
  | 'dataset.read'
  | 'dataset.write'
  | 'workflow.read'
  | 'workflow.write'
  | 'transfer.use'
  | 'transfer.read'
  | 'transfer.steer'

export type Route<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** A route without one does not start. */
  readonly permission: Permission
  readonly input: I
  readonly output: O
  /** Where a body may be longer than others, in bytes. */
  readonly bodyBytesMax?: number | undefined
  /**
   * `value`: one answer. `long`: takes as long as the disk or another site takes; tells progress when
   * asked for `text/event-stream`, and ends when the asker goes away. `events`: values until the end.
   * `bytes`: the content of a file, whole or a range of it, to GET and HEAD.
   */
  readonly answer: 'value' | 'long' | 'events' | 'bytes'
  /** What can go wrong, besides `invalid`, `denied`, `missing`, `busy` and `internal`. */
  readonly kinds: readonly FaultKind[]
  readonly says: string
}

type Row<I extends z.ZodObject, O extends z.ZodType> = {
  says: string
  input?: I
  output: O
  kinds?: readonly FaultKind[]
  bodyBytesMax?: number
}

export const fields = z.strictObject
export const nothing = fields({})
type Nothing = typeof nothing

function answering(answer: Route['answer']) {
  return <O extends z.ZodType, I extends z.ZodObject = Nothing>(
    line: `${Route['method']} /api/${string}`,
    permission: Permission,
    row: Row<I, O>,
  ): Route<I, O> => {
    const [method, path] = line.split(' ') as [Route['method'], string]
    const input = row.input ?? (nothing as unknown as I)
    return { kinds: [], ...row, method, path, permission, input, answer }
  }
}

export const value = answering('value')
export const long = answering('long')
export const events = answering('events')
export const bytes = answering('bytes')
