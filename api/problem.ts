/**
 * Fault ⇄ problem document (RFC 9457). The one place where failures are mapped for REST.
 */
import { z } from 'zod'
import { Fault, type FaultKind, faultKinds, toWireFault } from '../protocol/fault.ts'

export const problemMedia = 'application/problem+json'

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

export type ProblemFacts = {
  /** Where HTTP knows better than the table, such as 401. */
  readonly status?: number | undefined
  readonly reference?: string | undefined
}

export function toProblem(fault: Fault, { status, reference }: ProblemFacts = {}): Problem {
  const { kind, op, text, about, list } = toWireFault(fault)
  const row = faultKinds[kind]
  return {
    type: `urn:crossload:problem:${kind}`,
    title: row.sentence,
    status: status ?? row.status,
    detail: reference === undefined ? text : `${text} Reference ${reference}.`,
    kind,
    op,
    side: fault.side,
    again: row.again,
    // What an internal fault is about may be a path of ours.
    ...(about === undefined || kind === 'internal' ? {} : { about }),
    ...(list === undefined || kind === 'internal' ? {} : { list }),
    ...(reference === undefined ? {} : { reference }),
  }
}

/** A problem document as the fault it was; anything else as a fault of what answered instead. */
export function fromProblem(value: unknown, status: number): Fault {
  const parsed = problemShape.safeParse(value)
  if (!parsed.success) {
    return new Fault(status >= 500 ? 'unreachable' : 'invalid', 'client.call', {
      side: 'between',
      text: `Something that is not Crossload answered with status ${status}. Check the address.`,
    })
  }
  const { kind, op, detail, about, list, side } = parsed.data
  const known = Object.hasOwn(faultKinds, kind) ? (kind as FaultKind) : 'internal'
  return new Fault(known, op, { text: detail, about, list, side })
}
