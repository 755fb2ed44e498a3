/** What cannot be taken, collected so that a person learns all that is wrong at once. */
import { Fault, type FaultKind, faultListMax } from '../../protocol/fault.ts'
import { comparePaths } from '../../protocol/paths.ts'

/** Lines for a person: the first hundred, and how many more there are. */
export interface Lines {
  add(line: string): void
  readonly count: number
  /** At most a hundred, the last of which says how many of `of` (by default of all added) are not there. */
  list(of?: number): string[]
}

export function createLines(): Lines {
  const first: string[] = []
  let count = 0
  return {
    add(line) {
      count++
      if (first.length < faultListMax) first.push(line)
    },
    get count() {
      return count
    },
    list: (of = count) =>
      of > first.length
        ? [...first.slice(0, faultListMax - 1), `… and ${of - faultListMax + 1} more`]
        : [...first],
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
  const first: { path: string; reason: string }[] = []
  const kinds = new Set<FaultKind>()
  let count = 0
  return {
    add(path, reason, kind) {
      count++
      kinds.add(kind)
      if (first.length < faultListMax) first.push({ path, reason })
    },
    get count() {
      return count
    },
    throwAny() {
      if (count === 0) return
      // Neighbours are looked at together, so they were found in no order.
      first.sort((a, b) => comparePaths(a.path, b.path))
      const lines = createLines()
      for (const { path, reason } of first) lines.add(`${path}: ${reason}`)
      const about = first[0]!.path
      const [kind] = kinds
      throw new Fault(kinds.size === 1 ? kind! : 'invalid', op, {
        about,
        list: lines.list(count),
        text: `${count === 1 ? about : `${count} paths`} cannot be taken; the list says why. Nothing was kept. Mend or leave out what it names, then try again.`,
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
