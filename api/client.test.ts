import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../protocol/fault.ts'
import { createClient, placed } from './client.ts'
import { problemMedia, toProblem } from './problem.ts'
import { eventsMedia, type Heard, readEvents, signOfLife, writeEvent } from './sse.ts'

function streamOf(chunks: readonly Uint8Array[], ends = true): ReadableStream<Uint8Array> {
  const left = [...chunks]
  return new ReadableStream({
    pull(controller) {
      const chunk = left.shift()
      if (chunk !== undefined) controller.enqueue(chunk)
      else if (ends) controller.close()
      else return new Promise(() => {})
    },
  })
}

async function heard(stream: ReadableStream<Uint8Array>, idleMs = 1000): Promise<Heard[]> {
  return Array.fromAsync(readEvents(stream, idleMs))
}

const clientOf = (answer: (request: Request) => Response | Promise<Response>) =>
  createClient({
    url: 'http://127.0.0.1:1',
    token: 't',
    idleMs: 1000,
    fetch: async (url, init) => answer(new Request(url as string, init)),
  })

const json = (value: unknown, status = 200, media = 'application/json') =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': media } })

const events = (text: string, status = 200) =>
  new Response(text, { status, headers: { 'content-type': eventsMedia } })

describe('events', () => {
  it('arrive whole, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('value', 'progress'), fc.jsonValue()), { maxLength: 5 }),
        fc.array(fc.nat(30), { maxLength: 40 }),
        async (sent, cuts) => {
          const text = sent.map(([event, data]) => writeEvent(event, data) + signOfLife).join('')
          const bytes = new TextEncoder().encode(text)
          const chunks: Uint8Array[] = []
          let at = 0
          for (const cut of cuts) {
            chunks.push(bytes.subarray(at, at + cut))
            at += cut
          }
          chunks.push(bytes.subarray(at))
          const events = await heard(streamOf(chunks))
          const expected = sent.map(([event, data]) => ({ event, data }))
          expect(JSON.stringify(events)).toBe(JSON.stringify(expected))
        },
      ),
    )
  })

  it('that do not come are a cut', async () => {
    const first = new TextEncoder().encode(writeEvent('value', 1))
    await expect(heard(streamOf([first], false), 20)).rejects.toMatchObject({ kind: 'unreachable' })
  })

  it('that are not what they say are refused', async () => {
    const bytes = new TextEncoder().encode('event: value\ndata: {\n\n')
    await expect(heard(streamOf([bytes]))).rejects.toMatchObject({ kind: 'invalid' })
  })
})

describe('a question', () => {
  it('puts each field where the table says', () => {
    const email = 'a+b/c?d@lab.example'
    expect(placed('/api/people/:email', 'DELETE', { email })).toEqual({
      path: '/api/people/a%2Bb%2Fc%3Fd%40lab.example',
      query: '',
      body: undefined,
    })
    expect(
      placed('/api/datasets/:id/files', 'GET', { id: 1, after: 'a b&c', version: undefined }),
    ).toEqual({
      path: '/api/datasets/1/files',
      query: '?after=a+b%26c',
      body: undefined,
    })
    expect(placed('/api/links/:id/accept', 'POST', { id: 1, alias: 'x' })).toEqual({
      path: '/api/links/1/accept',
      query: '',
      body: '{"alias":"x"}',
    })
  })

  it('carries the token in its header and nowhere else', async () => {
    let asked: Request | undefined
    const client = clientOf((request) => {
      asked = request
      return json([])
    })
    await client.call('links.list', {})
    expect(asked?.headers.get('authorization')).toBe('Bearer t')
    expect(asked?.url).toBe('http://127.0.0.1:1/api/links')
  })

  it('goes without a token where a cookie says who asks', async () => {
    let asked: Request | undefined
    const client = createClient({
      url: 'http://127.0.0.1:1',
      fetch: async (url, init) => {
        asked = new Request(url as string, init)
        return json([])
      },
    })
    await client.call('links.list', {})
    expect(asked?.headers.has('authorization')).toBe(false)
    expect(asked?.credentials).toBe('same-origin')
  })

  it('fails with the fault that the site tells', async () => {
    const fault = new Fault('full', 'x.y', { text: 'No room.', list: ['a'] })
    const client = clientOf(() => json(toProblem(fault), 507, problemMedia))
    const asked = client.call('links.list', {})
    await expect(asked).rejects.toMatchObject({ kind: 'full', message: 'No room.', list: ['a'] })
  })

  it.each([
    ['something else that answers', () => new Response('<html>', { status: 200 }), 'invalid'],
    ['a proxy that has no site', () => new Response('Bad gateway', { status: 502 }), 'unreachable'],
    [
      'JSON that is broken',
      () => new Response('{', { headers: { 'content-type': 'application/json' } }),
      'invalid',
    ],
    ['a line that is down', () => Promise.reject(new TypeError('fetch failed')), 'unreachable'],
  ])('fails in words at %s', async (_what, answer, kind) => {
    await expect(clientOf(answer).call('links.list', {})).rejects.toMatchObject({ kind })
  })

  it('is not answered by a stream that merely ends', async () => {
    const client = clientOf(() => events(writeEvent('progress', { files: 1, bytes: 1 })))
    await expect(client.call('site.verify', {})).rejects.toMatchObject({ kind: 'unreachable' })
    const following = clientOf(() => events(writeEvent('value', {})))
    const values = Array.fromAsync(following.follow('transfers.watch', {}))
    await expect(values).rejects.toMatchObject({ kind: 'unreachable' })
  })

  it('that follows ends when the site says so', async () => {
    const text = writeEvent('value', { a: 1 }) + signOfLife + writeEvent('end', {})
    const client = clientOf(() => events(text))
    expect(await Array.fromAsync(client.follow('transfers.watch', {}))).toEqual([{ a: 1 }])
  })

  it('that is abandoned is no fault', async () => {
    const stop = new AbortController()
    stop.abort()
    const client = createClient({ url: 'http://127.0.0.1:1', token: 't' })
    const asked = client.call('links.list', {}, { signal: stop.signal })
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
  })
})
