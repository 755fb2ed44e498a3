/**
 * Somebody's account is removed while they are at it: a console that listens, a program, an upload, a
 * question that comes slowly, a download, a transfer. Each ends at once, and says why where it still can.
 */
import { once } from 'node:events'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from '../../api/client.ts'
import { systemClock } from '../../node/base/clock.ts'
import { homeAt } from '../../node/config.ts'
import { openRooms } from '../../node/rooms.ts'
import { parseEmail } from '../../protocol/ids.ts'
import { openFolder } from '../folder.ts'
import { acceptedPair, ana, eventually, isEnded, type Pair, until, within } from '../site.ts'

/** How soon what was at it must have ended, in milliseconds. */
const soonMs = 10_000
const said = 'Your account at this site was removed'

let folder: Awaited<ReturnType<typeof openFolder>>
let pair: Pair
let atOslo: Client
let large: number

beforeAll(async () => {
  folder = await openFolder()
  pair = await acceptedPair()
  atOslo = pair.atOslo
  const path = join(folder.path, 'large')
  await mkdir(path)
  await writeFile(join(path, 'large.bin'), Buffer.alloc(64 * 2 ** 20, 7))
  large = (await atOslo.call('datasets.add', { name: 'Large', path })).id
}, 240_000)

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

type Heard = { socket: Socket; text: () => string; closed: Promise<unknown> }

/** One question on a line of its own, with as much of its body as is given; `who` says who asks. */
async function ask(line: string, who: string[], body = ''): Promise<Heard> {
  const { hostname, port, host } = new URL(pair.oslo.admin.url)
  const socket = connect(Number(port), hostname)
  const pieces: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  socket.write([`${line} HTTP/1.1`, `Host: ${host}`, ...who, '', body].join('\r\n'))
  return { socket, closed, text: () => Buffer.concat(pieces).toString() }
}

const byToken = () => [`Authorization: Bearer ${pair.oslo.tokens.get(ana)}`]

/** The cookie of a session that Ana begins. */
async function enter(): Promise<string> {
  const { link } = await pair.oslo.admin.call('people.link', { email: ana })
  const answer = await fetch(`${pair.oslo.admin.url}/api/welcome`, {
    method: 'POST',
    headers: { origin: pair.oslo.admin.url, 'content-type': 'application/json' },
    body: JSON.stringify({
      secret: link.slice(link.indexOf('#') + 1),
      password: 'four words in a row',
    }),
  })
  expect(answer.status).toBe(200)
  return answer.headers.get('set-cookie')!.split(';')[0]!
}

