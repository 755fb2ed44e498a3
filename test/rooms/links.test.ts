import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call } from '../../node/base/call.ts'
import { queueMax } from '../../node/sites/hearing.ts'
import type { Link } from '../../node/sites/link.ts'
import { Fault } from '../../protocol/fault.ts'
import { type LinkId, parseSiteId } from '../../protocol/ids.ts'
import { formatInvitation, parseInvitation } from '../../protocol/invitation.ts'
import { type LinkMessage, linkAnswer, linkProtocol } from '../../protocol/link.ts'
import {
  administrator,
  administrator as by,
  linked,
  openTown,
  type Site,
  settled,
  type Town,
} from './town.ts'

let town: Town
let oslo: Site
let kyoto: Site
let lima: Site

beforeEach(async () => {
  town = await openTown()
  ;({ oslo, kyoto, lima } = town)
})
afterEach(() => town[Symbol.asyncDispose]())

/** How `a` sees `b`. */
function view(a: Site, b: Site): Link | undefined {
  return a.links.bySite(b.site)
}
const at = (a: Site, b: Site) => view(a, b)?.at
const idOf = (a: Site, b: Site): LinkId => view(a, b)!.id
const bothAre = (what: string) => () => at(oslo, kyoto) === what && at(kyoto, oslo) === what
const address = (site: Site) => site.addresses[0]!

