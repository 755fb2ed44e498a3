/**
 * The body of a question: one JSON value in UTF-8, said in one way only. What two readers could take for
 * two different things (a key twice, bytes that are no text) is refused, not guessed at.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Fault } from '../../protocol/fault.ts'
import { Unread } from './reasons.ts'
import { saidDigest } from './representation.ts'

/** How deep values may lie in one another; the table's own shapes need a handful. */
export const depthMax = 64

export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const read = async ({ headers }: FastifyRequest, bytes: Buffer) => {
    const said = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '')
    const isUtf8 = said === null || /^utf-?8$/i.test(said[1]!)
    if (!isUtf8 || headers['content-encoding'] !== undefined)
      throw new Unread('FST_ERR_CTP_INVALID_MEDIA_TYPE')
    const digest = saidDigest(headers['content-digest'])
    if (digest !== undefined && !createHash('sha256').update(bytes).digest().equals(digest))
      throw new Unread('BODY_CHANGED')
    return parseBody(bytes)
  }
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, read)
}

/** Faults `invalid`. */
export function parseBody(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) throw invalid('There is no body. Say what you ask as a JSON object.')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw invalid('The body is not UTF-8. Write it as UTF-8 and ask again.', cause)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid('The body is no JSON. Check its brackets, commas and quotes.', cause)
  }
  demandOneMeaning(text)
  return value
}

/** Of text that is JSON: no key twice in one object, none that programs take for something else, not too deep. */
function demandOneMeaning(text: string): void {
  /** The keys of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]
    if (sign === '"') {
      const end = endOfString(text, at)
      const keys = open.at(-1)
      if (isKey && keys !== undefined) {
        const key = JSON.parse(text.slice(at, end + 1)) as string
        const shown = key.slice(0, 80)
        if (keys.has(key)) throw invalid(`${shown} is said twice in the body. Say it once.`)
        if (key === '__proto__')
          throw invalid('Nothing may be called __proto__. Choose another name.')
        keys.add(key)
      }
      at = end
    } else if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : undefined)
      if (open.length > depthMax)
        throw invalid(`The body nests deeper than ${depthMax} values. Say it flatter.`)
      isKey = sign === '{'
    } else if (sign === '}' || sign === ']') {
      open.pop()
      isKey = false
    } else if (sign === ',') isKey = open.at(-1) !== undefined
    else if (sign === ':') isKey = false
  }
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
}

function invalid(text: string, cause?: unknown): Fault {
  return new Fault('invalid', 'http.body', { text, cause })
}
