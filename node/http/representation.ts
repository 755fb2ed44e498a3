/** What is said of the content of a file in headers: RFC 9110 (ranges, tags), 6266 and 8187 (names), 9530 (digests). */

import { Fault } from '../../protocol/fault.ts'

/** Bytes from `from` up to and without `to`. */
export type Range = { readonly from: number; readonly to: number }

/** One range; undefined for none, for several at once and for what is no range: all is answered then. */
export function readRange(
  said: string | undefined,
  size: number,
): Range | 'none of it' | undefined {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(said?.replaceAll(' ', '') ?? '')
  const [, first = '', last = ''] = found ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'none of it' : { from: size - count, to: size }
  }
  const from = Number(first)
  const to = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < from) return undefined
  return from >= size ? 'none of it' : { from, to }
}

/** Whether one of the tags of `If-None-Match` is this one. */
export function hasTag(said: string | undefined, tag: string): boolean {
  if (said === undefined) return false
  return said.split(',').some((one) => {
    const text = one.trim()
    return text === '*' || text.replace(/^W\//, '') === tag
  })
}

/** Whether `Want-Repr-Digest` asks for the one that we make; a weight of 0 means that it does not. */
export function wantsDigest(said: string | string[] | undefined): boolean {
  return /(?:^|,)\s*sha-256\s*=\s*(?:[1-9]|10)\s*(?:,|$)/.test(String(said ?? ''))
}

/**
 * What a `Content-Digest` or `Repr-Digest` says that the SHA-256 is. Other algorithms are passed over, as
 * the standard says; ours in a form that is none is `invalid`, for somebody means it to be looked at.
 */
export function saidDigest(said: string | string[] | undefined): Buffer | undefined {
  const text = String(said ?? '')
  const found = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(text)
  if (found !== null) return Buffer.from(found[1]!, 'base64')
  if (!/(?:^|,)\s*sha-256\b/i.test(text)) return undefined
  throw new Fault('invalid', 'http.digest', {
    text: 'A digest is said as sha-256=:BASE64: with the 32 bytes of a SHA-256. Correct it or leave it out.',
  })
}

/** To be kept under the last part of its path; a name is data, so whatever could end it is spelled out. */
export function disposition(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_')
  const spelled = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${spelled}`
}
