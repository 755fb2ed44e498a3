/**
 * Three sites that come to know each other, lose and find each other, and stop trusting. Every site
 * takes whatever port is free, so each start is at another address.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Client } from '../../api/client.ts'
import type { ToldTransfer } from '../../api/shapes.ts'
import type { ConnectionId, LinkId } from '../../protocol/ids.ts'
import { faultOf } from '../folder.ts'
import {
  acceptedPair,
  ana,
  diff,
  eventually,
  isDone,
  openSite,
  type Pair,
  type Site,
  until,
} from '../site.ts'

// On a machine that does much else at the same time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let pair: Pair
let bergen: Site
let folder: string
let made = 0

beforeAll(async () => {
  ;[pair, bergen] = await Promise.all([acceptedPair(), openSite('bergen')])
  folder = await mkdtemp(join(tmpdir(), 'crossload-links-'))
})
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await bergen[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function linkOf(site: Site, alias: string) {
  const link = (await site.admin.call('links.list', {})).find((one) => one.alias === alias)
  if (link === undefined) throw new Error(`${site.alias} has no link called ${alias}`)
  return link
}

/** What both ends of a link say of it, once they agree. */
async function agree(near: Site, far: Site, state: string): Promise<void> {
  await eventually(async () => {
    const ends = [await linkOf(near, far.alias), await linkOf(far, near.alias)]
    return ends.every((end) => end.state === state)
  }, `${near.alias} and ${far.alias} agree on ${state}`)
}

/** Resolves when `near` has learnt where `far` is now. */
async function learns(near: Site, far: Site): Promise<void> {
  const { addresses } = await far.admin.call('site.show', {})
  await eventually(async () => {
    const known = (await linkOf(near, far.alias)).addresses
    return addresses.every((address) => known.includes(address))
  }, `${near.alias} knows where ${far.alias} is`)
}

/** A dataset like no other. */
async function something(client: Client) {
  const name = `something ${++made}`
  const path = join(folder, name)
  await mkdir(path)
  await writeFile(join(path, 'file.txt'), `content ${made}`)
  return { id: (await client.call('datasets.add', { name, path })).id, path, name }
}

async function crosses(from: Client, to: { email: string; alias: string }, into: Client) {
  const { id: dataset, path } = await something(from)
  const { id } = await from.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
  await until(from, id, isDone)
  const { destination } = await until(into, id, isDone)
  const out = `${path} out`
  await into.call('datasets.export', { id: destination.dataset!, folder: out })
  expect(await diff(path, out)).toBe('')
}

async function bothWays(): Promise<void> {
  const { atOslo, atKyoto } = pair
  await crosses(atOslo, { email: ana, alias: 'kyoto' }, atKyoto)
  await crosses(atKyoto, { email: ana, alias: 'oslo' }, atOslo)
}

describe('restarts and addresses', () => {
  test('one side asked, and data flows both ways; the e-mail is the same at both ends', async () => {
    await bothWays()
    const [here] = await pair.atOslo.call('connections.list', {})
    const [there] = await pair.atKyoto.call('connections.list', {})
    const accepted = { email: ana, person: ana, state: 'accepted' }
    expect(here).toMatchObject({ ...accepted, alias: 'kyoto', asked: 'there' })
    expect(there).toMatchObject({ ...accepted, alias: 'oslo', asked: 'here' })
  })

  test.each(['kyoto', 'oslo'] as const)(
    '%s comes back at another address and is found again',
    async (which) => {
      const { oslo, kyoto } = pair
      const [moved, other] = which === 'oslo' ? [oslo, kyoto] : [kyoto, oslo]
      const before = await linkOf(other, which)
      await moved.kill(which === 'oslo' ? 'SIGTERM' : 'SIGKILL')
      await moved.start()
      await learns(other, moved)
      const after = await linkOf(other, which)
      expect(after.addresses).not.toEqual(before.addresses)
      expect(after).toEqual({ ...before, addresses: after.addresses })
      await agree(oslo, kyoto, 'accepted')
      await bothWays()
    },
  )

  test('what was sent while the other site was away goes there when it is back', async () => {
    const { kyoto, atOslo, atKyoto, to } = pair
    const { id: dataset } = await something(atOslo)
    await kyoto.kill('SIGTERM')
    const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
    expect(sent.state).toBe('waiting')
    const waits = (view: ToldTransfer) => view.fault?.kind === 'unreachable'
    const { fault } = await until(atOslo, sent.id, waits)
    expect(fault?.text).toMatch(/^Nothing listens at .*\. Is the other site running\?$/)
    await kyoto.start()
    await until(atOslo, sent.id, isDone)
    await until(atKyoto, sent.id, isDone)
  })
})

