/**
 * What can go wrong, in one small table shared by the wire, the REST status, the command line's exit
 * code and the decision to try again. Kinds travel between sites, so the table only ever grows.
 */

export type FaultKind = keyof typeof faultKinds

type KindRow = {
  /** HTTP status of the problem document. */
  readonly status: number
  /** Exit code of the command line. */
  readonly exit: number
  /** Whether trying the same thing again later may succeed. */
  readonly again: boolean
  /** What it means and what to do next, for a person. */
  readonly sentence: string
}

export const faultKinds = {
  invalid: {
    status: 400,
    exit: 2,
    again: false,
    sentence: 'The request is not valid. Correct it and try again.',
  },
  denied: {
    status: 403,
    exit: 3,
    again: false,
    sentence: 'You have no right to do this. Ask the owner or an administrator.',
  },
  missing: {
    status: 404,
    exit: 4,
    again: false,
    sentence:
      'There is nothing with this name or ID that you may see. Check it with the list command.',
  },
  exists: {
    status: 409,
    exit: 5,
    again: false,
    sentence: 'This is already there. Choose another name, or use what is there.',
  },
  conflict: {
    status: 409,
    exit: 6,
    again: false,
    sentence: 'It does not fit what is there now. Look at the current state and decide.',
  },
  gone: {
    status: 410,
    exit: 7,
    again: false,
    sentence: 'This has ended or expired. Ask for a new one.',
  },
  busy: {
    status: 503,
    exit: 8,
    again: true,
    sentence: 'It cannot be done just now. It is tried again later.',
  },
  unreachable: {
    status: 502,
    exit: 9,
    again: true,
    sentence: 'The other side does not answer. It is tried again until it does.',
  },
  corrupt: {
    status: 500,
    exit: 10,
    again: false,
    sentence: 'Bytes are not what they should be. Nothing of them was used; verify the source.',
  },
  full: {
    status: 507,
    exit: 11,
    again: true,
    sentence: 'There is no room left on the disk. Free some space; the work then goes on.',
  },
  unsupported: {
    status: 501,
    exit: 12,
    again: false,
    sentence: 'This version cannot do that. Update Crossload or choose another way.',
  },
  internal: {
    status: 500,
    exit: 70,
    again: false,
    sentence: 'This is a mistake in Crossload. Report it with the reference number.',
  },
} as const satisfies Record<string, KindRow>

/** Whose it was: ours, the other site's, or the line's between us. */
export type FaultSide = 'here' | 'there' | 'between'

/** What a fault is about: an id, a path, an address. Facts live here, never only in the text. */
export type FaultAbout = string | number

export type FaultFacts = {
  /** The thing that failed, in its own text form. */
  readonly about?: FaultAbout | undefined
  /** What happened and what to do next, when the kind's own sentence is too general. */
  readonly text?: string | undefined
  /** Several things of the same sort: refused paths, conflicting names. */
  readonly list?: readonly string[] | undefined
  readonly side?: FaultSide | undefined
  /** Another site's own words: heard, not found out here. */
  readonly told?: boolean | undefined
  readonly cause?: unknown
}

/** How many lines of a list travel or are shown; the rest is counted. */
export const faultListMax = 100

/**
 * The one class of failure. `op` is `room.verb`. Whether to try again, the status and the exit code
 * all follow from `kind`.
 */
export class Fault extends Error {
  readonly kind: FaultKind
  readonly op: string
  readonly about: FaultAbout | undefined
  readonly list: readonly string[]
  readonly side: FaultSide
  readonly told: boolean

  constructor(kind: FaultKind, op: string, facts: FaultFacts = {}) {
    super(
      facts.text ?? faultKinds[kind].sentence,
      facts.cause === undefined ? {} : { cause: facts.cause },
    )
    this.name = 'Fault'
    this.kind = kind
    this.op = op
    this.about = facts.about
    this.list = facts.list ?? []
    this.side = facts.side ?? 'here'
    this.told = facts.told ?? false
  }

  get again(): boolean {
    return faultKinds[this.kind].again
  }
}

