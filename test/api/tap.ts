/**
 * Between Prism and the site. Prism reads a question and writes it anew, so a body that is no JSON or
 * a number beyond 2^53 would never get past it: it is asked a tame question instead, by number, and
 * here the wild one is sent in its place, byte for byte. The answer goes back through Prism untouched.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A question as it goes over the wire. */
export type Ask = {
  readonly method: string
  /** With its query, encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  /** Its answer is read no further than the first bytes: it may have no end. */
  readonly endless?: boolean
}

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string }

export interface Tap extends AsyncDisposable {
  readonly url: string
  /** The number by which the wild question is asked for; its answer as the site gave it. */
  put(ask: Ask): { number: string; answer: Promise<Answer> }
}

export const numberHeader = 'x-storm'

/** No answer of these takes longer; in milliseconds. */
const answerMs = 60_000
/** How long an answer without an end is heard when it says nothing. */
const silentMs = 100

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])

export async function openTap(site: () => string): Promise<Tap> {
  const waiting = new Map<string, { ask: Ask; told: PromiseWithResolvers<Answer> }>()
  let last = 0
  const server = createServer((tame, reply) => {
    const { ask, told } = waiting.get(String(tame.headers[numberHeader]))!
    waiting.delete(String(tame.headers[numberHeader]))
    tame.resume()
    askSite(site(), ask).then(
      (answer) => {
        told.resolve(answer)
        reply.statusCode = answer.status
        for (const [name, value] of Object.entries(answer.headers))
          if (value !== undefined && !hopByHop.has(name)) reply.setHeader(name, value)
        reply.end(answer.body)
      },
      (thrown) => {
        told.reject(thrown)
        reply.destroy()
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put(ask) {
      const number = String(++last)
      const told = Promise.withResolvers<Answer>()
      told.promise.catch(() => {})
      waiting.set(number, { ask, told })
      return { number, answer: told.promise }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function askSite(url: string, { method, path, headers, body, endless }: Ask): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false, timeout: answerMs })
    let answered = false
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${answerMs} ms`)))
    // Once there is an answer, it does not matter that the rest of a body finds nobody.
    sent.on('error', (thrown) => {
      if (!answered) reject(thrown)
    })
    sent.on('response', (response) => {
      answered = true
      const told = (text: string) =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text })
      read(response, endless === true).then(told, reject)
    })
    sent.end(body)
  })
}

async function read(response: IncomingMessage, endless: boolean): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  const silence = endless ? setTimeout(() => response.destroy(), silentMs) : undefined
  try {
    for await (const piece of response) {
      text += piece
      if (endless) break
    }
  } catch (thrown) {
    if (!endless) throw thrown
  } finally {
    clearTimeout(silence)
  }
  return text
}
