/** What cannot be taken, collected so that a person learns all that is wrong at once. */
import { Fault, type FaultKind, faultListMax } from '../../protocol/fault.ts'

/** Lines for a person: the first hundred, and how many more there are. */
export interface Lines {
  add(line: string): void
  readonly count: number
  /** At most a hundred, the last of which says what was left out. */
  list(): string[]
}

export function createLines(linesMax = faultListMax): Lines {
  const first: string[] = []
  let count = 0
  return {
    add(line) {
      count++
      if (first.length < linesMax) first.push(line)
    },
    get count() {
      return count
    },
    list: () =>
      count > linesMax ? [...first.slice(0, -1), `… and ${count - linesMax + 1} more`] : [...first],
  }
}

/** Paths that cannot be taken, each with its reason. */
export interface Refusals {
  add(path: string, reason: string, kind: FaultKind): void
  readonly count: number
  /** Throws one fault for all of them; does nothing when there are none. */
  throwAny(): void
}

export function createRefusals(op: string): Refusals {
  const lines = createLines()
  const kinds = new Set<FaultKind>()
  let first: string | undefined
  return {
    add(path, reason, kind) {
      first ??= path
      kinds.add(kind)
      lines.add(`${path}: ${reason}`)
    },
    get count() {
      return lines.count
    },
    throwAny() {
      if (lines.count === 0) return
      const [kind] = kinds
      const what =
        lines.count === 1 ? `${first} cannot be taken` : `${lines.count} paths cannot be taken`
      throw new Fault(kinds.size === 1 ? kind! : 'invalid', op, {
        about: first,
        list: lines.list(),
        text: `${what}; the list says why. Nothing was kept. Mend or leave them out, then try again.`,
      })
    },
  }
}

export type Refusal = { reason: string; kind: FaultKind }

/** Why a path could not be looked at or read, or undefined when the failure is not the path's. */
export function refusalOf(thrown: unknown): Refusal | undefined {
  switch ((thrown as { code?: unknown } | null)?.code) {
    case 'EACCES':
    case 'EPERM':
      return { reason: 'it may not be read by the account of the site', kind: 'denied' }
    case 'ENOENT':
    case 'ENOTDIR':
      return { reason: 'it vanished while it was read', kind: 'conflict' }
    case 'ELOOP':
      return { reason: 'it became a link while it was read', kind: 'conflict' }
    case 'EIO':
      return { reason: 'the disk could not read it', kind: 'corrupt' }
    default:
      return undefined
  }
}
