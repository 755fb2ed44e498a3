/**
 * The ids of Crossload, each a type of its own, and their one text form. A bare `string` in a
 * signature is text for people; everything else is one of these.
 */
import { Fault } from './fault.ts'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** A site's Ed25519 public key as a libp2p peer id: `12D3Koo…`. */
export type SiteId = Branded<string, 'SiteId'>
/** 128 random bits as 32 hexadecimal digits, chosen by the source, the same at both sites. */
export type TransferId = Branded<string, 'TransferId'>
/** A manifest's root: CIDv1, dag-cbor, sha2-256, base32 (`bafyrei…`). */
export type Root = Branded<string, 'Root'>
/** A file's CID under the profile unixfs-v1-2025: raw (`bafkrei…`) or dag-pb (`bafybei…`). */
export type FileCid = Branded<string, 'FileCid'>

/** Local positive integers, given in order and never given twice. */
export type UserId = Branded<number, 'UserId'>
export type GroupId = Branded<number, 'GroupId'>
export type LinkId = Branded<number, 'LinkId'>
export type ConnectionId = Branded<number, 'ConnectionId'>
export type ProjectId = Branded<number, 'ProjectId'>
export type DatasetId = Branded<number, 'DatasetId'>
export type WorkflowId = Branded<number, 'WorkflowId'>

/** An e-mail address, lower case, as people are named across sites. */
export type Email = Branded<string, 'Email'>

const peerIdText = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/
const transferText = /^[0-9a-f]{32}$/
const rootText = /^bafyrei[a-z2-7]{52}$/
const fileText = /^baf(?:krei|ybei)[a-z2-7]{52}$/
// One @, no spaces, nothing that could be a terminal escape or break `EMAIL@ALIAS`.
const emailText = /^[^\s@\p{C}"(),:;<>[\]\\]{1,64}@[^\s@\p{C}"(),:;<>[\]\\]{1,189}$/u

function textId<T extends string>(pattern: RegExp, what: string): (text: string) => T {
  return (text) => {
    if (pattern.test(text)) return text as T
    throw new Fault('invalid', 'ids.parse', {
      about: text.slice(0, 80),
      text: `This is not ${what}.`,
    })
  }
}

export const parseSiteId = textId<SiteId>(peerIdText, 'the ID of a site (12D3KooW…)')
export const parseTransferId = textId<TransferId>(
  transferText,
  'the ID of a transfer (32 hexadecimal digits)',
)
export const parseRoot = textId<Root>(rootText, 'the root of a manifest (bafyrei…)')
export const parseFileCid = textId<FileCid>(fileText, 'the CID of a file (bafkrei… or bafybei…)')

export function parseEmail(text: string): Email {
  const lower = text.trim().toLowerCase()
  if (emailText.test(lower)) return lower as Email
  throw new Fault('invalid', 'ids.parse', {
    about: text.slice(0, 80),
    text: 'This is not an e-mail address. Write one like ana@lab.example.',
  })
}

/** A local integer id, of the kind the caller names. */
export function parseLocalId<T extends number>(text: string | number, what: string): T {
  const value =
    typeof text === 'number' ? text : /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value) && value > 0) return value as T
  throw new Fault('invalid', 'ids.parse', {
    about: String(text).slice(0, 80),
    text: `The ID of a ${what} is a whole number, 1 or more.`,
  })
}

/** `EMAIL@ALIAS`, split at the last `@`: a person at a linked site. */
export function parseAddressee(text: string): { email: Email; alias: string } {
  const at = text.lastIndexOf('@')
  const email = text.slice(0, Math.max(at, 0))
  const alias = text.slice(at + 1)
  if (at <= 0 || alias === '' || !email.includes('@')) {
    throw new Fault('invalid', 'ids.parse', {
      about: text.slice(0, 80),
      text: 'Write the recipient as EMAIL@ALIAS, for example ana@lab.example@oslo, where ALIAS is your name for the linked site.',
    })
  }
  return { email: parseEmail(email), alias: parseAlias(alias) }
}

/** What our administrator calls a linked site: short, plain, without `@`. */
export function parseAlias(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return text
  throw new Fault('invalid', 'ids.parse', {
    about: text.slice(0, 80),
    text: 'An alias is 1 to 32 small letters, digits and inner hyphens, for example kyoto.',
  })
}
