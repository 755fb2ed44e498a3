/**
 * Fault ⇄ problem document (RFC 9457). The one place where failures are mapped for REST.
 */
import { Fault, type FaultKind, faultKinds, toWireFault } from '../protocol/fault.ts'
import type { Problem } from './problem-shape.ts'

export const problemMedia = 'application/problem+json'

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
  if (!isProblem(value)) {
    return new Fault(status >= 500 ? 'unreachable' : 'invalid', 'client.call', {
      side: 'between',
      text: `Something that is not Crossload answered with status ${status}. Check the address.`,
    })
  }
  const { kind, op, detail, about, list, side } = value
  const known = Object.hasOwn(faultKinds, kind) ? (kind as FaultKind) : 'internal'
  return new Fault(known, op, { text: detail, about, list, side })
}

/** As much of a problem document as a fault is made of; by hand, since a browser is spared the shapes. */
function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false
  const { kind, op, detail, about, list, side } = value as Record<string, unknown>
  return (
    [kind, op, detail].every(isText) &&
    ['here', 'there', 'between'].includes(side as string) &&
    (about === undefined || isText(about) || typeof about === 'number') &&
    (list === undefined || (Array.isArray(list) && list.every(isText)))
  )
}

const isText = (value: unknown) => typeof value === 'string'
