/**
 * A program that is told what happens: a real server on loopback, which verifies what it gets as the
 * two standards say, with nothing of ours, and answers as it is told to.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Heard = {
  id: string
  type: string
  at: number
  data: Record<string, unknown>
  /** Of the headers: seconds. */
  timestamp: number
  body: string
}

export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void

export const taking: Behaviour = (response) => void response.writeHead(204).end()
export const answering =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end('ignored')
/** Says nothing, ever. */
export const silent: Behaviour = () => {}

export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** HOST:PORT, as the configuration names it. */
  readonly place: string
  /** Everything that came, in order, also what was not taken. */
  readonly heard: Heard[]
  behave(how: Behaviour): void
  /** Verifies with this from now on. */
  trust(secret: string): void
  /** Resolves when so many have come. */
  until(count: number): Promise<Heard[]>
}

export async function openReceiver(port = 0): Promise<Receiver> {
  const heard: Heard[] = []
  let how = taking
  let secret: string | undefined
  let wake = () => {}
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    try {
      heard.push(verified(request, body, secret))
    } catch (thrown) {
      response.writeHead(400).end(String(thrown))
      throw thrown
    }
    how(response, request)
    wake()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ heard, place, url: `http://${place}/hook` },
    behave(next) {
      how = next
    },
    trust(text) {
      secret = text
    },
    async until(count) {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return heard
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Throws when it is not what it says it is. */
export function verified(
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  body: string,
  secret: string | undefined,
): Heard {
  const header = (name: string) => String(request.headers[name])
  const [id, timestamp] = [header('webhook-id'), header('webhook-timestamp')]
  if (secret !== undefined) {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    if (key.length < 24) throw new Error('the secret is too short')
    const right = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
    const given = header('webhook-signature')
      .split(' ')
      .filter((one) => one.startsWith('v1,'))
      .map((one) => Buffer.from(one.slice(3), 'base64'))
    if (!given.some((one) => one.length === right.length && timingSafeEqual(one, right)))
      throw new Error('the signature is wrong')
  }
  if (request.method !== 'POST') throw new Error(`a ${request.method}`)
  const media = header('content-type')
  if (!media.startsWith('application/cloudevents+json')) throw new Error(`a body of ${media}`)
  const event = JSON.parse(body)
  const isEvent =
    event.specversion === '1.0' &&
    event.id === id &&
    !id.includes('.') &&
    /^crossload:./.test(event.source) &&
    /^crossload\.[a-z.]+$/.test(event.type) &&
    event.datacontenttype === 'application/json' &&
    new Date(event.time).toISOString() === event.time
  if (!isEvent) throw new Error(`not an event: ${body}`)
  const type = event.type.slice('crossload.'.length)
  const at = Date.parse(event.time)
  return { id, type, at, data: event.data, timestamp: Number(timestamp), body }
}
