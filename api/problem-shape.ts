/** A problem document (RFC 9457) with what ours says besides. */
import { z } from 'zod'

export const problemShape = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  /** What happened and what to do next. */
  detail: z.string(),
  kind: z.string(),
  op: z.string(),
  side: z.enum(['here', 'there', 'between']),
  /** Whether trying the same thing again later may succeed. */
  again: z.boolean(),
  about: z.union([z.string(), z.number()]).optional(),
  list: z.array(z.string()).optional(),
  /** Of an internal fault: by which the site's log has the rest. */
  reference: z.string().optional(),
})

export type Problem = z.infer<typeof problemShape>