/** A fault as it crosses the wire or stands in a record: no stack, no cause, nothing of our disk. */
export type WireFault = {
  kind: FaultKind
  op: string
  text: string
  about?: FaultAbout
  list?: string[]
}

export function toWireFault(fault: Fault): WireFault {
  // An internal fault's text may quote our code or our disk; it never leaves the site.
  const text = fault.kind === 'internal' ? faultKinds.internal.sentence : fault.message
  return {
    kind: fault.kind,
    op: fault.op.slice(0, 200),
    text: text.slice(0, 2000),
    ...(fault.about === undefined
      ? {}
      : { about: typeof fault.about === 'string' ? fault.about.slice(0, 2000) : fault.about }),
    ...(fault.list.length === 0
      ? {}
      : { list: fault.list.slice(0, faultListMax).map((line) => line.slice(0, 2000)) }),
  }
}

/** The other side's fault, raised here. An unknown kind is a newer site's: read as `internal`. */
export function fromWireFault(wire: WireFault, side: FaultSide = 'there'): Fault {
  const kind = Object.hasOwn(faultKinds, wire.kind) ? wire.kind : 'internal'
  const { text, about, list } = wire
  return new Fault(kind, wire.op, { text, about, list, side, told: side === 'there' })
}

/** Whatever was thrown, as a fault: ours unchanged, disk errors by their code, the rest `internal`. */
export function asFault(thrown: unknown, op: string, about?: FaultAbout): Fault {
  if (thrown instanceof Fault) return thrown
  // What went wrong first, not what went wrong again while things were put away.
  if ((thrown as Error | null)?.name === 'SuppressedError')
    return asFault((thrown as { suppressed?: unknown }).suppressed, op, about)
  const code = (thrown as { code?: unknown } | null)?.code
  const known = typeof code === 'string' ? diskKinds[code] : undefined
  if (known === undefined) {
    return new Fault('internal', op, {
      about,
      cause: thrown,
      text: String((thrown as Error)?.message ?? thrown),
    })
  }
  return new Fault(known.kind, op, { about, cause: thrown, text: known.text(about ?? 'the file') })
}

const diskKinds: Record<string, { kind: FaultKind; text: (what: FaultAbout) => string }> = {
  ENOSPC: {
    kind: 'full',
    text: (w) => `The disk is full at ${w}. Free some space; the work then goes on.`,
  },
  EDQUOT: {
    kind: 'full',
    text: (w) => `The disk quota is used up at ${w}. Raise it or free some space.`,
  },
  EACCES: {
    kind: 'denied',
    text: (w) => `${w} may not be read or written by this account. Change its permissions.`,
  },
  EPERM: {
    kind: 'denied',
    text: (w) => `${w} may not be changed by this account. Change its permissions.`,
  },
  EROFS: { kind: 'denied', text: (w) => `${w} is on a read-only file system. Mount it writable.` },
  ENOENT: { kind: 'missing', text: (w) => `${w} is not there (any more). Check the path.` },
  ENOTDIR: { kind: 'invalid', text: (w) => `${w} is not inside a folder. Check the path.` },
  EISDIR: { kind: 'invalid', text: (w) => `${w} is a folder. Name a file.` },
  ELOOP: {
    kind: 'invalid',
    text: (w) => `${w} is a link that leads to no file or folder. Name what it was to lead to.`,
  },
  EMFILE: {
    kind: 'busy',
    text: (w) => `Too many files are open to open ${w}. Allow this account more, or try later.`,
  },
  EEXIST: { kind: 'exists', text: (w) => `${w} is already there. Choose another place.` },
  ENAMETOOLONG: {
    kind: 'unsupported',
    text: (w) => `${w} has a name too long for this file system.`,
  },
  EADDRINUSE: {
    kind: 'busy',
    text: (w) => `${w} is in use by another program. Choose another port, or stop that program.`,
  },
  EIO: { kind: 'corrupt', text: (w) => `The disk could not read or write ${w}. Check the disk.` },
}
