import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { askStubs } from '../../test/doors.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { Uploads } from '../uploads/uploads.ts'
import { questionMs, restMs, stillMs } from './patience.ts'

const id = 'a'.repeat(32)

let clock: ManualClock
let socket: Socket
let said: string
let came: number
let stop: () => Promise<void>

beforeEach(async () => {
  clock = createManualClock(1_000_000)
  came = 0
  said = ''
  const uploads: Partial<Uploads> = {
    need: () => ({
      v: 1,
      id,
      user: 1 as never,
      size: 1000,
      offset: 0,
      madeAt: Date.now(),
      metadata: {},
    }),
    async write(_id, _user, { source }) {
      for await (const bytes of source) came += bytes.byteLength
      return { ...uploads.need!(id, 1 as never), offset: came }
    },
  }
  const { app } = askStubs({ uploads }, { clock })
  await app.listen({ host: '127.0.0.1', port: 0 })
  stop = () => app.close()
  socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('data', (data) => {
    said += data
  })
  await once(socket, 'connect')
})

afterEach(async () => {
  socket.destroy()
  await stop()
})

const headers = ['Host: 127.0.0.1', 'Authorization: Bearer ana', 'Tus-Resumable: 1.0.0']
function begin(line: string, ...more: string[]): void {
  socket.write(`${[`${line} HTTP/1.1`, ...headers, ...more].join('\r\n')}\r\n\r\n`)
}

describe('a body', () => {
  it('of a question that is not there in time is not waited for', async () => {
    begin('POST /api/projects', 'Content-Type: application/json', 'Content-Length: 50')
    socket.write('{"name":')
    const closed = once(socket, 'close')
    // The question is heard at some moment; from then on its time runs.
    const ticking = (async () => {
      for (let i = 0; i < 1e5 && !socket.destroyed; i++) await clock.advance(questionMs / 10)
    })()
    await closed
    await ticking
    expect(said).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('of an upload may take as long as it moves, and is cut when it stands still', async () => {
    begin(
      `PATCH /api/uploads/${id}`,
      'Upload-Offset: 0',
      'Content-Type: application/offset+octet-stream',
      'Content-Length: 1000',
    )
    for (let i = 0; i < 20; i++) {
      socket.write('x'.repeat(10))
      await vi.waitFor(() => expect(came).toBe((i + 1) * 10), { interval: 1, timeout: 10_000 })
      await clock.advance(stillMs)
      expect([i, said]).toEqual([i, ''])
    }
    const closed = once(socket, 'close')
    await clock.advance(2 * stillMs)
    await closed
    expect([came, said]).toEqual([200, expect.stringMatching(/^HTTP\/1\.1 408 /)])
  })

  it('that is refused before it is there is read on for a while, or the answer would be lost', async () => {
    const heard = (what: RegExp) =>
      vi.waitFor(() => expect(said).toMatch(what), { interval: 1, timeout: 10_000 })
    const size = 3_000_000
    const large = ['Content-Type: application/json', `Content-Length: ${size}`]
    begin('POST /api/projects', ...large)
    await heard(/^HTTP\/1\.1 413 /)
    expect(said).not.toMatch(/^connection: close/im)
    // All of it comes, and then another question on the same line.
    said = ''
    socket.write(Buffer.alloc(size, 'x'))
    begin('GET /api/nothing')
    await heard(/^HTTP\/1\.1 404 /)
    // Whoever goes on and on is not listened to.
    said = ''
    begin('POST /api/projects', ...large, 'Connection: close')
    await heard(/^HTTP\/1\.1 413 /)
    expect(said).not.toMatch(/^connection: close/im)
    socket.write('x')
    const closed = once(socket, 'close')
    // Its time runs from when the answer is out, which is heard here at some moment.
    const ticking = (async () => {
      for (let i = 0; i < 1e5 && !socket.destroyed; i++) await clock.advance(restMs)
    })()
    await closed
    await ticking
  })
})
