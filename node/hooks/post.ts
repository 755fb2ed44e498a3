/**
 * One delivery over HTTP. The name is resolved once, what it means is checked, and the connection goes
 * to that address and no other, so a name cannot mean one thing when it is checked and another when it
 * is used. Nothing is followed, and of the answer only its status counts.
 */
import { lookup as ask } from 'node:dns/promises'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { asFault, Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import { type Allowed, checkAddresses, type Place, parsePlace } from './address.ts'
import type { Envelope } from './envelope.ts'

/** How long one delivery may take, from the name to the status, in milliseconds. */
export const deliveryMs = 10_000
/** Bytes of an answer's headers. Its body is not read at all. */
const headerBytesMax = 16 * 1024

/** What a name means now. */
export type Resolve = (host: string) => Promise<readonly string[]>

export type Post = {
  /** Faults `invalid` where the address may not lead, and when its name means no public address. */
  check(url: string, options: { signal: AbortSignal }): Promise<void>
  /** The status of the answer, whatever it is. Faults `unreachable` when there was none in time. */
  send(url: string, what: Envelope, options: { signal: AbortSignal }): Promise<number>
}

export function createPost(o: {
  clock: Clock
  allowed: Allowed
  /** For tests: another directory of names. */
  resolve?: Resolve | undefined
}): Post {
  const { clock, allowed, resolve = resolveName } = o

  async function addressesOf(place: Place): Promise<readonly string[]> {
    const { host } = place
    return checkAddresses(place, isIP(host) === 0 ? await resolve(host) : [host])
  }

  /** `run`, until the signal aborts or it has taken too long. */
  async function inTime<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>) {
    const late = new AbortController()
    using _timer = clock.after(deliveryMs, () => late.abort(tooLate()))
    const either = AbortSignal.any([signal, late.signal])
    const aborted = Promise.withResolvers<never>()
    const stop = () => aborted.reject(either.reason)
    either.addEventListener('abort', stop, { once: true })
    try {
      // The directory cannot be told to stop, so it is left behind.
      return await Promise.race([run(either), aborted.promise])
    } finally {
      either.removeEventListener('abort', stop)
    }
  }

  return {
    check: (url, { signal }) =>
      inTime(signal, async () => void (await addressesOf(parsePlace(url, allowed)))),
    send: (url, what, { signal }) =>
      inTime(signal, async (either) => {
        const place = parsePlace(url, allowed)
        const addresses = await addressesOf(place)
        either.throwIfAborted()
        return exchange(place, addresses[0]!, what, either)
      }),
  }
}

function exchange(
  { url }: Place,
  address: string,
  { headers, body }: Envelope,
  signal: AbortSignal,
): Promise<number> {
  const bytes = Buffer.from(body)
  const family = isIP(address)
  // Asked for one address or for all of them, the answer is the one that was checked.
  const pinned: LookupFunction = (_host, options, done) =>
    options.all ? done(null, [{ address, family }]) : done(null, address, family)
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestTls : requestPlain)(url, {
      method: 'POST',
      // A connection of its own: none is kept that was checked for something else.
      agent: false,
      lookup: pinned,
      signal,
      maxHeaderSize: headerBytesMax,
      headers: { ...headers, 'content-length': bytes.length, 'user-agent': 'crossload' },
    })
    request.on('response', (response) => {
      response.on('error', () => {})
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    request.on('error', (thrown) =>
      reject(signal.aborted ? signal.reason : notReached(url.host, thrown)),
    )
    request.end(bytes)
  })
}

async function resolveName(host: string): Promise<readonly string[]> {
  try {
    return (await ask(host, { all: true, verbatim: true })).map(({ address }) => address)
  } catch (thrown) {
    throw notReached(host, thrown)
  }
}

function notReached(host: string, cause: unknown): Fault {
  const code = (cause as { code?: string }).code ?? asFault(cause, 'hooks.post').message
  return new Fault('unreachable', 'hooks.post', {
    about: host,
    side: 'there',
    text: `${host} could not be reached (${code}). Check that it is running and that the address is right.`,
    cause,
  })
}

function tooLate(): Fault {
  return new Fault('unreachable', 'hooks.post', {
    side: 'there',
    text: `There was no answer within ${deliveryMs / 1000} seconds. A receiver says at once that it has an event, and works on it afterwards.`,
  })
}