test('what somebody is at ends with their account, and says so', async () => {
  const { oslo } = pair
  const cookie = [`Cookie: ${await enter()}`, `Origin: ${oslo.admin.url}`]
  const last = 'Connection: close'
  const console_ = await ask('GET /api/events', [...cookie, last])
  const program = await ask('GET /api/events', [...byToken(), last])
  const uploading = await fetch(`${oslo.admin.url}/api/uploads`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${oslo.tokens.get(ana)}`,
      'tus-resumable': '1.0.0',
      'upload-length': '1000000',
    },
  })
  const at = uploading.headers.get('location')!
  const upload = await ask(
    `PATCH ${at}`,
    [
      ...byToken(),
      'Tus-Resumable: 1.0.0',
      'Upload-Offset: 0',
      'Content-Type: application/offset+octet-stream',
      'Content-Length: 1000000',
    ],
    'x'.repeat(1000),
  )
  const slow = await ask(
    'POST /api/projects',
    [...byToken(), 'Content-Type: application/json', 'Content-Length: 100'],
    '{"name":',
  )
  const download = await ask(`GET /api/datasets/${large}/content?path=large.bin`, byToken())
  await eventually(async () => download.text().startsWith('HTTP/1.1 200'), 'the file comes')
  download.socket.pause()
  const uploads = join(oslo.home, 'uploads')
  await eventually(async () => {
    const names = await readdir(uploads)
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(uploads, name))).size),
    )
    return sizes.includes(1000)
  }, 'the upload is under way')
  for (const { text } of [console_, program])
    await eventually(async () => text().includes('text/event-stream'), 'they listen')

  await oslo.admin.call('people.remove', { email: ana })
  download.socket.resume()
  for (const one of [console_, program]) {
    await within(one.closed, soonMs, 'the stream ends')
    expect(one.text()).toContain('event: problem')
    expect(one.text()).toContain(said)
  }
  for (const one of [upload, slow]) {
    await within(one.closed, soonMs, 'the line ends')
    expect(one.text()).toMatch(/^HTTP\/1\.1 401 /)
    expect(one.text()).toContain('application/problem+json')
    expect(one.text()).toContain(said)
  }
  // In the middle of a file nothing can be said; its length told how much there was to come.
  await within(download.closed, soonMs, 'the download ends')
  expect(download.text()).toMatch(/^HTTP\/1\.1 200 /)
  expect(download.text().length).toBeLessThan(64 * 2 ** 20)
  await eventually(async () => (await readdir(uploads)).length === 0, 'no upload is left')

  for (const who of [cookie, byToken()]) {
    const answer = await ask('GET /api/site', [...who, last])
    await within(answer.closed, soonMs, 'the answer')
    expect(answer.text()).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer.text()).toContain(said)
  }
  expect(oslo.log()).not.toContain('a mistake of ours')
})

test('a transfer under way ends at both sites, whichever of the two people goes', async () => {
  const { oslo, kyoto } = pair
  const bea = 'bea@oslo.example'
  const ken = 'ken@kyoto.example'
  const [asBea, asKen] = await Promise.all([oslo.as(bea), kyoto.as(ken)])
  await asBea.call('connections.ask', { email: ken, alias: 'kyoto' })
  const [asked] = await asKen.call('connections.list', {})
  await asKen.call('connections.accept', { id: asked!.id })
  await eventually(async () => {
    const [one] = await asBea.call('connections.list', {})
    return one?.state === 'accepted'
  }, 'they are connected')
  const path = join(folder.path, 'slow')
  await mkdir(path)
  await writeFile(join(path, 'slow.bin'), Buffer.alloc(32 * 2 ** 20, 7))
  const { id } = await asBea.call('datasets.add', { name: 'Slow', path, inPlace: true })
  await oslo.admin.call('limits.set', { out: 1_000_000 })
  const to = { email: ken, alias: 'kyoto' }
  const first = (await asBea.call('transfers.send', { to, dataset: { id } })).id
  await until(asKen, first, ({ bytes, state }) => state === 'moving' && bytes.received > 0)

  await kyoto.admin.call('people.remove', { email: ken })
  const ended = await until(asBea, first, isEnded)
  expect(ended.state).toBe('cancelled')

  const lea = 'lea@kyoto.example'
  const asLea = await kyoto.as(lea)
  await asBea.call('connections.ask', { email: lea, alias: 'kyoto' })
  const [again] = await asLea.call('connections.list', {})
  await asLea.call('connections.accept', { id: again!.id })
  const second = await eventually(
    () =>
      asBea
        .call('transfers.send', { to: { email: lea, alias: 'kyoto' }, dataset: { id } })
        .catch(() => undefined),
    'it is sent again',
  )
  await until(asLea, second.id, ({ bytes, state }) => state === 'moving' && bytes.received > 0)
  await oslo.admin.call('people.remove', { email: bea })
  expect((await until(asLea, second.id, isEnded)).state).toBe('cancelled')
  // Nothing of either is tried again after a start, and nothing of it stands in the way of one.
  await oslo.kill()
  await oslo.start()
  expect((await oslo.admin.call('site.health', {})).state).toBe('ok')
}, 240_000)

test('what a crash left between the end of a person and the end of what was theirs is ended at the start', async () => {
  const { oslo, kyoto } = pair
  const eva = 'eva@oslo.example'
  const ron = 'ron@kyoto.example'
  const [asEva, asRon] = await Promise.all([oslo.as(eva), kyoto.as(ron)])
  await asEva.call('connections.ask', { email: ron, alias: 'kyoto' })
  const [asked] = await asRon.call('connections.list', {})
  await asRon.call('connections.accept', { id: asked!.id })
  const path = join(folder.path, 'crash')
  await mkdir(path)
  await writeFile(join(path, 'crash.bin'), Buffer.alloc(16 * 2 ** 20, 9))
  const { id } = await asEva.call('datasets.add', { name: 'Crash', path })
  await oslo.admin.call('limits.set', { out: 100_000 })
  const sent = await eventually(
    () =>
      asEva
        .call('transfers.send', { to: { email: ron, alias: 'kyoto' }, dataset: { id } })
        .catch(() => undefined),
    'it is sent',
  )
  await until(asRon, sent.id, ({ state }) => state === 'moving')
  await oslo.kill()
  // With nobody there who would end what is under way, as when the process ends just behind the record.
  {
    await using stack = new AsyncDisposableStack()
    const needs = { home: homeAt(oslo.home), clock: systemClock, pid: process.pid, create: false }
    const { users } = await openRooms(stack, needs)
    await users.remove((await users.byEmail(parseEmail(eva)))!.id, { by: 'system' })
  }
  await oslo.start()
  expect((await until(asRon, sent.id, isEnded)).state).toBe('cancelled')
  // Whose connection it was nobody at Oslo can say any more; Ron is told when he asks.
  const ask = asRon.call('connections.ask', { email: eva, alias: 'oslo' })
  await expect(ask).rejects.toMatchObject({ kind: 'missing', side: 'there' })
}, 60_000)
