/**
 * Between accepted sites: who I am, where I am now, what I speak; do we know each other. The page is
 * hello.md. The name and address rules here are those of every message that names a site.
 */
import { z } from 'zod'
import type { FrameCaps } from './wire.ts'

export const helloProtocol = '/crossload/hello/1.0.0'

/** Sixteen addresses of 256 bytes, sixty-four protocol names, and room for the rest. In bytes. */
export const helloCaps: FrameCaps = { headBytesMax: 12 * 1024, bodyBytesMax: 0 }

export const siteNameCharactersMax = 100
export const addressesMax = 16
export const addressBytesMax = 256
export const speaksMax = 64

// What is invisible, reorders its neighbours or drives a terminal: controls, format characters,
// surrogates, private use, whatever a renderer may leave out, and separators other than the space.
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u
const unseenAll = new RegExp(unseen.source, 'gu')
const otherSpaces = /(?! )\p{Zs}/u

/** Whether a name may stand in a message: one line of visible NFC text, 1 to 100 characters. */
export function isPlainName(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= siteNameCharactersMax * 2 &&
    [...text].length <= siteNameCharactersMax &&
    text === text.normalize('NFC') &&
    text === text.trim() &&
    !unseen.test(text) &&
    !otherSpaces.test(text)
  )
}

/** The nearest name that may stand in a message; `otherwise` when nothing visible is left. */
export function plainName(text: string, otherwise: string): string {
  const visible = text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(unseenAll, '')
    .replaceAll(/\p{Zs}+/gu, ' ')
    .normalize('NFC')
  const short = [...visible.trim()].slice(0, siteNameCharactersMax).join('').trim()
  return isPlainName(short) ? short : otherwise
}

export const nameText = z
  .string()
  .max(siteNameCharactersMax * 2)
  .refine(isPlainName, 'is not one line of visible text in NFC, 1 to 100 characters')

/** A multiaddr in text form. What may be dialled is decided where it is dialled, not here. */
export const addressText = z
  .string()
  .regex(
    new RegExp(`^/[\x21-\x7e]{1,${addressBytesMax - 1}}$`),
    'is not an address (/ip4/… or /dns4/…)',
  )

export const addressList = z.array(addressText).max(addressesMax)

/** Those of our addresses that a message can hold, first ones first, `bytesMax` in all. */
export function fittingAddresses(addresses: readonly string[], bytesMax: number): string[] {
  const fitting: string[] = []
  let bytes = 0
  for (const address of addresses) {
    if (fitting.length === addressesMax || !addressText.safeParse(address).success) continue
    if (bytes + address.length > bytesMax) continue
    bytes += address.length
    fitting.push(address)
  }
  return fitting
}

const protocolText = z.string().regex(/^\/[\x21-\x7e]{1,99}$/, 'is not the name of a protocol')

const about = {
  name: nameText,
  /** Present addresses, best first; they replace what was known. Empty: reachable only by its own dialling. */
  addresses: addressList,
  /** Names of the protocols this side answers. Unknown ones are ignored. */
  speaks: z.array(protocolText).max(speaksMax),
}

export const helloMessage = z.object(about)
export type HelloMessage = z.infer<typeof helloMessage>

/** Only an accepted site is answered at all, so `known` is never anything but true. */
export const helloAnswer = z.object({ known: z.literal(true), ...about })
export type HelloAnswer = z.infer<typeof helloAnswer>
