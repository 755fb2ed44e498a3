/**
 * From a site's own name to its key and addresses: one question over HTTPS. The name's owner answers
 * for what the name says, and nobody else: no redirect is followed. What it says is proved when the
 * site is dialled, for only the holder of the key can answer there.
 */
import { asFault, Fault } from '../../protocol/fault.ts'
import { isInvitation } from '../../protocol/invitation.ts'
import {
  type WellKnown,
  wellKnown,
  wellKnownBytesMax,
  wellKnownPath,
} from '../../protocol/well-known.ts'
import { check } from '../../protocol/wire.ts'
import type { Clock } from '../base/clock.ts'

/** How long a name may take to answer, in milliseconds. */
const findMs = 10_000

/** `site.example.org`, never an invitation however mangled, or where its pages are: `https://site.example.org`, `http://…` inside a house. */
export function placeOf(text: string): URL | undefined {
  const isName = !isInvitation(text) && /^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(text)
  const isPlace = /^https?:\/\/[^/?#@]+\/?$/i.test(text)
  if (!isName && !isPlace) return undefined
  const url = URL.parse(isName ? `https://${text}` : text)
  return url === null ? undefined : new URL(wellKnownPath, url)
}

/** Faults `unreachable` when nothing answers, `missing` when it is no site, `invalid` for what is none. */
export async function findSite(
  place: URL,
  o: { clock: Clock; signal?: AbortSignal | undefined },
): Promise<WellKnown> {
  const late = new AbortController()
  using _timer = o.clock.after(findMs, () => late.abort())
  const signal = o.signal === undefined ? late.signal : AbortSignal.any([late.signal, o.signal])
  let response: Response
  try {
    response = await fetch(place, {
      signal,
      redirect: 'error',
      headers: { accept: 'application/json' },
    })
  } catch (cause) {
    o.signal?.throwIfAborted()
    throw new Fault('unreachable', 'links.find', {
      about: place.host,
      side: 'there',
      text: `Nothing answered at ${place.href}. Check the name, or ask the other administrator for an invitation.`,
      cause,
    })
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw notASite(place, `answered ${response.status}`)
  }
  return check(parse(await readAtMost(response, place), place), wellKnown, 'links.find')
}

async function readAtMost(response: Response, place: URL): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of response.body ?? []) {
      bytes += part.byteLength
      if (bytes > wellKnownBytesMax) throw notASite(place, 'said far too much')
      parts.push(part)
    }
  } catch (thrown) {
    throw asFault(thrown, 'links.find', place.host)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parse(text: string, place: URL): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notASite(place, 'did not answer in JSON')
  }
}

function notASite(place: URL, what: string): Fault {
  return new Fault('missing', 'links.find', {
    about: place.host,
    side: 'there',
    text: `${place.href} ${what}: no Crossload site is found by that name. Ask the other administrator for an invitation.`,
  })
}