describe('a paused link', () => {
  test.each(['oslo', 'kyoto'] as const)(
    'at %s: nothing flows either way, what is sent waits, and goes on after the resume',
    async (which) => {
      const { oslo, kyoto, atOslo, atKyoto } = pair
      const [site, other] = which === 'oslo' ? [oslo, kyoto] : [kyoto, oslo]
      const { id } = await linkOf(site, other.alias)
      await site.admin.call('links.pause', { id })
      await agree(oslo, kyoto, 'paused')
      const sent = []
      for (const [client, alias] of [
        [atOslo, 'kyoto'],
        [atKyoto, 'oslo'],
      ] as const) {
        const { id: dataset } = await something(client)
        const to = { email: ana, alias }
        const one = await client.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
        const waits = (view: ToldTransfer) => view.fault?.kind === 'busy'
        const view = await until(client, one.id, waits)
        expect(view.state).toBe('waiting')
        expect(view.fault?.text).toMatch(/paused.* goes on/)
        expect(view.bytes.sent).toBe(0)
        sent.push({ client, id: one.id })
      }
      const words = await faultOf(
        other.admin.call('links.resume', { id: (await linkOf(other, which)).id }),
      )
      expect(words).toMatchObject({
        kind: 'conflict',
        message: 'The other site has paused this link; only it can resume.',
      })
      // A pause outlives a restart of either.
      await other.kill('SIGTERM')
      await other.start()
      expect((await linkOf(other, which)).state).toBe('paused')
      for (const one of sent)
        expect((await one.client.call('transfers.show', { id: one.id })).state).toBe('waiting')

      await site.admin.call('links.resume', { id })
      await agree(oslo, kyoto, 'accepted')
      for (const one of sent) await until(one.client, one.id, isDone)
    },
  )
})

describe('a connection', () => {
  test('removed at one end is gone at both, and what is sent is refused; asked again it works', async () => {
    const { atOslo, atKyoto, to } = pair
    const [there] = await atKyoto.call('connections.list', {})
    await atKyoto.call('connections.remove', { id: there!.id })
    expect(await atKyoto.call('connections.list', {})).toEqual([])
    await eventually(async () => {
      const [here] = await atOslo.call('connections.list', {})
      return here === undefined || here.state === 'removed'
    }, 'Oslo has heard of it')
    const { id: dataset } = await something(atOslo)
    const input = { to, dataset: { id: dataset }, dest: 0 as const }
    expect(await faultOf(atOslo.call('transfers.send', input))).toMatchObject({
      kind: 'missing',
      message: expect.stringContaining('connect'),
    })

    // This time the other one asks.
    const asked = await atOslo.call('connections.ask', { email: ana, alias: 'kyoto' })
    expect(asked.state).toBe('asked')
    const waiting = await eventually(async () => {
      const list = await atKyoto.call('connections.list', {})
      return list.find((one) => one.state === 'asked' && one.asked === 'there')
    }, 'Kyoto has been asked')
    expect(await faultOf(atOslo.call('transfers.send', input))).toMatchObject({ kind: 'missing' })
    await atKyoto.call('connections.accept', { id: waiting.id })
    await eventually(async () => {
      return (await atOslo.call('connections.list', {})).some((one) => one.state === 'accepted')
    }, 'Oslo has heard of the yes')
    await bothWays()
  })

  test('with somebody whom the other site does not know is refused, and nothing is kept of it', async () => {
    const { atOslo } = pair
    const before = await atOslo.call('connections.list', {})
    const ask = { email: 'nobody@kyoto.example', alias: 'kyoto' }
    expect(await faultOf(atOslo.call('connections.ask', ask))).toMatchObject({
      kind: 'missing',
      side: 'there',
      message: expect.stringMatching(/nobody@kyoto\.example/),
    })
    expect(await faultOf(atOslo.call('connections.ask', { ...ask, alias: 'lima' }))).toMatchObject({
      kind: 'missing',
      side: 'here',
      message: expect.stringMatching(/lima/),
    })
    expect(await atOslo.call('connections.list', {})).toEqual(before)
  })

  test('is accepted only by the one who was asked', async () => {
    const { oslo, atOslo } = pair
    const bea = await oslo.as('bea@oslo.example')
    const [one] = await atOslo.call('connections.list', {})
    for (const verb of ['accept', 'remove'] as const)
      expect(await faultOf(bea.call(`connections.${verb}`, { id: one!.id }))).toMatchObject({
        kind: 'missing',
      })
  })
})

