/**
 * Server-sent events as bytes: written by a site, read by its client. One JSON value an event; a
 * comment is a sign of life and nothing more.
 */
import { Fault } from '../protocol/fault.ts'

export const eventsMedia = 'text/event-stream'

/** How often a site says something while there is nothing to say, in milliseconds. */
export const signOfLifeMs = 15_000
export const signOfLife = ': at work\n\n'

/** Characters of one event; the client refuses more before it keeps them. */
export const eventCharactersMax = 8 * 1024 * 1024

export type Heard = { event: string; data: unknown }

export function writeEvent(event: string, data: unknown): string {
  return eventOf(event, JSON.stringify(data))
}

/** The same of what is JSON already: it has no raw line break, so one `data` line holds any value. */
export function eventOf(event: string, json: string): string {
  return `event: ${event}\ndata: ${json}\n\n`
}

/** Ends when the stream ends, which proves nothing; `unreachable` after `idleMs` of silence. */
export async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  idleMs: number,
): AsyncGenerator<Heard> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), idleMs)
      if (done) return
      text += decoder.decode(value, { stream: true })
      if (text.length > eventCharactersMax) {
        throw new Fault('invalid', 'client.listen', {
          side: 'there',
          text: 'An event is too long.',
        })
      }
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const heard = readEvent(text.slice(0, end))
        text = text.slice(end + 2)
        if (heard !== undefined) yield heard
      }
    }
  } finally {
    // Also when the reader of this generator leaves early: the site then stops its work.
    await reader.cancel().catch(() => {})
  }
}

function readEvent(block: string): Heard | undefined {
  let event = 'message'
  let data: string | undefined
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7)
    if (line.startsWith('data: ')) data = line.slice(6)
  }
  if (data === undefined) return undefined
  try {
    return { event, data: JSON.parse(data) }
  } catch (cause) {
    throw new Fault('invalid', 'client.listen', {
      side: 'there',
      text: 'An event is not JSON.',
      cause,
    })
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new Fault('unreachable', 'client.listen', {
          side: 'between',
          text: `The site was silent for ${Math.round(ms / 1000)} seconds. Look at the current state and ask again.`,
        }),
      )
    }, ms)
  })
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer))
}
