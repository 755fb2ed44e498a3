/**
 * A transfer and its bundle as they are kept: whose they are at both ends, and the words of what went
 * wrong, which may name them, are sealed with the key of our person. When that is destroyed the transfer
 * stays in the history of both its sites, without anybody's name.
 */
import type { Bundle } from '../../protocol/bundle.ts'
import { Fault, type FaultKind, toWireFault, type WireFault } from '../../protocol/fault.ts'
import type { Email, UserId } from '../../protocol/ids.ts'
import type { State, Transfer } from './transfer.ts'

/** The bundle as it was signed (what was signed is its one canonical encoding); signature in base64. */
export type KeptBundle = { bundle: Bundle; signature: string }

type Faulty = Extract<State, { fault: WireFault }>

/** In the journal and in the index. What came from before there were seals has its text in clear. */
export type SealedTransfer = Omit<Transfer, 'email' | 'person' | 'state'> & {
  readonly state:
    | Exclude<State, Faulty>
    | { readonly at: Faulty['at']; readonly fault: Partial<WireFault> & { kind: FaultKind } }
  readonly email?: Email
  readonly person?: Email
}

/** Without the people; they are sealed as `bundle`, a space and the transfer's ID. */
export type SealedBundle = {
  bundle: Omit<Bundle, 'from' | 'to'> & { from: Party; to: Party }
  signature: string
  sealed?: string
}
type Party = { site: string; person?: string }

type Words = { email: Email; person: Email; fault?: WireFault }

/** As much as this needs of the site's seals. */
export type TransferSeals = {
  has(user: UserId): boolean
  sealNow(user: UserId, what: string, text: string): string
  open(user: UserId, what: string, sealed: string): string | undefined
}

/** Faults `corrupt` for a transfer that can be read whose person has no key. */
export function sealTransfer(seals: TransferSeals, transfer: Transfer): SealedTransfer {
  const { email, person, state, ...rest } = transfer
  const fault = 'fault' in state ? state.fault : undefined
  const bare = 'fault' in state ? { at: state.at, fault: { kind: state.fault.kind } } : state
  // What cannot be read stays as it is: the key may come back, or it was destroyed.
  if (!isReadable(transfer)) return { ...rest, state: bare }
  const words: Words = { email, person, ...(fault === undefined ? {} : { fault }) }
  const sealed = seals.sealNow(rest.user, `transfer ${rest.id}`, JSON.stringify(words))
  return { ...rest, state: bare, sealed }
}

export function openTransfer(seals: TransferSeals, kept: SealedTransfer): Transfer {
  const { email, person, state, ...rest } = kept
  if (email !== undefined && person !== undefined)
    return { ...rest, email, person, state: state as State }
  const words = opened<Words>(seals, kept.user, `transfer ${kept.id}`, kept.sealed)
  if (words !== undefined) {
    const { fault, ...people } = words
    const told = fault === undefined ? state : { ...state, fault }
    return { ...rest, ...people, state: told as State }
  }
  const nobody = { email: '' as Email, person: '' as Email }
  if (!('fault' in state)) return { ...rest, ...nobody, state }
  const fault = toWireFault(new Fault(state.fault.kind, 'transfers.read'))
  return { ...rest, ...nobody, state: { at: state.at, fault } }
}

/** Whether it is known whose it is: that is, whether the key is there. */
export const isReadable = ({ email }: Pick<Transfer, 'email'>): boolean => email !== ''

export function sealBundle(
  seals: TransferSeals,
  { id, user }: Transfer,
  { bundle, signature }: KeptBundle,
): SealedBundle {
  const { from, to } = bundle
  const people = JSON.stringify([from.person, to.person])
  return {
    bundle: { ...bundle, from: { site: from.site }, to: { site: to.site } },
    signature,
    sealed: seals.sealNow(user, `bundle ${id}`, people),
  }
}

/** Byte for byte what was signed; with empty addresses, and so without a use for the signature, when sealed for good. */
export function openBundle(
  seals: TransferSeals,
  { id, user }: Pick<Transfer, 'id' | 'user'>,
  { bundle, signature, sealed }: SealedBundle,
): KeptBundle {
  const { from, to } = bundle
  const clear = sealed === undefined ? [from.person ?? '', to.person ?? ''] : undefined
  const people = clear ?? opened<string[]>(seals, user, `bundle ${id}`, sealed) ?? ['', '']
  return {
    bundle: {
      ...bundle,
      from: { site: from.site, person: people[0]! },
      to: { site: to.site, person: people[1]! },
    },
    signature,
  }
}

/** Undefined without the key, or when it is not the one. */
function opened<T>(
  seals: TransferSeals,
  user: UserId,
  what: string,
  sealed: string | undefined,
): T | undefined {
  if (sealed === undefined || !seals.has(user)) return undefined
  const text = seals.open(user, what, sealed)
  return text === undefined ? undefined : (JSON.parse(text) as T)
}