describe('an invitation', () => {
  it('accepts both ends at once, each under an alias of its own', async () => {
    const { text, expiresAt } = await oslo.links.invite({ by })
    expect(expiresAt).toBe(town.clock.now() + 48 * 3_600_000)
    const link = await kyoto.links.redeem(text, { by, alias: 'north' })
    expect([link.at, link.alias, link.name, link.asked]).toEqual([
      'accepted',
      'north',
      'oslo',
      'here',
    ])
    expect(view(oslo, kyoto)).toMatchObject({
      at: 'accepted',
      alias: 'kyoto',
      name: 'kyoto',
      asked: 'there',
    })
    expect(oslo.links.isAccepted(kyoto.site)).toBe(true)
    expect(kyoto.links.byAlias('north')?.site).toBe(oslo.site)
    expect(kyoto.links.byAlias('oslo')).toBeUndefined()
    await settled(town, oslo, kyoto)
  })

  it('is known by its hash only', async () => {
    const { text } = await oslo.links.invite({ by })
    const { secret } = await parseInvitation(text)
    const records: string[] = []
    oslo.commit.on((record) => records.push(JSON.stringify(record)))
    await oslo.links.invite({ by })
    await kyoto.links.redeem(text, { by })
    await settled(town, oslo, kyoto)
    expect(records.length).toBeGreaterThan(1)
    for (const record of records) expect(record).not.toContain(Buffer.from(secret).toString('hex'))
  })

  it('works once: the second site to bring it is told so', async () => {
    const { text } = await oslo.links.invite({ by })
    await kyoto.links.redeem(text, { by })
    await expect(lima.links.redeem(text, { by })).rejects.toMatchObject({
      kind: 'gone',
      side: 'there',
      message: expect.stringContaining('used already'),
    })
    expect([at(oslo, lima), at(lima, oslo)]).toEqual([undefined, undefined])
  })

  it('is won by exactly one of two who race', async () => {
    const { text } = await oslo.links.invite({ by })
    const results = await Promise.allSettled([
      kyoto.links.redeem(text, { by }),
      lima.links.redeem(text, { by }),
    ])
    expect(results.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(oslo.links.list().filter((link) => link.at === 'accepted')).toHaveLength(1)
  })

  it('expires, at the one who made it and before it is dialled', async () => {
    const { text } = await oslo.links.invite({ by, expiresMs: 60_000 })
    await town.clock.advance(61_000)
    const refusal = { kind: 'gone', message: expect.stringContaining('expired') }
    await expect(kyoto.links.redeem(text, { by })).rejects.toMatchObject({
      ...refusal,
      side: 'there',
    })
    await town.clock.advance(11 * 60_000)
    oslo.up = false
    await expect(kyoto.links.redeem(text, { by })).rejects.toMatchObject({
      ...refusal,
      side: 'here',
    })
  })

  it('mangled, it is refused before anything is dialled', async () => {
    const { text } = await oslo.links.invite({ by })
    oslo.up = false
    await expect(kyoto.links.redeem(text.slice(0, -1), { by })).rejects.toMatchObject({
      kind: 'invalid',
    })
  })

  it('made up, it is refused by the site it names', async () => {
    const { text } = await oslo.links.invite({ by })
    const forged = { ...(await parseInvitation(text)), secret: new Uint8Array(16) }
    await expect(kyoto.links.redeem(await formatInvitation(forged), { by })).rejects.toMatchObject({
      kind: 'missing',
      side: 'there',
    })
    expect(oslo.links.list()).toEqual([])
  })

  it('of this very site is refused', async () => {
    const { text } = await oslo.links.invite({ by })
    await expect(oslo.links.redeem(text, { by })).rejects.toMatchObject({ kind: 'invalid' })
  })

  it('whose answer was lost is redeemed again, once in all', async () => {
    const { text } = await oslo.links.invite({ by })
    town.lose = () => 'answer'
    await expect(kyoto.links.redeem(text, { by })).rejects.toMatchObject({ kind: 'unreachable' })
    expect([at(oslo, kyoto), at(kyoto, oslo)]).toEqual(['accepted', undefined])
    town.lose = () => undefined
    await kyoto.links.redeem(text, { by })
    await town.until('both accepted', bothAre('accepted'))
    await expect(lima.links.redeem(text, { by })).rejects.toMatchObject({ kind: 'gone' })
  })

  it('outlives a restart and a rebuilt index, used or not', async () => {
    const first = await oslo.links.invite({ by })
    const second = await oslo.links.invite({ by })
    await kyoto.links.redeem(first.text, { by })
    await town.restart(oslo, { forget: true })
    expect(at(oslo, kyoto)).toBe('accepted')
    await expect(lima.links.redeem(first.text, { by })).rejects.toMatchObject({ kind: 'gone' })
    expect((await lima.links.redeem(second.text, { by })).at).toBe('accepted')
    expect(idOf(oslo, lima)).toBe(2)
  })

  it('needs a sensible expiry and an address', async () => {
    for (const expiresMs of [0, -1, 1.5, 31 * 24 * 3_600_000]) {
      await expect(oslo.links.invite({ by, expiresMs })).rejects.toMatchObject({ kind: 'invalid' })
    }
    oslo.addresses = []
    await expect(oslo.links.invite({ by })).rejects.toMatchObject({ kind: 'conflict' })
  })
})

describe('a link that is asked for', () => {
  it('waits for the other administrator, whose yes reaches the asker', async () => {
    const asked = await kyoto.links.ask(address(oslo), { by, alias: 'oslo' })
    expect([asked.at, asked.asked, asked.site]).toEqual(['asked', 'here', oslo.site])
    expect(view(oslo, kyoto)).toMatchObject({ at: 'asked', asked: 'there', name: 'kyoto' })
    expect(oslo.links.isAccepted(kyoto.site)).toBe(false)
    expect(oslo.links.byAlias('kyoto')).toBeUndefined()
    await oslo.links.accept(idOf(oslo, kyoto), { by, alias: 'east' })
    expect(oslo.links.byAlias('east')?.site).toBe(kyoto.site)
    expect(oslo.links.isAccepted(kyoto.site)).toBe(true)
    await town.until('kyoto knows', bothAre('accepted'))
    expect(view(kyoto, oslo)).toMatchObject({ alias: 'oslo', name: 'oslo' })
  })

  it('tells a stranger nothing but that it waits', async () => {
    const { answer } = await call({
      clock: town.clock,
      open: town.openAs(lima.site, oslo),
      to: { address: address(oslo) },
      protocol: linkProtocol,
      message: (): LinkMessage => ({
        ...{ type: 'ask', name: 'lima', addresses: [] },
        stance: { is: 'willing', changedAt: 1 },
      }),
      answer: linkAnswer,
    })
    expect(answer).toEqual({ stance: { is: 'none', changedAt: 0 } })
  })

  it('is answered before anybody hears of it, who might hang up on a stranger', async () => {
    oslo.links.events.on((news) => {
      if (news.type === 'link') town.hangUp(oslo, news.link.site)
    })
    expect((await kyoto.links.ask(address(oslo), { by })).at).toBe('asked')
    const { text } = await oslo.links.invite({ by })
    expect((await kyoto.links.redeem(text, { by })).at).toBe('accepted')
  })

  it('is told of the yes after a restart, when it could not be reached at first', async () => {
    await kyoto.links.ask(address(oslo), { by })
    kyoto.up = false
    await oslo.links.accept(idOf(oslo, kyoto), { by })
    await town.clock.advance(5000)
    expect(view(oslo, kyoto)).toMatchObject({ at: 'accepted', told: false })
    await town.restart(oslo)
    kyoto.up = true
    await town.until('kyoto knows', bothAre('accepted'))
    await settled(town, oslo, kyoto)
  })

  it('learns of the yes by asking again when nobody can dial the asker', async () => {
    town.lose = (from) => (from === oslo ? 'ask' : undefined)
    await kyoto.links.ask(address(oslo), { by })
    await oslo.links.accept(idOf(oslo, kyoto), { by })
    await town.clock.advance(60_000)
    expect(at(kyoto, oslo)).toBe('asked')
    await town.clock.advance(10 * 60_000)
    await town.until('kyoto knows', bothAre('accepted'))
  })

  it('is accepted when both have asked', async () => {
    const [ours, theirs] = await Promise.all([
      oslo.links.ask(address(kyoto), { by }),
      kyoto.links.ask(address(oslo), { by }),
    ])
    expect([ours.site, theirs.site]).toEqual([kyoto.site, oslo.site])
    await town.until('both accepted', bothAre('accepted'))
  })

  it('is accepted when the second asks after the first', async () => {
    await oslo.links.ask(address(kyoto), { by })
    expect((await kyoto.links.ask(address(oslo), { by })).at).toBe('accepted')
    await town.until('both accepted', bothAre('accepted'))
  })

  it('asked twice is one ask', async () => {
    await kyoto.links.ask(address(oslo), { by })
    const before = view(oslo, kyoto)
    const again = await kyoto.links.ask(address(oslo), { by })
    expect(again.at).toBe('asked')
    expect(view(oslo, kyoto)).toBe(before)
    expect(kyoto.links.list()).toHaveLength(1)
  })

  it('keeps nothing when it did not reach anybody', async () => {
    oslo.up = false
    await expect(kyoto.links.ask(address(oslo), { by })).rejects.toMatchObject({
      kind: 'unreachable',
    })
    expect(kyoto.links.list()).toEqual([])
  })

  it('at our own address is refused', async () => {
    await expect(oslo.links.ask(address(oslo), { by })).rejects.toMatchObject({ kind: 'invalid' })
  })

  it('taken back before anybody decided, leaves nothing', async () => {
    await kyoto.links.ask(address(oslo), { by })
    await kyoto.links.remove(idOf(kyoto, oslo), { by })
    await town.until('oslo forgot', () => view(oslo, kyoto) === undefined)
    await town.restart(oslo, { forget: true })
    expect(oslo.links.list()).toEqual([])
    await lima.links.ask(address(oslo), { by })
    // An ID is never given twice.
    expect(idOf(oslo, lima)).toBe(2)
  })

  it('waits in a queue with an end', async () => {
    for (let i = 0; i < queueMax; i++) await strangerAsks(i)
    await expect(strangerAsks(queueMax)).rejects.toMatchObject({ kind: 'busy', side: 'there' })
    expect(oslo.links.list()).toHaveLength(queueMax)
    // Whoever waits there still stands where it stood, and an invitation still works.
    await strangerAsks(5)
    await linked(town, oslo, kyoto)
    await oslo.links.refuse(oslo.links.list()[0]!.id, { by })
    await expect(strangerAsks(queueMax)).rejects.toMatchObject({ kind: 'busy' })
    await town.clock.advance(60_000)
    await strangerAsks(queueMax)
  })

  it('asked afresh within the hour has to wait', async () => {
    const ask = (changedAt: number) => strangerAsks(1, changedAt)
    await ask(1)
    await ask(1)
    await expect(ask(2)).rejects.toMatchObject({ kind: 'busy' })
    await town.clock.advance(3_600_000)
    await ask(2)
  })

  it('is refused when it says too much or says it oddly', async () => {
    const odd = [
      { name: 'a\u202eb' },
      { name: 'x'.repeat(101) },
      { addresses: Array.from({ length: 17 }, () => '/ip4/1.2.3.4/tcp/1') },
      { addresses: Array.from({ length: 16 }, () => `/${'a'.repeat(200)}`) },
      { stance: { is: 'accepted', changedAt: 1 } },
    ]
    for (const part of odd) {
      await expect(strangerAsks(1, 1, part)).rejects.toMatchObject({ kind: 'invalid' })
    }
    expect(oslo.links.list()).toEqual([])
  })

  it('fits its frame with the longest name and addresses', async () => {
    kyoto.addresses.push(
      ...Array.from({ length: 20 }, (_, i) => `/dns4/${'a'.repeat(200)}${i}.example/tcp/1`),
    )
    Object.assign(kyoto, { name: '𝔘'.repeat(120) })
    const { text } = await oslo.links.invite({ by })
    await kyoto.links.redeem(text, { by })
    await town.until(
      'all addresses are known',
      () => (view(oslo, kyoto)?.addresses.length ?? 0) === 16,
    )
    expect([...view(oslo, kyoto)!.name]).toHaveLength(100)
  })
})

/** Some stranger asks oslo; each number is another key. */
async function strangerAsks(number: number, changedAt = 1, part: object = {}) {
  const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const digits = `${base58[Math.floor(number / 58)]}${base58[number % 58]}`
  const stranger = parseSiteId(`12D3KooW${digits}${'z'.repeat(42)}`)
  return call({
    clock: town.clock,
    open: town.openAs(stranger, oslo),
    to: { address: address(oslo) },
    protocol: linkProtocol,
    message: () => ({
      ...{
        type: 'ask',
        name: `stranger ${number}`,
        addresses: [],
        stance: { is: 'willing', changedAt },
      },
      ...part,
    }),
    answer: linkAnswer,
  })
}

describe('an alias', () => {
  it('is free or refused, and given up by a link that is removed', async () => {
    await linked(town, oslo, kyoto)
    const { text } = await lima.links.invite({ by })
    await expect(oslo.links.redeem(text, { by, alias: 'kyoto' })).rejects.toMatchObject({
      kind: 'exists',
    })
    await expect(oslo.links.redeem(text, { by, alias: 'Ky@to' })).rejects.toMatchObject({
      kind: 'invalid',
    })
    await oslo.links.remove(idOf(oslo, kyoto), { by })
    expect((await oslo.links.redeem(text, { by, alias: 'kyoto' })).alias).toBe('kyoto')
  })

  it('is made of the name, another one for the second of that name', async () => {
    Object.assign(lima, { name: 'Kyoto' })
    await linked(town, oslo, kyoto)
    await linked(town, oslo, lima)
    expect([view(oslo, kyoto)?.alias, view(oslo, lima)?.alias]).toEqual(['kyoto', 'kyoto-2'])
  })

  it('cannot be taken by whoever merely asks', async () => {
    Object.assign(lima, { name: 'kyoto' })
    await lima.links.ask(address(oslo), { by })
    await linked(town, oslo, kyoto)
    expect(oslo.links.byAlias('kyoto')?.site).toBe(kyoto.site)
    await oslo.links.accept(idOf(oslo, lima), { by })
    expect(view(oslo, lima)?.alias).toBe('kyoto-2')
  })

  it('can be changed by accepting under another', async () => {
    await linked(town, oslo, kyoto)
    await oslo.links.accept(idOf(oslo, kyoto), { by, alias: 'east' })
    expect(oslo.links.byAlias('east')?.at).toBe('accepted')
    expect(oslo.links.byAlias('kyoto')).toBeUndefined()
  })
})

describe('an accepted link', () => {
  beforeEach(() => linked(town, oslo, kyoto))

  it('refused: in force here at once, told there, and deaf to asking', async () => {
    await oslo.links.refuse(idOf(oslo, kyoto), { by })
    expect(oslo.links.isAccepted(kyoto.site)).toBe(false)
    await town.until('kyoto knows', bothAre('refused'))
    await town.until('the door is shut', () => oslo.links.isRefused(kyoto.site))
    expect(kyoto.links.isRefused(oslo.site)).toBe(false)
    const refusal = { kind: 'denied', message: expect.stringContaining('refused') }
    await expect(kyoto.links.ask(address(oslo), { by })).rejects.toMatchObject(refusal)
    expect(at(oslo, kyoto)).toBe('refused')
  })

  it('refused and not told yet: a repeated ask is told no in words', async () => {
    town.lose = (from) => (from === oslo ? 'ask' : undefined)
    await oslo.links.refuse(idOf(oslo, kyoto), { by })
    await expect(kyoto.links.ask(address(oslo), { by })).rejects.toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('refused'),
    })
    expect([at(oslo, kyoto), at(kyoto, oslo)]).toEqual(['refused', 'refused'])
  })

  it('refused, and the refusal taken back', async () => {
    await oslo.links.refuse(idOf(oslo, kyoto), { by })
    await town.until('kyoto knows', bothAre('refused'))
    await oslo.links.accept(idOf(oslo, kyoto), { by })
    await town.until('accepted again', bothAre('accepted'))
  })

  it('paused and resumed, by the one who paused', async () => {
    await oslo.links.pause(idOf(oslo, kyoto), { by })
    expect(oslo.links.isAccepted(kyoto.site)).toBe(false)
    await town.until('kyoto knows', bothAre('paused'))
    await expect(kyoto.links.resume(idOf(kyoto, oslo), { by })).rejects.toMatchObject({
      kind: 'conflict',
    })
    await oslo.links.resume(idOf(oslo, kyoto), { by })
    await town.until('on again', bothAre('accepted'))
  })

  it('paused by both goes on only when both resume', async () => {
    await oslo.links.pause(idOf(oslo, kyoto), { by })
    await kyoto.links.pause(idOf(kyoto, oslo), { by })
    await settled(town, oslo, kyoto)
    await oslo.links.resume(idOf(oslo, kyoto), { by })
    await settled(town, oslo, kyoto)
    expect([at(oslo, kyoto), at(kyoto, oslo)]).toEqual(['paused', 'paused'])
    await kyoto.links.resume(idOf(kyoto, oslo), { by })
    await town.until('on again', bothAre('accepted'))
  })

  it('removed: gone at both ends, told even after a restart, and a new ask waits again', async () => {
    kyoto.up = false
    await oslo.links.remove(idOf(oslo, kyoto), { by })
    expect([oslo.links.isAccepted(kyoto.site), oslo.links.list()]).toEqual([false, []])
    await town.clock.advance(10_000)
    await town.restart(oslo, { forget: true })
    kyoto.up = true
    await town.until('kyoto knows', bothAre('removed'))
    await settled(town, oslo, kyoto)
    expect((await kyoto.links.ask(address(oslo), { by })).at).toBe('asked')
    expect(view(oslo, kyoto)).toMatchObject({ at: 'asked', asked: 'there' })
    await oslo.links.accept(idOf(oslo, kyoto), { by })
    await town.until('accepted again', bothAre('accepted'))
  })

  it('removed here while the other side has not heard: its old words do not bring it back', async () => {
    town.lose = (from) => (from === oslo ? 'ask' : undefined)
    await oslo.links.remove(idOf(oslo, kyoto), { by })
    await kyoto.links
      .hello(oslo.site)
      .catch((fault) => expect(fault).toMatchObject({ kind: 'unreachable' }))
    await kyoto.links.pause(idOf(kyoto, oslo), { by })
    await town.until('kyoto heard it in the answer', () => at(kyoto, oslo) === 'removed')
    expect(at(oslo, kyoto)).toBe('removed')
  })

  it.each(['refuse', 'remove', 'pause'] as const)(
    'after %s a fresh invitation accepts it, an older one does not',
    async (act) => {
      const older = await oslo.links.invite({ by })
      await town.clock.advance(1000)
      await oslo.links[act](idOf(oslo, kyoto), { by })
      await settled(town, oslo)
      await expect(kyoto.links.redeem(older.text, { by })).rejects.toBeInstanceOf(Fault)
      expect(oslo.links.isAccepted(kyoto.site)).toBe(false)
      await town.clock.advance(1000)
      const fresh = await oslo.links.invite({ by })
      expect((await kyoto.links.redeem(fresh.text, { by })).at).toBe('accepted')
      await town.until('both accepted', bothAre('accepted'))
      // The older one was not used up by the attempt.
      expect((await lima.links.redeem(older.text, { by })).at).toBe('accepted')
    },
  )

  it('comes back without what was specially allowed', async () => {
    await oslo.links.setPolicy(idOf(oslo, kyoto), { shared: true }, { by })
    expect(view(oslo, kyoto)?.policy).toEqual({ shared: true })
    await town.restart(oslo)
    expect(view(oslo, kyoto)?.policy).toEqual({ shared: true })
    await oslo.links.remove(idOf(oslo, kyoto), { by })
    await linked(town, oslo, kyoto)
    expect(view(oslo, kyoto)?.policy).toEqual({ shared: false })
  })

  it('says who moved it', async () => {
    const records: { kind: string; by: unknown }[] = []
    oslo.commit.on(({ kind, by: actor }) => records.push({ kind, by: actor }))
    await oslo.links.pause(idOf(oslo, kyoto), { by: administrator })
    await settled(town, oslo, kyoto)
    await kyoto.links.pause(idOf(kyoto, oslo), { by })
    await settled(town, oslo, kyoto)
    expect(records[0]).toEqual({ kind: 'link.put', by: administrator })
    expect(records.at(-1)).toEqual({ kind: 'link.put', by: { site: kyoto.site } })
  })
})

