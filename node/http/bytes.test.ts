import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import type { FileCid } from '../../protocol/ids.ts'
import { blockBytes, blockSize } from '../../protocol/unixfs.ts'
import { askStubs } from '../../test/doors.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { OpenFile } from '../catalog/files.ts'
import { disposition, hasTag, readRange, wantsDigest } from './representation.ts'

const size = 500 * blockBytes + 7

let clock: ManualClock
let socket: Socket
let stop: () => Promise<void>
let logged: object[]
let read: number
let open: number
/** The block that is damaged. */
let damaged: number
let learned: Uint8Array | undefined

beforeEach(async () => {
  clock = createManualClock()
  ;[read, open, damaged, learned] = [0, 0, -1, undefined]
  const file: OpenFile = {
    path: 'a/huge.bin',
    cid: 'bafytest' as FileCid,
    size,
    async read(index, into) {
      if (index === damaged) throw new Fault('corrupt', 'store.read', { about: index })
      read = index
      return (into ?? new Uint8Array(blockBytes)).subarray(0, blockSize(size, index)).fill(index)
    },
    known: async () => undefined,
    digest: async () => new Uint8Array(32),
    learned: async (digest) => {
      learned = digest
    },
    async [Symbol.asyncDispose]() {
      open--
    },
  }
  const stubs = askStubs(
    {
      datasets: {
        open: async () => {
          open++
          return file
        },
      },
    },
    { clock },
  )
  logged = stubs.logged
  await stubs.app.listen({ host: '127.0.0.1', port: 0 })
  stop = () => stubs.app.close()
  socket = connect((stubs.app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
})

afterEach(async () => {
  socket.destroy()
  await stop()
})

function begin(...more: string[]): void {
  const line = 'GET /api/datasets/1/content?path=a HTTP/1.1'
  const headers = ['Host: 127.0.0.1', 'Authorization: Bearer ana', ...more]
  socket.write(`${[line, ...headers].join('\r\n')}\r\n\r\n`)
}

describe('a file on its way', () => {
  it('waits for its reader with two blocks, and drops one who takes nothing', async () => {
    socket.pause()
    begin()
    // The system takes some megabytes; then nothing is read any more.
    let before = -1
    await vi.waitFor(
      () => {
        const now = read
        const stands = now > 0 && now === before
        before = now
        expect(stands).toBe(true)
      },
      { interval: 200, timeout: 20_000 },
    )
    expect(read).toBeLessThan(100)
    expect(open).toBe(1)
    await clock.advance(300_000)
    await vi.waitFor(() => expect(open).toBe(0))
    expect(logged).toMatchObject([{ fault: { text: 'The reader was too slow.' } }])
  }, 30_000)

  it('is closed when its reader goes away, and that is nobody’s failure', async () => {
    begin()
    await once(socket, 'data')
    socket.resetAndDestroy()
    await vi.waitFor(() => expect([open, logged]).toEqual([0, []]))
    expect(learned).toBeUndefined()
  })

  it('ends at what is damaged; before the first byte it is said in words', async () => {
    damaged = 3
    begin()
    let came = Buffer.alloc(0)
    socket.on('data', (data: Buffer) => {
      came = Buffer.concat([came, data])
    })
    await once(socket, 'close')
    const head = came.indexOf('\r\n\r\n') + 4
    expect(came.subarray(0, head).toString()).toContain(`content-length: ${size}`)
    expect(came.byteLength - head).toBeLessThanOrEqual(3 * blockBytes)
    expect(open).toBe(0)
  })

  it('whose first block is damaged is a problem', async () => {
    damaged = 2
    begin(`Range: bytes=${2 * blockBytes}-`)
    const [data] = await once(socket, 'data')
    const [head, body] = String(data).split('\r\n\r\n') as [string, string]
    expect(head).toMatch(/^HTTP\/1\.1 500 /)
    expect(head).toContain('application/problem+json')
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
    expect(head).not.toMatch(/etag|disposition|content-range/i)
    expect(JSON.parse(body)).toMatchObject({ kind: 'corrupt' })
    expect(open).toBe(0)
  })
})

describe('headers', () => {
  it('of ranges', () => {
    expect(readRange('bytes=0-4', 10)).toEqual({ from: 0, to: 5 })
    expect(readRange('bytes = 2 -', 10)).toEqual({ from: 2, to: 10 })
    expect(readRange('bytes=-3', 10)).toEqual({ from: 7, to: 10 })
    for (const none of ['bytes=10-', 'bytes=-0', 'bytes=999999999999999-'])
      expect(readRange(none, 10)).toBe('none of it')
    for (const odd of [undefined, '', 'bytes=', 'bytes=9999999999999999-', 'bytes=1-0', 'x=0-1'])
      expect(readRange(odd, 10)).toBeUndefined()
  })

  it('of tags, wishes and names', () => {
    expect(hasTag('"a", W/"b"', '"b"')).toBe(true)
    expect(hasTag('"ab"', '"b"')).toBe(false)
    expect(wantsDigest('sha-512=3, sha-256=10')).toBe(true)
    for (const no of [undefined, 'sha-256=0', 'sha-512=3', 'sha-256'])
      expect(wantsDigest(no)).toBe(false)
    expect(disposition('a/b\r\nx: y')).not.toMatch(/[\r\n]/)
    expect(disposition(`a/it's (1)*.fcs`)).toBe(
      `attachment; filename="it's (1)*.fcs"; filename*=UTF-8''it%27s%20%281%29%2A.fcs`,
    )
  })
})
