/**
 * Two hundred event streams of ten people, open while fifty transfers of theirs move at limited rates: how
 * late the event loop of the site turns that they all listen to. Beside it the same fifty transfers with
 * nobody listening, in turn, so that what the machine does besides is in both.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Client } from '../../api/client.ts'
import type { DatasetId, Email } from '../../protocol/ids.ts'
import { eventually, type Pair } from '../../test/site.ts'
import { writeMany } from '../../test/trees.ts'
import type { Bench, Case } from '../case.ts'
import { median } from '../median.ts'
import { openPair } from '../sites.ts'

const streamsCount = 200
const peopleCount = 10
const transfersOfEach = 5
/** How long it is looked at, in milliseconds. */
const lookedMs = 8_000
/** What each transfer may send, in bytes a second: all together keep both sites at work, and none ends meanwhile. */
const rate = 250_000
/** Of one transfer: 20 MB, enough for over a minute. */
const filesOfEach = 300
const fileBytes = 65_536
const work = `${streamsCount} event streams of ${peopleCount} people while ${peopleCount * transfersOfEach} transfers move`

export const listeners: Case = {
  name: 'listeners',
  rows: [
    {
      id: 'listeners.p99',
      work,
      measure: 'lateness of the event loop, p99',
      least: 50,
      aim: 20,
      better: 'less',
      unit: 'ms',
    },
    {
      id: 'listeners.alone',
      work,
      measure: 'p99 of the same transfers with nobody listening',
      better: 'less',
      unit: 'ms',
    },
  ],
  async run(bench) {
    await using pair = await openPair({ lane: true })
    const people = await connected(pair, bench.quick ? 2 : peopleCount)
    const moving: string[] = []
    for (const one of people) moving.push(...(await sendAll(one, bench, moving.length)))
    const [first] = people
    await eventually(async () => {
      const list = await Promise.all(people.map(({ client }) => client.call('transfers.list', {})))
      return list.flat().filter(({ state }) => state === 'moving').length === moving.length
    }, 'all of them move')
    const seen = { with: [] as Late[], alone: [] as Late[] }
    for (let round = 0; round < (bench.quick ? 1 : 2); round++) {
      seen.alone.push(await lateness(pair, bench))
      const ears = await Promise.all(
        Array.from({ length: bench.quick ? 20 : streamsCount }, (_, i) =>
          listen(first!.client.url, people[i % people.length]!.token),
        ),
      )
      seen.with.push(await lateness(pair, bench))
      if (ears.some(({ heard }) => heard() === 0)) throw new Error('somebody heard nothing')
      bench.say(`  heard ${ears.reduce((sum, { heard }) => sum + heard(), 0)} events`)
      for (const { socket } of ears) socket.destroy()
    }
    const told = (all: Late[]) => {
      const note = all.map(({ p50, p99, max }) => `p50 ${p50}, p99 ${p99}, longest ${max} ms`)
      const p99 = all.map((one) => one.p99)
      return { value: median(p99), all: p99, note: note.join('; ') }
    }
    return { 'listeners.p99': told(seen.with), 'listeners.alone': told(seen.alone) }
  },
}

type Person = { client: Client; token: string; email: Email }
type Late = { p50: number; p99: number; max: number }

async function connected({ oslo, kyoto }: Pair, count: number): Promise<Person[]> {
  const people: Person[] = []
  for (let i = 0; i < count; i++) {
    const email = `person${i}@lab.example` as Email
    const [client, there] = await Promise.all([oslo.as(email), kyoto.as(email)])
    await there.call('connections.ask', { email, alias: 'oslo' })
    const [asked] = await client.call('connections.list', {})
    await client.call('connections.accept', { id: asked!.id })
    people.push({ client, email, token: oslo.tokens.get(email)! })
  }
  return people
}

/** Each has content of its own: what came with another would not be sent again. */
async function sendAll({ client, email }: Person, bench: Bench, before: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < transfersOfEach; i++) {
    const path = bench.scratch.fresh('heard')
    await writeMany(path, filesOfEach, fileBytes, (before + i + 1) * 100_000)
    const added = await client.call('datasets.add', { name: `Heard ${i}`, path })
    const dataset = { id: added.id as DatasetId }
    const { id } = await client.call('transfers.send', { to: { email, alias: 'kyoto' }, dataset })
    await client.call('limits.set-transfer', { id, out: rate })
    ids.push(id)
  }
  return ids
}

async function listen(url: string, token: string) {
  const { hostname, port, host } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  let events = 0
  socket.on('data', (data: Buffer) => {
    for (let at = data.indexOf('event: '); at >= 0; at = data.indexOf('event: ', at + 1)) events++
  })
  await once(socket, 'connect')
  socket.write(
    `GET /api/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  return { socket, heard: () => events }
}

/** As the site's own metrics tell it: from the last scrape to this one. */
async function lateness({ oslo }: Pair, { quick }: Bench): Promise<Late> {
  const { token } = await oslo.admin.call('tokens.add', { scope: 'metrics' })
  await scrape(oslo.admin.url, token)
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, quick ? 2000 : lookedMs)
  await promise
  const text = await scrape(oslo.admin.url, token)
  const of = (name: string) => {
    const found = new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, 'm').exec(text)
    return Math.round(Number(found![1]) * 1e5) / 100
  }
  return { p50: of('p50'), p99: of('p99'), max: of('max') }
}

async function scrape(url: string, token: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  return response.text()
}