describe('hello', () => {
  beforeEach(() => linked(town, oslo, kyoto))

  it('makes a new address known on start, and the old one is forgotten', async () => {
    kyoto.addresses = ['/dns4/new.kyoto.example/tcp/4002']
    await town.restart(kyoto)
    await town.until(
      'oslo knows',
      () => view(oslo, kyoto)?.addresses[0] === '/dns4/new.kyoto.example/tcp/4002',
    )
    expect(view(oslo, kyoto)?.addresses).toHaveLength(1)
    await oslo.links.hello(kyoto.site)
  })

  it('goes out again when the address changes while running, until it is answered', async () => {
    oslo.up = false
    kyoto.addresses = ['/dns4/new.kyoto.example/tcp/4002']
    Object.assign(kyoto, { name: 'Kyoto Archive' })
    kyoto.links.announce()
    await town.clock.advance(30_000)
    oslo.up = true
    await town.until('oslo knows', () => view(oslo, kyoto)?.name === 'Kyoto Archive')
    expect(view(oslo, kyoto)?.alias).toBe('kyoto')
  })

  it('keeps the address that an administrator typed, as the last', async () => {
    const typed = '/dns4/proxy.example/tcp/443'
    lima.addresses.push(typed)
    await oslo.links.ask(typed, { by })
    await lima.links.accept(idOf(lima, oslo), { by })
    lima.addresses = ['/ip4/10.0.0.7/tcp/4001']
    lima.links.announce()
    await town.until(
      'oslo knows',
      () => view(oslo, lima)?.addresses[0] === '/ip4/10.0.0.7/tcp/4001',
    )
    expect(view(oslo, lima)?.addresses).toEqual(['/ip4/10.0.0.7/tcp/4001', typed])
  })

  it('from a stranger is not even read', async () => {
    const before = town.traffic.length
    await expect(
      call({
        clock: town.clock,
        open: town.openAs(lima.site, oslo),
        to: { address: address(oslo) },
        protocol: '/crossload/hello/1.0.0',
        message: () => ({ name: 'lima', addresses: [], speaks: [] }),
        answer: linkAnswer,
      }),
    ).rejects.toMatchObject({ kind: 'unreachable' })
    expect(town.traffic).toHaveLength(before)
    await expect(oslo.links.hello(lima.site)).rejects.toMatchObject({ kind: 'denied' })
  })

  it('that changes something again and again has to wait; the last word still arrives', async () => {
    let busy = 0
    for (let i = 0; i < 60; i++) {
      kyoto.addresses = [`/dns4/kyoto.example/tcp/${5000 + i}`]
      await kyoto.links.hello(oslo.site).catch((fault) => {
        expect(fault).toMatchObject({ kind: 'busy' })
        busy++
      })
    }
    expect(busy).toBeGreaterThan(30)
    kyoto.links.announce()
    await town.until(
      'oslo knows the last',
      () => view(oslo, kyoto)?.addresses[0] === '/dns4/kyoto.example/tcp/5059',
    )
  })
})

describe('a site that is started', () => {
  it('dials nobody before its network is up', async () => {
    await linked(town, oslo, kyoto)
    kyoto.up = false
    await oslo.links.pause(idOf(oslo, kyoto), { by })
    await town.restart(oslo, { quiet: true })
    kyoto.up = true
    const before = town.traffic.length
    await town.clock.advance(3_600_000)
    expect(town.traffic).toHaveLength(before)
    oslo.links.announce()
    await town.until('kyoto knows', bothAre('paused'))
  })

  it('is quiet when nothing is left to tell', async () => {
    await linked(town, oslo, kyoto)
    await town.until(
      'hellos are said',
      () => town.traffic.filter((one) => one.includes('hello')).length >= 2,
    )
    await town.clock.advance(1000)
    const before = town.traffic.length
    await town.clock.advance(24 * 3_600_000)
    expect(town.traffic).toHaveLength(before)
  })
})
