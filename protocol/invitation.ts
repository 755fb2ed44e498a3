/**
 * The `crossload1…` string: everything the other administrator needs to form a link at once. Text,
 * link or QR; base32, so that case, line breaks and quoting marks of a mail do not spoil it.
 */
import { base32 } from 'multiformats/bases/base32'
import { sha256 } from 'multiformats/hashes/sha2'
import { z } from 'zod'
import { Fault } from './fault.ts'
import { addressList, nameText } from './hello.ts'
import type { SiteId } from './ids.ts'
import { invitationSecret } from './link.ts'
import { instant } from './stance.ts'
import { decode, encode, sameBytes } from './wire.ts'

const prefix = 'crossload1'
/** Longest text that is looked at, in characters, line breaks and all. */
const textCharactersMax = 12_000
const bytesMax = 6 * 1024
/** Tail of SHA-256 over the rest: tells a mangled copy from a wrong one. */
const checkBytes = 8

const siteText = z
  .string()
  .regex(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  .transform((text) => text as SiteId)

const invitationShape = z.strictObject({
  site: siteText,
  name: nameText,
  addresses: addressList.min(1),
  secret: invitationSecret,
  expiresAt: instant,
})

/** Whoever holds it may redeem it, once, until it expires. Only the SHA-256 of `secret` is ever stored. */
export type InvitationText = z.infer<typeof invitationShape>

export async function formatInvitation(invitation: InvitationText): Promise<string> {
  const bytes = encode(invitation)
  const whole = new Uint8Array(bytes.byteLength + checkBytes)
  whole.set(bytes)
  whole.set(await checkOf(bytes), bytes.byteLength)
  return prefix + base32.baseEncode(whole)
}

/** Whether a text is meant as an invitation, whole or not; nothing else begins like one. */
export function isInvitation(text: string): boolean {
  return compacted(text.slice(0, textCharactersMax)).startsWith(prefix)
}

/** Faults `invalid` for anything but a whole, unaltered invitation. Says nothing about its expiry. */
export async function parseInvitation(text: string): Promise<InvitationText> {
  if (text.length > textCharactersMax) throw mangled()
  const compact = compacted(text)
  if (!compact.startsWith(prefix)) throw mangled()
  const whole = bytesOf(compact.slice(prefix.length))
  if (whole.byteLength <= checkBytes) throw mangled()
  const bytes = whole.subarray(0, -checkBytes)
  if (!sameBytes(await checkOf(bytes), whole.subarray(-checkBytes))) throw mangled()
  return decode(bytes, invitationShape, bytesMax, 'invitation.parse')
}

/** Without what a mail puts between its lines. */
const compacted = (text: string) => text.replaceAll(/[\s>]+/gu, '').toLowerCase()

function bytesOf(text: string): Uint8Array {
  try {
    return base32.baseDecode(text)
  } catch (cause) {
    throw mangled(cause)
  }
}

async function checkOf(bytes: Uint8Array): Promise<Uint8Array> {
  const { digest } = await sha256.digest(bytes)
  return digest.slice(0, checkBytes)
}

function mangled(cause?: unknown): Fault {
  return new Fault('invalid', 'invitation.parse', {
    text: 'This is not a whole invitation. Copy it again, from crossload1 to its last character.',
    cause,
  })
}