describe('a site that asks by address', () => {
  let atBergen: Client
  let asked: LinkId

  test('waits for the administrator, and until then nothing else is possible', async () => {
    const { oslo } = pair
    atBergen = await bergen.as(ana)
    const [address] = (await oslo.admin.call('site.show', {})).addresses
    const link = await bergen.admin.call('links.add', { to: address!, alias: 'oslo' })
    asked = link.id
    expect(link).toMatchObject({ state: 'asked', asked: 'here', alias: 'oslo' })
    const seen = await linkOf(oslo, 'bergen')
    expect(seen).toMatchObject({ state: 'asked', asked: 'there', name: 'Bergen' })
    expect(
      await faultOf(atBergen.call('connections.ask', { email: ana, alias: 'oslo' })),
    ).toMatchObject({ kind: 'denied', message: expect.stringContaining('asked') })
    // By its own name it is found as well, and is the same site.
    for (const to of [address!, oslo.admin.url]) {
      const again = await bergen.admin.call('links.add', { to, alias: 'oslo' })
      expect(again).toMatchObject({ id: asked, state: 'asked' })
    }
  })

  test('refused, it hears no more than that, until the administrator takes it back', async () => {
    const { oslo } = pair
    const { id } = await linkOf(oslo, 'bergen')
    await oslo.admin.call('links.refuse', { id })
    await eventually(
      async () => (await linkOf(bergen, 'oslo')).state === 'refused',
      'Bergen has heard of the no',
    )
    const [address] = (await oslo.admin.call('site.show', {})).addresses
    expect(await faultOf(bergen.admin.call('links.add', { to: address! }))).toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('refused'),
    })
    expect((await linkOf(oslo, 'bergen')).state).toBe('refused')
    expect(
      await faultOf(atBergen.call('connections.ask', { email: ana, alias: 'oslo' })),
    ).toMatchObject({ kind: 'denied' })
  })

  test('accepted after all, it is like any other', async () => {
    const { oslo, atOslo } = pair
    const { id } = await linkOf(oslo, 'bergen')
    await oslo.admin.call('links.accept', { id, alias: 'bergen' })
    await agree(oslo, bergen, 'accepted')
    await atBergen.call('connections.ask', { email: ana, alias: 'oslo' })
    const list = await atOslo.call('connections.list', {})
    const waiting = list.find((one) => one.alias === 'bergen')
    await atOslo.call('connections.accept', { id: waiting?.id as ConnectionId })
    await crosses(atOslo, { email: ana, alias: 'bergen' }, atBergen)
    await crosses(atBergen, { email: ana, alias: 'oslo' }, atOslo)
  })

  test('removed, it is gone at both: nothing more flows and the persons are strangers again', async () => {
    const { oslo, atOslo } = pair
    const { id } = await linkOf(oslo, 'bergen')
    await oslo.admin.call('links.remove', { id })
    const gone = async (site: Site, alias: string) =>
      !(await site.admin.call('links.list', {})).some(
        (one) => one.alias === alias && one.state !== 'removed',
      )
    expect(await gone(oslo, 'bergen')).toBe(true)
    await eventually(() => gone(bergen, 'oslo'), 'Bergen has heard of it')
    for (const [client, alias] of [
      [atOslo, 'bergen'],
      [atBergen, 'oslo'],
    ] as const) {
      const { id: dataset } = await something(client)
      const to = { email: ana, alias }
      const refusal = faultOf(
        client.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 }),
      )
      expect(await refusal).toMatchObject({
        kind: expect.stringMatching(/missing|denied/),
        side: 'here',
      })
      const open = (await client.call('connections.list', {})).filter(
        (one) => one.alias === alias && one.state !== 'removed',
      )
      expect(open).toEqual([])
    }
    await bothWays()
  })
})

describe('an invitation', () => {
  test('is good once, also after a restart, and says what is wrong with it', async () => {
    const { oslo, kyoto } = pair
    const { invitation } = await kyoto.admin.call('links.invite', {})
    await kyoto.kill('SIGTERM')
    await kyoto.start()
    // It names the old address, so that one is told by the way that works: through the site itself.
    const { invitation: now } = await kyoto.admin.call('links.invite', {})
    await bergen.admin.call('links.add', { to: now, alias: 'kyoto' })
    await agree(bergen, kyoto, 'accepted')
    const redeem = (to: string) => faultOf(oslo.admin.call('links.add', { to }))
    expect(await redeem(now)).toMatchObject({
      kind: 'gone',
      message: expect.stringContaining('used already'),
    })
    const mangled = `${now.slice(0, -3)}${now.endsWith('aaa') ? 'bbb' : 'aaa'}`
    expect(await redeem(mangled)).toMatchObject({ kind: 'invalid' })
    expect(await redeem((await oslo.admin.call('links.invite', {})).invitation)).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('this very site'),
    })
    const short = await kyoto.admin.call('links.invite', { expiresMs: 1000 })
    await eventually(async () => Date.now() > Date.parse(short.expiresAt), 'it has expired')
    expect(await redeem(short.invitation)).toMatchObject({
      kind: 'gone',
      message: expect.stringContaining('expired'),
    })
    // It is not used up, only its address is old: the link with Kyoto leads there all the same.
    expect(await oslo.admin.call('links.add', { to: invitation })).toMatchObject({
      alias: 'kyoto',
      state: 'accepted',
    })
  })
})
